//! An input cut into blocks of whole activities: lines where it is NDJSON, items where it is an array or API pages.
//! Blocks keep input order and know their line numbers, so that many threads can parse them.
//! Never holds more than one block and one line; only a document that is one object, or an array behind the first, is
//! held as a whole.

use std::fmt;
use std::io::{BufReader, Cursor, Read};
use std::path::Path;

use ephor_wire::header::HeaderError;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::Bytes;
use crate::error::SourceError;

/// Bytes of a block of lines: large enough to be worth a thread, small enough that a dozen fit in memory.
const BLOCK_BYTES: usize = 4 << 20;

/// A line longer than this is no activity; it is passed over and reported.
const LINE_BYTES: usize = 16 << 20;

/// Items of an array or page that travel together.
const BLOCK_ITEMS: usize = 8192;

/// A piece of an input: whole activities, in order.
pub(super) enum Block {
    /// Whole lines, and the number of the first.
    Lines { text: Vec<u8>, first_line: u64 },
    /// Items of an array or of API pages, and the number of the first (counted from 1).
    Items { items: Vec<Box<RawValue>>, first: u64 },
    /// Something that cannot be read on: where, and why.
    Broken { line: u64, reason: String },
}

impl Block {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Lines { text, .. } => text.len(),
            Self::Items { items, .. } => items.iter().map(|item| item.get().len()).sum(),
            Self::Broken { .. } => 0,
        }
    }

    /// Every activity with its line (or item) number; an `Err` is a reason why there is none at that place.
    pub(super) fn each<'a>(&'a self, mut take: impl FnMut(u64, Result<&'a [u8], String>)) {
        match self {
            Self::Lines { text, first_line } => {
                let mut start = 0;
                let mut number = *first_line;
                while start < text.len() {
                    let end = memchr::memchr(b'\n', &text[start..]).map_or(text.len(), |at| start + at);
                    let line = text[start..end].trim_ascii();
                    if line.len() > LINE_BYTES {
                        take(number, Err(too_long(line.len())));
                    } else if !line.is_empty() {
                        take(number, Ok(line));
                    }
                    start = end + 1;
                    number += 1;
                }
            }
            Self::Items { items, first } => {
                for (number, item) in (*first..).zip(items) {
                    match item.get().as_bytes() {
                        long if long.len() > LINE_BYTES => take(number, Err(too_long(long.len()))),
                        item => take(number, Ok(item)),
                    }
                }
            }
            Self::Broken { line, reason } => take(*line, Err(reason.clone())),
        }
    }
}

fn too_long(bytes: usize) -> String {
    format!("the activity has {bytes} bytes; at most {LINE_BYTES} are taken")
}

/// The activities of a value that is no activity itself, if it is an API page or an array.
pub(super) fn items_within<'a>(raw: &'a [u8], refused: &HeaderError) -> Option<Vec<&'a RawValue>> {
    match refused {
        HeaderError::NoId | HeaderError::NoType | HeaderError::NoCreatedAt => page_items(raw),
        HeaderError::NotAnObject(_) if raw.first() == Some(&b'[') => serde_json::from_slice(raw).ok(),
        _ => None,
    }
}

/// The items of an array or an API page.
pub(super) fn items_of(raw: &[u8]) -> Option<Vec<&RawValue>> {
    match raw.first() {
        Some(b'[') => serde_json::from_slice(raw).ok(),
        _ => page_items(raw),
    }
}

/// The activities of one API page. An object with an id or a time is an activity that lacks something, whatever its
/// `data` holds: taken for an empty page, it would be gone without a word.
fn page_items(raw: &[u8]) -> Option<Vec<&RawValue>> {
    #[derive(serde::Deserialize)]
    struct Page<'a> {
        #[serde(borrow)]
        data: Vec<&'a RawValue>,
        id: Option<IgnoredAny>,
        created_at: Option<IgnoredAny>,
    }
    let page = serde_json::from_slice::<Page<'_>>(raw).ok()?;
    (page.id.is_none() && page.created_at.is_none()).then_some(page.data)
}

