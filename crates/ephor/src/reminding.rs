//! Notices of access reviews sent by mail: a reminder before a review is due, word to the reviewer's manager after it.
//! A notice counts as heard after its mail was taken; one that is sent twice has the same `Message-ID`.
//! Never says what is under review: a mailbox is no place for who may do what.

use ephor_export::{Mail, Mailer};
use ephor_lake::control::Control;
use ephor_reports::review::{About, Notice, Reviews};
use ephor_wire::actor::Actor;
use ephor_wire::timestamp::Timestamp;
use rand::TryRngCore;
use rand::rngs::OsRng;

use crate::config::Config;
use crate::export_config::sink_secret;
use crate::failure::Failure;

/// Who is owed word of a review.
pub(crate) async fn owed(control: &Control, config: &Config, now_micros: i64) -> Result<Vec<Notice>, Failure> {
    Ok(Reviews::new(control).owed_notices(&config.reviews.days(), now_micros).await?)
}

/// Sends what is owed; what cannot be sent is answered with the reason and stays owed.
pub(crate) async fn send(
    control: &Control,
    config: &Config,
    owed: &[Notice],
    now_micros: i64,
) -> Result<Vec<(Notice, String)>, Failure> {
    let server = config.mail.as_ref().ok_or_else(|| {
        Failure::new("there is no [mail] section, so nobody can be reminded")
            .hint("docs/configuration.md shows [mail]; `ephor review remind --dry-run` only lists who is owed word")
    })?;
    let mailer = Mailer::open(server, sink_secret).map_err(|why| Failure::new(format!("[mail]: {why}")))?;
    let reviews = Reviews::new(control);
    // No panic of ours: it lends the system's randomness to whoever needs a source that cannot fail.
    let mut rng = OsRng.unwrap_err();
    let mut unsent = Vec::new();
    for notice in owed {
        let sent = match notice.recipient.contains('@') {
            true => mailer.send(&mail_of(notice)).await,
            false => Err(format!("`{}` is no address", notice.recipient)),
        };
        match sent {
            Ok(()) => {
                reviews.heard(notice, &Actor::system("ephor"), now_micros, &mut rng).await?;
            }
            Err(why) => unsent.push((notice.clone(), why)),
        }
    }
    Ok(unsent)
}

fn mail_of(notice: &Notice) -> Mail {
    let Notice { review, name, recipient, about, open, due_micros, moment_micros } = notice;
    let due = Timestamp::from_micros(*due_micros).to_string();
    let waiting: u64 = open.values().sum();
    let (subject, first) = match about {
        About::Reminder => (
            format!("[Ephor] {waiting} decisions wait in the access review {name}"),
            format!("{waiting} decisions in the access review \"{name}\" wait for you. It is due at {due}."),
        ),
        About::Overdue => (
            format!("[Ephor] {waiting} decisions are late in the access review {name}"),
            format!("{waiting} decisions in the access review \"{name}\" wait for you. It was due at {due}."),
        ),
        About::Escalation => (
            format!("[Ephor] the access review {name} is late"),
            format!("The access review \"{name}\" was due at {due}, and decisions are still open:"),
        ),
    };
    let who = match about {
        About::Escalation => {
            open.iter().map(|(reviewer, waiting)| format!("\n  {reviewer}: {waiting}")).collect::<String>()
        }
        About::Reminder | About::Overdue => String::new(),
    };
    Mail {
        id: format!("{review}-{}-{recipient}-{moment_micros}", about.as_str()),
        to: vec![recipient.clone()],
        subject,
        text: format!(
            "{first}{who}\n\nThe console shows it under Reviews, and so does `ephor review show {review} --open`.\n"
        ),
        file: None,
    }
}
