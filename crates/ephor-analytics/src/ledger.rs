//! What was spent, by everything that it can be shared out by: the same amounts as the cost reports, told further apart.
//! Promises that the entries of a span sum up to that span's cost report, to the last digit.
//! Never rounds: amounts are whole billionths of a dollar.

use std::collections::HashMap;
use std::sync::Arc;

use ephor_wire::timestamp::UtcDay;
use ephor_wire::usage::UsageKind;
use foldhash::fast::RandomState;

use crate::engine::{Analytics, AnalyticsError, off_the_runtime};
use crate::facts::names::Names;
use crate::facts::{self, Column, Context, Facts, Load, Wanted};
use crate::prices::{PriceList, TokenType, whole_units};
use crate::query::Reach;
use crate::report;

/// Something that was spent on one day, by one person, with one model, on one surface, for one kind of token.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LedgerKey {
    /// The UTC day.
    pub day: UtcDay,
    /// The person's id, or their address where nothing else names them.
    pub person: Option<String>,
    /// The product, as the wire names it.
    pub product: &'static str,
    /// The model.
    pub model: Option<String>,
    /// The project.
    pub project: Option<String>,
    /// The API key.
    pub api_key: Option<String>,
    /// `tokens` of this type, or `web_search`.
    pub charge: &'static str,
}

/// How much of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LedgerSums {
    /// Requests; counted once, with the first charge of a request.
    pub requests: i64,
    /// Tokens, or searches.
    pub quantity: i64,
    /// What was paid, in billionths of a dollar.
    pub amount_nano_usd: i64,
    /// What the list says, in billionths of a dollar.
    pub list_nano_usd: i64,
}

/// An entry of the ledger.
pub type LedgerEntry = (LedgerKey, LedgerSums);

const COLUMNS: &[Column] = &[
    Column::User,
    Column::Session,
    Column::Model,
    Column::Speed,
    Column::ContextWindow,
    Column::OrganizationId,
    Column::OrganizationUuid,
    Column::Project,
    Column::ApiKey,
];

/// The charge of what is no token.
const WEB_SEARCH: &str = "web_search";

/// The number of a text within one [`LedgerDay`]; 0 is none.
pub type TextNumber = facts::Name;

/// What an entry of one day is about, its texts as their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LedgerLine {
    /// The person's id, or their address where nothing else names them.
    pub person: TextNumber,
    /// The model.
    pub model: TextNumber,
    /// The project.
    pub project: TextNumber,
    /// The API key.
    pub api_key: TextNumber,
    /// The product, as the wire names it.
    pub product: &'static str,
    /// `tokens` of this type, or `web_search`.
    pub charge: &'static str,
}

/// What was spent on one day.
#[derive(Debug)]
pub struct LedgerDay {
    day: UtcDay,
    names: Names,
    lines: HashMap<LedgerLine, LedgerSums, RandomState>,
}

impl LedgerDay {
    /// The day.
    #[must_use]
    pub fn day(&self) -> UtcDay {
        self.day
    }

    /// Its entries, in no order.
    pub fn lines(&self) -> impl Iterator<Item = (&LedgerLine, &LedgerSums)> {
        self.lines.iter()
    }

    /// The text of a number.
    #[must_use]
    pub fn text(&self, number: TextNumber) -> Option<&str> {
        Some(self.names.text(number)).filter(|text| !text.is_empty())
    }

    /// One more than the greatest number of a text.
    #[must_use]
    pub fn texts(&self) -> usize {
        self.names.len()
    }

    /// Its entries in the order of their keys.
    #[must_use]
    pub fn entries(&self) -> Vec<LedgerEntry> {
        let owned = |number| self.text(number).map(str::to_owned);
        let told = |(line, sums): (&LedgerLine, &LedgerSums)| {
            let key = LedgerKey {
                day: self.day,
                person: owned(line.person),
                product: line.product,
                model: owned(line.model),
                project: owned(line.project),
                api_key: owned(line.api_key),
                charge: line.charge,
            };
            (key, *sums)
        };
        let mut entries: Vec<LedgerEntry> = self.lines().map(told).collect();
        entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        entries
    }
}