/// Hands on the blocks of an input one by one, for as long as `take` answers true.
pub(super) fn each_block(
    path: &Path,
    mut bytes: Bytes,
    take: &mut dyn FnMut(Block) -> bool,
) -> Result<(), SourceError> {
    let mut head = Vec::new();
    // What came before a break is good, however short the input is; whoever reads on meets the break.
    let broken = Broken(bytes.by_ref().take(BLOCK_BYTES as u64).read_to_end(&mut head).err());
    let shape = Shape::of(&head);
    let whole = Cursor::new(head).chain(broken).chain(bytes);
    match shape {
        Shape::Lines => lines(path, Box::new(whole), take),
        Shape::Array => array(Box::new(whole), take),
        Shape::Documents => {
            let mut gathered = Gathered::new(take);
            documents(document(Box::new(whole)), &mut gathered);
            gathered.flush();
            Ok(())
        }
    }
}

/// Fails once with the error of an earlier read, if there was one.
struct Broken(Option<std::io::Error>);

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

/// How an input is laid out, as far as its beginning tells.
#[derive(Debug, PartialEq, Eq)]
enum Shape {
    /// One JSON value a line, or lines that are none.
    Lines,
    /// An array, and whatever follows it.
    Array,
    /// JSON values spread over several lines.
    Documents,
}

impl Shape {
    fn of(head: &[u8]) -> Self {
        let start = head.trim_ascii_start();
        let mut lines = start.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
        let first = lines.next().unwrap_or_default();
        let second = lines.next();
        match first.first() {
            // An array a line; one that is alone, or goes on, is read item by item.
            Some(b'[') if second.is_some() && serde_json::from_slice::<IgnoredAny>(first).is_ok() => Self::Lines,
            Some(b'[') => Self::Array,
            Some(b'{') if serde_json::from_slice::<IgnoredAny>(first).is_ok() => Self::Lines,
            // A page whose rows begin on the line of its `data`.
            Some(b'{') if first.ends_with(b"[") || is_page_head(first) => Self::Documents,
            // A broken first line of NDJSON is followed by anything; a pretty-printed object by a key or its end, and by
            // anything only where its line asks for more.
            Some(b'{') if second.is_some_and(|second| matches!(second.first(), Some(b'"' | b'}'))) => Self::Documents,
            Some(b'{') if second.is_some() && matches!(first.last(), Some(b'{' | b',' | b':')) => Self::Documents,
            // One very long object (an API page on one line) fills the whole beginning.
            Some(b'{') if first.len() + 1 >= start.len() => Self::Documents,
            _ => Self::Lines,
        }
    }
}

/// Whether a line that is no whole object begins an API page: its first key is `data`.
fn is_page_head(line: &[u8]) -> bool {
    let key = line.get(1..).unwrap_or_default().trim_ascii_start();
    let rest = key.strip_prefix(b"\"data\"").map(<[u8]>::trim_ascii_start);
    rest.is_some_and(|rest| rest.first() == Some(&b':'))
}

fn lines(path: &Path, mut bytes: Bytes, take: &mut dyn FnMut(Block) -> bool) -> Result<(), SourceError> {
    let mut carried: Vec<u8> = Vec::new();
    let mut first_line = 1;
    loop {
        let mut text = std::mem::take(&mut carried);
        text.reserve(BLOCK_BYTES);
        let read = bytes
            .by_ref()
            .take(BLOCK_BYTES as u64)
            .read_to_end(&mut text)
            .map_err(|e| SourceError::file("read", path, e));
        let read = match read {
            Ok(read) => read,
            // A cut or damaged archive: what came out of it is good.
            Err(error) => {
                let line = first_line + newlines(&text);
                let reason = error.to_string();
                let _ = take(Block::Lines { text, first_line }) && take(Block::Broken { line, reason });
                return Ok(());
            }
        };
        let end = if read == 0 { text.len() } else { memchr::memrchr(b'\n', &text).map_or(0, |at| at + 1) };
        if end == 0 && text.len() > LINE_BYTES {
            // Drop the line and go on behind it.
            let reason = too_long(text.len());
            if !take(Block::Broken { line: first_line, reason }) || !skip_line(path, &mut bytes, &mut carried)? {
                return Ok(());
            }
            first_line += 1;
            continue;
        }
        carried = text.split_off(end);
        let lines_of_block = newlines(&text);
        if !text.is_empty() && !take(Block::Lines { text, first_line }) {
            return Ok(());
        }
        first_line += lines_of_block;
        if read == 0 {
            return Ok(());
        }
    }
}

