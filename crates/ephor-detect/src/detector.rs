//! The shell around the engine: follows the lake in order of arrival, and puts down what stands.
//! Promises that what one run has put down, the next one finds again and leaves alone; state is made again from the lake.
//! Never reads a clock: the present moment is passed in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use ephor_lake::Lake;
use ephor_lake::control::Control;
use rand::CryptoRng;

use crate::engine::{Changes, Engine, Pending};
use crate::error::DetectError;
use crate::facts::Facts;
use crate::finding::{Finding, FindingId};
use crate::findings::{FindingFilter, Findings, Recorded};
use crate::geo::Geo;
use crate::horizon::{Horizon, Reading, Timely};
use crate::knowledge;
use crate::lists::Lists;
use crate::objects::{KINDS, Objects, is_asked, rules_about_the_directory};
use crate::policy::{self, Listed, POLICY_RULE, Policy, SettingChanges, SettingsNow};
use crate::registers::Registers;
use crate::rule::{RuleProblem, RuleSet, RuleSource, RuleSources};
use crate::tell::{Rows, tell};

/// What a detector works with.
#[derive(Debug, Clone, Default)]
pub struct DetectOptions {
    /// The user's own rules.
    pub rules_folder: Option<PathBuf>,
    /// Lists of the configuration: the first catching-up writes them down with its date.
    pub lists: Lists,
    /// A City database in MaxMind's format, which places network addresses.
    pub geo_file: Option<PathBuf>,
    /// Settings as they are meant to be.
    pub policy_file: Option<PathBuf>,
    /// Only what overlaps this span of time is put down or taken back.
    pub within: Option<(i64, i64)>,
}

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Detected {
    /// Activities looked at.
    pub activities: u64,
    /// What changed among the findings.
    pub recorded: Recorded,
}

/// All rules over one lake.
#[derive(Debug)]
pub struct Detector {
    lake: Lake,
    findings: Findings,
    registers: Registers,
    options: DetectOptions,
    sources: Vec<RuleSource>,
    set: Arc<RuleSet>,
    problems: Vec<RuleProblem>,
    objects: Objects,
    facts: Facts,
    policy: Option<Policy>,
    /// Settings that the directory lists, where a policy asks.
    settings: Vec<Listed>,
    setting_changes: SettingChanges,
    engine: Engine,
    /// Of each kind of the directory, the last change that `facts` know.
    directory_at: Vec<i64>,
    taken_to: u64,
    horizon: Horizon,
    /// Findings told while history was read; afterwards nobody asks.
    told: BTreeSet<FindingId>,
    stage: Stage,
    states: BTreeMap<FindingId, Finding>,
}

/// How far a detector has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It has not yet seen what is there.
    New,
    /// It follows.
    Following,
}

impl Stage {
    fn reading(self) -> Reading {
        match self {
            Self::New => Reading::History,
            Self::Following => Reading::Arrivals,
        }
    }
}

/// What one read of the lake came to.
struct Taken {
    activities: u64,
    timely: Timely,
    place: Place,
}

/// Where a read of the lake has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Before,
    End,
}

impl Detector {
    /// A detector that has seen nothing yet. Opening one puts nothing down.
    pub async fn open(lake: &Lake, control: &Control, options: DetectOptions) -> Result<Self, DetectError> {
        let set = Arc::new(RuleSet::default());
        let geo = Arc::new(options.geo_file.as_deref().map(Geo::open).transpose()?.unwrap_or_default());
        let mut detector = Self {
            lake: lake.clone(),
            findings: Findings::new(control),
            registers: Registers::new(control),
            options,
            sources: Vec::new(),
            engine: Engine::new(Arc::clone(&set), &[]),
            set,
            problems: Vec::new(),
            objects: Objects::default(),
            facts: Facts::default().placed_by(geo),
            policy: None,
            settings: Vec::new(),
            setting_changes: SettingChanges::default(),
            directory_at: Vec::new(),
            taken_to: 0,
            horizon: Horizon::default(),
            told: BTreeSet::new(),
            stage: Stage::New,
            states: BTreeMap::new(),
        };
        detector.refresh().await?;
        Ok(detector)
    }

