//! Findings told to people: grouped, at a pace that people bear, not at night, and each once.
//! What is to be told, and the message under way, are noted before anything is sent: a restart loses nothing and begins
//! nothing anew. Never tells of a finding that somebody has dealt with, unless it was opened again.

mod channel;
mod message;
mod quiet;
mod settings;
mod turn;

use std::path::PathBuf;
use std::time::Duration;

use ephor_detect::{FindingId, FindingRecord, FindingStatus, Findings, Severity, Standing};
use ephor_lake::control::{Control, Notice, NoticeChange, NoticePlace, NoticeState};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::deliver::{DeliveryLock, Until, stopped_and_overdue};
use crate::error::ExportError;
use crate::limits;
use crate::mail::MailSettings;
use crate::settings::{Secrets, Start};
use crate::sink::Refusal;
use channel::{Channel, Opening};
use message::{Kind, Message, SHOWN, Told};
use turn::{Pace, Turn, Waiting};

pub use channel::{IncomingSettings, MailToSettings};
pub use message::Detail;
pub use quiet::QuietSettings;
pub use settings::NotifySettings;

const HOUR_MICROS: i64 = 3600 * 1_000_000;

/// What notifications work on.
#[derive(Debug, Clone)]
pub struct NotifyContext {
    /// Where findings and places are kept.
    pub control: Control,
    /// The data folder: locks lie in it.
    pub data_dir: PathBuf,
    /// Microseconds since 1970, now.
    pub clock: fn() -> i64,
    /// How secrets are read.
    pub secrets: Secrets,
    /// The mail server.
    pub mail: Option<MailSettings>,
    /// Where the console is, for links.
    pub console: Option<String>,
}

/// What a run told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Notified {
    /// Messages that the receiver took.
    pub messages: u64,
    /// Findings in them.
    pub findings: u64,
}

/// What is under way: the message, and everything that is told with it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct UnderWay {
    message: Message,
    findings: Vec<String>,
    /// The most urgent of it: whether it may go in quiet hours.
    severity: Severity,
}

/// Tells what is to be told: once through, or until told to stop. A single run does not wait for a group to fill; pace and
/// quiet hours it keeps.
pub async fn notify(settings: &NotifySettings, context: &NotifyContext, until: Until) -> Result<Notified, ExportError> {
    let lock = DeliveryLock::take_in(&context.data_dir.join("notify"), &settings.name);
    let _lock = lock.map_err(|error| match error {
        ExportError::Busy { .. } => {
            ExportError::notification(&settings.name, "another process sends it already, such as a running node")
        }
        other => other,
    })?;
    let mut teller = Teller::open(settings, context).await?;
    match until {
        Until::CaughtUp => {
            teller.pace.group_micros = 0;
            while teller.look(&Until::CaughtUp, Patience::None).await? == Looked::Told {}
            Ok(teller.done)
        }
        Until::Stopped(mut stop) => loop {
            match teller.look(&Until::Stopped(stop.clone()), Patience::Pauses).await? {
                Looked::Told => continue,
                Looked::Stopped => return Ok(teller.done),
                Looked::Nothing => {}
            }
            if rested(&mut stop).await == Rest::Stopped {
                return Ok(teller.done);
            }
        },
    }
}

/// Sends a message that says that it is a test, now.
pub async fn notify_test(settings: &NotifySettings, context: &NotifyContext) -> Result<(), ExportError> {
    let channel = open(settings, context)?;
    let now = (context.clock)();
    let message = Message::of(&settings.name, Kind::Test, &[], Vec::new(), context.console.as_deref(), now);
    channel.send(&message).await.map_err(|refusal| not_told(settings, &refusal, 0))
}

/// What waits with a notification, and until when nothing is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifyStanding {
    /// Its place, if it was ever minded.
    pub place: Option<NoticePlace>,
    /// Findings that wait.
    pub waiting: u64,
    /// When the next message goes, in microseconds since 1970.
    pub next_micros: Option<i64>,
}

/// How a notification stands.
pub async fn notify_standing(
    settings: &NotifySettings,
    context: &NotifyContext,
) -> Result<NotifyStanding, ExportError> {
    let notices = context.control.notices();
    let place = notices.find(&settings.name).await?;
    let now = (context.clock)();
    let pace = settings.pace().map_err(|what| ExportError::notification(&settings.name, what))?;
    let waiting = waiting(&notices.waiting(&settings.name).await?)?;
    let sent = notices.sent_since(&settings.name, now - HOUR_MICROS).await?;
    let next = match turn::next(&pace, &waiting, &sent, now) {
        Turn::Wait(until) => until,
        Turn::Tell(..) => Some(now),
    };
    let paused = place.as_ref().and_then(|place| place.next_attempt_at_micros);
    let next_micros = next.map(|next| paused.map_or(next, |paused| paused.max(next)));
    Ok(NotifyStanding { place, waiting: waiting.len() as u64, next_micros })
}

