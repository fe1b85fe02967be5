//! A node and its receiver, killed at random moments while activities keep coming by push.
//! Promises: moments and victims come from a seed that is printed; what the lake holds in the end is what must have arrived.
//! Never sleeps for anything but the random moment.

use std::collections::HashMap;
use std::env;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::binary::{folder, run};
use crate::client::Client;
use crate::eventually::eventually;
use crate::lake::texts;
use crate::node::Node;
use crate::receiver::{Receiver, free_port};

/// Kills of a usual run; `EPHOR_KILLS=50` makes it fifty.
const KILLS: u32 = 3;
/// The longest time between a restart and the next kill: long enough for the sink to have begun in most cases.
const LONGEST_PEACE: Duration = Duration::from_millis(900);
/// Activities of one push.
const ROWS: u64 = 100;
/// Activities that wait in the lake at the beginning, for each kill, so that there is always something on its way.
const WAITING_FOR_EACH_KILL: u64 = 400;

/// How a receiver is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// `kill -9`.
    Kill,
    /// A signal that it may prepare for: of receivers that lose what they have acknowledged when they are killed.
    Terminate,
}

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Victim {
    Ephor,
    Receiver(End),
    /// One or the other, each at least once.
    Either(End),
}

/// What a receiver may hold of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copies {
    /// One: it knows a second copy by its key, or the sink does.
    One,
    /// Several with the same key and the same bytes.
    SameKey,
}

/// A record as a receiver holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub key: String,
    /// The record; none where the receiver keeps it in a form of its own.
    pub text: Option<String>,
}

/// A sink and its receiver.
pub struct Siege<'s> {
    pub what: &'s str,
    /// The sink's format and receiver, as in ephor.toml.
    pub sink: String,
    /// Starts the receiver, if there is one, at the same place each time.
    pub start: &'s dyn Fn() -> Option<Receiver>,
    pub victim: Victim,
    /// What it holds: the runs of records of which each has an order.
    pub held: &'s dyn Fn() -> Vec<Vec<Held>>,
    pub copies: Copies,
}

