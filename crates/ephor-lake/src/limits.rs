//! Every limit of this room in one place, each with its reason.
//! They bound memory, file counts and waiting; none of them loses an activity.
//! Nothing here is tuned at run time: what a user may change is in [`crate::LakeOptions`].

/// Rows of one feed page at the most: the published maximum of `limit`.
pub const FEED_PAGE_ROWS: usize = 5_000;

/// Rows of one read in order of arrival at the most: about 3 MB of activities, so that a reader far behind stays small.
pub const ARRIVALS_ROWS: u64 = 4_096;

/// Raw bytes gathered into one commit: keeps an import under 512 MiB resident while a second batch is being parsed.
pub const COMMIT_RAW_BYTES: usize = 16 << 20;

/// Rows of one Parquet file at the most; one row group a file, so that a file's dictionary is one dictionary.
pub const FILE_ROWS: usize = 1 << 20;

/// Rows of one row group of a day table: what a page of a day reads, beside the footer, which grows with their number.
pub const DAY_TABLE_GROUP_ROWS: usize = 8 << 10;

/// Rows of one data page of a day table: about what the API gives at once.
pub const DAY_TABLE_PAGE_ROWS: usize = 1 << 10;

/// Footers of one day table kept in memory: the days that an answer looks at, at some 400 kB where a day has 100,000 rows.
pub const DAY_TABLE_FOOTERS: usize = 64;

/// Bytes of one data page of `raw` before compression: a feed page of 100 rows then decodes one or two of them.
pub const RAW_PAGE_BYTES: usize = 64 << 10;

/// Rows of a feed page that one thread unpacks: fewer would unpack more data pages twice, more would leave cores idle.
pub const ROWS_UNPACKED_AT_ONCE: usize = 64;

/// Bytes of one data page of `id`: a cursor among rows of one instant decodes one.
pub const ID_PAGE_BYTES: usize = 16 << 10;

/// Rows written to the encoder at once; a data page closes only between two of these.
pub const WRITE_BATCH_ROWS: usize = 64;

/// Decoded filter columns kept in memory for feed pages.
pub const COLUMN_CACHE_BYTES: u64 = 96 << 20;

/// Values of text columns kept in memory for the search for words: each person of each day, and little else.
pub const VALUE_CACHE_BYTES: u64 = 64 << 20;

/// Parquet footers kept in memory (a footer with its page index is about 30 kB).
pub const FOOTER_CACHE_FILES: usize = 1_024;

/// Ids kept in memory before they become a sorted run on disk. A crash costs at most this many ids to be read again.
pub const ID_MEMTABLE_ENTRIES: usize = 256 << 10;

/// Ids of expired activities in one file: 4 MiB, gathered in memory before they are written.
pub const EXPIRED_IDS_OF_A_FILE: usize = 256 << 10;

/// Runs of one size class before they are merged into the next.
pub const ID_RUN_FANOUT: usize = 4;

/// Filter bits per id held in memory: 10 bits give about 1 % needless disk look-ups, 125 MB at 100 million ids.
pub const ID_FILTER_BITS: usize = 10;

/// Commits between two Delta checkpoints: a reader then replays at most this many log entries.
pub const CHECKPOINT_EVERY_COMMITS: u64 = 100;

/// Time between two signed checkpoints while activities come in; a running node also asks for one twice a minute.
pub const CHECKPOINT_EVERY_MICROS: i64 = 30 * 1_000_000;

/// Spans of `seq` that one signed statement names: far below the megabyte that a note may have.
pub const SPANS_OF_A_STATEMENT: usize = 10_000;

/// Batches that may wait for the writer: what arrives beyond that waits at the door and not in memory.
pub const APPEND_QUEUE: usize = 64;

/// Files of one day before background compaction merges them.
pub const COMPACT_FILES_PER_DAY: usize = 8;

/// Zstandard level for rows just arrived; compaction uses the next.
pub const INTAKE_ZSTD_LEVEL: i32 = 1;
/// Zstandard level for compacted files: read many times, written once.
pub const COMPACT_ZSTD_LEVEL: i32 = 6;

/// Rows that one compaction step holds in memory at once (about 60 MB of activities, three times over while sorting).
pub const COMPACT_ROWS: u64 = 128 << 10;

/// Rows of one merged file of usage events: a merge streams, but the encoder holds a row group (about 40 MB).
pub const USAGE_FILE_ROWS: u64 = 512 << 10;

/// Rows of one merged file of upstream rows, of about a kilobyte each.
pub const UPSTREAM_FILE_ROWS: u64 = 64 << 10;

/// Rows read from one file and written to another at a time while files are merged.
pub const MERGE_BATCH_ROWS: usize = 8 << 10;

/// Bytes of one column's dictionary in a file of usage: about a hundred thousand sessions or conversations.
pub const USAGE_DICTIONARY_BYTES: usize = 4 << 20;

/// A reader that began before a commit may still need the files that it removed for this long.
pub const REMOVED_FILE_GRACE_MILLIS: i64 = 15 * 60 * 1000;

/// Memory that one SQL statement may use before it spills to the disk.
pub const SQL_MEMORY_BYTES: usize = 256 << 20;
