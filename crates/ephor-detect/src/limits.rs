//! Every limit of this room in one place, each with its reason.
//! They bound memory and rows; none of them hides a finding.
//! Nothing here is tuned at run time.

/// Activities named by one finding at the most; `count` goes on. More than anybody reads, and 20 kB a finding.
pub const EVIDENCE_LIMIT: usize = 200;

/// Characters of a note.
pub(crate) const NOTE_CHARACTERS: usize = 4_000;

/// Bytes of one rule file: a hundred times a long rule, and a file that is none is not read whole.
pub(crate) const RULE_FILE_BYTES: usize = 512 << 10;

/// Documents of one rule file.
pub(crate) const DOCUMENTS_IN_A_FILE: usize = 64;

/// Elements of an array that a rule asks about one by one.
pub(crate) const ELEMENTS: usize = 200;

/// Hits of one key kept exactly of an hour: enough for any threshold a rule may name, and 120 kB in a storm.
pub(crate) const HITS_IN_A_BUCKET: usize = 4_096;

/// Values of a day whose first sightings are kept: an organisation sees fewer new things a day.
pub(crate) const VALUES_OF_A_DAY: usize = 4_096;

/// Different values of a day counted exactly; above, closely (about 3 %).
pub(crate) const DISTINCT_SKETCH: usize = 1_024;

/// How long what has to follow may be on its way to the lake: collectors poll each minute, rows are queryable within one.
pub(crate) const SETTLE_MICROS: i64 = 5 * 60 * 1_000_000;

/// Groups of one subject that are kept for a day: people are in a handful.
pub(crate) const GROUPS: usize = 16;

/// Members that a group has at the least, for its days to say what is usual.
pub(crate) const PEERS_AT_LEAST: usize = 5;

/// Other things that one finding names at the most: more than anybody reads.
pub(crate) const OTHERS: usize = 50;

/// How late an activity may come and find everything as it was that its judgement needs. Collectors catch up within hours,
/// and an upstream that stood still over a holiday within two weeks. What comes later is judged as well: everything is read
/// again from the lake for it.
pub(crate) const LATENESS_MICROS: i64 = 30 * 86_400_000_000;

/// While history is read, what is settled is put down and forgotten so often: often enough that memory holds little more
/// than it needs, seldom enough that a key is not judged again for each day of its past.
pub(crate) const SETTLE_HISTORY_EACH_MICROS: i64 = 7 * 86_400_000_000;

/// And so often while a node runs.
pub(crate) const SETTLE_EACH_MICROS: i64 = 86_400_000_000;

/// After something came too late nothing is forgotten for so long: where one such comes, more follow, and each of them
/// would read the lake again.
pub(crate) const REST_AFTER_LATE_MICROS: i64 = 86_400_000_000;
