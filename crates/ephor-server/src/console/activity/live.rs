//! Rows as they arrive, by server-sent events: the same lines that the page would show after loading it anew.
//! Promises that a stream ends when its session does, or when the node stops.
//! Never sends a row that the question does not ask for.

use std::convert::Infallible;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use ephor_lake::{FeedQuery, Order, PageFrom};
use futures::Stream;
use maud::html;
use tokio::sync::watch;

use super::asked::Asked;
use super::row::{Shown, line};
use crate::console::door::looked;
use crate::console::visitor::Visitor;
use crate::problem::Problem;
use crate::query::Query;
use crate::state::App;

/// How often a stream looks whether something came. Looking costs a load of one number.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How often it looks whether its bearer is still signed in.
const CHECK_EVERY_LOOKS: u32 = 20;

/// Rows sent at once; of a larger wave the newest. The page shows how many there were after loading it anew.
const ROWS: usize = 50;

/// How often an idle stream says that it is there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(super) async fn stream(
    State(app): State<App>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let asked = Asked::read(&Query::parse(&visitor.visit.query), &visitor)?;
    let begun = Following {
        next_seq: app.lake().next_seq(),
        closing: app.console().closing(),
        app,
        visitor,
        asked,
        looks: 0,
        over: false,
    };
    let events = futures::stream::unfold(begun, |mut following| async move {
        let event = following.next().await?;
        Some((Ok(event), following))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// A stream that is being followed.
struct Following {
    app: App,
    visitor: Visitor,
    asked: Asked,
    next_seq: u64,
    closing: watch::Receiver<bool>,
    looks: u32,
    over: bool,
}

impl Following {
    /// The next event; nothing once the stream is over.
    async fn next(&mut self) -> Option<Event> {
        if self.over {
            return None;
        }
        loop {
            let told = tokio::time::timeout(LOOK_EVERY, self.closing.wait_for(|closing| *closing)).await.is_ok();
            if told {
                return self.end();
            }
            self.looks += 1;
            if self.looks.is_multiple_of(CHECK_EVERY_LOOKS) && !self.is_signed_in().await {
                return self.end();
            }
            let next_seq = self.app.lake().next_seq();
            if next_seq == self.next_seq {
                continue;
            }
            let span = self.next_seq..next_seq;
            self.next_seq = next_seq;
            if let Some(event) = self.rows(span).await {
                return Some(event);
            }
        }
    }

    async fn rows(&mut self, span: std::ops::Range<u64>) -> Option<Event> {
        let mut filter = self.asked.filter.clone();
        filter.seq = Some(span);
        let query = FeedQuery { filter, order: Order::Descending, from: PageFrom::Start, limit: ROWS };
        let page = match self.app.lake().page(&query).await {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(%error, "a live stream could not read what came");
                return self.end();
            }
        };
        // Ages are counted from now, and who is named now is recorded now.
        self.visitor.visit.now_micros = self.app.now();
        let rows: Vec<Shown> =
            page.rows.iter().filter_map(|row| Shown::read(row.created_at_micros, &row.raw)).collect();
        if rows.is_empty() {
            return None;
        }
        let known = self.visitor.seen();
        let lines = html! { @for row in &rows { (line(row, &self.visitor, self.app.lake())) } };
        // Each person once for a stream: two that watch each other's looks would otherwise never come to rest.
        let fresh: Vec<String> = self.visitor.seen().into_iter().filter(|person| !known.contains(person)).collect();
        if !fresh.is_empty() {
            self.app.recorder().accessed(looked("/activity/live", &self.visitor, &fresh)).await;
        }
        Some(Event::default().event("rows").data(lines.into_string()))
    }

    fn end(&mut self) -> Option<Event> {
        self.over = true;
        Some(Event::default().event("over").data("over"))
    }

    /// Whether the session that opened the stream still works.
    async fn is_signed_in(&self) -> bool {
        let session = &self.visitor.signed_in.session;
        let now = self.app.now();
        let sessions = self.app.control().console().sessions();
        let found = sessions.of_user(&session.user_id, i64::MAX, now).await;
        let here = found.is_ok_and(|sessions| sessions.iter().any(|other| other.id == session.id));
        let member = self.app.control().members().find(&session.user_id).await;
        here && member
            .is_ok_and(|member| member.is_some_and(|member| member.role == self.visitor.signed_in.member.role))
    }
}
