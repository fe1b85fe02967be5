//! The queue before a writer: what waits together is committed together, and everyone is answered once it is durable.
//! A writer runs on a thread of its own: encoding and fsync never hold up who serves, nor another table's writer.
//! Never holds more than [`limits::APPEND_QUEUE`] batches; the next one waits at the door.

use tokio::sync::{mpsc, oneshot};

use super::{AppendOutcome, Notarized};
use crate::compact::{CompactOptions, CompactReport};
use crate::erase::{Erasure, ErasureReport};
use crate::error::LakeError;
use crate::limits;

/// A writer of one table: of activities or of usage events.
pub(crate) trait Intake: Sized {
    /// What it is handed.
    type Batch: Send + 'static;

    /// Bytes that a batch brings, for the measure of one commit.
    fn bytes_of(batch: &Self::Batch) -> usize;

    /// One durable commit of everything that waited, with one outcome for each batch. After an error the writer reads
    /// the log again before it goes on.
    async fn commit(&mut self, batches: Vec<Self::Batch>) -> Result<Vec<AppendOutcome>, LakeError>;

    /// Merges and removes files.
    async fn compact(&mut self, options: &CompactOptions) -> Result<CompactReport, LakeError>;

    /// Signs a checkpoint of what was committed, and seals the day that has ended, where there is such a log.
    async fn notarize(&mut self) -> Result<Notarized, LakeError> {
        Ok(Notarized::default())
    }

    /// Takes a person out of what is stored, where such rows are proved.
    async fn erase(&mut self, _erasure: &Erasure) -> Result<ErasureReport, LakeError> {
        Ok(ErasureReport::default())
    }

    /// Writes what is only in memory, if losing it costs time; the last call.
    fn finish(&mut self) -> Result<(), LakeError>;
}

/// What a writer is asked to do.
pub(crate) enum Request<B> {
    Append(B, Answer),
    Compact(CompactOptions, oneshot::Sender<Result<CompactReport, LakeError>>),
    Notarize(oneshot::Sender<Result<Notarized, LakeError>>),
    Erase(Erasure, oneshot::Sender<Result<ErasureReport, LakeError>>),
    Close(oneshot::Sender<Result<(), LakeError>>),
}

type Answer = oneshot::Sender<Result<AppendOutcome, LakeError>>;

/// Batches of one commit, each with who waits for it.
type Waiting<B> = Vec<(B, Answer)>;

/// The way to one writer. Clones share it.
#[derive(Debug)]
pub(crate) struct Queue<B> {
    requests: mpsc::Sender<Request<B>>,
}

impl<B> Clone for Queue<B> {
    fn clone(&self) -> Self {
        Self { requests: self.requests.clone() }
    }
}

impl<B: Send + 'static> Queue<B> {
    /// Starts a writer on a thread of that name.
    pub(crate) fn start<W>(writer: W, name: &str) -> Result<Self, LakeError>
    where
        W: Intake<Batch = B> + Send + 'static,
    {
        let (requests, inbox) = mpsc::channel(limits::APPEND_QUEUE);
        let work = move || match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime.block_on(run(writer, inbox)),
            Err(error) => tracing::error!(%error, "the lake's writer could not start"),
        };
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(work)
            .map_err(|error| LakeError::WriterGone(error.to_string()))?;
        Ok(Self { requests })
    }

    /// Asks and waits for the answer.
    pub(crate) async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, LakeError>>) -> Request<B>,
    ) -> Result<T, LakeError> {
        let (answer, result) = oneshot::channel();
        let gone = || LakeError::WriterGone("it was closed".to_owned());
        self.requests.send(request(answer)).await.map_err(|_| gone())?;
        result.await.map_err(|_| gone())?
    }
}

/// Serves requests until it is closed or the last handle is dropped.
async fn run<W: Intake>(mut writer: W, mut inbox: mpsc::Receiver<Request<W::Batch>>) {
    let mut next = inbox.recv().await;
    while let Some(request) = next.take() {
        match request {
            Request::Append(batch, answer) => {
                let (waiting, other) = take_waiting::<W>(batch, answer, &mut inbox);
                let (batches, answers): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
                answer_all(answers, writer.commit(batches).await);
                next = other;
            }
            Request::Compact(options, answer) => {
                let _ = answer.send(writer.compact(&options).await);
            }
            Request::Notarize(answer) => {
                let _ = answer.send(writer.notarize().await);
            }
            Request::Erase(erasure, answer) => {
                let _ = answer.send(writer.erase(&erasure).await);
            }
            Request::Close(answer) => {
                let finished = writer.finish();
                drop(writer);
                let _ = answer.send(finished);
                return;
            }
        }
        if next.is_none() {
            next = inbox.recv().await;
        }
    }
    if let Err(error) = writer.finish() {
        tracing::warn!(%error, "the id index was not written; the next opening reads the newest ids again");
    }
}

/// Takes further appends that wait already, up to one commit's worth; stops at the first request of another kind.
fn take_waiting<W: Intake>(
    first: W::Batch,
    answer: Answer,
    inbox: &mut mpsc::Receiver<Request<W::Batch>>,
) -> (Waiting<W::Batch>, Option<Request<W::Batch>>) {
    let mut bytes = W::bytes_of(&first);
    let mut waiting = vec![(first, answer)];
    while bytes < limits::COMMIT_RAW_BYTES {
        match inbox.try_recv() {
            Ok(Request::Append(batch, answer)) => {
                bytes += W::bytes_of(&batch);
                waiting.push((batch, answer));
            }
            Ok(other) => return (waiting, Some(other)),
            Err(_) => break,
        }
    }
    (waiting, None)
}

/// Everyone gets the outcome of the own batch. Of those who wait on a commit that failed, one gets the error itself,
/// the others its words.
fn answer_all(answers: Vec<Answer>, result: Result<Vec<AppendOutcome>, LakeError>) {
    match result {
        Ok(outcomes) => {
            for (answer, outcome) in answers.into_iter().zip(outcomes) {
                let _ = answer.send(Ok(outcome));
            }
        }
        Err(error) => {
            let words = error.to_string();
            let disk_full = match &error {
                LakeError::DiskFull { path } => Some(path.clone()),
                _ => None,
            };
            let again = || {
                disk_full
                    .clone()
                    .map_or_else(|| LakeError::WriterGone(words.clone()), |path| LakeError::DiskFull { path })
            };
            let mut answers = answers.into_iter();
            if let Some(first) = answers.next() {
                let _ = first.send(Err(error));
            }
            for answer in answers {
                let _ = answer.send(Err(again()));
            }
        }
    }
}
