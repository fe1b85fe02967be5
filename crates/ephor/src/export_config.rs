//! `[[sink]]` of ephor.toml: which sinks there are, and those that a flag names instead.
//! Promises that two sinks never share a name, which is where a place is kept.
//! Never reads a secret before a sink is opened.

use std::path::{Path, PathBuf};

use ephor_export::{ExportContext, FileSettings, Format, LakeIs, SinkSettings, StdoutSettings, What};
use ephor_lake::Lake;
use ephor_lake::control::Control;
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use crate::config;
use crate::failure::Failure;
use crate::node::now_micros;

/// What is wrong with the sinks as a whole.
pub(crate) fn check(sinks: &[SinkSettings]) -> Result<(), Failure> {
    for (index, sink) in sinks.iter().enumerate() {
        if sinks[..index].iter().any(|other| other.name == sink.name) {
            let words = format!("two sinks are called `{}`; the name is where its place is kept", sink.name);
            return Err(Failure::usage(words).hint("docs/configuration.md lists every key"));
        }
    }
    Ok(())
}

/// The secret behind a reference, or why there is none.
pub(crate) fn sink_secret(reference: &str) -> Result<SecretString, String> {
    config::secret(reference).map_err(|failure| failure.to_string())
}

/// What deliveries work on.
pub(crate) fn context(lake: Lake, control: Control, dir: &Path, lake_is: LakeIs) -> ExportContext {
    ExportContext { lake, control, data_dir: dir.to_owned(), clock: now_micros, secrets: sink_secret, lake_is }
}

/// The sink that a flag names: `file:PATH`, `stdout`, or one of ephor.toml.
pub(crate) fn named(
    text: &str,
    format: Option<&str>,
    what: Option<What>,
    sinks: &[SinkSettings],
) -> Result<SinkSettings, Failure> {
    let format_name = |format: Option<&str>| -> Result<String, Failure> {
        let text = format.unwrap_or("ocsf");
        text.parse::<Format>().map_err(Failure::usage)?;
        Ok(text.to_owned())
    };
    if let Some(path) = text.strip_prefix("file:") {
        if path.is_empty() {
            return Err(Failure::usage("`file:` wants a path, e.g. file:activities.ndjson"));
        }
        let (path, format) = (absolute(Path::new(path))?, format_name(format)?);
        let mut settings = SinkSettings::named(&file_name(&path, &format));
        settings.what = what.unwrap_or(What::Activities);
        settings.file = Some(FileSettings { path, rotate_bytes: None, keep_files: None });
        settings.format = Some(format);
        return Ok(settings);
    }
    if text == "stdout" {
        let mut settings = SinkSettings::named("stdout");
        settings.what = what.unwrap_or(What::Activities);
        settings.stdout = Some(StdoutSettings {});
        settings.format = Some(format_name(format)?);
        return Ok(settings);
    }
    let Some(found) = sinks.iter().find(|sink| sink.name == text) else {
        let known: Vec<&str> = sinks.iter().map(|sink| sink.name.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(Failure::usage(format!("there is no sink `{text}`; ephor.toml names {known}"))
            .hint("`--sink file:PATH` and `--sink stdout` need no entry in ephor.toml"));
    };
    if format.is_some() {
        return Err(Failure::usage(format!("sink `{text}` has its format in ephor.toml"))
            .hint("--export-format is for `file:PATH` and `stdout`"));
    }
    if what.is_some() {
        return Err(Failure::usage(format!("sink `{text}` has what it is given in ephor.toml"))
            .hint("--what is for `file:PATH` and `stdout`"));
    }
    Ok(found.clone())
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    Ok(std::path::absolute(path)?)
}

/// A file that a flag names has a place of its own for each path and format.
fn file_name(path: &Path, format: &str) -> String {
    let digest = Sha256::digest(format!("{}\n{format}", path.display()));
    let digits: String = digest[..6].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("file-{digits}")
}
