//! What Ephor sends beside what the vendors' own clients send for the same events: one stand-in takes both, and the requests are
//! compared. For Splunk, which has no client of its own for this, Tenzir's.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use ephor_e2e::{Receiver, Simulated, folder, python, run, run_in};
use serde_json::Value;

fn requests(place: &Path) -> Vec<Value> {
    let text = fs::read_to_string(place.join("requests")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Ephor's last request and the client's, both taken by the stand-in.
fn both(vendor: &str, place: &Path, receiver: &Receiver, data: &Path, sink: &str) -> (Value, Value) {
    let settings = format!("\n[[sink]]\nname = \"{vendor}\"\nallow_private = true\nretry_max_seconds = 0.05\n{sink}\n");
    let mut config = fs::OpenOptions::new().create(true).append(true).open(data.join("ephor.toml")).unwrap();
    config.write_all(settings.as_bytes()).unwrap();
    let done = run(data, &["export", "run", "--sink", vendor, "--once"]).json();
    assert_eq!((&done["sinks"][0]["delivered"], &done["sinks"][0]["rejected"]), (&1_202.into(), &0.into()), "{done}");
    let ours = requests(place).pop().unwrap();
    let address = format!("http://127.0.0.1:{}", receiver.port());
    run_in(python("vendors.py").args(["send", vendor]).arg(place).arg(address)).succeeded();
    let theirs = requests(place).pop().unwrap();
    assert!(ours["headers"]["user-agent"].as_str().unwrap().starts_with("ephor/"), "{ours}");
    assert_ne!(ours["headers"]["user-agent"], theirs["headers"]["user-agent"], "the client has sent something");
    (ours, theirs)
}

/// The same door, key, packing and items.
fn same_request(ours: &Value, theirs: &Value, headers: &[&str]) {
    assert_eq!((&ours["method"], &ours["path"]), (&theirs["method"], &theirs["path"]));
    for header in headers {
        assert!(ours["headers"][header].is_string(), "{header}: {ours}");
        assert_eq!(ours["headers"][header], theirs["headers"][header], "{header}");
    }
    let (our_items, their_items) = (ours["items"].as_array().unwrap(), theirs["items"].as_array().unwrap());
    assert!(
        our_items.len() > 100 && our_items.len() == their_items.len(),
        "{} and {}",
        our_items.len(),
        their_items.len()
    );
    for (our_item, their_item) in our_items.iter().zip(their_items) {
        assert_eq!(our_item, their_item);
    }
}

#[test]
fn ephor_sends_what_the_vendors_own_clients_send() {
    let home = folder();
    let (data, place) = (home.path().join("data"), home.path().join("vendors"));
    let types = Simulated::make(&["--seed", "7", "--users", "12", "--days", "1", "--all-types"]);
    run(&data, &["import", types.activities().to_str().unwrap()]).succeeded();
    fs::create_dir(&place).unwrap();
    fs::write(home.path().join("secret"), "secret").unwrap();
    let mut receive = python("vendors.py");
    receive.arg("receive").arg(&place);
    let receiver = Receiver::script(&place, receive);
    let (address, secret) = (format!("http://127.0.0.1:{}", receiver.port()), home.path().join("secret"));
    let beside = |vendor: &str, sink: &str| {
        let sink = sink.replace("ADDRESS", &address).replace("SECRET", &format!("file:{}", secret.display()));
        both(vendor, &place, &receiver, &data, &sink)
    };

    let (mut ours, mut theirs) = beside("elastic", "elastic = { url = \"ADDRESS\", api_key = \"SECRET\" }");
    // Elasticsearch takes POST and PUT, and the plain type as well as that with a version; OpenSearch knows only the former.
    assert_eq!((&ours["method"], &theirs["method"]), (&"POST".into(), &"PUT".into()));
    assert_eq!(ours["headers"]["content-type"], "application/x-ndjson");
    assert!(theirs["headers"]["content-type"].as_str().unwrap().contains("+x-ndjson"), "{}", theirs["headers"]);
    (ours["method"], theirs["method"]) = (Value::Null, Value::Null);
    same_request(&ours, &theirs, &["authorization", "content-encoding"]);

    let (ours, theirs) =
        beside("datadog", "datadog = { url = \"ADDRESS\", api_key = \"SECRET\", tags = [\"team:security\"] }");
    same_request(&ours, &theirs, &["dd-api-key", "content-type", "content-encoding"]);

    let (ours, theirs) = beside(
        "sentinel",
        "[sink.sentinel]\nendpoint = \"ADDRESS\"\nlogin = \"ADDRESS\"\nrule = \"dcr-1\"\nstream = \"Custom-Claude\"\n\
         tenant = \"tenant\"\nclient_id = \"client\"\nclient_secret = \"SECRET\"",
    );
    // Azure's client packs its body, which the limit of a megabyte does not care for; and each has a token of its own.
    assert_eq!(theirs["headers"]["content-encoding"], "gzip");
    assert!(
        requests(&place).iter().filter(|request| request["path"] == ours["path"]).count() >= 3,
        "parts of a megabyte"
    );
    same_request(&ours, &theirs, &["content-type"]);

    let (mut ours, mut theirs) = beside(
        "splunk",
        "splunk_hec = { url = \"ADDRESS\", token = \"SECRET\", index = \"claude\", host = \"ephor-1\" }",
    );
    for item in ours["items"].as_array_mut().unwrap().iter_mut().chain(theirs["items"].as_array_mut().unwrap()) {
        // Its numbers have other last digits.
        item["time"] = ((item["time"].as_f64().unwrap() * 1000.0).round() as i64).into();
    }
    same_request(&ours, &theirs, &["authorization", "content-type", "content-encoding"]);
}

#[test]
fn secops_takes_googles_own_client_as_it_takes_ephor() {
    let home = folder();
    let (data, place) = (home.path().join("data"), home.path().join("secops"));
    let types = Simulated::make(&["--seed", "7", "--users", "12", "--days", "1", "--all-types"]);
    run(&data, &["import", types.activities().to_str().unwrap()]).succeeded();
    fs::create_dir(&place).unwrap();
    let mut receive = python("receive_secops.py");
    receive.arg(&place).arg("nothing is poison");
    let receiver = Receiver::script(&place, receive);
    let sink = format!(
        "format = \"udm\"\n[sink.secops]\nproject = \"security\"\nlocation = \"eu\"\ninstance = \"instance-1\"\n\
         endpoint = \"http://127.0.0.1:{}\"\ncredentials = \"file:{}\"",
        receiver.port(),
        place.join("account.json").display()
    );
    let (ours, theirs) = both("secops", &place, &receiver, &data, &sink);
    assert_eq!(ours["path"], theirs["path"]);
    assert_eq!(ours["headers"]["content-type"], theirs["headers"]["content-type"]);
    assert!(ours["body"]["inlineSource"]["events"].as_array().unwrap().len() > 100);
    assert_eq!(ours["body"], theirs["body"]);
}