    /// What of the rules cannot be used.
    #[must_use]
    pub fn problems(&self) -> &[RuleProblem] {
        &self.problems
    }

    /// Rules that find nothing, since nobody has named a database of places.
    #[must_use]
    pub fn asleep(&self) -> Vec<&str> {
        self.set.asleep(&self.facts.geo)
    }

    /// How many rules are in force.
    #[must_use]
    pub fn rules(&self) -> usize {
        self.set.rules.len()
    }

    /// The rules in force, and what is known beside the feed.
    pub(crate) fn rules_and_facts(&self) -> (Arc<RuleSet>, &Facts) {
        (Arc::clone(&self.set), &self.facts)
    }

    /// Reads rules, lists and directory again; what has changed is in force with the next [`Detector::catch_up`].
    /// Answers whether something has.
    pub async fn refresh(&mut self) -> Result<bool, DetectError> {
        let sources = RuleSources { folder: self.options.rules_folder.clone() }.files()?;
        let lists = self.registers.lists(&self.options.lists).await?;
        let directory_at: Vec<i64> = KINDS.iter().map(|(kind, _)| self.lake.directory().revision(*kind)).collect();
        let other_rules = sources != self.sources;
        let other_directory = directory_at != self.directory_at;
        let (policy, broken) = self.read_policy();
        let (policys, mut problems): (Vec<_>, Vec<_>) =
            self.problems.iter().cloned().partition(|problem| self.is_of_policy(problem));
        let other_policy = policy != self.policy || !policys.iter().eq(broken.iter());
        if !other_rules && !other_directory && !other_policy && lists == self.facts.lists {
            return Ok(false);
        }
        if other_rules {
            let (set, found) = RuleSet::build(&sources, Some(&self.set));
            (self.sources, self.set) = (sources, Arc::new(set));
            problems = found;
        }
        problems.extend(broken);
        (self.problems, self.policy) = (problems, policy);
        if self.policy.is_some() && (other_policy || other_directory) {
            self.settings = policy::listed(self.lake.directory()).await?;
        }
        let known_from = match other_directory {
            true => self.learn_directory(lists, directory_at).await?,
            false => {
                let from = self.facts.lists.differ_from(&lists);
                self.facts.lists = lists;
                from
            }
        };
        if other_rules || other_directory {
            self.objects = Objects::of(self.lake.directory(), |kind| is_asked(&self.set, kind));
        }
        // What is known otherwise only from later on than anything that was judged changes nothing that was found.
        if other_rules || other_policy || known_from.is_some_and(|from| from <= self.horizon.newest_at()) {
            self.start_again();
        }
        Ok(true)
    }

    /// Answers from when on something else is known than before.
    async fn learn_directory(&mut self, lists: Lists, directory_at: Vec<i64>) -> Result<Option<i64>, DetectError> {
        let mut facts = knowledge::facts_of(self.lake.directory()).await?.placed_by(Arc::clone(&self.facts.geo));
        facts.lists = lists;
        let from = self.facts.differ_from(&facts);
        (self.facts, self.directory_at) = (facts, directory_at);
        Ok(from)
    }

    /// Forgets what the engine has seen: it is read again from the lake.
    fn start_again(&mut self) {
        let all: Vec<usize> = (0..self.set.series.len()).collect();
        self.engine = Engine::new(Arc::clone(&self.set), &all);
        (self.taken_to, self.horizon, self.stage) = (0, self.horizon.again(), Stage::New);
        self.told.clear();
        self.setting_changes = SettingChanges::default();
    }

    /// The policy; one that cannot be used is told, and the one before it stays in force.
    fn read_policy(&self) -> (Option<Policy>, Option<RuleProblem>) {
        let Some(path) = &self.options.policy_file else { return (None, None) };
        match Policy::try_read(path) {
            Ok(policy) => (Some(policy), None),
            Err(problem) => (self.policy.clone(), Some(problem)),
        }
    }