impl Analytics {
    /// Reads what was spent on a day, from usage that arrived before a place; counted here, whoever answers the
    /// Analytics API. What is read of it is made on a thread that may take its time.
    pub async fn ledger<T: Send + 'static>(
        &self,
        reach: &Reach,
        day: UtcDay,
        before_usage_seq: u64,
        read: impl FnOnce(&LedgerDay) -> T + Send + 'static,
    ) -> Result<T, AnalyticsError> {
        let (analytics, reach) = (self.clone(), reach.clone());
        off_the_runtime(move || {
            let people = analytics.people(&reach);
            let load = Load {
                reach: &reach,
                before_seq: Some(before_usage_seq),
                columns: COLUMNS,
                spent: true,
                rows: Wanted::Requests,
            };
            let context = Context { connectors: analytics.connectors(), people: &people.id_by_email };
            let facts = facts::load(analytics.lake().usage(), &[day], &load, &context)?;
            let lines = lines_of(&facts, analytics.prices());
            Ok(read(&LedgerDay { day, names: facts.names, lines }))
        })
        .await
    }

    /// What a project, a person or a key is called, as the directory of now has it.
    #[must_use]
    pub fn directory_names(&self, reach: &Reach) -> Arc<DirectoryNames> {
        let people = self.people(reach);
        Arc::new(DirectoryNames { name_by_id: people.name_by_id.clone(), email_by_id: people.email_by_id.clone() })
    }
}

/// What people are called.
#[derive(Debug, Clone, Default)]
pub struct DirectoryNames {
    /// Names by `user_…`.
    pub name_by_id: HashMap<String, String>,
    /// Addresses by `user_…`.
    pub email_by_id: HashMap<String, String>,
}

fn lines_of(facts: &Facts, prices: &PriceList) -> HashMap<LedgerLine, LedgerSums, RandomState> {
    let mut ledger: HashMap<LedgerLine, LedgerSums, RandomState> = HashMap::default();
    let told = report::sessions_with_requests(facts);
    for row in (0..facts.len()).filter(|row| report::counts(facts, *row, &told)) {
        let Some(spent) = facts.spent(row) else { continue };
        let line = |charge| LedgerLine {
            person: facts.name(Column::User, row),
            model: facts.name(Column::Model, row),
            project: facts.name(Column::Project, row),
            api_key: facts.name(Column::ApiKey, row),
            product: facts.place(row).product(),
            charge,
        };
        let list = prices.cost(facts, row, false).unwrap_or_default();
        let paid = prices.cost(facts, row, true).unwrap_or_default();
        let told_nano_usd = spent.told_nano_usd.map(|nanos| whole_units(i128::from(nanos), 1));
        let shares = report::shares(&list, &paid, told_nano_usd);
        // A counter does not say how many requests it counts.
        let mut requests = if facts.kind[row] == UsageKind::ApiRequest as u8 { facts.times[row] } else { 0 };
        let charges = TokenType::ALL.into_iter().map(|kind| (kind.as_str(), kind.tokens(spent)));
        for (place, (charge, quantity)) in charges.chain([(WEB_SEARCH, spent.web_searches)]).enumerate() {
            let (amount_nano_usd, list_nano_usd) = shares[place];
            if quantity == 0 && amount_nano_usd == 0 && list_nano_usd == 0 {
                continue;
            }
            let sums = ledger.entry(line(charge)).or_default();
            sums.requests += std::mem::take(&mut requests);
            sums.quantity += quantity;
            sums.amount_nano_usd += amount_nano_usd;
            sums.list_nano_usd += list_nano_usd;
        }
        if requests > 0 {
            // A request that cost nothing was made all the same.
            ledger.entry(line(TokenType::UncachedInput.as_str())).or_default().requests += requests;
        }
    }
    ledger
}
