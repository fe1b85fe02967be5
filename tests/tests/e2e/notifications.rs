//! Findings that reach people: a receiver of posts that fails at first, and a mail server that wants TLS and a password.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

use ephor_e2e::{Client, MailServer, Node, ephor, eventually, folder, run, run_in};
use serde_json::Value;

/// A receiver of posts: each with its head in small letters. The first is refused.
#[derive(Clone)]
struct Receiver {
    url: String,
    posts: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Receiver {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/findings", listener.local_addr().unwrap());
        let posts = Arc::new(Mutex::new(Vec::new()));
        let own = Self { url, posts: posts.clone() };
        std::thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let Ok(stream) = stream else { return };
                let mut reader = BufReader::new(stream);
                let (mut head, mut length) = (String::new(), 0);
                loop {
                    let mut line = String::new();
                    if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
                        break;
                    }
                    let line = line.to_lowercase();
                    if let Some(("content-length", value)) = line.split_once(':') {
                        length = value.trim().parse().unwrap();
                    }
                    head.push_str(&line);
                }
                let mut body = vec![0; length];
                if reader.read_exact(&mut body).is_err() {
                    continue;
                }
                posts.lock().unwrap().push((head, serde_json::from_slice(&body).unwrap()));
                let status = if number == 0 { "503 Service Unavailable" } else { "204 No Content" };
                let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                _ = reader.into_inner().write_all(answer.as_bytes());
            }
        });
        own
    }

    fn posts(&self) -> Vec<(String, Value)> {
        self.posts.lock().unwrap().clone()
    }

    /// Findings by the key of the message that told them; a message that came twice counts once.
    fn told(&self) -> BTreeMap<String, Vec<String>> {
        let ids = |body: &Value| {
            let of = |one: &Value| one["id"].as_str().unwrap().to_owned();
            body["findings"].as_array().unwrap().iter().map(of).collect()
        };
        self.posts().iter().map(|(_, body)| (body["id"].as_str().unwrap().to_owned(), ids(body))).collect()
    }
}

fn raised_to_owner(who: &str) -> String {
    format!(
        r#"{{"id":"activity_{who}","created_at":"2026-01-05T10:00:00Z","type":"claude_user_role_updated","organization_id":"org_x","user_id":"user_{who}","previous_role":"user","current_role":"owner","actor":{{"type":"user_actor","user_id":"user_y","email_address":"y@example.com"}}}}"#
    )
}

/// A data folder whose node tells a receiver and two people; its write key.
fn configured(data: &Path, url: &str, mail: &MailServer) -> String {
    let keys = run(data, &["init"]).json();
    run(data, &["org", "enable", "--agreement", "NDA-2026-1"]).succeeded();
    let more = format!(
        "{}\
         \n[[notify]]\nname = \"on-call\"\nseverity = \"critical\"\ngroup_seconds = 1\nretry_max_seconds = 1\nallow_private = true\nwebhook = {{ url = \"{url}\", hmac_secret = \"env:HOOK_SECRET\" }}\n\
         \n[[notify]]\nname = \"people\"\nrules = [\"rank_raised_to_owner\"]\ngroup_seconds = 0\nmail = {{ to = [\"Ada <ada@example.com>\", \"ben@example.com\"] }}\n\
         \n[[schedule]]\nname = \"weekly\"\nreport = \"shadow-ai\"\ncron = \"0 6 * * MON\"\nform = \"csv\"\nto = \"mail:ada@example.com\"\n",
        mail.section()
    );
    let config = data.join("ephor.toml");
    fs::write(&config, fs::read_to_string(&config).unwrap() + &more).unwrap();
    keys.pointer("/keys/write").and_then(Value::as_str).unwrap().to_owned()
}