    fn is_of_policy(&self, problem: &RuleProblem) -> bool {
        self.options.policy_file.as_ref().is_some_and(|path| problem.file == path.display().to_string())
    }

    /// Takes what has arrived, judges it, and puts down what follows.
    pub async fn catch_up(&mut self, now_micros: i64, rng: &mut impl CryptoRng) -> Result<Detected, DetectError> {
        if self.stage == Stage::New {
            self.registers.declare(&self.options.lists, now_micros).await?;
            self.refresh().await?;
        }
        let mut detected = Detected::default();
        while self.take_all(now_micros, rng, &mut detected).await? == Timely::No {
            tracing::info!("an activity came later than activities may be: everything is judged again from the lake");
            self.start_again();
        }
        let changes = self.engine.judge(now_micros);
        let mut found = self.tell(&changes).await?;
        let (states, over) = self.judge_directory(now_micros).await?;
        found.extend(states);
        let mut gone = changes.gone;
        gone.extend(over);
        self.put_down(found, gone, now_micros, rng, &mut detected).await?;
        if self.stage == Stage::New {
            let left_over = self.left_over().await?;
            detected.recorded.withdrawn += self.findings.withdraw(&left_over, now_micros).await?.withdrawn;
            self.stage = Stage::Following;
            self.told.clear();
        }
        self.settle(now_micros, rng, &mut detected).await?;
        Ok(detected)
    }

    /// Takes what is in the lake and was not taken yet. Of a history, what is settled on the way is put down and forgotten,
    /// so that a long one needs no more memory than a short one.
    async fn take_all(
        &mut self,
        now_micros: i64,
        rng: &mut impl CryptoRng,
        detected: &mut Detected,
    ) -> Result<Timely, DetectError> {
        loop {
            let Taken { activities, timely, place } = self.take_some(now_micros).await?;
            detected.activities += activities;
            if timely == Timely::No {
                return Ok(Timely::No);
            }
            if place == Place::End {
                return Ok(Timely::Yes);
            }
            if self.stage == Stage::New {
                self.settle(now_micros, rng, detected).await?;
            }
        }
    }

    /// Takes the next activities.
    async fn take_some(&mut self, now_micros: i64) -> Result<Taken, DetectError> {
        let arrivals = self.lake.arrivals(self.taken_to..u64::MAX).await?;
        let mut timely = Timely::Yes;
        for arrival in &arrivals.rows {
            if self.policy.is_some() {
                self.setting_changes.take(&arrival.raw, arrival.seq);
            }
            if let Some(at) = self.engine.take(arrival.raw.as_bytes(), arrival.seq, &self.facts)
                && self.horizon.saw(at, now_micros, self.stage.reading()) == Timely::No
            {
                timely = Timely::No;
            }
        }
        let place = if arrivals.next_seq <= self.taken_to { Place::End } else { Place::Before };
        self.taken_to = self.taken_to.max(arrivals.next_seq);
        Ok(Taken { activities: arrivals.rows.len() as u64, timely, place })
    }

    /// Puts down for good, and forgets, what nothing that is still to come changes.
    async fn settle(
        &mut self,
        now_micros: i64,
        rng: &mut impl CryptoRng,
        detected: &mut Detected,
    ) -> Result<(), DetectError> {
        let rest = self.lake.oldest_from(self.taken_to);
        let Some(to) = self.horizon.settles_to(now_micros, rest, self.stage.reading()) else { return Ok(()) };
        let changes = self.engine.settle(to, now_micros);
        self.horizon.settled(to);
        let found = self.tell(&changes).await?;
        self.put_down(found, changes.gone, now_micros, rng, detected).await
    }

