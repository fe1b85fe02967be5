//! The bytes of an input, whatever it is packed in: plain, gzip or zstd by its first bytes, a BOM passed over.
//! Counts the bytes taken from the disk, so that a bar can show how far it is.
//! Never seeks: standard input is read like a file.

use std::fs::File;
use std::io::{BufReader, Chain, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Bytes, is_stdin};
use crate::error::SourceError;

/// Bytes asked of the disk at once.
const READ_BYTES: usize = 1 << 20;

/// An open input.
pub(super) struct Opened {
    pub(super) bytes: Bytes,
    pub(super) position: Position,
}

/// How many bytes have been taken from the disk.
#[derive(Debug, Clone, Default)]
pub(super) struct Position(Arc<AtomicU64>);

impl Position {
    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

pub(super) fn open(path: &Path) -> Result<Opened, SourceError> {
    let inner: Bytes = match is_stdin(path) {
        true => Box::new(std::io::stdin()),
        false => Box::new(File::open(path).map_err(|e| SourceError::file("open", path, e))?),
    };
    unpacked(path, inner)
}

/// Takes an input out of whatever it is packed in.
pub(super) fn unpacked(path: &Path, inner: Bytes) -> Result<Opened, SourceError> {
    let failed = |e| SourceError::file("read", path, e);
    let position = Position::default();
    let counted = Counted { inner, position: position.clone() };
    let (magic, rest) = peek(counted, 4).map_err(failed)?;
    let bytes: Bytes = match magic.as_slice() {
        [0x1F, 0x8B, ..] => Box::new(flate2::read::MultiGzDecoder::new(BufReader::with_capacity(READ_BYTES, rest))),
        [0x28, 0xB5, 0x2F, 0xFD] => Box::new(zstd::Decoder::new(rest).map_err(failed)?),
        _ => Box::new(rest),
    };
    let (start, rest) = peek(bytes, 3).map_err(failed)?;
    let bytes: Bytes = match start == [0xEF, 0xBB, 0xBF] {
        true => Box::new(rest.into_inner().1),
        false => Box::new(rest),
    };
    Ok(Opened { bytes, position })
}

/// A reader whose first bytes come again.
type Again<R> = Chain<Cursor<Vec<u8>>, R>;

/// The first bytes, and a reader that gives them again.
fn peek<R: Read>(mut reader: R, length: u64) -> std::io::Result<(Vec<u8>, Again<R>)> {
    let mut first = Vec::new();
    reader.by_ref().take(length).read_to_end(&mut first)?;
    Ok((first.clone(), Cursor::new(first).chain(reader)))
}

struct Counted {
    inner: Bytes,
    position: Position,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.position.0.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
