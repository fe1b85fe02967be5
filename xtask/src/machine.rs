//! What a machine must have, and how it gets there: Debian packages and the Python environment.
//! Promises: what is there already costs a look, not an installation; without root it says what to install.
//! Never touches anything that is not named in the tables below.

use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::step::{Blame, Failure, Outcome, Steps, show, succeeds};
use crate::workspace::Workspace;

/// A Debian package, what shows that it is there, and who needs it.
struct Needed {
    package: &'static str,
    sign: Sign,
    reason: &'static str,
}

enum Sign {
    Program(&'static str),
    File(&'static str),
    PythonModules(&'static str),
    PostgresServer,
}

const FOR_TESTS: &[Needed] = &[
    Needed {
        package: "build-essential",
        sign: Sign::Program("cc"),
        reason: "crates that build C (zstd, SQLite, ring)",
    },
    Needed { package: "python3-venv", sign: Sign::PythonModules("venv, ensurepip"), reason: "the Python clients" },
    Needed { package: "curl", sign: Sign::Program("curl"), reason: "the demo's lines are pasted as printed" },
    Needed {
        package: "zstd",
        sign: Sign::Program("zstd"),
        reason: "files to import are made with other people's tools",
    },
    Needed { package: "rsyslog", sign: Sign::Program("rsyslogd"), reason: "receives syslog" },
    Needed {
        package: "rsyslog-gnutls",
        sign: Sign::File("/usr/lib/x86_64-linux-gnu/rsyslog/lmnsd_gtls.so"),
        reason: "receives syslog over TLS",
    },
    Needed {
        package: "liblognorm-utils",
        sign: Sign::Program("lognormalizer"),
        reason: "reads CEF the way rsyslog does",
    },
    Needed { package: "jq", sign: Sign::Program("jq"), reason: "proofs are checked without Ephor" },
    Needed { package: "openssl", sign: Sign::Program("openssl"), reason: "as above" },
    Needed { package: "gzip", sign: Sign::Program("gzip"), reason: "as above" },
    Needed {
        package: "chromium",
        sign: Sign::Program("chromium"),
        reason: "people look at the console with a browser",
    },
    Needed { package: "chromium-driver", sign: Sign::Program("chromedriver"), reason: "drives that browser" },
];

/// axe-core, which judges pages by WCAG: one file of a package from npm, held to its hash. npm itself is not needed.
const AXE: &str = "axe-core-4.14.1";
const AXE_SHA256: &str = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745";

/// syslog-ng and what it is linked with. Debian lets no second syslog be installed beside rsyslog, so these are unpacked.
const SYSLOG_NG: [&str; 5] = ["syslog-ng-core", "libivykis0", "libnet1", "libpcre3", "libwrap0"];

const FOR_BENCHMARKS: &[Needed] =
    &[Needed { package: "postgresql", sign: Sign::PostgresServer, reason: "stands beside Ephor in the benchmarks" }];

/// Everything `cargo xtask test` needs beyond Rust.
pub fn set_up_tests(workspace: &Workspace, steps: &mut Steps) -> Outcome<()> {
    steps.run("packages", || install_packages(FOR_TESTS))?;
    steps
        .run("python clients", || install_clients(workspace, "tests/python/requirements.txt", Beside::Requirements))?;
    steps.run("programs", || install_clients(workspace, "tests/python/programs.txt", Beside::Nothing))?;
    steps.run("axe", || install_axe(workspace))?;
    steps.run("syslog-ng", || unpack_syslog_ng(workspace))
}

/// What `cargo xtask bench` needs on top.
pub fn set_up_benchmarks(workspace: &Workspace, steps: &mut Steps) -> Outcome<()> {
    set_up_tests(workspace, steps)?;
    steps.run("benchmark packages", || install_packages(FOR_BENCHMARKS))?;
    steps
        .run("benchmark clients", || install_clients(workspace, "benches/requirements-bench.txt", Beside::Requirements))
}

/// What the detection benchmark needs: databases from Python, and what makes SQL of rules.
pub fn set_up_sql_rules(workspace: &Workspace, steps: &mut Steps) -> Outcome<()> {
    steps
        .run("benchmark clients", || install_clients(workspace, "benches/requirements-bench.txt", Beside::Requirements))
}

/// The folder of PostgreSQL's server programs, newest version first.
pub fn postgres_programs() -> Option<std::path::PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut folders: Vec<_> =
        versions.flatten().map(|entry| entry.path().join("bin")).filter(|bin| bin.join("initdb").exists()).collect();
    folders.sort();
    folders.pop()
}

/// Whether this process may install packages and mount file systems.
pub fn is_root() -> bool {
    fs::read_to_string("/proc/self/status").is_ok_and(|status| {
        status.lines().any(|line| line.starts_with("Uid:") && line.split_whitespace().nth(2) == Some("0"))
    })
}

fn install_packages(needed: &[Needed]) -> Outcome<()> {
    let missing: Vec<&Needed> = needed.iter().filter(|need| !need.sign.is_there()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|need| need.package).collect();
    for need in &missing {
        println!("    missing: {} ({})", need.package, need.reason);
    }
    if !is_root() || !on_path("apt-get") {
        return Err(Failure::new(format!("install these first: apt-get install {}", names.join(" "))));
    }
    show(Command::new("apt-get").args(["update", "-qq"]).env("DEBIAN_FRONTEND", "noninteractive"))?;
    show(
        Command::new("apt-get")
            .args(["install", "-y", "-qq", "--no-install-recommends"])
            .args(&names)
            .env("DEBIAN_FRONTEND", "noninteractive"),
    )
}

impl Sign {
    fn is_there(&self) -> bool {
        match self {
            Self::Program(name) => on_path(name),
            Self::File(path) => Path::new(path).is_file(),
            Self::PythonModules(names) => succeeds(Command::new("python3").arg("-c").arg(format!("import {names}"))),
            Self::PostgresServer => postgres_programs().is_some(),
        }
    }
}

fn on_path(program: &str) -> bool {
    env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// What comes with a Python package.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    /// What it says that it needs.
    Requirements,
    /// Nothing: only the program in it is wanted, and not the Python around that.
    Nothing,
}

/// Installs one requirements file into the environment; a copy of the file beside it tells that it is installed already.
fn install_clients(workspace: &Workspace, requirements: &str, beside: Beside) -> Outcome<()> {
    let file = workspace.root.join(requirements);
    let wanted = fs::read_to_string(&file).blame(format!("cannot read {}", file.display()))?;
    let venv = workspace.venv();
    let stamp = venv.join(format!("installed-{}", requirements.replace('/', "-")));
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) && runs(&workspace.python()) {
        return Ok(());
    }
    if !runs(&workspace.python()) {
        show(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    }
    let mut pip = Command::new(workspace.python());
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    if beside == Beside::Nothing {
        pip.arg("--no-deps");
    }
    show(pip.arg("-r").arg(&file))?;
    fs::write(&stamp, wanted).blame(format!("cannot write {}", stamp.display()))
}

/// Fetches axe-core into the environment of the clients.
fn install_axe(workspace: &Workspace) -> Outcome<()> {
    let script = workspace.venv().join(format!("{AXE}.js"));
    if script.is_file() {
        return Ok(());
    }
    let package = workspace.venv().join(format!("{AXE}.tgz"));
    let address = format!("https://registry.npmjs.org/axe-core/-/{AXE}.tgz");
    show(Command::new("curl").args(["-sSfL", "--retry", "3", "-o"]).arg(&package).arg(address))?;
    let sum = format!("{AXE_SHA256}  {}\n", package.display());
    let sums = workspace.venv().join(format!("{AXE}.sha256"));
    fs::write(&sums, sum).blame(format!("cannot write {}", sums.display()))?;
    show(Command::new("sha256sum").args(["--check", "--quiet"]).arg(&sums))?;
    let unpacked = ["--strip-components=1", "package/axe.min.js"];
    show(Command::new("tar").arg("-xzf").arg(&package).arg("-C").arg(workspace.venv()).args(unpacked))?;
    let from = workspace.venv().join("axe.min.js");
    fs::rename(&from, &script).blame(format!("cannot move {}", from.display()))
}

/// Unpacks syslog-ng into the environment of the clients.
fn unpack_syslog_ng(workspace: &Workspace) -> Outcome<()> {
    let folder = workspace.venv().join("syslog-ng");
    if folder.join("usr/sbin/syslog-ng").is_file() {
        return Ok(());
    }
    let packages = workspace.venv().join("syslog-ng-packages");
    fs::create_dir_all(&packages).blame(format!("cannot make {}", packages.display()))?;
    if is_root() {
        show(Command::new("apt-get").args(["update", "-qq"]))?;
    }
    show(Command::new("apt-get").args(["download", "-qq"]).args(SYSLOG_NG).current_dir(&packages))?;
    for entry in fs::read_dir(&packages).blame(format!("cannot read {}", packages.display()))?.flatten() {
        show(Command::new("dpkg-deb").arg("--extract").arg(entry.path()).arg(&folder))?;
    }
    Ok(())
}

fn runs(python: &Path) -> bool {
    succeeds(Command::new(python).args(["-c", "import pip"]))
}
