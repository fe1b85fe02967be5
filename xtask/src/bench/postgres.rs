//! A PostgreSQL cluster of this run's own: made in a temporary folder, on a Unix socket only, stopped when dropped.
//! Promises: durable settings as shipped (fsync and synchronous_commit on), memory settings as for a server of this size.
//! Never touches a cluster that is already on the machine.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::machine::{is_root, postgres_programs};
use crate::step::{Blame, Outcome, ask};

/// A tuned server, not the defaults of a small one: a quarter of a gigabyte more would change nothing at these sizes.
const SETTINGS: &str = "
listen_addresses = ''
shared_buffers = '1GB'
maintenance_work_mem = '512MB'
work_mem = '64MB'
max_wal_size = '8GB'
checkpoint_timeout = '30min'
effective_cache_size = '8GB'
jit = off
";

pub struct Cluster {
    folder: TempDir,
    programs: PathBuf,
}

impl Cluster {
    pub fn start() -> Outcome<Self> {
        let programs = postgres_programs().blame("no PostgreSQL server programs under /usr/lib/postgresql")?;
        let folder =
            tempfile::Builder::new().prefix("ephor-bench-pg-").tempdir().blame("cannot make a temporary folder")?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))
            .blame("cannot open the temporary folder")?;
        if is_root() {
            ask(Command::new("chown").arg("postgres").arg(folder.path()))?;
        }
        let cluster = Self { folder, programs };
        ask(cluster.program("initdb").arg("-D").arg(cluster.data()).args([
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
        ]))?;
        let settings = format!("{SETTINGS}unix_socket_directories = '{}'\n", cluster.socket().display());
        let file = cluster.data().join("postgresql.auto.conf");
        fs::write(&file, settings).blame(format!("cannot write {}", file.display()))?;
        // The server keeps what it inherits open: its words go to its own log, not to this task's pipes.
        ask(cluster
            .program("pg_ctl")
            .args(["-w", "-t", "60", "-D"])
            .arg(cluster.data())
            .arg("-l")
            .arg(cluster.log())
            .arg("start"))?;
        Ok(cluster)
    }

    /// The folder of the socket, which is also the `host` of a connection.
    pub fn socket(&self) -> &Path {
        self.folder.path()
    }

    /// The first process of the server.
    pub fn pid(&self) -> Outcome<u32> {
        let file = self.data().join("postmaster.pid");
        let text = fs::read_to_string(&file).blame(format!("cannot read {}", file.display()))?;
        text.lines().next().and_then(|line| line.trim().parse().ok()).blame("postmaster.pid holds no process id")
    }

    /// Runs SQL and gives what it answers, one row a line.
    pub fn sql(&self, statements: &str) -> Outcome<String> {
        let mut command = Command::new(self.programs.join("psql"));
        command.arg("-h").arg(self.socket()).args([
            "-U",
            "postgres",
            "-d",
            "postgres",
            "-XqAt",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            statements,
        ]);
        ask(&mut command).map(|answer| answer.trim().to_owned())
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    /// A server program, as the user `postgres` where this task is root: PostgreSQL refuses to be root.
    fn program(&self, name: &str) -> Command {
        let path = self.programs.join(name);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        command.current_dir(self.folder.path());
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Nobody is left to tell when stopping fails; the data goes with the folder either way.
        _ = ask(self.program("pg_ctl").args(["-m", "immediate", "-w", "-D"]).arg(self.data()).arg("stop"));
    }
}
