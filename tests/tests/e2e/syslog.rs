//! Syslog to the receivers that people run: rsyslog over UDP, TCP and TLS, syslog-ng over TCP and TLS.

use std::fs;
use std::io::Write as _;
use std::net::UdpSocket;
use std::path::{Path, PathBuf};

use ephor_e2e::{Done, Receiver, Simulated, TrustedHouse, eventually, folder, run, texts};
use serde_json::Value;

/// A data folder with activities in it.
struct Stored {
    home: tempfile::TempDir,
    data: PathBuf,
}

impl Stored {
    fn of(rows: u64) -> Self {
        let home = folder();
        let data = home.path().join("data");
        run(&data, &["init"]).succeeded();
        run(&data, &["import", Simulated::of(rows).activities().to_str().unwrap()]).succeeded();
        Self { home, data }
    }

    fn place(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Delivers everything to a new sink.
    fn deliver(&self, name: &str, receiver: &Receiver, settings: &str) -> Done {
        let sink = format!(
            "\n[[sink]]\nname = \"{name}\"\nformat = \"raw\"\nallow_private = true\nretry_max_seconds = 0.01\n\
             syslog = {{ address = \"127.0.0.1:{}\", {settings} }}\n",
            receiver.port()
        );
        let mut config = fs::OpenOptions::new().append(true).open(self.data.join("ephor.toml")).unwrap();
        config.write_all(sink.as_bytes()).unwrap();
        run(&self.data, &["export", "run", "--sink", name, "--once"])
    }

    /// Everything arrived, whole and in order.
    fn is_all_at(&self, receiver: &Receiver) {
        let expected = texts(&self.data, "select raw from activities order by seq");
        let received = receiver.received_all(expected.len());
        assert_eq!(received.len(), expected.len());
        let ids = texts(&self.data, "select id from activities order by seq");
        for ((line, raw), id) in received.iter().zip(&expected).zip(&ids) {
            let (structured, message) = line.split_once('\t').unwrap();
            assert!(structured.contains(&format!("id=\"{id}\"")), "{line}");
            assert_eq!(message.trim_start(), raw);
        }
    }
}

fn quoted(path: &Path) -> String {
    format!("\"{}\"", path.display())
}

/// rsyslog that takes TLS only, and only from who shows a certificate for `ephor.example.com`.
fn rsyslog_with_tls(home: &Path, house: &TrustedHouse) -> Receiver {
    let (certificate, key) = house.certificate("127.0.0.1");
    let module = format!(
        "global(defaultNetstreamDriver=\"gtls\" defaultNetstreamDriverCAFile={} defaultNetstreamDriverCertFile={} \
         defaultNetstreamDriverKeyFile={})\nmodule(load=\"imtcp\" streamDriver.name=\"gtls\" streamDriver.mode=\"1\" \
         streamDriver.authMode=\"x509/name\" permittedPeer=[\"ephor.example.com\"])",
        quoted(&house.ca()),
        quoted(&certificate),
        quoted(&key)
    );
    Receiver::rsyslog(home, &module, "type=\"imtcp\"")
}

fn tls(ca: &Path, own: Option<&(PathBuf, PathBuf)>) -> String {
    let own = own.map(|(certificate, key)| format!(", certificate = {}, key = {}", quoted(certificate), quoted(key)));
    format!("max_bytes = 65000, transport = \"tls\", tls = {{ ca = {}{} }}", quoted(ca), own.unwrap_or_default())
}

#[test]
fn rsyslog_gets_every_activity_whole_and_in_order() {
    let stored = Stored::of(1_500);
    let receiver = Receiver::rsyslog(&stored.place("rsyslog"), "module(load=\"imtcp\")", "type=\"imtcp\"");
    let done = stored.deliver("syslog", &receiver, "max_bytes = 65000").json();
    assert_eq!(done["sinks"][0]["rejected"], 0, "{done}");
    stored.is_all_at(&receiver);
}

#[test]
fn rsyslog_behind_tls_gets_everything_from_the_one_sink_that_it_trusts() {
    let stored = Stored::of(1_500);
    let (house, strangers) = (TrustedHouse::new(&stored.place("house")), TrustedHouse::new(&stored.place("strangers")));
    let receiver = rsyslog_with_tls(&stored.place("rsyslog"), &house);
    let (own, other) = (house.certificate("ephor.example.com"), house.certificate("other.example.com"));
    let forged = strangers.certificate("ephor.example.com");
    let refused = [
        ("without", tls(&house.ca(), None)),
        ("other", tls(&house.ca(), Some(&other))),
        ("forged", tls(&house.ca(), Some(&forged))),
        ("distrustful", tls(&strangers.ca(), Some(&own))),
    ];
    for (name, settings) in refused {
        let said = stored.deliver(name, &receiver, &settings).failed_with(1);
        let said: Value = serde_json::from_str(said.stdout.trim()).unwrap();
        assert_eq!(said["sinks"][0]["delivered"], 0, "{name}: {said}");
        assert!(said["sinks"][0]["error"].as_str().unwrap().contains("TLS with 127.0.0.1"), "{name}: {said}");
    }
    assert_eq!(receiver.received(), [""; 0]);
    stored.deliver("trusted", &receiver, &tls(&house.ca(), Some(&own))).succeeded();
    stored.is_all_at(&receiver);
}

#[test]
fn rsyslog_gets_packets_that_are_whole_or_cut_where_the_limit_is() {
    let stored = Stored::of(120);
    let input = "type=\"imudp\" rcvbufSize=\"8m\"";
    let receiver = Receiver::rsyslog(&stored.place("rsyslog"), "module(load=\"imudp\")", input);
    // A packet that arrives while nobody listens is lost, so that one is sent until it is there.
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let listening = eventually("rsyslog listens", || {
        socket.send_to(b"<86>1 - - probe - - - listening", ("127.0.0.1", receiver.port())).ok()?;
        Some(receiver.received().len()).filter(|lines| *lines > 0)
    });
    assert!(listening > 0);
    stored.deliver("udp", &receiver, "transport = \"udp\", max_bytes = 480, hostname = \"here\"").succeeded();
    let ids = texts(&stored.data, "select id from activities order by seq");
    let raws = texts(&stored.data, "select raw from activities order by seq");
    let received: Vec<String> = eventually("every packet is there", || {
        let lines: Vec<String> = receiver.received().into_iter().filter(|line| line.starts_with('[')).collect();
        Some(lines).filter(|lines| lines.len() >= ids.len())
    });
    assert_eq!(received.len(), ids.len());
    let mut cut = 0;
    for ((line, id), raw) in received.iter().zip(&ids).zip(&raws) {
        let (structured, message) = line.split_once('\t').unwrap();
        assert!(structured.contains(&format!("id=\"{id}\"")), "{line}");
        let message = message.trim_start();
        assert!(raw.starts_with(message) && !message.is_empty(), "{message} is no beginning of {raw}");
        cut += usize::from(message.len() < raw.len());
        // `<PRI>1`, the time, HOSTNAME, APP-NAME, PROCID and MSGID stand before the structured data.
        assert!(structured.len() + message.len() < 480);
    }
    assert!(cut > 0, "nothing was longer than the limit");
}

#[test]
fn syslog_ng_gets_everything_over_tcp_and_over_tls_with_certificates_on_both_sides() {
    let stored = Stored::of(1_500);
    let house = TrustedHouse::new(&stored.place("house"));
    let over_tcp = Receiver::syslog_ng(&stored.place("tcp"), "transport(\"tcp\")");
    stored.deliver("tcp", &over_tcp, "max_bytes = 65000").succeeded();
    stored.is_all_at(&over_tcp);

    let (certificate, key) = house.certificate("127.0.0.1");
    let source = format!(
        "transport(\"tls\") tls(ca-file({}) cert-file({}) key-file({}) peer-verify(required-trusted))",
        quoted(&house.ca()),
        quoted(&certificate),
        quoted(&key)
    );
    let over_tls = Receiver::syslog_ng(&stored.place("tls"), &source);
    let refused = stored.deliver("without", &over_tls, &tls(&house.ca(), None)).failed_with(1);
    assert!(refused.stdout.contains("\"delivered\":0") || refused.stdout.contains("\"delivered\": 0"), "{refused:?}");
    let own = house.certificate("ephor.example.com");
    stored.deliver("tls", &over_tls, &tls(&house.ca(), Some(&own))).succeeded();
    stored.is_all_at(&over_tls);
}
