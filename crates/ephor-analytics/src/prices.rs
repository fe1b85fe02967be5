//! What tokens cost: dated list prices shipped as data, and an organisation's own agreements from the configuration.
//! Money is whole billionths of a dollar; a price holds from its day on, for every model whose name begins as it says.
//! Never guesses: a model without a price has no cost, and is counted as such.

use std::hash::{Hash, Hasher};
use std::str::FromStr;

use ephor_wire::timestamp::UtcDay;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Deserialize;

use crate::facts::{Column, Facts, Spent};

/// A price of `data/prices.toml` or of `[[analytics.price]]`; amounts in dollars a million tokens.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceEntry {
    /// The beginning of the model's name.
    pub model: String,
    /// The first day on which it holds.
    pub from: String,
    /// `0-200k` or `200k-1M`, where the price depends on it.
    #[serde(default)]
    pub context_window: Option<String>,
    /// `fast`, where the price depends on it.
    #[serde(default)]
    pub speed: Option<String>,
    /// An organization's id or UUID, for a negotiated price.
    #[serde(default)]
    pub organization: Option<String>,
    /// Input.
    pub input: String,
    /// Output.
    pub output: String,
    /// Read from a cache.
    pub cache_read: String,
    /// Written to a cache for five minutes.
    pub cache_write_5m: String,
    /// Written to a cache for an hour.
    pub cache_write_1h: String,
}

#[derive(Debug, Deserialize)]
struct PriceFile {
    web_search_per_thousand: String,
    price: Vec<PriceEntry>,
}

/// A price entry that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the price of `{model}` from {from}: {what}")]
pub struct PriceError {
    /// Its model.
    pub model: String,
    /// Its day.
    pub from: String,
    /// What is wrong with it.
    pub what: String,
}

/// The kinds of tokens, as `token_type` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum TokenType {
    UncachedInput,
    Output,
    CacheRead,
    CacheCreation5m,
    CacheCreation1h,
}

impl TokenType {
    pub(crate) const ALL: [Self; 5] =
        [Self::CacheCreation1h, Self::CacheCreation5m, Self::CacheRead, Self::Output, Self::UncachedInput];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::UncachedInput => "uncached_input_tokens",
            Self::Output => "output_tokens",
            Self::CacheRead => "cache_read_input_tokens",
            Self::CacheCreation5m => "cache_creation.ephemeral_5m_input_tokens",
            Self::CacheCreation1h => "cache_creation.ephemeral_1h_input_tokens",
        }
    }

    pub(crate) fn tokens(self, spent: &Spent) -> i64 {
        match self {
            Self::UncachedInput => spent.input,
            Self::Output => spent.output,
            Self::CacheRead => spent.cache_read,
            Self::CacheCreation5m => spent.cache_creation_5m,
            Self::CacheCreation1h => spent.cache_creation_1h,
        }
    }
}

#[derive(Debug, Clone, Hash)]
struct Price {
    model: String,
    from_micros: i64,
    context_window: Option<String>,
    speed: Option<String>,
    negotiated: bool,
    /// The one organization that it was agreed for.
    organization: Option<String>,
    /// Billionths of a dollar a million tokens, beside [`TokenType::ALL`].
    per_million: [i64; 5],
}

/// What a price depends on.
struct Asked<'a> {
    model: &'a str,
    context_window: &'a str,
    speed: &'a str,
    /// Its id and UUID.
    organization: [&'a str; 2],
    at_micros: i64,
}

/// Every price that there is.
#[derive(Debug, Clone)]
pub struct PriceList {
    prices: Vec<Price>,
    web_search_nano_usd: i64,
}

/// The smallest amount that the wire can write, a millionth of a cent, in billionths of a dollar. Every amount is a
/// multiple of it before anything is added up, so that the parts of a report sum up to its whole.
const UNIT_NANO_USD: i128 = 10;