    async fn put_down(
        &self,
        mut found: Vec<Finding>,
        mut gone: Vec<FindingId>,
        now_micros: i64,
        rng: &mut impl CryptoRng,
        detected: &mut Detected,
    ) -> Result<(), DetectError> {
        found.retain(|finding| self.is_asked(finding.first_seen_micros, finding.last_seen_micros));
        // A draft that another key told under the same id stands.
        gone.retain(|id| !found.iter().any(|finding| finding.id == *id));
        let recorded = self.findings.record(&found, now_micros, rng).await?;
        let withdrawn = self.findings.withdraw(&gone, now_micros).await?.withdrawn;
        detected.recorded = detected.recorded.and(Recorded { withdrawn, ..recorded });
        Ok(())
    }

    async fn tell(&mut self, changes: &Changes) -> Result<Vec<Finding>, DetectError> {
        let wanted: BTreeSet<u64> =
            changes.tell.iter().flat_map(|pending| pending.draft.places.iter().map(|place| place.seq)).collect();
        let rows = self.rows(&wanted).await?;
        let mut found: Vec<Finding> = Vec::new();
        for pending in &changes.tell {
            if let Some(finding) = tell(&self.set, pending, &rows, &self.facts) {
                self.engine.told(pending, &finding.id);
                self.note(&finding.id);
                found.push(finding);
            }
        }
        Ok(found)
    }

    fn note(&mut self, id: &FindingId) {
        if self.stage == Stage::New {
            self.told.insert(id.clone());
        }
    }

    /// How many hits, and spans in which a value was seen, are in memory.
    #[must_use]
    pub fn held(&self) -> usize {
        self.engine.held()
    }

    /// The bytes of some activities. Near places are read together.
    async fn rows(&self, wanted: &BTreeSet<u64>) -> Result<Rows, DetectError> {
        /// Places that lie nearer are read with one call.
        const NEAR: u64 = 2_000;
        let mut rows = Rows::new();
        let mut waiting = wanted.iter().copied().peekable();
        while let Some(from) = waiting.next() {
            let mut to = from;
            while let Some(next) = waiting.next_if(|next| next - to <= NEAR) {
                to = next;
            }
            let mut at = from;
            while at <= to {
                let arrivals = self.lake.arrivals(at..to + 1).await?;
                if arrivals.next_seq <= at {
                    break;
                }
                at = arrivals.next_seq;
                let own = arrivals.rows.into_iter().filter(|arrival| wanted.contains(&arrival.seq));
                rows.extend(own.map(|arrival| (arrival.seq, arrival.raw)));
            }
        }
        Ok(rows)
    }

    /// What state rules find and what is so no longer; a state that stood before keeps the moment at which it was seen first.
    async fn judge_directory(&mut self, now_micros: i64) -> Result<(Vec<Finding>, Vec<FindingId>), DetectError> {
        let mut found = self.objects.judged(&self.set, &self.facts, now_micros);
        if let Some(policy) = &self.policy {
            let now = SettingsNow::merged(self.settings.clone(), &self.setting_changes);
            found.extend(policy.drift(&now).iter().map(|drift| drift.finding(policy.severity, now_micros)));
        }
        for finding in &mut found {
            let known = match self.states.get(&finding.id) {
                Some(known) => Some(known.clone()),
                None => self.findings.standing(&finding.id).await?.map(|record| record.finding),
            };
            // What an activity tells of has its own moment.
            if let Some(known) = known.filter(|_| finding.evidence.is_empty()) {
                finding.first_seen_micros = known.first_seen_micros;
                finding.last_seen_micros = known.last_seen_micros;
            }
            self.note(&finding.id);
        }
        let now: BTreeMap<FindingId, Finding> = found.iter().map(|f| (f.id.clone(), f.clone())).collect();
        let changed = |finding: &Finding| self.states.get(&finding.id) != Some(finding);
        let changed: Vec<Finding> = found.iter().filter(|finding| changed(finding)).cloned().collect();
        let is_over = |finding: &&Finding| {
            !now.contains_key(&finding.id) && self.is_asked(finding.first_seen_micros, finding.last_seen_micros)
        };
        let over: Vec<FindingId> = self.states.values().filter(is_over).map(|finding| finding.id.clone()).collect();
        self.told.retain(|id| !over.contains(id));
        self.states = now;
        Ok((changed, over))
    }

