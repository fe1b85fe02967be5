//! The ledger as a FOCUS dataset (FinOps Open Cost and Usage Specification), one row an entry.
//! Promises the mandatory columns with their published values, and own fields only under `x_`.
//! Never shows a person's name: resources are keys and projects, people stand under `x_` and only where names are shown.

use std::io::Write;

use ephor_analytics::{LedgerDay, LedgerEntry};
use ephor_wire::timestamp::UtcDay;
use rust_decimal::Decimal;

use super::books::Payers;
use super::{USUAL_DAYS, dollars};
use crate::desk::{Desk, Question};
use crate::error::ReportError;
use crate::privacy::{Names, pseudonym};

/// The version that the columns follow.
pub(crate) const VERSION: &str = "1.4";

const COLUMNS: [&str; 41] = [
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingAccountType",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "HostProviderName",
    "InvoiceIssuerName",
    "ListCost",
    "ListUnitPrice",
    "PricingCategory",
    "PricingCurrency",
    "PricingQuantity",
    "PricingUnit",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceProviderName",
    "ServiceSubcategory",
    "SkuId",
    "SkuMeter",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "Tags",
];

/// Who provides what is paid for, and writes the invoice.
const PROVIDER: &str = "Anthropic";

const OWN_COLUMNS: [&str; 3] = ["x_CostCentre", "x_Person", "x_Product"];

/// Writes the dataset as CSV, for the days of a question, a day at a time.
pub(crate) async fn csv(desk: &Desk, question: &Question, names: &Names, into: impl Write) -> Result<(), ReportError> {
    let (period, before_seq) = (desk.period(question, USUAL_DAYS).await?, desk.lake.usage().next_seq());
    let payers = Payers::of(desk, question).await?;
    let account = desk.control.organizations().parent().await?;
    let (account_id, account_name) = match account {
        Some(parent) => (parent.id.0, parent.name),
        None => ("unknown".to_owned(), "unknown".to_owned()),
    };
    let mut writer = ::csv::Writer::from_writer(into);
    let failed = |error: ::csv::Error| ReportError::Broken(error.into());
    writer.write_record(COLUMNS.iter().chain(&OWN_COLUMNS)).map_err(failed)?;
    for day in period.each_day() {
        let entries = desk.analytics.ledger(&desk.reach(), day, before_seq, LedgerDay::entries).await?;
        for entry in entries {
            let person = payers.person(entry.0.person.as_deref());
            if !payers.are_asked(person) {
                continue;
            }
            let shown = person.map(|id| match names {
                Names::Shown => payers.people.email_of(id).unwrap_or(id).to_owned(),
                Names::Pseudonyms(key) => pseudonym(key, period, id),
            });
            let own = [payers.cost_centre(person, day).map(str::to_owned), shown, Some(entry.0.product.to_owned())];
            let fields = row(&entry, (&account_id, &account_name));
            writer.write_record(fields.into_iter().chain(own.map(Option::unwrap_or_default))).map_err(failed)?;
        }
    }
    Ok(writer.flush()?)
}

fn row((key, sums): &LedgerEntry, account: (&str, &str)) -> Vec<String> {
    let midnight = |day: UtcDay| format!("{day}T00:00:00Z");
    let (month, next_month) = month_of(key.day);
    let cost = dollars(sums.amount_nano_usd);
    let list = dollars(sums.list_nano_usd);
    let quantity = Decimal::from(sums.quantity);
    let unit = if key.charge == "web_search" { "Searches" } else { "Tokens" };
    let per_unit = |amount: Decimal| match quantity.is_zero() {
        true => String::new(),
        false => (amount / quantity).round_dp(12).normalize().to_string(),
    };
    let model = key.model.clone().unwrap_or_else(|| "unknown".to_owned());
    let sku = format!("{model}/{}", key.charge);
    let resource = key.api_key.clone().or_else(|| key.project.clone());
    let kind = match (&key.api_key, &key.project) {
        (Some(_), _) => "API key",
        (None, Some(_)) => "Project",
        (None, None) => "",
    };
    vec![
        cost.to_string(),
        account.0.to_owned(),
        account.1.to_owned(),
        "Organization".into(),
        "USD".into(),
        next_month,
        month,
        "Usage".into(),
        String::new(),
        format!("{} of {model} on {}", words_of(key.charge), key.product),
        "Usage-Based".into(),
        midnight(key.day.plus_days(1)),
        midnight(key.day),
        quantity.to_string(),
        unit.into(),
        cost.to_string(),
        per_unit(cost),
        cost.to_string(),
        // Where it is hosted is not told: then the provider of the service stands here too.
        PROVIDER.into(),
        PROVIDER.into(),
        list.to_string(),
        per_unit(list),
        "Standard".into(),
        "USD".into(),
        quantity.to_string(),
        unit.into(),
        String::new(),
        String::new(),
        resource.unwrap_or_default(),
        String::new(),
        kind.into(),
        "AI and Machine Learning".into(),
        "Claude".into(),
        PROVIDER.into(),
        "Generative AI".into(),
        sku.clone(),
        words_of(key.charge).into(),
        format!("{sku}/{unit}"),
        String::new(),
        String::new(),
        format!("{{\"product\":\"{}\"}}", key.product),
    ]
}

fn words_of(charge: &str) -> &'static str {
    match charge {
        "uncached_input_tokens" => "Input tokens",
        "output_tokens" => "Output tokens",
        "cache_read_input_tokens" => "Input tokens read from cache",
        "cache_creation.ephemeral_5m_input_tokens" => "Input tokens written to cache for 5 minutes",
        "cache_creation.ephemeral_1h_input_tokens" => "Input tokens written to cache for 1 hour",
        "web_search" => "Web searches",
        _ => "Other charges",
    }
}

/// The month of a day: its first instant and that of the next.
fn month_of(day: UtcDay) -> (String, String) {
    let text = day.to_string();
    let year: i32 = text.get(..4).and_then(|year| year.parse().ok()).unwrap_or(1970);
    let month: u32 = text.get(5..7).and_then(|month| month.parse().ok()).unwrap_or(1);
    let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    (format!("{year:04}-{month:02}-01T00:00:00Z"), format!("{next_year:04}-{next_month:02}-01T00:00:00Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn december_is_followed_by_january() {
        let day = UtcDay(20_818); // 2026-12-31
        assert_eq!(day.to_string(), "2026-12-31");
        assert_eq!(month_of(day), ("2026-12-01T00:00:00Z".to_owned(), "2027-01-01T00:00:00Z".to_owned()));
    }
}
