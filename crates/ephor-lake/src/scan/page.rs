//! One page of the feed: a merge over the few files that overlap its beginning, `raw` read only for the rows it shows.
//! Order is `created_at`, then id; `Before` walks the other way and is turned round at the end.
//! Never reads a file that lies behind the page.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;

use ephor_wire::header::Header;
use rayon::prelude::*;

use super::filter::{FileFilter, From};
use super::parquet_file::ColumnStore;
use super::query::{ActivityFilter, FeedCursor, FeedPage, FeedQuery, FeedRow, Order, PageFrom};
use crate::error::LakeError;
use crate::files::{DataFile, FileSet};
use crate::limits;

/// How the files are walked for a page, whatever the page's own order is.
struct Walk<'a> {
    towards: Towards,
    /// Rows lie strictly beyond this place.
    beyond: Option<&'a FeedCursor>,
    filter: &'a ActivityFilter,
    /// One row more than the page shows says whether there are more.
    need: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Towards {
    Older,
    Newer,
}

/// A row that belongs to the page, not yet read.
#[derive(Clone, Copy)]
struct Hit {
    created_at: i64,
    file: usize,
    row: usize,
}

pub(super) fn page(files: &FileSet, store: &ColumnStore, query: &FeedQuery) -> Result<FeedPage, LakeError> {
    let limit = query.limit.min(limits::FEED_PAGE_ROWS);
    if limit == 0 {
        return Ok(FeedPage::default());
    }
    let walk = Walk::of(query, limit + 1);
    let candidates = walk.candidates(files);
    let hits = walk.collect(&candidates, store)?;
    let mut rows = read(&candidates, store, hits)?;
    rows.sort_unstable_by(|a, b| (a.created_at_micros, &a.id).cmp(&(b.created_at_micros, &b.id)));
    if walk.towards == Towards::Older {
        rows.reverse();
    }
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    if matches!(query.from, PageFrom::Before(_)) {
        rows.reverse();
    }
    Ok(FeedPage { rows, has_more })
}

impl<'a> Walk<'a> {
    fn of(query: &'a FeedQuery, need: usize) -> Self {
        let forward = match query.order {
            Order::Descending => Towards::Older,
            Order::Ascending => Towards::Newer,
        };
        let (towards, beyond) = match &query.from {
            PageFrom::Start => (forward, None),
            PageFrom::After(place) => (forward, Some(place)),
            PageFrom::Before(place) if forward == Towards::Older => (Towards::Newer, Some(place)),
            PageFrom::Before(place) => (Towards::Older, Some(place)),
        };
        Self { towards, beyond, filter: &query.filter, need }
    }

