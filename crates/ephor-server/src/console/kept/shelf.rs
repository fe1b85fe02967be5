//! One shelf of kept answers: the last one of each question, and what makes it anew.
//! Promises an answer at once where there is one: that of now if it can be had in a moment, else the last one with its age.
//! Never lets the making of answers take the machine from those who look: two at a time, each followed by a rest.

use std::collections::HashSet;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tokio::sync::oneshot;

use super::Kept;
use super::stamp::{RestsOn, Stamp};
use crate::problem::Problem;
use crate::state::App;

/// Answers that take longer than this wait for each other, so that those which take less need not wait for them.
const QUICK: Duration = Duration::from_millis(300);

/// After an answer was made, the next one of its pace waits as long as that took, and no longer than this.
const LONGEST_REST: Duration = Duration::from_secs(5);

/// An answer, and when it was made.
#[derive(Debug)]
pub(in crate::console) struct Answer<T> {
    pub(in crate::console) value: T,
    /// Microseconds since 1970.
    pub(in crate::console) made_micros: i64,
    took: Duration,
    stamp: Stamp,
}

/// How long somebody waits for an answer of now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::console) enum Patience {
    /// A moment.
    Little,
    /// As long as it takes.
    Endless,
}

/// How much room something takes, in cells.
pub(super) trait Weigh {
    fn weight(&self) -> u64;
}

/// The last answer to each question of a kind.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    answers: Cache<String, Arc<Answer<T>>, ByCells>,
    under_way: Arc<Mutex<HashSet<String>>>,
}

#[derive(Debug, Clone)]
struct ByCells;

impl<T: Weigh> Weighter<String, Arc<Answer<T>>> for ByCells {
    fn weight(&self, _: &String, answer: &Arc<Answer<T>>) -> u64 {
        answer.value.weight()
    }
}

/// One gate for what is quick and one for what is not: behind each, one answer is made at a time.
#[derive(Debug, Default)]
pub(super) struct Paces {
    quick: Arc<tokio::sync::Mutex<()>>,
    slow: Arc<tokio::sync::Mutex<()>>,
}

impl<T: Weigh> Shelf<T> {
    pub(super) fn new(answers: usize, cells: u64) -> Self {
        Self { answers: Cache::with_weighter(answers, cells, ByCells), under_way: Arc::default() }
    }

    /// The right to make an answer anew; nothing while somebody has it.
    fn begin(&self, question: &str) -> Option<Turn> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way
            .insert(question.to_owned())
            .then(|| Turn { question: question.to_owned(), under_way: Arc::clone(&self.under_way) })
    }
}

/// An answer under way, until it is dropped.
struct Turn {
    question: String,
    under_way: Arc<Mutex<HashSet<String>>>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.question);
    }
}

/// The answer to a question. The first who asks waits for it, and so do all who ask meanwhile.
pub(super) async fn ask<T, F>(
    app: &App,
    shelf: fn(&Kept) -> &Shelf<T>,
    question: (String, RestsOn),
    patience: Patience,
    make: impl FnOnce(App) -> F + Send + 'static,
) -> Result<Arc<Answer<T>>, Problem>
where
    T: Weigh + Send + Sync + 'static,
    F: Future<Output = Result<T, Problem>> + Send + 'static,
{
    let wait = match patience {
        Patience::Little => Some(app.options().console.patience),
        Patience::Endless => None,
    };
    ask_for(app, shelf, question, wait, make).await
}

/// As [`ask`], waiting so long for an answer of now where there is an older one.
async fn ask_for<T, F>(
    app: &App,
    shelf: fn(&Kept) -> &Shelf<T>,
    (question, rests): (String, RestsOn),
    wait: Option<Duration>,
    make: impl FnOnce(App) -> F + Send + 'static,
) -> Result<Arc<Answer<T>>, Problem>
where
    T: Weigh + Send + Sync + 'static,
    F: Future<Output = Result<T, Problem>> + Send + 'static,
{
    let kept = app.console().kept();
    let stamp = kept.stamps.now(app, rests).await?;
    let here = shelf(kept);
    let Some(known) = here.answers.get(&question) else {
        let made = async { made(app, stamp, make).await.map(Arc::new) };
        return here.answers.get_or_insert_async(&question, made).await;
    };
    if known.stamp == stamp {
        return Ok(known);
    }
    let Some(turn) = here.begin(&question) else { return Ok(known) };
    let (tell, newer) = oneshot::channel();
    tokio::spawn(make_anew(app.clone(), shelf, (turn, stamp, known.took), make, tell));
    let newer = match wait {
        Some(wait) => tokio::time::timeout(wait, newer).await.ok().and_then(Result::ok),
        None => newer.await.ok(),
    };
    Ok(newer.unwrap_or(known))
}