/// Whether a pause after a failure is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Patience {
    Pauses,
    /// Somebody asks for it now: a failure ends the run.
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looked {
    Told,
    Nothing,
    Stopped,
}

struct Teller<'a> {
    settings: &'a NotifySettings,
    context: &'a NotifyContext,
    channel: Channel,
    pace: Pace,
    place: NoticePlace,
    done: Notified,
}

impl<'a> Teller<'a> {
    async fn open(settings: &'a NotifySettings, context: &'a NotifyContext) -> Result<Self, ExportError> {
        let channel = open(settings, context)?;
        let pace = settings.pace().map_err(|what| ExportError::notification(&settings.name, what))?;
        let kind = settings.kind().unwrap_or_default();
        let begin = match settings.start {
            Start::Beginning => 0,
            Start::Now => Findings::new(&context.control).newest_revision().await?,
        };
        let now = (context.clock)();
        let place = context.control.notices().ensure(&settings.name, kind, begin, now).await?;
        Ok(Self { settings, context, channel, pace, place, done: Notified::default() })
    }

    /// Notes what is new, and sends what is due.
    async fn look(&mut self, until: &Until, patience: Patience) -> Result<Looked, ExportError> {
        let notices = self.context.control.notices();
        self.notice().await?;
        let now = (self.context.clock)();
        if let Some(place) = notices.find(&self.settings.name).await? {
            self.place = place;
        }
        if patience == Patience::Pauses && self.place.next_attempt_at_micros.is_some_and(|next| next > now) {
            return Ok(Looked::Nothing);
        }
        let under_way = match &self.place.sending {
            Some(text) => read(&self.settings.name, text)?,
            None => match self.compose(now).await? {
                Some(under_way) => under_way,
                None => return Ok(Looked::Nothing),
            },
        };
        let quiet = self.pace.quiet.as_ref().filter(|quiet| quiet.covers(now));
        if let Some(quiet) = quiet.filter(|quiet| !quiet.lets_pass(under_way.severity)) {
            // Something urgent is not kept waiting behind a message that was under way before the quiet began: they both go.
            let waiting = waiting(&notices.waiting(&self.settings.name).await?)?;
            let is_behind = |one: &Waiting| quiet.lets_pass(one.severity) && !under_way.findings.contains(&one.finding);
            if !waiting.iter().any(is_behind) {
                return Ok(Looked::Nothing);
            }
        }
        let sent = tokio::select! {
            sent = self.channel.send(&under_way.message) => sent,
            () = stopped_and_overdue(until) => return Ok(Looked::Stopped),
        };
        self.settle(&under_way, sent, patience).await
    }

    async fn settle(
        &mut self,
        under_way: &UnderWay,
        sent: Result<(), Refusal>,
        patience: Patience,
    ) -> Result<Looked, ExportError> {
        let (notices, name) = (self.context.control.notices(), &self.settings.name);
        let (message, now) = (&under_way.message, (self.context.clock)());
        let Err(refusal) = sent else {
            notices.sent(name, (&message.id, message.kind.as_str()), &under_way.findings, now).await?;
            self.done.messages += 1;
            self.done.findings += under_way.findings.len() as u64;
            tracing::info!(notification = name, findings = message.count, "told");
            return Ok(Looked::Told);
        };
        let pause = pause(&refusal, self.place.failures_in_a_row, self.settings.retry_longest());
        let next = now.saturating_add(i64::try_from(pause.as_micros()).unwrap_or(i64::MAX));
        notices.fail(name, refusal.why(), now, next).await?;
        if patience == Patience::None {
            return Err(not_told(self.settings, &refusal, under_way.findings.len()));
        }
        tracing::warn!(
            notification = name,
            why = refusal.why(),
            pause_seconds = pause.as_secs(),
            "not told; it is tried again"
        );
        Ok(Looked::Nothing)
    }

    /// Follows the changes of findings up to the newest.
    async fn notice(&mut self) -> Result<(), ExportError> {
        let notices = self.context.control.notices();
        let findings = Findings::new(&self.context.control);
        loop {
            let changed = findings.since(self.place.place, limits::FINDINGS_AT_ONCE).await?;
            let Some(newest) = changed.last().map(|record| record.revision) else { return Ok(()) };
            let now = (self.context.clock)();
            let mut changes = Vec::new();
            for record in &changed {
                let known = notices.of(&self.settings.name, record.finding.id.as_str()).await?;
                let known = known.map(|notice| notice.state);
                changes.extend(noticed(self.settings, &self.place, known, record, now));
            }
            notices.note(&self.settings.name, &changes, newest).await?;
            self.place.place = newest;
        }
    }