#[test]
fn findings_reach_a_receiver_and_people_by_mail_and_a_killed_node_neither_loses_nor_repeats_one() {
    let home = folder();
    let data = home.path().join("data");
    let (receiver, mail) = (Receiver::start(), MailServer::start(home.path()));
    let key = configured(&data, &receiver.url, &mail);
    for (expected, who) in [(1, "one"), (2, "two")] {
        let node = Node::up_with(&data, [""; 0], [("HOOK_SECRET", "between us")]);
        // A notification tells of what is found after it was first minded.
        eventually("both are minded", || {
            let listed = run(&data, &["notify", "list"]).json();
            listed.as_array().unwrap().iter().all(|one| one["waiting"].is_u64()).then_some(())
        });
        let client = Client::new(node.address(), &key);
        client.post("/ephor/v1/activities", "application/x-ndjson", raised_to_owner(who)).ok();
        eventually("the receiver was told", || {
            assert!(receiver.posts().len() < 20, "{:?}", receiver.posts());
            (receiver.posts().len() > expected && receiver.told().len() == expected).then_some(())
        });
        eventually("people have mail", || (ids(&mail).len() == expected).then_some(()));
        // Dropped, that is killed, right after.
        drop(node);
    }
    let told: Vec<String> = receiver.told().into_values().flatten().collect();
    assert_eq!(told.len(), 2, "each finding in one message: {told:?}");
    assert_ne!(told[0], told[1]);
    let (head, body) = &receiver.posts()[0];
    for part in ["post /findings", "idempotency-key: notice_", "x-ephor-signature: v1=", "x-ephor-timestamp: "] {
        assert!(head.contains(part), "{part} is not in {head}");
    }
    assert_eq!(body["findings"][0]["rule"], "rank_raised_to_owner", "{body}");
    assert_eq!(&receiver.posts()[1].1, body, "what was refused came again as it was");

    let first = &mail.mails()[0];
    assert_eq!((&first["tls"], first["user"].as_str()), (&Value::Bool(true), Some("ephor")));
    assert_eq!(first["to"], serde_json::json!(["ada@example.com", "ben@example.com"]));
    assert!(first["subject"].as_str().unwrap().starts_with("[Ephor] critical: "), "{first}");
    assert!(first["text"].as_str().unwrap().contains("Next step: "), "{first}");

    let send = |arguments: &[&str]| {
        let mut command = ephor(arguments);
        run_in(command.arg("--data-dir").arg(&data).args(["--format", "json"]).env("HOOK_SECRET", "between us"))
    };
    let nothing = send(&["notify", "run"]).json();
    assert!(nothing.as_array().unwrap().iter().all(|one| one["error"].is_null()), "{nothing}");
    let listed = run(&data, &["notify", "list"]).json();
    for one in listed.as_array().unwrap() {
        assert_eq!((&one["findings"], &one["waiting"]), (&2.into(), &0.into()), "{listed}");
    }
    send(&["notify", "test", "people"]).succeeded();
    assert!(mail.mails().last().unwrap()["subject"].as_str().unwrap().contains("a test of the notification `people`"));

    let report = send(&["schedule", "run", "weekly"]).json();
    assert_eq!(report["handed_over_to"], "ada@example.com");
    let last = mail.mails().pop().unwrap();
    let attached: Vec<(&String, &Value)> = last["attached"].as_object().unwrap().iter().collect();
    assert!(matches!(&attached[..], [(name, kind)] if name.ends_with(".csv") && *kind == "text/csv"), "{last}");
    assert_eq!(last["automatic"], "auto-generated");
}

fn ids(mail: &MailServer) -> std::collections::BTreeSet<String> {
    mail.mails().iter().map(|mail| mail["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_mail_server_that_does_not_let_ephor_in_is_told_without_the_password() {
    let home = folder();
    let data = home.path().join("data");
    let mail = MailServer::start(home.path());
    configured(&data, "http://127.0.0.1:9/", &mail);
    fs::write(home.path().join("password"), "a wrong guess").unwrap();
    let refused = run(&data, &["notify", "test", "people"]).failed_with(1);
    assert!(refused.stderr.contains("notification `people`: ") && refused.stderr.contains("535"), "{refused:#?}");
    assert!(!refused.stderr.contains("a wrong guess"), "{refused:#?}");
    // A server that cannot show who it is gets neither the password nor the mail.
    let config = data.join("ephor.toml");
    let text = fs::read_to_string(&config).unwrap();
    let without_roots: Vec<&str> = text.lines().filter(|line| !line.starts_with("tls = ")).collect();
    fs::write(&config, without_roots.join("\n")).unwrap();
    let refused = run(&data, &["notify", "test", "people"]).failed_with(1);
    assert!(refused.stderr.contains("certificate"), "{refused:#?}");
    assert!(mail.mails().is_empty());
}
