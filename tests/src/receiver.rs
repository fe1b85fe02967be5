//! Receivers on loopback, and the certificates of the house that they belong to.
//! Promises: what a receiver wrote is read line by line; it ends with the test, by its id.
//! Never leaves the folder that it is given.

use std::fs;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::eventually::eventually;
use crate::node::signal;
use crate::python::{beside_the_clients, in_package};

/// A program that receives, and the file that it writes what it got to.
pub struct Receiver {
    child: Child,
    received: PathBuf,
    port: u16,
}

impl Receiver {
    /// Debian's rsyslog with one input: what `input(…)` takes beside address and port.
    pub fn rsyslog(home: &Path, module: &str, input: &str) -> Self {
        // Only some inputs can say which port the system chose.
        Self::rsyslog_at(home, free_port(), module, input)
    }

    /// The same at a port of the test's choosing, where it can be started again.
    pub fn rsyslog_at(home: &Path, port: u16, module: &str, input: &str) -> Self {
        fs::create_dir_all(home).unwrap();
        let received = home.join("received");
        let config = format!(
            "global(workDirectory=\"{}\" maxMessageSize=\"64k\")\n{module}\n\
             input(address=\"127.0.0.1\" port=\"{port}\" {input})\n\
             template(name=\"whole\" type=\"string\" string=\"%structured-data%\\t%msg:::drop-last-lf%\\n\")\n\
             action(type=\"omfile\" file=\"{}\" template=\"whole\")\n",
            home.display(),
            received.display()
        );
        let (file, pid) = (home.join("rsyslog.conf"), home.join("pid"));
        fs::write(&file, config).unwrap();
        // One that was killed leaves its own behind.
        _ = fs::remove_file(&pid);
        let mut command = Command::new("/usr/sbin/rsyslogd");
        command.arg("-n").arg("-f").arg(file).arg("-i").arg(&pid);
        let receiver = Self::start(command, home, received, port);
        eventually("rsyslog runs", || pid.exists().then_some(()));
        receiver
    }

    /// syslog-ng with one source: what `syslog(…)` takes beside address and port.
    pub fn syslog_ng(home: &Path, source: &str) -> Self {
        fs::create_dir_all(home).unwrap();
        let (port, received) = (free_port(), home.join("received"));
        let config = format!(
            "@version: 3.38\noptions {{ log-msg-size(65536); }};\n\
             source s {{ syslog(ip(\"127.0.0.1\") port({port}) {source}); }};\n\
             destination d {{ file(\"{}\" template(\"${{SDATA}}\\t${{MESSAGE}}\\n\")); }};\nlog {{ source(s); destination(d); }};\n",
            received.display()
        );
        let at = |name: &str| home.join(name);
        fs::write(at("syslog-ng.conf"), config).unwrap();
        let unpacked = beside_the_clients("syslog-ng");
        let libraries = ["usr/lib/x86_64-linux-gnu", "usr/lib/syslog-ng", "lib/x86_64-linux-gnu"];
        let libraries = libraries.map(|folder| unpacked.join(folder).display().to_string()).join(":");
        let mut command = Command::new(unpacked.join("usr/sbin/syslog-ng"));
        command.args(["--foreground", "--no-caps"]).env("LD_LIBRARY_PATH", libraries);
        command.arg("--module-path").arg(unpacked.join("usr/lib/syslog-ng/3.38"));
        command.arg("--cfgfile").arg(at("syslog-ng.conf")).arg("--pidfile").arg(at("pid"));
        command.arg("--persist-file").arg(at("persist")).arg("--control").arg(at("control"));
        let receiver = Self::start(command, home, received, port);
        eventually("syslog-ng runs", || at("control").exists().then_some(()));
        receiver
    }

    /// A script of `tests/python` that tells its port in a file and writes what it got to another.
    pub fn script(home: &Path, mut command: Command) -> Self {
        fs::create_dir_all(home).unwrap();
        command.env("PYTHONUNBUFFERED", "1");
        let mut receiver = Self::start(command, home, home.join("received"), 0);
        receiver.port = eventually("the receiver tells its port", || {
            fs::read_to_string(home.join("port")).ok()?.trim().parse().ok()
        });
        receiver
    }

