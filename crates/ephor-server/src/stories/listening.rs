use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::*;
use crate::{ServerError, serve};

#[tokio::test]
async fn a_server_answers_until_it_is_told_to_stop() {
    let house = House::open().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(serve(house.app.clone(), listener, async {
        let _ = stopped.await;
    }));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 200 OK") && text.contains("\"ready\""), "{text}");
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(30), server).await.unwrap().unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_public_address_is_refused_without_tls() {
    let house = House::open().await;
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let error = serve(house.app.clone(), listener, async {}).await.unwrap_err();
    assert!(matches!(error, ServerError::PlaintextPublic { .. }) && error.to_string().contains("tls_certificate"));
}

#[tokio::test]
async fn the_description_names_every_route_with_its_scope_and_errors() {
    let house = House::open().await;
    let document = house.get("/openapi.json", "").await.json();
    let table = crate::mount(house.app.clone()).table;
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    for route in &table {
        let method = route.method.as_ref().map_or_else(|| "get".to_owned(), |method| method.as_str().to_lowercase());
        let operation = &document["paths"][route.path][method];
        assert!(operation.is_object(), "{}", route.path);
        assert_eq!(operation["parameters"].as_array().map_or(0, Vec::len), route.parameters.len());
    }
    let feed = &document["paths"]["/v1/compliance/activities"]["get"];
    assert_eq!(feed["security"][0]["api_key"], json!(["read:compliance_activities"]));
    let statuses: Vec<&String> = feed["responses"].as_object().unwrap().keys().collect();
    assert_eq!(statuses, ["200", "400", "401", "403", "429", "500"]);
}

#[tokio::test]
async fn metrics_count_by_route_and_never_by_path() {
    let house = House::open().await;
    let key = house.reader().await;
    house.get("/v1/compliance/groups/rbac_group_of_metrics", &key).await;
    house.get("/scanned/for/holes", "").await;
    let text = house.get("/metrics", "").await.text;
    assert!(
        text.contains(r#"route="/v1/compliance/groups/{group_id}""#) && text.contains(r#"route="unmatched""#),
        "{text}"
    );
    assert!(!text.contains("rbac_group_of_metrics") && !text.contains("holes"));
    for name in ["ephor_http_request_seconds_bucket", "ephor_lake_next_seq", "ephor_outbox_activities"] {
        assert!(text.contains(name), "{name} is missing");
    }
}
