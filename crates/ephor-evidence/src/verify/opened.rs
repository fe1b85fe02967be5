//! A package opened for reading: the same whether it is a folder or a zip.
//! Promises to list every file that is there, and never to follow a link.
//! Never unpacks anything.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use zip::ZipArchive;

use super::Problems;
use crate::error::EvidenceError;
use crate::package::is_zip;

/// Bytes of a document that is read whole: lists of files of the largest packages are a tenth of this.
const DOCUMENT_BYTES: u64 = 256 << 20;

/// A package.
pub(crate) struct Opened {
    place: PathBuf,
    names: BTreeSet<String>,
    kind: Kind,
}

enum Kind {
    Folder,
    Zip(ZipArchive<BufReader<File>>),
}

impl Opened {
    pub(crate) fn open(place: &Path) -> Result<Self, EvidenceError> {
        let none = |what: String| EvidenceError::NoPackage { path: place.to_owned(), what };
        if place.is_dir() {
            let mut names = BTreeSet::new();
            list(place, place, &mut names).map_err(|error| none(error.to_string()))?;
            return Ok(Self { place: place.to_owned(), names, kind: Kind::Folder });
        }
        let file = File::open(place).map_err(|error| none(error.to_string()))?;
        if !is_zip(place) {
            return Err(none("it is neither a folder nor a file that ends with .zip".to_owned()));
        }
        let archive = ZipArchive::new(BufReader::new(file)).map_err(|error| none(error.to_string()))?;
        let names = archive.file_names().filter_map(Result::ok).map(std::borrow::Cow::into_owned).collect();
        Ok(Self { place: place.to_owned(), names, kind: Kind::Zip(archive) })
    }

    /// Every file, by its path in the package.
    pub(crate) fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// Sign-offs beside the package, in order.
    pub(crate) fn sign_off_names(&self) -> Vec<String> {
        self.names.iter().filter(|name| is_sign_off(name)).cloned().collect()
    }

    /// A file, to be read bit by bit; none if it is not there.
    pub(crate) fn file(&mut self, name: &str) -> Option<Box<dyn Read + '_>> {
        if !self.names.contains(name) {
            return None;
        }
        match &mut self.kind {
            Kind::Folder => File::open(self.place.join(name)).ok().map(|file| Box::new(BufReader::new(file)) as _),
            Kind::Zip(archive) => archive.by_name(name).ok().map(|file| Box::new(file) as _),
        }
    }

    /// A whole file; what is wrong with it is told.
    pub(crate) fn bytes(&mut self, name: &str, problems: &mut Problems) -> Option<Vec<u8>> {
        let Some(file) = self.file(name) else {
            problems.add(name, "it is missing, or cannot be opened");
            return None;
        };
        let mut bytes = Vec::new();
        match file.take(DOCUMENT_BYTES).read_to_end(&mut bytes) {
            Ok(_) => Some(bytes),
            Err(error) => {
                problems.add(name, format!("it cannot be read: {error}"));
                None
            }
        }
    }

    /// A JSON document.
    pub(crate) fn json<T: DeserializeOwned>(&mut self, name: &str, problems: &mut Problems) -> Option<T> {
        let bytes = self.bytes(name, problems)?;
        match serde_json::from_slice(&bytes) {
            Ok(value) => Some(value),
            Err(error) => {
                problems.add(name, format!("it is not what it should be: {error}"));
                None
            }
        }
    }

    /// A text.
    pub(crate) fn text(&mut self, name: &str, problems: &mut Problems) -> Option<String> {
        let bytes = self.bytes(name, problems)?;
        let text = String::from_utf8(bytes).ok();
        if text.is_none() {
            problems.add(name, "it is not UTF-8");
        }
        text
    }

    /// Passes every record of a comma-separated file by, with its heading; says whether it could be read to its end.
    pub(crate) fn records(
        &mut self,
        name: &str,
        problems: &mut Problems,
        mut each: impl FnMut(&csv::StringRecord, &csv::StringRecord, &mut Problems),
    ) -> Option<u64> {
        let Some(file) = self.file(name) else {
            problems.add(name, "it is missing, or cannot be opened");
            return None;
        };
        let mut reader = csv::Reader::from_reader(file);
        let heading = match reader.headers() {
            Ok(heading) => heading.clone(),
            Err(error) => {
                problems.add(name, format!("it cannot be read: {error}"));
                return None;
            }
        };
        let mut rows = 0;
        for record in reader.into_records() {
            match record {
                Ok(record) => each(&heading, &record, problems),
                Err(error) => {
                    problems.add(name, format!("row {}: {error}", rows + 1));
                    return None;
                }
            }
            rows += 1;
        }
        Some(rows)
    }
}

/// Whether a file is what somebody said of the finished package.
pub(crate) fn is_sign_off(name: &str) -> bool {
    name.starts_with("signoff/") && name.ends_with(".dsse.json")
}

fn list(root: &Path, folder: &Path, names: &mut BTreeSet<String>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        match entry.file_type()?.is_dir() {
            true => list(root, &path, names)?,
            false => {
                let relative = path.strip_prefix(root).unwrap_or(&path);
                names.insert(relative.to_string_lossy().into_owned());
            }
        }
    }
    Ok(())
}