impl Siege<'_> {
    /// Kills one or the other again and again, and compares what arrived with the lake.
    pub fn run(&self, seed: u64) {
        let kills = env::var("EPHOR_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(KILLS);
        println!("{}: {kills} kills from seed {seed}", self.what);
        let begun = Instant::now();
        let home = folder();
        let data = home.path().join("data");
        let waiting = u64::from(kills) * WAITING_FOR_EACH_KILL;
        let key = self.founded(&data, waiting);
        let port = free_port();
        let mut receiver = (self.start)();
        let mut node = Node::up_at(&data, port);
        let pusher = Pusher::start(port, &key, waiting);
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (mut of_ephor, mut of_receiver) = (0, 0);
        for kill in 0..kills {
            thread::sleep(LONGEST_PEACE.mul_f64(random.random_range(0.0..1.0)));
            let coin = if kill < 2 { kill == 0 } else { random.random_bool(0.5) };
            let end = match self.victim {
                Victim::Receiver(end) => Some(end),
                Victim::Either(end) => Some(end).filter(|_| !coin),
                Victim::Ephor => None,
            };
            let Some(end) = end else {
                drop(node);
                node = Node::up_at(&data, port);
                of_ephor += 1;
                continue;
            };
            match (end, receiver.take()) {
                (End::Terminate, Some(receiver)) => receiver.terminate(),
                (_, receiver) => drop(receiver),
            }
            receiver = (self.start)();
            of_receiver += 1;
        }
        let acknowledged = pusher.stop();
        let (events, copies) = self.everything_arrived(&data, acknowledged);
        drop(node);
        println!(
            "{}: Ephor killed {of_ephor} times, the receiver {of_receiver} times ({:?}); {events} events in order, {copies} second \
             copies, {:.0} s",
            self.what,
            self.victim,
            begun.elapsed().as_secs_f64()
        );
    }

    /// A data folder with the sink and activities that wait for it, and the key to push with.
    fn founded(&self, data: &Path, waiting: u64) -> String {
        let keys = run(data, &["init"]).json();
        let file = data.with_extension("ndjson");
        fs::write(&file, (0..waiting).map(|number| row(number) + "\n").collect::<String>()).unwrap();
        run(data, &["import", file.to_str().unwrap()]).succeeded();
        run(data, &["org", "enable", "--agreement", "NDA-2026-1"]).succeeded();
        let sink = format!(
            "\n[[sink]]\nname = \"siege\"\nwhat = \"activities\"\nallow_private = true\nretry_max_seconds = 0.2\n{}\n",
            self.sink
        );
        let mut config = fs::OpenOptions::new().append(true).open(data.join("ephor.toml")).unwrap();
        config.write_all(sink.as_bytes()).unwrap();
        keys.pointer("/keys/write").and_then(Value::as_str).expect("init prints a write key").to_owned()
    }

    /// Waits until nothing is to be delivered, and compares. Gives the number of events, and that of second copies.
    fn everything_arrived(&self, data: &Path, acknowledged: u64) -> (usize, usize) {
        eventually("everything is delivered", || {
            let status = run(data, &["export", "status"]).json();
            let is_done = status[0]["lag_records"] == 0 && status[0]["state"] == "idle";
            assert_eq!(status[0]["dead_letters"].as_u64().unwrap_or(0), 0, "{status}");
            is_done.then_some(())
        });
        let ids = texts(data, "select id from activities order by seq");
        let raws = texts(data, "select raw from activities order by seq");
        assert!(ids.len() as u64 >= acknowledged && acknowledged > 0, "{} of {acknowledged} pushed", ids.len());
        let place: HashMap<&str, usize> = ids.iter().enumerate().map(|(place, id)| (id.as_str(), place)).collect();
        // A receiver may be behind with writing what it has.
        let mut runs = (self.held)();
        let deadline = Instant::now() + Duration::from_secs(20);
        while distinct(&runs) < ids.len() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(200));
            runs = (self.held)();
        }
        let missing: Vec<&String> = {
            let there: HashMap<&str, ()> = runs.iter().flatten().map(|held| (held.key.as_str(), ())).collect();
            ids.iter().filter(|id| !there.contains_key(id.as_str())).collect()
        };
        assert!(
            missing.is_empty(),
            "{} of {} are missing, the first is {:?}",
            missing.len(),
            ids.len(),
            missing.first()
        );
        let (mut total, mut first_copies) = (0, 0);
        for run in &runs {
            let mut next = None;
            for held in run {
                total += 1;
                let place = *place.get(held.key.as_str()).unwrap_or_else(|| panic!("nobody sent {}", held.key));
                if let Some(text) = &held.text {
                    assert!(*text == raws[place], "{} with other bytes: {text}", held.key);
                }
                // A copy of what was before is a second one; everything else comes in the lake's order.
                if next.is_none_or(|next| place >= next) {
                    if runs.len() == 1 {
                        assert_eq!(place, next.unwrap_or(0), "out of order at {}", held.key);
                    }
                    first_copies += 1;
                    next = Some(place + 1);
                }
            }
        }
        assert_eq!(first_copies, ids.len(), "a record stands in two runs");
        let copies = total - first_copies;
        assert!(copies == 0 || self.copies == Copies::SameKey, "{copies} second copies");
        (ids.len(), copies)
    }
}

fn distinct(runs: &[Vec<Held>]) -> usize {
    runs.iter().flatten().map(|held| held.key.as_str()).collect::<std::collections::HashSet<_>>().len()
}

/// Pushes activities, each batch until the node has acknowledged it.
struct Pusher {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Pusher {
    fn start(port: u16, key: &str, first: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopping, address, key) = (Arc::clone(&stop), format!("http://127.0.0.1:{port}"), key.to_owned());
        let thread = thread::spawn(move || {
            let client = Client::new(&address, &key);
            let mut next = first;
            while !stopping.load(Ordering::Relaxed) {
                let rows: Vec<String> = (next..next + ROWS).map(row).collect();
                let body = rows.join("\n");
                eventually("the node takes a push", || {
                    let status = client.try_post("/ephor/v1/activities", "application/x-ndjson", body.clone());
                    assert!(!matches!(status, Some(400..500)), "a push was refused with {status:?}");
                    status.filter(|status| *status < 300)
                });
                next += ROWS;
            }
            next
        });
        Self { stop, thread }
    }

    /// How many were acknowledged.
    fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the pushes went well")
    }
}

fn row(number: u64) -> String {
    let (minute, second) = (number / 60_000 % 60, number / 1_000 % 60);
    json!({
        "id": format!("activity_{number:08}"), "type": if number.is_multiple_of(3) { "api_key_created" } else { "claude_chat_created" },
        "created_at": format!("2026-06-01T08:{minute:02}:{second:02}.{:03}000Z", number % 1_000),
        "organization_id": "org_a", "actor": { "type": "user_actor", "user_id": format!("user_{}", number % 7), "ip_address": "192.0.2.7" },
    })
    .to_string()
}
