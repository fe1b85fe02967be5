//! A day's checkpoint shown to a time-stamping authority, and the answer kept with the log.
//! Promises one stamp a sealed day; an answer that does not hold is refused and asked for again.
//! Never stands in the way of a signature: the log is as good without a stamp, and better with one.

use ephor_export::TimeStampAuthority;
use ephor_lake::LakeError;
use ephor_lake::proof::{ProofLog, REPLY_BYTES, StampQuestion, TimeStamp};

use crate::failure::Failure;

/// Has the checkpoint of the day that was sealed last stamped, unless it is. For whoever has the lake open for writing.
pub(crate) async fn stamp_last_day(
    log: &ProofLog,
    authority: &TimeStampAuthority,
    nonce: u64,
) -> Result<Option<TimeStamp>, Failure> {
    let Some((day, checkpoint)) = log.without_time_stamp()? else { return Ok(None) };
    let question = StampQuestion::about(checkpoint.note.as_bytes(), nonce);
    let asked = authority.ask(question.to_der().map_err(LakeError::from)?).await;
    let reply = asked.map_err(|what| Failure::new(format!("the time-stamping authority: {what}")))?;
    if reply.len() > REPLY_BYTES {
        return Err(Failure::new(format!("the time-stamping authority answered with {} bytes", reply.len())));
    }
    question.read(&reply).map_err(LakeError::from)?;
    Ok(Some(log.keep_time_stamp(&day, &checkpoint, &reply)?))
}