/// A quotient in whole units, half up.
pub(crate) fn whole_units(dividend: i128, divisor: i128) -> i64 {
    let unit = divisor * UNIT_NANO_USD;
    i64::try_from((dividend + unit / 2).div_euclid(unit) * UNIT_NANO_USD).unwrap_or(i64::MAX)
}

/// What a request costs, in billionths of a dollar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    /// Beside [`TokenType::ALL`].
    pub(crate) tokens: [i64; 5],
    pub(crate) web_search: i64,
}

impl Cost {
    pub(crate) fn total(&self) -> i64 {
        self.tokens.iter().sum::<i64>() + self.web_search
    }
}

impl PriceList {
    /// The shipped list prices and, before them, negotiated ones.
    pub fn with(negotiated: &[PriceEntry]) -> Result<Self, PriceError> {
        #[expect(clippy::expect_used, reason = "the file is part of the source and a test reads it")]
        let shipped: PriceFile = toml::from_str(include_str!("../data/prices.toml")).expect("prices.toml is valid");
        let list = shipped.price.iter().map(|entry| Price::of(entry, false));
        let own = negotiated.iter().map(|entry| Price::of(entry, true));
        let prices = own.chain(list).collect::<Result<Vec<_>, _>>()?;
        let web_search_nano_usd =
            whole_units(i128::from(nanos(&shipped.web_search_per_thousand).unwrap_or_default()), 1_000);
        Ok(Self { prices, web_search_nano_usd })
    }

    /// One number for all prices; another one when they change.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hasher = twox_hash::XxHash3_64::default();
        (&self.prices, self.web_search_nano_usd).hash(&mut hasher);
        hasher.finish()
    }

    /// The list price of a row's tokens; nothing if it is no request or its model has no price.
    pub(crate) fn list_nano_usd(&self, facts: &Facts, row: usize) -> Option<i64> {
        self.cost(facts, row, false).map(|cost| cost.total())
    }

    /// What a row's tokens cost by the list, or by agreement where there is one.
    pub(crate) fn cost(&self, facts: &Facts, row: usize, negotiated: bool) -> Option<Cost> {
        let spent = facts.spent(row)?;
        let text = |column: Column| facts.names.text(facts.name(column, row));
        let asked = Asked {
            model: text(Column::Model),
            context_window: text(Column::ContextWindow),
            speed: text(Column::Speed),
            organization: [text(Column::OrganizationId), text(Column::OrganizationUuid)],
            at_micros: facts.time[row],
        };
        let price = self.price(&asked, negotiated)?;
        let mut cost =
            Cost { web_search: spent.web_searches.saturating_mul(self.web_search_nano_usd), ..Cost::default() };
        for (place, token_type) in TokenType::ALL.into_iter().enumerate() {
            // A million tokens are the unit of the price: the product is exact, the quotient rounded once.
            let product = i128::from(token_type.tokens(spent)) * i128::from(price.per_million[place]);
            cost.tokens[place] = whole_units(product, 1_000_000);
        }
        Some(cost)
    }

    /// The most telling price: the newest that holds, with the longest model name, and with the window and speed that
    /// it asks for.
    fn price(&self, asked: &Asked<'_>, negotiated: bool) -> Option<&Price> {
        let holds = |price: &&Price| {
            asked.model.starts_with(&price.model)
                && price.from_micros <= asked.at_micros
                && (negotiated || !price.negotiated)
                && price.context_window.as_deref().is_none_or(|wanted| wanted == asked.context_window)
                && price.speed.as_deref().is_none_or(|wanted| wanted == asked.speed)
                && price.organization.as_deref().is_none_or(|wanted| asked.organization.contains(&wanted))
        };
        self.prices.iter().filter(holds).max_by_key(|price| {
            let details = usize::from(price.context_window.is_some()) + usize::from(price.speed.is_some());
            (price.negotiated, price.organization.is_some(), price.model.len(), details, price.from_micros)
        })
    }
}