fn newlines(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

/// Reads on to the end of a line; what follows it is left in `carried`. False at the end of the input.
fn skip_line(path: &Path, bytes: &mut Bytes, carried: &mut Vec<u8>) -> Result<bool, SourceError> {
    loop {
        let mut piece = Vec::with_capacity(BLOCK_BYTES);
        let read = bytes
            .by_ref()
            .take(BLOCK_BYTES as u64)
            .read_to_end(&mut piece)
            .map_err(|e| SourceError::file("read", path, e))?;
        if let Some(at) = memchr::memchr(b'\n', &piece) {
            *carried = piece.split_off(at + 1);
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
    }
}

/// Gathers items into blocks.
struct Gathered<'t> {
    items: Vec<Box<RawValue>>,
    bytes: usize,
    first: u64,
    take: &'t mut dyn FnMut(Block) -> bool,
    wanted: bool,
}

impl<'t> Gathered<'t> {
    fn new(take: &'t mut dyn FnMut(Block) -> bool) -> Self {
        Self { items: Vec::new(), bytes: 0, first: 1, take, wanted: true }
    }

    fn push(&mut self, item: Box<RawValue>) {
        self.bytes += item.get().len();
        self.items.push(item);
        if self.items.len() >= BLOCK_ITEMS || self.bytes >= BLOCK_BYTES {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let items = std::mem::take(&mut self.items);
        self.bytes = 0;
        let count = items.len() as u64;
        if count > 0 && self.wanted {
            self.wanted = (self.take)(Block::Items { items, first: self.first });
        }
        self.first += count;
    }

    /// What was read before the break goes in; the break itself is reported with the place that the parser names.
    fn broken(&mut self, error: &serde_json::Error) {
        self.flush();
        if self.wanted {
            let reason = format!("not JSON from here on: {error}");
            self.wanted = (self.take)(Block::Broken { line: error.line() as u64, reason });
        }
    }
}

/// A document that is read piece by piece.
type Document = serde_json::Deserializer<serde_json::de::IoRead<BufReader<Bytes>>>;

fn document(bytes: Bytes) -> Document {
    serde_json::Deserializer::from_reader(BufReader::with_capacity(1 << 20, bytes))
}

/// An array item by item, and then what follows it.
fn array(bytes: Bytes, take: &mut dyn FnMut(Block) -> bool) -> Result<(), SourceError> {
    let mut gathered = Gathered::new(take);
    let mut reader = document(bytes);
    match (ArrayItems { gathered: &mut gathered }).deserialize(&mut reader) {
        Ok(()) => documents(reader, &mut gathered),
        Err(error) => gathered.broken(&error),
    }
    gathered.flush();
    Ok(())
}

/// Values one after the other: an API page or an array gives its items, any other value is an activity itself.
fn documents(reader: Document, gathered: &mut Gathered<'_>) {
    for document in reader.into_iter::<Box<RawValue>>() {
        match document {
            Ok(document) => {
                let raw = document.get().as_bytes();
                match items_of(raw) {
                    Some(items) => items.into_iter().for_each(|item| gathered.push(item.to_owned())),
                    None => gathered.push(document),
                }
            }
            Err(error) => return gathered.broken(&error),
        }
        if !gathered.wanted {
            return;
        }
    }
}

struct ArrayItems<'g, 't> {
    gathered: &'g mut Gathered<'t>,
}

impl<'de> DeserializeSeed<'de> for ArrayItems<'_, '_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ArrayItems<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of activities")
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<(), S::Error> {
        while let Some(item) = seq.next_element::<Box<RawValue>>()? {
            self.gathered.push(item);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str) -> Vec<(u64, Result<String, String>)> {
        let mut found = Vec::new();
        let mut take = |block: Block| {
            block.each(|line, raw| found.push((line, raw.map(|raw| String::from_utf8_lossy(raw).into_owned()))));
            true
        };
        each_block(Path::new("test"), Box::new(Cursor::new(text.as_bytes().to_vec())), &mut take).unwrap();
        found
    }

    fn good(line: u64, text: &str) -> (u64, Result<String, String>) {
        (line, Ok(text.to_owned()))
    }

    #[test]
    fn lines_keep_their_numbers_past_empty_and_broken_ones() {
        assert_eq!(
            read("{\"a\":1}\n\n{\"a\":2}\r\n{oops\n{\"a\":3}"),
            [good(1, "{\"a\":1}"), good(3, "{\"a\":2}"), good(4, "{oops"), good(5, "{\"a\":3}")]
        );
        assert_eq!(read("{oops\n{\"a\":3}\n"), [good(1, "{oops"), good(2, "{\"a\":3}")]);
        assert_eq!(read("no json at all\n"), [good(1, "no json at all")]);
        assert_eq!(read(""), []);
    }

    #[test]
    fn arrays_pages_and_pretty_printed_documents_give_their_items() {
        assert_eq!(read("[{\"a\":1}, {\"a\":2}]"), [good(1, "{\"a\":1}"), good(2, "{\"a\":2}")]);
        assert_eq!(
            read("{\n \"data\": [{\"a\":1},\n{\"a\":2}],\n \"has_more\": false\n}\n{\n\"data\":[{\"a\":3}]}"),
            [good(1, "{\"a\":1}"), good(2, "{\"a\":2}"), good(3, "{\"a\":3}")]
        );
        assert_eq!(
            read("{\"data\":[{\"a\":1},\n{\"a\":2}],\"has_more\":false}\n"),
            [good(1, "{\"a\":1}"), good(2, "{\"a\":2}")]
        );
        assert_eq!(read("{\n  \"id\": \"x\"\n}"), [good(1, "{\n  \"id\": \"x\"\n}")]);
    }

    #[test]
    fn arrays_behind_each_other_and_what_follows_them_all_come_in() {
        let all = [good(1, "{\"a\":1}"), good(2, "{\"a\":2}"), good(3, "{\"a\":3}"), good(4, "{\"a\":4}")];
        assert_eq!(read("[\n{\"a\":1}\n]\n[{\"a\":2},\n{\"a\":3}\n]{\"data\":[{\"a\":4}]}"), all);
        assert_eq!(read("[{\"a\":1},{\"a\":2}] {\"a\":3}{\"a\":4}"), all);
        assert_eq!(read("[{\"a\":1}]\n{\"a\":2}\n"), [good(1, "[{\"a\":1}]"), good(2, "{\"a\":2}")]);
        let found = read("[{\"a\":1},\n{\"a\":2}]\nand more");
        assert_eq!(found[..2], all[..2]);
        assert!(matches!(found[2], (3, Err(_))), "{found:?}");
    }

    #[test]
    fn arrays_and_pages_are_no_activities_and_an_activity_that_lacks_something_is_no_page() {
        let within = |raw: &str| {
            let refused = ephor_wire::header::Header::parse(raw.as_bytes()).unwrap_err();
            let items = items_within(raw.as_bytes(), &refused);
            items.map(|items| items.into_iter().map(RawValue::get).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(within("[{\"a\":1},2]").as_deref(), Some("{\"a\":1} 2"));
        assert_eq!(within(r#"{"data":[{"a":1}],"type":"list","first_id":null}"#).as_deref(), Some("{\"a\":1}"));
        assert_eq!(within(r#"{"data":[],"has_more":false}"#).as_deref(), Some(""));
        for lacking in [r#"{"id":"activity_1","data":[]}"#, r#"{"created_at":"2026-01-01T00:00:00Z","data":[]}"#, "[1"]
        {
            assert_eq!(within(lacking), None);
        }
    }

    #[test]
    fn lines_behind_two_broken_ones_come_in() {
        assert_eq!(read("{oops\nand more\n{\"a\":1}\n"), [good(1, "{oops"), good(2, "and more"), good(3, "{\"a\":1}")]);
    }

    #[test]
    fn what_comes_before_a_break_comes_in_however_short_it_is() {
        let bytes =
            Cursor::new(b"{\"a\":1}\n{\"a\":2}\n{\"a".to_vec()).chain(Broken(Some(std::io::Error::other("cut"))));
        let mut found = Vec::new();
        let mut take = |block: Block| {
            block.each(|line, raw| found.push((line, raw.map(|raw| String::from_utf8_lossy(raw).into_owned()))));
            true
        };
        each_block(Path::new("test"), Box::new(bytes), &mut take).unwrap();
        let broken = (3, Err("cannot read test: cut".to_owned()));
        assert_eq!(found, [good(1, "{\"a\":1}"), good(2, "{\"a\":2}"), good(3, "{\"a"), broken]);
    }

    #[test]
    fn a_cut_array_gives_what_came_before_and_says_where_it_broke() {
        let found = read("[{\"a\":1},\n{\"a\":2},\n{\"a\":");
        assert_eq!(found[..2], [good(1, "{\"a\":1}"), good(2, "{\"a\":2}")]);
        assert!(matches!(&found[2], (3, Err(reason)) if reason.contains("EOF")), "{found:?}");
    }
}