async fn made<T, F>(app: &App, stamp: Stamp, make: impl FnOnce(App) -> F) -> Result<Answer<T>, Problem>
where
    F: Future<Output = Result<T, Problem>>,
{
    let (begun, made_micros) = (Instant::now(), app.now());
    let value = make(app.clone()).await?;
    Ok(Answer { value, made_micros, took: begun.elapsed(), stamp })
}

/// Makes an answer behind the one that is shown, when it is its turn; ends with the node.
async fn make_anew<T, F>(
    app: App,
    shelf: fn(&Kept) -> &Shelf<T>,
    (turn, stamp, took): (Turn, Stamp, Duration),
    make: impl FnOnce(App) -> F,
    tell: oneshot::Sender<Arc<Answer<T>>>,
) where
    T: Weigh + Send + Sync,
    F: Future<Output = Result<T, Problem>>,
{
    let mut closing = app.console().closing();
    let paces = &app.console().kept().paces;
    let gate = if took < QUICK { &paces.quick } else { &paces.slow };
    let at_pace = async {
        let _gate = gate.lock().await;
        match made(&app, stamp, make).await {
            Ok(answer) => {
                let (took, answer) = (answer.took, Arc::new(answer));
                shelf(app.console().kept()).answers.insert(turn.question.clone(), Arc::clone(&answer));
                drop(turn);
                // Whoever asked may have gone on with the older one.
                let _ = tell.send(answer);
                tokio::time::sleep(took.min(LONGEST_REST)).await;
            }
            Err(problem) => tracing::warn!(?problem, question = turn.question, "an answer was not made anew"),
        }
    };
    tokio::select! {
        () = at_pace => {}
        _ = closing.wait_for(|closing| *closing) => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tokio::sync::Notify;

    use super::*;
    use crate::stories::{House, activity};

    impl Weigh for u32 {
        fn weight(&self) -> u64 {
            1
        }
    }

    /// The numbers of the shelf below, asked for by somebody who does not wait where there is an older answer.
    async fn asked(app: &App, number: u32, ready: &Arc<Notify>) -> Arc<Answer<u32>> {
        let ready = Arc::clone(ready);
        let make = async move |_: App| {
            ready.notified().await;
            Ok(number)
        };
        let question = ("how many".to_owned(), RestsOn::All);
        ask_for(app, |kept| &kept.numbers, question, Some(Duration::ZERO), make).await.unwrap()
    }

    #[tokio::test]
    async fn an_older_answer_is_at_hand_while_a_newer_one_is_made_and_only_one_is_made_at_a_time() {
        let house = House::open().await;
        let (app, ready) = (&house.app, Arc::new(Notify::new()));
        // What the opening of the house left behind would be news.
        while app.control().outbox().len().await.unwrap() > 0 {
            tokio::task::yield_now().await;
        }
        ready.notify_one();
        assert_eq!(asked(app, 1, &ready).await.value, 1, "the first who asks waits");
        assert_eq!(asked(app, 2, &ready).await.value, 1, "nothing has come: it is the answer of now");
        house.store(&[activity(1, "user_logged_out", "user_bob", None)]).await;
        assert_eq!(asked(app, 3, &ready).await.value, 1, "the older one, at once");
        assert_eq!(asked(app, 4, &ready).await.value, 1, "one is under way already, so this one is never made");
        ready.notify_one();
        while asked(app, 5, &ready).await.value == 1 {
            tokio::task::yield_now().await;
        }
        assert_eq!(asked(app, 6, &ready).await.value, 3, "what was under way is the answer now");
    }
}