impl Price {
    fn of(entry: &PriceEntry, negotiated: bool) -> Result<Self, PriceError> {
        let wrong = |what: String| PriceError { model: entry.model.clone(), from: entry.from.clone(), what };
        let from =
            UtcDay::from_str(&entry.from).map_err(|_| wrong("`from` is not a day like 2026-01-01".to_owned()))?;
        let amount = |name: &str, text: &str| {
            nanos(text).ok_or_else(|| wrong(format!("`{name}` is not an amount in dollars, such as \"3.75\"")))
        };
        let per_million = [
            amount("cache_write_1h", &entry.cache_write_1h)?,
            amount("cache_write_5m", &entry.cache_write_5m)?,
            amount("cache_read", &entry.cache_read)?,
            amount("output", &entry.output)?,
            amount("input", &entry.input)?,
        ];
        Ok(Self {
            model: entry.model.clone(),
            from_micros: from.start_micros(),
            context_window: entry.context_window.clone(),
            speed: entry.speed.clone(),
            negotiated,
            organization: entry.organization.clone(),
            per_million,
        })
    }
}

/// Dollars as text in billionths.
fn nanos(text: &str) -> Option<i64> {
    let dollars = Decimal::from_str(text).ok().filter(|dollars| !dollars.is_sign_negative())?;
    dollars.checked_mul(Decimal::from(1_000_000_000))?.to_i64()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_longest_name_and_the_newest_day_win_and_an_agreement_before_all() {
        let own = PriceEntry {
            model: "claude-sonnet".to_owned(),
            from: "2026-03-01".to_owned(),
            context_window: None,
            speed: None,
            organization: None,
            input: "2.00".to_owned(),
            output: "10".to_owned(),
            cache_read: "0.2".to_owned(),
            cache_write_5m: "2.5".to_owned(),
            cache_write_1h: "4".to_owned(),
        };
        let ours = PriceEntry { organization: Some("org_1".to_owned()), input: "1".to_owned(), ..own.clone() };
        let prices = PriceList::with(&[own, ours]).unwrap();
        let at = |day: &str| UtcDay::from_str(day).unwrap().start_micros();
        let of = |organization: &str, model: &str, context_window: &str, day: &str, negotiated: bool| {
            let asked =
                Asked { model, context_window, speed: "", organization: [organization, ""], at_micros: at(day) };
            prices.price(&asked, negotiated).map(|price| price.per_million[4])
        };
        let input = |model, window, day, negotiated| of("org_2", model, window, day, negotiated);
        assert_eq!(of("org_1", "claude-sonnet-4-5", "", "2026-05-01", true), Some(1_000_000_000));
        assert_eq!(input("claude-sonnet-4-5-20250929", "0-200k", "2026-05-01", false), Some(3_000_000_000));
        assert_eq!(input("claude-sonnet-4-5-20250929", "200k-1M", "2026-05-01", false), Some(6_000_000_000));
        assert_eq!(input("claude-sonnet-4-5-20250929", "", "2026-05-01", true), Some(2_000_000_000));
        assert_eq!(input("claude-sonnet-4-5-20250929", "", "2026-02-01", true), Some(3_000_000_000));
        assert_eq!(input("someone-elses-model", "", "2026-05-01", false), None);
    }

    #[test]
    fn a_wrong_price_says_what_is_wrong_with_it() {
        let mut entry = PriceEntry {
            model: "m".to_owned(),
            from: "yesterday".to_owned(),
            context_window: None,
            speed: None,
            organization: None,
            input: "1".to_owned(),
            output: "1".to_owned(),
            cache_read: "1".to_owned(),
            cache_write_5m: "1".to_owned(),
            cache_write_1h: "one".to_owned(),
        };
        let told = |entry: &PriceEntry| PriceList::with(std::slice::from_ref(entry)).unwrap_err().to_string();
        assert_eq!(told(&entry), "the price of `m` from yesterday: `from` is not a day like 2026-01-01");
        "2026-01-01".clone_into(&mut entry.from);
        let wrong = "the price of `m` from 2026-01-01: `cache_write_1h` is not an amount in dollars, such as \"3.75\"";
        assert_eq!(told(&entry), wrong);
    }
}
