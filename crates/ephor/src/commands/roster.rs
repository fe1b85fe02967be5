//! `ephor roster`: who works here, as the organisation itself says it.
//! A file is taken whole or not at all.
//! Never makes an account and never takes one away.

use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use serde_json::json;

use crate::arguments::{Global, Roster};
use crate::config::Config;
use crate::failure::Failure;
use crate::node::now_micros;
use crate::output;

pub(super) async fn run(global: &Global, config: &Config, action: Roster) -> Result<ExitCode, Failure> {
    let control = super::org::existing_control(&config.data_dir(global)).await?;
    match action {
        Roster::Import { file, source } => {
            let entries = ephor_reports::roster::read(&file.display().to_string(), &bytes_of(&file)?)?;
            control.roster().replace(&source, &entries, now_micros()).await?;
            let leavers = entries.iter().filter(|entry| entry.left_on.is_some()).count();
            let said = json!({ "source": source, "entries": entries.len(), "leavers": leavers });
            output::print(global.format, &said, |_| {
                format!("{} entries from {source}, {leavers} of them leavers", entries.len())
            })?;
        }
        Roster::List => {
            let entries = control.roster().list().await?;
            output::print(global.format, &entries, |entries| {
                let mut rows =
                    vec![["E-MAIL", "DEPARTMENT", "COST CENTRE", "FROM", "TO", "LAST DAY"].map(str::to_owned).to_vec()];
                rows.extend(entries.iter().map(|entry| {
                    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
                    vec![
                        entry.email.clone(),
                        text(&entry.department),
                        text(&entry.cost_centre),
                        if entry.valid_from.is_empty() { "-".to_owned() } else { entry.valid_from.clone() },
                        text(&entry.valid_to),
                        text(&entry.left_on),
                    ]
                }));
                output::columns(&rows)
            })?;
        }
    }
    control.close().await;
    Ok(ExitCode::SUCCESS)
}

fn bytes_of(file: &Path) -> Result<Vec<u8>, Failure> {
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    std::fs::read(file).map_err(|error| Failure::usage(format!("cannot read {}: {error}", file.display())))
}