    /// The files that can hold rows of the walk, nearest first.
    fn candidates<'f>(&self, files: &'f FileSet) -> Vec<&'f Arc<DataFile>> {
        let (from, to) = self.bounds();
        let in_seq = |file: &DataFile| {
            self.filter.seq.as_ref().is_none_or(|r| file.span.first_seq < r.end && r.start <= file.span.last_seq)
        };
        let within = |file: &DataFile| {
            from.is_none_or(|from| from <= file.span.last_time) && to.is_none_or(|to| file.span.first_time < to)
        };
        let mut candidates: Vec<_> = files.files.iter().filter(|file| within(file) && in_seq(file)).collect();
        match self.towards {
            Towards::Newer => candidates.sort_by_key(|file| file.span.first_time),
            Towards::Older => candidates.sort_by_key(|file| std::cmp::Reverse(file.span.last_time)),
        }
        candidates
    }

    /// The filter's time range, narrowed by the cursor: from (included) and to (excluded).
    fn bounds(&self) -> (Option<i64>, Option<i64>) {
        let range = self.filter.created_at;
        match (self.beyond, self.towards) {
            (None, _) => (range.from, range.to),
            (Some(place), Towards::Newer) => (range.from.max(Some(place.created_at_micros)), range.to),
            (Some(place), Towards::Older) => {
                let end = place.created_at_micros.saturating_add(1);
                (range.from, Some(range.to.map_or(end, |to| to.min(end))))
            }
        }
    }

    fn collect(&self, candidates: &[&Arc<DataFile>], store: &ColumnStore) -> Result<Vec<Hit>, LakeError> {
        let mut hits: Vec<Hit> = Vec::new();
        for (index, file) in candidates.iter().enumerate() {
            if let Some(last) = hits.get(self.need - 1) {
                let behind = match self.towards {
                    Towards::Newer => file.span.first_time > last.created_at,
                    Towards::Older => file.span.last_time < last.created_at,
                };
                if behind {
                    break;
                }
            }
            hits.extend(self.hits_in(file, index, store)?);
            self.keep_nearest(&mut hits);
        }
        Ok(hits)
    }

    /// Sorts by time and drops what cannot be on the page any more; rows of one instant stay together, since only
    /// their ids tell which comes first.
    fn keep_nearest(&self, hits: &mut Vec<Hit>) {
        match self.towards {
            Towards::Newer => hits.sort_by_key(|hit| hit.created_at),
            Towards::Older => hits.sort_by_key(|hit| std::cmp::Reverse(hit.created_at)),
        }
        if let Some(last) = hits.get(self.need - 1).map(|hit| hit.created_at) {
            let beyond = hits[self.need..].iter().take_while(|hit| hit.created_at == last).count();
            hits.truncate(self.need + beyond);
        }
    }

    /// The first rows of one file in the walk's direction; as many as the page needs and no more.
    fn hits_in(&self, file: &DataFile, index: usize, store: &ColumnStore) -> Result<Vec<Hit>, LakeError> {
        let Some(filter) = FileFilter::for_file(self.filter, store, file)? else {
            return Ok(Vec::new());
        };
        let column = store.filter_column(file, "created_at")?;
        let created_at: &[i64] = column.as_primitive::<Int64Type>().values();
        let rows = self.rows_in(file, store, created_at)?;
        let from = match self.towards {
            Towards::Newer => From::First,
            Towards::Older => From::Last,
        };
        let rows = filter.nearest(rows, from, self.need);
        Ok(rows.into_iter().map(|row| Hit { created_at: created_at[row], file: index, row }).collect())
    }

    /// The span of rows within the time range and beyond the cursor. Files are sorted, so it is one span.
    fn rows_in(&self, file: &DataFile, store: &ColumnStore, created_at: &[i64]) -> Result<Range<usize>, LakeError> {
        let (from, to) = self.bounds();
        let mut start = from.map_or(0, |from| created_at.partition_point(|at| *at < from));
        let mut end = to.map_or(created_at.len(), |to| created_at.partition_point(|at| *at < to));
        if let Some(place) = self.beyond {
            let first = created_at.partition_point(|at| *at < place.created_at_micros);
            let last = created_at.partition_point(|at| *at <= place.created_at_micros);
            if first < last {
                let ids = store.ids(file, first..last)?;
                match self.towards {
                    Towards::Newer => start = start.max(first + ids.partition_point(|id| *id <= place.id)),
                    Towards::Older => end = end.min(first + ids.partition_point(|id| *id < place.id)),
                }
            }
        }
        Ok(start..end.max(start))
    }
}

/// The id within the stored bytes: cheaper than a second column, whose pages hold a thousand ids each.
fn id_of(file: &DataFile, raw: &str) -> Result<String, LakeError> {
    match Header::parse(raw.as_bytes()) {
        Ok(header) => Ok(header.id.into_owned()),
        Err(error) => Err(LakeError::Damaged {
            path: file.full_path.clone(),
            what: format!("a stored activity cannot be read: {error}"),
        }),
    }
}

/// Reads the bytes of all hits, file by file. Rows of one actor lie in as many data pages, and unpacking these is what a
/// page costs; so a long page is unpacked on all cores.
fn read(candidates: &[&Arc<DataFile>], store: &ColumnStore, mut hits: Vec<Hit>) -> Result<Vec<FeedRow>, LakeError> {
    hits.sort_unstable_by_key(|hit| (hit.file, hit.row));
    let parts: Vec<&[Hit]> = hits
        .chunk_by(|one, next| one.file == next.file)
        .flat_map(|of_file| of_file.chunks(limits::ROWS_UNPACKED_AT_ONCE))
        .collect();
    let rows_of = |part: &[Hit]| -> Result<Vec<FeedRow>, LakeError> {
        let Some(file) = part.first().map(|hit| candidates[hit.file]) else { return Ok(Vec::new()) };
        let numbers: Vec<usize> = part.iter().map(|hit| hit.row).collect();
        let raws = part.iter().zip(store.fetch(file, &numbers)?);
        raws.map(|(hit, raw)| Ok(FeedRow { created_at_micros: hit.created_at, id: id_of(file, &raw)?, raw })).collect()
    };
    let rows: Vec<Vec<FeedRow>> = match parts.as_slice() {
        [] => Vec::new(),
        [part] => vec![rows_of(part)?],
        parts => parts.par_iter().map(|part| rows_of(part)).collect::<Result<_, _>>()?,
    };
    Ok(rows.into_iter().flatten().collect())
}
