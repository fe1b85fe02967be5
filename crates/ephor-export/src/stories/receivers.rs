//! Faults of receivers: what is refused in part, later, for a while, for good, or answered and then lost.

use std::collections::HashSet;

use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use ephor_wire::actor::Actor;

use super::stand_ins::{Known, StandIn, bulk, hec, lines_or_array, sentinel};
use super::{House, id, sink};
use crate::{ExportError, SinkSettings, Until, deliver};

fn all(rows: u64) -> Vec<String> {
    (0..rows).map(id).collect()
}

fn sorted(mut ids: Vec<String>) -> Vec<String> {
    ids.sort_unstable();
    ids
}

fn elastic(stand_in: &StandIn) -> SinkSettings {
    sink(&format!("batch_events = 20\nelastic = {{ url = \"{}\", api_key = \"env:secret-token\" }}", stand_in.url))
}

#[tokio::test(flavor = "multi_thread")]
async fn elastic_items_that_are_busy_come_again_and_poison_becomes_a_dead_letter() {
    let house = House::with(100).await;
    let stand_in = StandIn::start(bulk).await;
    stand_in.with(|known| {
        known.busy_once = HashSet::from([id(3), id(50)]);
        known.poison = HashSet::from([id(41)]);
        known.faults.extend([(503, "starting"), (429, "full")]);
    });
    let done = deliver(&elastic(&stand_in), &house.context, Until::CaughtUp).await.unwrap();
    assert_eq!((done.delivered, done.rejected), (99, 1));
    let taken = stand_in.with(|known| std::mem::take(&mut known.taken));
    assert_eq!(taken.len(), 99, "nothing twice");
    assert_eq!(sorted(taken), all(100).into_iter().filter(|one| *one != id(41)).collect::<Vec<_>>());
    let exports = house.context.control.exports();
    let letters = exports.dead_letters("siem", 10).await.unwrap();
    assert_eq!((letters[0].record_id.clone(), letters[0].reason.as_str()), (id(41), "why status 400"));

    // What was set right at the receiver is delivered when somebody asks for it.
    stand_in.with(|known| known.poison.clear());
    let by = Actor::user("user_1", "ada@example.com", None, None);
    assert_eq!(exports.retry("siem", &by, 0, &mut rand::rng()).await.unwrap(), 1);
    let again = deliver(&elastic(&stand_in), &house.context, Until::CaughtUp).await.unwrap();
    assert_eq!((again.delivered, stand_in.with(|known| known.taken.clone())), (1, vec![id(41)]));
    assert!(exports.dead_letters("siem", 10).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn records_sent_again_after_a_lost_place_are_duplicates_and_no_second_documents() {
    let house = House::with(40).await;
    let stand_in = StandIn::start(bulk).await;
    deliver(&elastic(&stand_in), &house.context, Until::CaughtUp).await.unwrap();
    house.context.control.exports().forget("siem").await.unwrap();
    let again = deliver(&elastic(&stand_in), &house.context, Until::CaughtUp).await.unwrap();
    assert_eq!((again.delivered, again.duplicates), (40, 40));
    assert_eq!(stand_in.with(|known| known.taken.clone()), all(40));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_lets_nobody_in_is_told_of_and_nothing_is_buried() {
    let house = House::with(30).await;
    let stand_in = StandIn::start(bulk).await;
    stand_in.with(|known| known.faults.extend(std::iter::repeat_n((401, "who are you"), 5)));
    let refused = deliver(&elastic(&stand_in), &house.context, Until::CaughtUp).await.unwrap_err();
    assert!(matches!(&refused, ExportError::NotDelivered { waiting: 30, .. }), "{refused}");
    assert!(!refused.to_string().contains("secret-token"), "{refused}");
    let exports = house.context.control.exports();
    let state = exports.find("siem").await.unwrap().unwrap();
    assert_eq!((state.state.as_str(), state.activities.next, state.failures_in_a_row), ("unauthorized", 0, 5));
    let done = deliver(&elastic(&stand_in), &house.context, Until::CaughtUp).await.unwrap();
    assert_eq!((done.delivered, done.rejected), (30, 0));
}

fn splunk(stand_in: &StandIn) -> SinkSettings {
    sink(&format!(
        "batch_events = 20\nsplunk_hec = {{ url = \"{}\", token = \"env:secret-token\", acknowledge = true, acknowledge_seconds = 0, ask_seconds = 0.01 }}",
        stand_in.url
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn splunk_events_that_are_never_acknowledged_are_sent_again_until_they_are() {
    let house = House::with(50).await;
    let stand_in = StandIn::start(hec).await;
    stand_in.with(|known| {
        known.lost_acks = 2;
        known.faults.push_back((503, r#"{"text":"Server is busy","code":9}"#));
    });
    let done = deliver(&splunk(&stand_in), &house.context, Until::CaughtUp).await.unwrap();
    assert_eq!(done.delivered, 50);
    assert_eq!(stand_in.with(|known| sorted(known.taken.clone())), all(50));
    let channels: HashSet<String> = stand_in.with(|known| {
        let channel = |headers: &axum::http::HeaderMap| {
            headers.get("x-splunk-request-channel").map(|v| v.to_str().unwrap().to_owned())
        };
        known.headers.iter().filter_map(channel).collect()
    });
    assert_eq!(channels.len(), 1, "one channel a sink");
}

#[tokio::test(flavor = "multi_thread")]
async fn splunk_events_of_a_refused_body_are_found_by_halves() {
    let house = House::with(50).await;
    let stand_in = StandIn::start(hec).await;
    stand_in.with(|known| known.poison = HashSet::from([id(13), id(30)]));
    let done = deliver(&splunk(&stand_in), &house.context, Until::CaughtUp).await.unwrap();
    assert_eq!((done.delivered, done.rejected), (48, 2));
    let letters = house.context.control.exports().dead_letters("siem", 10).await.unwrap();
    assert_eq!(letters.iter().map(|letter| letter.record_id.clone()).collect::<Vec<_>>(), [id(13), id(30)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinel_gets_parts_within_a_megabyte_and_a_new_token_when_the_old_one_ends_early() {
    let house = House::with(3_000).await;
    let stand_in = StandIn::start(sentinel).await;
    stand_in.with(|known| known.refused_tokens = HashSet::from(["Bearer token-1".to_owned()]));
    let (url, login) = (stand_in.url.clone(), stand_in.url.clone());
    let settings = sink(&format!(
        "batch_events = 3000\nbatch_bytes = 20000000\n[sentinel]\nendpoint = \"{url}\"\nrule = \"dcr-1\"\nstream = \"Custom-Claude\"\ntenant = \"t\"\nclient_id = \"c\"\nclient_secret = \"env:secret-token\"\nlogin = \"{login}\""
    ));
    let done = deliver(&settings, &house.context, Until::CaughtUp).await.unwrap();
    assert_eq!((done.delivered, done.rejected), (3_000, 0));
    stand_in.with(|known| {
        assert_eq!(known.taken, all(3_000));
        assert!(known.bodies.len() > 1 && known.bodies.iter().all(|body| body.len() <= 1_000_000));
        assert_eq!(known.tokens, 2);
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_signed_and_names_its_batch_the_same_way_each_time() {
    use hmac::{Hmac, Mac};
    let house = House::with(20).await;
    let stand_in = StandIn::start(lines_or_array).await;
    stand_in.with(|known| known.faults.push_back((500, "oops")));
    let settings = sink(&format!(
        "format = \"raw\"\nwebhook = {{ url = \"{}hook\", body = \"array\", hmac_secret = \"env:shared\", bearer = \"env:t\" }}",
        stand_in.url
    ));
    deliver(&settings, &house.context, Until::CaughtUp).await.unwrap();
    stand_in.with(|known| {
        assert_eq!(known.taken, all(20));
        let header = |index: usize, name: &str| known.headers[index].get(name).unwrap().to_str().unwrap().to_owned();
        assert_eq!(header(0, "idempotency-key"), header(1, "idempotency-key"));
        assert_eq!(header(1, "authorization"), "Bearer t");
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"shared").unwrap();
        mac.update(header(1, "x-ephor-timestamp").as_bytes());
        mac.update(b".");
        mac.update(&known.bodies[0]);
        let digits: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(header(1, "x-ephor-signature"), format!("v1={digits}"));
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_is_gone_is_not_asked_again() {
    let house = House::with(5).await;
    let stand_in = StandIn::start(lines_or_array).await;
    stand_in.with(|known| known.faults.push_back((410, "moved out")));
    let settings = sink(&format!("format = \"raw\"\nwebhook = {{ url = \"{}\" }}", stand_in.url));
    let gone = deliver(&settings, &house.context, Until::CaughtUp).await.unwrap_err();
    assert!(gone.to_string().contains("410"), "{gone}");
    assert_eq!(house.context.control.exports().find("siem").await.unwrap().unwrap().state, "gone");
    assert_eq!(stand_in.with(|known| known.headers.len()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn datadog_and_sumo_logic_get_everything_in_order() {
    let house = House::with(30).await;
    let sumo = StandIn::start(lines_or_array).await;
    let settings =
        sink(&format!("format = \"raw\"\nsumo_logic = {{ url = \"env:{}receiver/v1/http/secret\" }}", sumo.url));
    deliver(&settings, &house.context, Until::CaughtUp).await.unwrap();
    assert_eq!(sumo.with(|known| known.taken.clone()), all(30));
    let datadog = StandIn::start(lines_or_array).await;
    let mut settings = sink(&format!("datadog = {{ url = \"{}\", api_key = \"env:key\" }}", datadog.url));
    settings.name = "datadog".to_owned();
    deliver(&settings, &house.context, Until::CaughtUp).await.unwrap();
    datadog.with(|known| {
        assert_eq!(known.taken, all(30));
        assert_eq!(known.headers[0].get("dd-api-key").unwrap(), "key");
    });
}

/// Takes one post, and is down from then on.
fn takes_one_post(known: &mut Known, uri: &Uri, headers: &HeaderMap, body: Vec<u8>) -> Response {
    known.faults.extend(std::iter::repeat_n((503, "down"), 50));
    lines_or_array(known, uri, headers, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_fails_halfway_says_what_was_delivered_before() {
    let house = House::with(30).await;
    let stand_in = StandIn::start(takes_one_post).await;
    let webhook = format!("format = \"raw\"\nbatch_events = 20\nwebhook = {{ url = \"{}\" }}", stand_in.url);
    let broken = deliver(&sink(&webhook), &house.context, Until::CaughtUp).await.unwrap_err();
    assert_eq!(broken.delivered().delivered, 20, "{broken}");
    assert_eq!(stand_in.with(|known| known.taken.clone()), all(20));
}