    /// Findings of rules in force that stand in the database and do not follow from what is there.
    async fn left_over(&self) -> Result<Vec<FindingId>, DetectError> {
        let rules: BTreeSet<&str> = self.set.rules.iter().map(|rule| rule.name.as_str()).collect();
        let mut about_the_directory = rules_about_the_directory(&self.set);
        about_the_directory.insert(POLICY_RULE);
        let standing = self.findings.list(&FindingFilter::default()).await?;
        let left_over = standing.into_iter().map(|record| record.finding).filter(|finding| {
            let name = finding.rule.as_str();
            // Its activities may have left the lake with their retention; what was found stays found.
            let is_provable =
                about_the_directory.contains(name) || finding.window.from_micros >= self.horizon.oldest_at();
            (rules.contains(name) || name == POLICY_RULE)
                && is_provable
                && !self.told.contains(&finding.id)
                && self.is_asked(finding.first_seen_micros, finding.last_seen_micros)
        });
        Ok(left_over.map(|finding| finding.id).collect())
    }

    fn is_asked(&self, first_micros: i64, last_micros: i64) -> bool {
        self.options.within.is_none_or(|(from, to)| last_micros >= from && first_micros < to)
    }
}

/// What one rule would have found, without putting it down.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Backtest {
    /// Activities looked at.
    pub activities: u64,
    /// Findings, by their first activity.
    pub findings: Vec<Finding>,
}

impl Detector {
    /// Tries one rule on all that is in the lake, and puts nothing down.
    pub async fn backtest(&mut self, rule: &str, now_micros: i64) -> Result<Backtest, DetectError> {
        let place = self.set.find(rule).ok_or_else(|| DetectError::UnknownRule { name: rule.to_owned() })?;
        let wanted: Vec<usize> =
            (0..self.set.series.len()).filter(|series| self.set.series[*series].rule == place).collect();
        self.engine = Engine::new(Arc::clone(&self.set), &wanted);
        self.taken_to = 0;
        let mut activities = 0;
        loop {
            let taken = self.take_some(now_micros).await?;
            activities += taken.activities;
            if taken.place == Place::End {
                break;
            }
        }
        let changes = self.engine.judge(now_micros);
        let mut findings = self.tell(&changes).await?;
        findings.extend(self.objects.judged(&self.set, &self.facts, now_micros).into_iter().filter(|f| f.rule == rule));
        findings.retain(|finding| self.is_asked(finding.first_seen_micros, finding.last_seen_micros));
        findings.sort_by(|a, b| (a.first_seen_micros, &a.id).cmp(&(b.first_seen_micros, &b.id)));
        Ok(Backtest { activities, findings })
    }
}

/// What an engine that sees rows in this order finds; for tests of rules.
pub(crate) fn found_of(
    set: &Arc<RuleSet>,
    wanted: &[usize],
    facts: &Facts,
    rows: &[(u64, String)],
    pauses: &[usize],
) -> Vec<Finding> {
    /// Late enough for everything that has to be waited for.
    const LATE: i64 = i64::MAX / 2;
    let mut engine = Engine::new(Arc::clone(set), wanted);
    let by_place: Rows = rows.iter().cloned().collect();
    let mut standing: BTreeMap<FindingId, Finding> = BTreeMap::new();
    let mut settle = |engine: &mut Engine| {
        let Changes { tell: pending, gone } = engine.judge(LATE);
        for id in gone {
            standing.remove(&id);
        }
        let told = |pending: &Pending| tell(set, pending, &by_place, facts);
        for (pending, finding) in pending.iter().filter_map(|pending| Some((pending, told(pending)?))) {
            engine.told(pending, &finding.id);
            standing.insert(finding.id.clone(), finding);
        }
    };
    for (at, (seq, raw)) in rows.iter().enumerate() {
        if pauses.contains(&at) {
            settle(&mut engine);
        }
        engine.take(raw.as_bytes(), *seq, facts);
    }
    settle(&mut engine);
    standing.into_values().collect()
}
