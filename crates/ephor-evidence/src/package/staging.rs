//! A package while it is made: a folder beside its place, every file hashed as it is written, moved into place at the end.
//! Promises that a package is there whole or not at all, and that a zip of the same files has the same bytes.
//! Never writes over anything that is there.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::error::EvidenceError;

/// Files of a package at the most that a zip may have before the older format's limit: such a package is a folder.
const FILE_BUFFER_BYTES: usize = 64 << 10;

/// A file of a package, as the manifest lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileEntry {
    pub(crate) path: String,
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
    /// Rows, where the file is a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) rows: Option<u64>,
    /// What it is, for whoever opens the package.
    pub(crate) is: String,
}

/// The folder in which a package is made.
#[derive(Debug)]
pub(crate) struct Staging {
    place: PathBuf,
    folder: PathBuf,
    files: BTreeMap<String, FileEntry>,
}

impl Staging {
    /// Begins a package that will be at `place`.
    pub(crate) fn begin(place: &Path) -> Result<Self, EvidenceError> {
        let refused = |what: String| EvidenceError::Destination { path: place.to_owned(), what };
        let taken = match fs::metadata(place) {
            Ok(found) if found.is_dir() => fs::read_dir(place).is_ok_and(|mut entries| entries.next().is_some()),
            Ok(_) => true,
            Err(_) => false,
        };
        if taken {
            return Err(refused("something is there already; name another place".to_owned()));
        }
        let name = place.file_name().ok_or_else(|| refused("it has no name".to_owned()))?;
        let parent = place.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(|error| refused(error.to_string()))?;
        let folder = parent.join(format!(".{}.making-{}", name.to_string_lossy(), std::process::id()));
        // What an interrupted run of the same process number left.
        let _ = fs::remove_dir_all(&folder);
        // Evidence names people: only its owner may look.
        fs::DirBuilder::new().mode(0o700).create(&folder).map_err(|error| refused(error.to_string()))?;
        Ok(Self { place: place.to_owned(), folder, files: BTreeMap::new() })
    }

    /// Opens a new file, to be written bit by bit.
    pub(crate) fn create(&self, path: &str) -> Result<StagedFile, EvidenceError> {
        let full = self.folder.join(path);
        let failed = |source| EvidenceError::File { what: "write", path: full.clone(), source };
        if let Some(parent) = full.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        let file = File::create_new(&full).map_err(failed)?;
        Ok(StagedFile {
            path: path.to_owned(),
            out: BufWriter::with_capacity(FILE_BUFFER_BYTES, file),
            hash: Sha256::new(),
            bytes: 0,
        })
    }

    /// Lists a file that is written to its end.
    pub(crate) fn finish(&mut self, file: StagedFile, is: &str, rows: Option<u64>) -> Result<(), EvidenceError> {
        let StagedFile { path, mut out, hash, bytes } = file;
        let full = self.folder.join(&path);
        out.flush().map_err(|source| EvidenceError::File { what: "write", path: full, source })?;
        let entry = FileEntry { path, sha256: hex::encode(hash.finalize()), bytes, rows, is: is.to_owned() };
        self.files.insert(entry.path.clone(), entry);
        Ok(())
    }

    /// A whole file at once.
    pub(crate) fn add(&mut self, path: &str, is: &str, content: &[u8]) -> Result<(), EvidenceError> {
        let mut file = self.create(path)?;
        file.write_all(content).map_err(|source| EvidenceError::File { what: "write", path: path.into(), source })?;
        self.finish(file, is, None)
    }

    /// A JSON document, readable by people.
    pub(crate) fn add_json<T: Serialize>(&mut self, path: &str, is: &str, value: &T) -> Result<(), EvidenceError> {
        let wrong = |error: serde_json::Error| EvidenceError::Document { document: "JSON", what: error.to_string() };
        let mut text = serde_json::to_vec_pretty(value).map_err(wrong)?;
        text.push(b'\n');
        self.add(path, is, &text)
    }

    /// Every file that is listed, by path.
    pub(crate) fn files(&self) -> impl Iterator<Item = &FileEntry> {
        self.files.values()
    }

    /// Puts the package into its place: as a folder, or as a zip if the place is named so.
    pub(crate) fn publish(self) -> Result<(), EvidenceError> {
        let failed = |source| EvidenceError::File { what: "write", path: self.place.clone(), source };
        if is_zip(&self.place) {
            let aside = self.folder.with_extension("zip");
            self.write_zip(&aside).and_then(|()| fs::rename(&aside, &self.place)).map_err(failed)?;
            return Ok(());
        }
        if self.place.is_dir() {
            fs::remove_dir(&self.place).map_err(failed)?;
        }
        fs::rename(&self.folder, &self.place).map_err(failed)
    }

    fn write_zip(&self, path: &Path) -> io::Result<()> {
        let mut zip = ZipWriter::new(BufWriter::new(File::create(path)?));
        for entry in self.files.values() {
            // One time for all: the same files give the same archive.
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Deflated)
                .last_modified_time(DateTime::default())
                .unix_permissions(0o644)
                .large_file(entry.bytes >= u64::from(u32::MAX));
            zip.start_file(&entry.path, options)?;
            io::copy(&mut File::open(self.folder.join(&entry.path))?, &mut zip)?;
        }
        let mut out = zip.finish()?;
        out.flush()?;
        out.get_ref().sync_all()
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Published, it is gone already; else nobody needs half a package.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Whether a package at this place is a zip.
pub(crate) fn is_zip(place: &Path) -> bool {
    place.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zip"))
}

/// A file under way.
#[derive(Debug)]
pub(crate) struct StagedFile {
    path: String,
    out: BufWriter<File>,
    hash: Sha256,
    bytes: u64,
}

impl Write for StagedFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.out.write(buffer)?;
        self.hash.update(&buffer[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