    /// The next message, noted as under way; nothing if it is nobody's turn.
    async fn compose(&self, now: i64) -> Result<Option<UnderWay>, ExportError> {
        let (notices, name) = (self.context.control.notices(), &self.settings.name);
        let waiting = waiting(&notices.waiting(name).await?)?;
        if waiting.is_empty() {
            return Ok(None);
        }
        let sent = notices.sent_since(name, now - HOUR_MICROS).await?;
        let Turn::Tell(kind, group) = turn::next(&self.pace, &waiting, &sent, now) else { return Ok(None) };
        let (findings, console) = (Findings::new(&self.context.control), self.context.console.as_deref());
        let mut told = Vec::new();
        for one in group.iter().take(SHOWN) {
            let record = findings.get(&FindingId(one.finding.clone())).await?;
            told.push(Told::of(&record, self.settings.detail, console));
        }
        let under_way = UnderWay {
            message: Message::of(name, kind, &group, told, console, now),
            severity: group.iter().map(|one| one.severity).max().unwrap_or(Severity::Informational),
            findings: group.into_iter().map(|one| one.finding).collect(),
        };
        // A struct of texts and numbers always serialises.
        notices.begin(name, &serde_json::to_string(&under_way).unwrap_or_default()).await?;
        Ok(Some(under_way))
    }
}

/// What a change of a finding means to a notification.
fn noticed(
    settings: &NotifySettings,
    place: &NoticePlace,
    known: Option<NoticeState>,
    record: &FindingRecord,
    now: i64,
) -> Option<NoticeChange> {
    if known.is_none() && !settings.is_about(record) {
        return None;
    }
    let id = record.finding.id.0.clone();
    if record.standing == Standing::Withdrawn {
        return (known == Some(NoticeState::Waiting)).then_some(NoticeChange::Forget(id));
    }
    // Found before anybody asked to be told: it counts as told.
    let is_old = settings.start == Start::Now && record.found_at_micros < place.minded_since_micros;
    let state = match (record.handling.status, known) {
        (FindingStatus::Open, None) if is_old => NoticeState::Told,
        (FindingStatus::Open, None | Some(NoticeState::Settled)) => NoticeState::Waiting,
        (FindingStatus::Open, Some(state)) => state,
        (FindingStatus::Acknowledged, _) => NoticeState::Told,
        (FindingStatus::Resolved | FindingStatus::FalsePositive, _) => NoticeState::Settled,
    };
    let severity = record.finding.severity.to_string();
    let notice = Notice { finding: id, state, severity, noticed_at_micros: now };
    (known != Some(state)).then_some(NoticeChange::Put(notice))
}

fn waiting(notices: &[Notice]) -> Result<Vec<Waiting>, ExportError> {
    let read = |notice: &Notice| {
        let severity = notice.severity.parse()?;
        Ok(Waiting { finding: notice.finding.clone(), severity, noticed_at: notice.noticed_at_micros })
    };
    notices.iter().map(read).collect()
}

fn open(settings: &NotifySettings, context: &NotifyContext) -> Result<Channel, ExportError> {
    let (secrets, clock, mail) = (context.secrets, context.clock, context.mail.as_ref());
    let opened = settings.open(Opening { secrets, clock, reach: settings.reach(), mail });
    opened.map_err(|what| ExportError::notification(&settings.name, what))
}

fn read(name: &str, text: &str) -> Result<UnderWay, ExportError> {
    let damaged = |error| ExportError::notification(name, format!("the message under way cannot be read: {error}"));
    serde_json::from_str(text).map_err(damaged)
}

fn not_told(settings: &NotifySettings, refusal: &Refusal, waiting: usize) -> ExportError {
    let (notification, why) = (settings.name.clone(), refusal.why().to_owned());
    ExportError::NotTold { notification, why, waiting: waiting as u64 }
}

/// From one second on, twice as long each time, and as long as the receiver asks for.
fn pause(refusal: &Refusal, failures: u64, longest: Duration) -> Duration {
    let doublings = u32::try_from(failures).unwrap_or(u32::MAX).min(16);
    let usual = limits::RETRY_FIRST.saturating_mul(1 << doublings).min(longest);
    match refusal {
        Refusal::Busy { after: Some(after), .. } => usual.max(*after).min(Duration::from_secs(24 * 3600)),
        _ => usual,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Over,
    Stopped,
}

async fn rested(stop: &mut watch::Receiver<bool>) -> Rest {
    tokio::select! {
        () = tokio::time::sleep(limits::ASK_EVERY) => Rest::Over,
        _ = stop.wait_for(|stopped| *stopped) => Rest::Stopped,
    }
}