    /// NATS's own server with these options.
    pub fn nats(home: &Path, port: u16, options: &str) -> Self {
        let mut command = Command::new(beside_the_clients("bin/nats-server"));
        command.args(options.split(' '));
        Self::listening(home, port, command)
    }

    /// SeaweedFS with these options; its S3 is at the port.
    pub fn seaweedfs(home: &Path, port: u16, options: &str) -> Self {
        let mut command = Command::new(beside_the_clients("bin/weed"));
        command.args(options.split(' '));
        Self::listening(home, port, command)
    }

    /// The part of noida-db that speaks Elasticsearch, with its documents in the home.
    pub fn noida(home: &Path, port: u16) -> Self {
        let mut command = Command::new(in_package("noida_db", "noida-db"));
        command.args(["start", "--only", "elasticsearch", "--elasticsearch-port", &port.to_string(), "--data-dir"]);
        command.arg(home.join("documents"));
        Self::listening(home, port, command)
    }

    /// Tenzir with a pipeline that listens at this port, and may write to `received` in the home.
    pub fn tenzir(home: &Path, port: u16, pipeline: &str) -> Self {
        let mut command = Command::new(in_package("tenzir", "bundled/bin/tenzir"));
        command.arg("--bare-mode").arg(format!("--state-directory={}", home.join("state").display()));
        command.arg(format!("--cache-directory={}", home.join("cache").display())).arg(pipeline);
        let mut receiver = Self::listening(home, port, command);
        receiver.received = home.join("received");
        receiver
    }

    /// A server that listens at this port, with its home there.
    pub fn listening(home: &Path, port: u16, mut command: Command) -> Self {
        fs::create_dir_all(home).unwrap();
        command.env("HOME", home);
        let receiver = Self::start(command, home, home.join("said"), port);
        eventually("the server listens", || TcpStream::connect(("127.0.0.1", port)).ok());
        receiver
    }

    fn start(mut command: Command, home: &Path, received: PathBuf, port: u16) -> Self {
        let said = fs::File::options().create(true).append(true).open(home.join("said")).unwrap();
        let child = command.stdin(Stdio::null()).stdout(said.try_clone().unwrap()).stderr(said).spawn();
        Self { child: child.expect("the receiver starts: `cargo xtask setup` installs it"), received, port }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// An end that it is asked for and may prepare for, unlike that of a drop.
    pub fn terminate(mut self) {
        signal(self.child.id(), "TERM");
        self.child.wait().unwrap();
    }

    /// What it has written so far.
    pub fn received(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.received).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// What it has written as soon as it is so many lines.
    pub fn received_all(&self, lines: usize) -> Vec<String> {
        eventually("everything is written", || Some(self.received()).filter(|received| received.len() >= lines))
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that nothing uses at this moment, neither with TCP nor with UDP.
pub fn free_port() -> u16 {
    eventually("a free port", || {
        let port = TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        UdpSocket::bind(("127.0.0.1", port)).ok().map(|_| port)
    })
}

/// A house with a certificate authority of its own.
pub struct TrustedHouse {
    folder: PathBuf,
    authority: CertificateParams,
    key: KeyPair,
}

impl TrustedHouse {
    pub fn new(folder: &Path) -> Self {
        fs::create_dir_all(folder).unwrap();
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.distinguished_name.push(DnType::CommonName, "Authority of a test");
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let house = Self { folder: folder.to_owned(), authority, key };
        fs::write(house.ca(), house.authority.self_signed(&house.key).unwrap().pem()).unwrap();
        house
    }

    /// The authority's certificate.
    pub fn ca(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// A certificate for a name or address, and its key.
    pub fn certificate(&self, name: &str) -> (PathBuf, PathBuf) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let made = params.signed_by(&key, &Issuer::from_params(&self.authority, &self.key)).unwrap();
        let paths = (self.folder.join(format!("{name}.pem")), self.folder.join(format!("{name}.key")));
        fs::write(&paths.0, made.pem()).unwrap();
        fs::write(&paths.1, key.serialize_pem()).unwrap();
        paths
    }
}
