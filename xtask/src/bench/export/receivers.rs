//! Receivers to send to: rsyslog, a stand-in for Elasticsearch, NATS JetStream, the Tansu broker, SeaweedFS and a folder.
//! Promises: all on loopback, each ends with this value.
//! Never on the core that the exporter has.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::super::{Bench, script};
use crate::step::{Blame, Failure, Outcome, ask};

/// How long a receiver may take to listen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A sink of `ephor.toml` to be measured.
pub(super) struct SinkToMeasure {
    pub(super) name: String,
    pub(super) format: &'static str,
    pub(super) settings: String,
    pub(super) note: &'static str,
}

pub(super) struct Receivers {
    syslog: Process,
    elastic: Process,
    stream: Process,
    broker: Process,
    bucket: Process,
}

/// A receiver that is running, and where it listens.
pub(super) struct Process {
    child: Child,
    pub(super) port: u16,
}

impl Drop for Process {
    fn drop(&mut self) {
        // Whatever it still holds is thrown away with the run's folder.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

impl Receivers {
    pub(super) fn start(bench: &Bench<'_>, out: &Path) -> Outcome<Self> {
        let beside = |name: &str| bench.workspace.venv().join(name);
        let syslog = rsyslog(out, "received", None)?;
        let port = free_port()?;
        let elastic = start(script(bench, "export_receivers.py").arg("elastic").arg(port.to_string()), out, port)?;
        let port = free_port()?;
        let mut nats = Command::new(beside("bin/nats-server"));
        let stream = start(
            nats.args(["-a", "127.0.0.1", "-p", &port.to_string(), "-js", "-sd"]).arg(out.join("streams")),
            out,
            port,
        )?;
        ask(script(bench, "export_receivers.py").arg("stream").arg(port.to_string()))?;
        let port = free_port()?;
        let mut tansu = Command::new(bench.workspace.python());
        tansu.arg(bench.workspace.root.join("tests/python/kafka_broker.py"));
        let broker =
            start(tansu.args(["serve", &port.to_string(), &format!("127.0.0.1:{port}")]).env("HOME", out), out, port)?;
        ask(script(bench, "export_receivers.py").arg("topic").arg(port.to_string()))?;
        let bucket = seaweedfs(bench, out, &beside("bin/weed"))?;
        Ok(Self { syslog, elastic, stream, broker, bucket })
    }

    /// What is measured, with the sinks' usual batches.
    pub(super) fn sinks(&self, out: &Path) -> Vec<SinkToMeasure> {
        let sink = |name: &str, format: &'static str, receiver: String, note: &'static str| SinkToMeasure {
            name: name.to_owned(),
            format,
            settings: format!("[[sink]]\nname = \"{name}\"\nformat = \"{format}\"\nallow_private = true\n{receiver}\n"),
            note,
        };
        let objects = out.join("objects");
        let folder = |more: &str| format!("[sink.objects]\nurl = \"file://{}\"\n{more}", objects.display());
        let secret = |name: &str| out.join(name).display().to_string();
        let bucket = format!(
            "[sink.objects]\nurl = \"s3://audit/claude\"\nendpoint = \"http://127.0.0.1:{}\"\nregion = \"us-east-1\"\n\
             access_key_id = \"file:{}\"\nsecret_access_key = \"file:{}\"",
            self.bucket.port,
            secret("id"),
            secret("key")
        );
        vec![
            sink(
                "syslog-tcp",
                "cef",
                format!("syslog = {{ address = \"127.0.0.1:{}\" }}", self.syslog.port),
                "rsyslog writes a file",
            ),
            sink(
                "elastic",
                "ecs",
                format!("elastic = {{ url = \"http://127.0.0.1:{}\" }}", self.elastic.port),
                "a stand-in that says 201 to everything",
            ),
            sink(
                "nats",
                "raw",
                format!("nats = {{ address = \"127.0.0.1:{}\", subject = \"claude\" }}", self.stream.port),
                "nats-server keeps a file",
            ),
            sink(
                "kafka",
                "raw",
                format!(
                    "kafka = {{ brokers = [\"127.0.0.1:{}\"], topic = \"claude\", transport = \"plaintext\" }}",
                    self.broker.port
                ),
                "Tansu keeps it in memory",
            ),
            sink("folder", "raw", folder(""), "gzip, fsynced"),
            sink(
                "folder-security-lake",
                "ocsf@1.3.0",
                folder("layout = \"security-lake\"\nregion = \"eu-west-1\""),
                "Parquet, fsynced",
            ),
            sink("bucket", "raw", bucket, "SeaweedFS"),
        ]
    }
}

/// Debian's rsyslog that takes syslog over TCP, or reads a file, and writes a file.
pub(super) fn rsyslog(out: &Path, name: &str, config: Option<&str>) -> Outcome<Process> {
    let home = out.join(name);
    fs::create_dir_all(&home).blame(format!("cannot make {}", home.display()))?;
    let port = free_port()?;
    let usual = format!(
        "module(load=\"imtcp\")\ninput(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\")\n\
         template(name=\"whole\" type=\"string\" string=\"%structured-data%\\t%msg:::drop-last-lf%\\n\")\n\
         action(type=\"omfile\" file=\"{}\" template=\"whole\")\n",
        home.join("lines").display()
    );
    let head = format!("global(workDirectory=\"{}\" maxMessageSize=\"64k\")\n", home.display());
    let file = home.join("rsyslog.conf");
    fs::write(&file, head + config.unwrap_or(&usual)).blame(format!("cannot write {}", file.display()))?;
    let mut command = match config {
        Some(_) => super::on_one_core(Path::new("/usr/sbin/rsyslogd")),
        None => Command::new("/usr/sbin/rsyslogd"),
    };
    command.arg("-n").arg("-f").arg(&file).arg("-i").arg(home.join("pid"));
    match config {
        Some(_) => spawn(&mut command, &home, 0),
        None => start(&mut command, &home, port),
    }
}

fn seaweedfs(bench: &Bench<'_>, out: &Path, program: &Path) -> Outcome<Process> {
    let volumes = out.join("volumes");
    fs::create_dir_all(&volumes).blame(format!("cannot make {}", volumes.display()))?;
    let users = r#"{"identities":[{"name":"ephor","credentials":[{"accessKey":"key-id","secretKey":"secret-key"}],"actions":["Admin"]}]}"#;
    for (name, text) in [("s3.json", users), ("id", "key-id"), ("key", "secret-key")] {
        fs::write(out.join(name), text).blame(format!("cannot write {name}"))?;
    }
    let [s3, filer, volume, master] = ports_with_one_above()?;
    let mut command = Command::new(program);
    command.args(["server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-volume.max=20", "-filer", "-s3"]);
    command.arg(format!("-dir={}", volumes.display())).arg(format!("-s3.config={}", out.join("s3.json").display()));
    command.arg(format!("-master.port={master}")).arg(format!("-volume.port={volume}"));
    command.arg(format!("-filer.port={filer}")).arg(format!("-s3.port={s3}"));
    let process = start(&mut command, out, s3)?;
    ask(script(bench, "export_receivers.py").arg("bucket").arg(filer.to_string()))?;
    Ok(process)
}

pub(super) fn spawn(command: &mut Command, home: &Path, port: u16) -> Outcome<Process> {
    let log: PathBuf = home.join("said");
    let said =
        fs::File::options().create(true).append(true).open(&log).blame(format!("cannot write {}", log.display()))?;
    let twice = said.try_clone().blame("cannot keep what it says")?;
    let name = command.get_program().to_string_lossy().into_owned();
    let child =
        command.stdin(Stdio::null()).stdout(twice).stderr(said).spawn().blame(format!("cannot start {name}"))?;
    Ok(Process { child, port })
}

/// Starts a receiver and waits until it listens.
fn start(command: &mut Command, home: &Path, port: u16) -> Outcome<Process> {
    let name = command.get_program().to_string_lossy().into_owned();
    let process = spawn(command, home, port)?;
    let end = Instant::now() + PATIENCE;
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if Instant::now() > end {
            return Err(Failure::new(format!("{name} does not listen at {port}; see {}", home.join("said").display())));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(process)
}

/// Each of SeaweedFS's parts has a second port, ten thousand above the first. All lie below those that the system gives to
/// clients: a client that waits for a server at one of these would now and then connect to itself.
fn ports_with_one_above() -> Outcome<[u16; 4]> {
    let free = |port: u16| {
        let listen = |port: u16| TcpListener::bind(("127.0.0.1", port)).ok();
        Some((port, listen(port)?, listen(port + 10_000)?))
    };
    let held: Vec<_> = (10_000..22_000).filter_map(free).take(4).collect();
    let ports: Vec<u16> = held.iter().map(|(port, _, _)| *port).collect();
    ports.try_into().map_err(|_| Failure::new("no four free ports between 10000 and 22000"))
}

fn free_port() -> Outcome<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").blame("no free port")?;
    Ok(listener.local_addr().blame("no free port")?.port())
}

impl Process {
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }
}
