//! The shell around the engine: follows the lake in order of arrival, and puts down what stands.
//! Promises that what one run has put down, the next one finds again and leaves alone; state is made again from the lake.
//! Never reads a clock: the present moment is passed in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use ephor_lake::Lake;
use ephor_lake::control::Control;
use ephor_wire::timestamp::parse_micros;
use rand::CryptoRng;

use crate::engine::{Changes, Engine, Pending};
use crate::error::DetectError;
use crate::facts::Facts;
use crate::finding::{Finding, FindingId};
use crate::findings::{FindingFilter, Findings, Recorded};
use crate::geo::Geo;
use crate::lists::Lists;
use crate::objects::{Objects, rules_about_the_directory};
use crate::policy::{self, Listed, POLICY_RULE, Policy, SettingChanges, SettingsNow};
use crate::registers::Registers;
use crate::rule::{RuleProblem, RuleSet, RuleSource, RuleSources};
use crate::tell::{Rows, tell};

/// What a detector works with.
#[derive(Debug, Clone, Default)]
pub struct DetectOptions {
    /// The user's own rules.
    pub rules_folder: Option<PathBuf>,
    /// Lists of the configuration, beside those of the registers.
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
    lists: Lists,
    set: Arc<RuleSet>,
    problems: Vec<RuleProblem>,
    objects: Objects,
    facts: Facts,
    geo: Arc<Geo>,
    policy: Option<Policy>,
    /// Settings that the directory lists, where a policy asks.
    settings: Vec<Listed>,
    setting_changes: SettingChanges,
    engine: Engine,
    taken_to: u64,
    /// When the oldest activity happened that the engine has seen; what is older may have left the lake.
    oldest_at: i64,
    /// Findings told since the state was made.
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

impl Detector {
    /// A detector that has seen nothing yet.
    pub async fn open(lake: &Lake, control: &Control, options: DetectOptions) -> Result<Self, DetectError> {
        let set = Arc::new(RuleSet::default());
        let geo = Arc::new(options.geo_file.as_deref().map(Geo::open).transpose()?.unwrap_or_default());
        let mut detector = Self {
            lake: lake.clone(),
            findings: Findings::new(control),
            registers: Registers::new(control),
            options,
            sources: Vec::new(),
            lists: Lists::default(),
            engine: Engine::new(Arc::clone(&set), &[]),
            set,
            problems: Vec::new(),
            objects: Objects::default(),
            facts: Facts::default(),
            geo,
            policy: None,
            settings: Vec::new(),
            setting_changes: SettingChanges::default(),
            taken_to: 0,
            oldest_at: i64::MAX,
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
        self.set.asleep()
    }

    /// How many rules are in force.
    #[must_use]
    pub fn rules(&self) -> usize {
        self.set.rules.len()
    }

    /// Reads rules, lists and directory again; what has changed is in force with the next [`Detector::catch_up`].
    /// Answers whether something has.
    pub async fn refresh(&mut self) -> Result<bool, DetectError> {
        let sources = RuleSources { folder: self.options.rules_folder.clone() }.files()?;
        let mut lists = self.registers.lists().await?;
        lists.extend(&self.options.lists);
        let objects = Objects::of(self.lake.directory());
        let (policy, broken) = self.read_policy();
        let is_same_policy = policy == self.policy
            && self.problems.iter().filter(|problem| self.is_of_policy(problem)).eq(broken.iter());
        if sources == self.sources && lists == self.lists && objects == self.objects && is_same_policy {
            return Ok(false);
        }
        let (set, mut problems) = RuleSet::build(&sources, &lists, Some(&self.set));
        problems.extend(broken);
        (self.sources, self.lists, self.problems, self.policy) = (sources, lists, problems, policy);
        self.setting_changes = SettingChanges::default();
        self.settings = match self.policy {
            Some(_) => policy::listed(self.lake.directory()).await?,
            None => Vec::new(),
        };
        self.facts = objects.facts();
        self.objects = objects;
        self.set = Arc::new(set.placed_by(&self.geo));
        let all: Vec<usize> = (0..self.set.series.len()).collect();
        self.engine = Engine::new(Arc::clone(&self.set), &all);
        (self.taken_to, self.oldest_at, self.stage) = (0, i64::MAX, Stage::New);
        self.told.clear();
        Ok(true)
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
        let mut detected = Detected { activities: self.take_arrivals().await?, ..Detected::default() };
        let changes = self.engine.judge(now_micros);
        let mut found = self.tell(&changes).await?;
        let states = self.judge_directory(now_micros).await?;
        found.extend(states);
        found.retain(|finding| self.is_asked(finding.first_seen_micros, finding.last_seen_micros));
        let mut gone = changes.gone;
        // A draft that another key told under the same id stands.
        gone.retain(|id| !found.iter().any(|finding| finding.id == *id));
        if self.stage == Stage::New {
            gone.extend(self.left_over().await?);
            self.stage = Stage::Following;
        }
        let recorded = self.findings.record(&found, now_micros, rng).await?;
        let withdrawn = self.findings.withdraw(&gone, now_micros).await?.withdrawn;
        detected.recorded = Recorded { withdrawn, ..recorded };
        Ok(detected)
    }

    async fn take_arrivals(&mut self) -> Result<u64, DetectError> {
        let mut taken = 0;
        loop {
            let arrivals = self.lake.arrivals(self.taken_to..u64::MAX).await?;
            for arrival in &arrivals.rows {
                self.engine.take(arrival.raw.as_bytes(), arrival.seq, &self.facts);
                if self.policy.is_some() {
                    self.setting_changes.take(&arrival.raw, arrival.seq);
                }
                if let Some(at) = created_at(&arrival.raw).filter(|_| self.stage == Stage::New) {
                    self.oldest_at = self.oldest_at.min(at);
                }
            }
            taken += arrivals.rows.len() as u64;
            if arrivals.next_seq <= self.taken_to {
                return Ok(taken);
            }
            self.taken_to = arrivals.next_seq;
        }
    }

    async fn tell(&mut self, changes: &Changes) -> Result<Vec<Finding>, DetectError> {
        let wanted: BTreeSet<u64> =
            changes.tell.iter().flat_map(|pending| pending.draft.places.iter().map(|place| place.seq)).collect();
        let rows = self.rows(&wanted).await?;
        let mut found: Vec<Finding> = Vec::new();
        for pending in &changes.tell {
            if let Some(finding) = tell(&self.set, pending, &rows, &self.facts) {
                self.engine.told(pending, &finding.id);
                self.told.insert(finding.id.clone());
                found.push(finding);
            }
        }
        Ok(found)
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

    /// What state rules find; a state that stood before keeps the moment at which it was seen first.
    async fn judge_directory(&mut self, now_micros: i64) -> Result<Vec<Finding>, DetectError> {
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
            self.told.insert(finding.id.clone());
        }
        let now: BTreeMap<FindingId, Finding> = found.iter().map(|f| (f.id.clone(), f.clone())).collect();
        let changed = |finding: &Finding| self.states.get(&finding.id) != Some(finding);
        let changed: Vec<Finding> = found.iter().filter(|finding| changed(finding)).cloned().collect();
        self.states = now;
        Ok(changed)
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
            let is_provable = about_the_directory.contains(name) || finding.window.from_micros >= self.oldest_at;
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

fn created_at(raw: &str) -> Option<i64> {
    #[derive(serde::Deserialize)]
    struct Envelope<'r> {
        #[serde(borrow)]
        created_at: std::borrow::Cow<'r, str>,
    }
    let envelope: Envelope<'_> = serde_json::from_str(raw).ok()?;
    parse_micros(&envelope.created_at)
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
        let activities = self.take_arrivals().await?;
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
