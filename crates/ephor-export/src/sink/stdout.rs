//! Records as lines on standard output, for a program behind a pipe.
//! Promises whole lines in order; when the reader goes away, the sink says that it is gone.
//! Never writes anything else there.

use std::io::Write;

use async_trait::async_trait;
use serde::Deserialize;

use super::{Broken, Refusal, Sink, Verdict, all_delivered, lines};
use crate::record::Record;

/// `stdout = {}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StdoutSettings {}

pub(crate) struct StdoutSink;

#[async_trait]
impl Sink for StdoutSink {
    async fn send(&mut self, batch: &[Record]) -> Result<Vec<Verdict>, Broken> {
        let bytes = lines(batch);
        let written = tokio::task::spawn_blocking(move || {
            let mut out = std::io::stdout().lock();
            out.write_all(&bytes).and_then(|()| out.flush())
        });
        match written.await {
            Ok(Ok(())) => Ok(all_delivered(batch)),
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                Err(Refusal::Gone { why: "whoever read standard output has gone away".to_owned() }.into())
            }
            Ok(Err(error)) => Err(Refusal::unreachable(error).into()),
            Err(stopped) => Err(Refusal::unreachable(stopped).into()),
        }
    }
}
