//! What a user would take otherwise: rsyslog, syslog-ng and Tenzir reading the same NDJSON from a file.
//! Promises: one core as for Ephor, the clock stops when the last line is in the file, and the lines are counted.
//! Never more work than a collector does: the line as it is, or its JSON taken apart and a line made of four of its fields.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::super::Bench;
use super::super::measure::PeakWatch;
use super::receivers::{Process, rsyslog, spawn};
use super::{Delivered, on_one_core, remove};
use crate::step::{Blame, Failure, Outcome};

/// How long a peer may write nothing before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) struct Peer {
    pub(super) name: String,
    format: &'static str,
    program: Program,
    note: &'static str,
}

#[derive(Clone, Copy)]
enum Program {
    Rsyslog { template: &'static str, parse: &'static str },
    SyslogNg { parser: &'static str, template: &'static str },
    Tenzir { pipeline: &'static str },
}

/// A line as Ephor's CEF begins, of what rsyslog has parsed.
const RSYSLOG_CEF: &str = "template(name=\"out\" type=\"string\" string=\"CEF:0|Anthropic|Claude Compliance API|1|%$!type%|%$!type%|1|rt=%$!created_at% externalId=%$!id% src=%$!actor!ip_address%\\n\")\n";
const RSYSLOG_LINE: &str = "template(name=\"out\" type=\"string\" string=\"%msg%\\n\")\n";
const NG_CEF: &str = "CEF:0|Anthropic|Claude Compliance API|1|${.j.type}|${.j.type}|1|rt=${.j.created_at} externalId=${.j.id} src=${.j.actor.ip_address}\\n";

const TENZIR_LINE: &str = "from_file \"FROM\" { read_lines }\nto_file \"TO\" { write_lines }";
const TENZIR_JSON: &str = "from_file \"FROM\" { read_ndjson }\nto_file \"TO\" { write_ndjson }";
const TENZIR_CEF: &str = "from_file \"FROM\" { read_ndjson }\n\
    line = f\"CEF:0|Anthropic|Claude Compliance API|1|{type}|{type}|1|rt={created_at} externalId={id} src={actor.ip_address?}\"\n\
    select line\nto_file \"TO\" { write_lines }";

pub(super) fn all(bench: &Bench<'_>) -> Vec<Peer> {
    let peer = |name: &str, format, program, note| Peer { name: name.to_owned(), format, program, note };
    let mut peers = vec![
        peer(
            "rsyslog",
            "raw",
            Program::Rsyslog { template: RSYSLOG_LINE, parse: "" },
            "imfile to omfile, no fsync, no cursor of what was delivered",
        ),
        peer(
            "rsyslog",
            "cef-like",
            Program::Rsyslog { template: RSYSLOG_CEF, parse: "action(type=\"mmjsonparse\" cookie=\"\")\n" },
            "imfile, mmjsonparse, four fields of it as a line; no fsync",
        ),
    ];
    if bench.workspace.venv().join("syslog-ng/usr/sbin/syslog-ng").exists() {
        let whole = Program::SyslogNg { parser: "", template: "${MESSAGE}\\n" };
        let parsed = Program::SyslogNg { parser: "parser { json-parser(prefix(\".j.\")); };", template: NG_CEF };
        peers.push(peer("syslog-ng", "raw", whole, "file() to file(), no fsync"));
        peers.push(peer("syslog-ng", "cef-like", parsed, "file(), json-parser, four fields of it as a line; no fsync"));
    }
    if tenzir(bench).is_some() {
        let pipelines = [
            ("raw", TENZIR_LINE, "from_file to to_file, no fsync"),
            ("json", TENZIR_JSON, "from_file, read_ndjson, write_ndjson; no fsync"),
            ("cef-like", TENZIR_CEF, "from_file, read_ndjson, four fields of it as a line; no fsync"),
        ];
        peers.extend(
            pipelines.map(|(format, pipeline, note)| peer("Tenzir", format, Program::Tenzir { pipeline }, note)),
        );
    }
    peers
}

impl Peer {
    pub(super) fn measure(&self, bench: &Bench<'_>, out: &Path) -> Outcome<Delivered> {
        let home = out.join("peer");
        remove(&home)?;
        fs::create_dir_all(&home).blame(format!("cannot make {}", home.display()))?;
        let written = home.join("lines");
        let expected = lines_of(&bench.activities)?;
        let start = Instant::now();
        let process = match self.program {
            Program::Rsyslog { template, parse } => {
                let config = format!(
                    "module(load=\"imfile\")\nmodule(load=\"mmjsonparse\")\ninput(type=\"imfile\" file=\"{}\" tag=\"claude\" ruleset=\"r\" reopenOnTruncate=\"on\")\n\
                     {template}ruleset(name=\"r\") {{\n{parse}action(type=\"omfile\" file=\"{}\" template=\"out\" ioBufferSize=\"64k\")\n}}\n",
                    bench.activities.display(),
                    written.display()
                );
                rsyslog(out, "peer", Some(&config))?
            }
            Program::SyslogNg { parser, template } => syslog_ng(bench, &home, &written, parser, template)?,
            Program::Tenzir { pipeline } => {
                let pipeline = pipeline
                    .replace("FROM", &bench.activities.display().to_string())
                    .replace("TO", &written.display().to_string());
                let program = tenzir(bench).blame("Tenzir is gone")?;
                spawn(on_one_core(&program).arg("--bare-mode").arg(pipeline), &home, 0)?
            }
        };
        let watch = PeakWatch::of_process(process.pid());
        wait_for(&written, expected)?;
        let seconds = start.elapsed().as_secs_f64();
        let peak_memory_bytes = watch.stop();
        drop(process);
        let bytes = fs::metadata(&written).blame("nothing was written")?.len();
        remove(&home)?;
        Ok(Delivered {
            what: self.name.clone(),
            format: self.format.to_owned(),
            events: expected,
            seconds,
            peak_memory_bytes,
            bytes,
            note: self.note.to_owned(),
        })
    }
}

fn syslog_ng(bench: &Bench<'_>, home: &Path, written: &Path, parser: &str, template: &str) -> Outcome<Process> {
    let config = format!(
        "@version: 3.38\noptions {{ log-msg-size(65536); stats-freq(0); }};\n\
         source s {{ file(\"{}\" flags(no-parse) follow-freq(1) log-fetch-limit(1000) log-iw-size(10000)); }};\n\
         destination d {{ file(\"{}\" template(\"{template}\") flush-lines(1000)); }};\n\
         log {{ source(s); {parser} destination(d); flags(flow-control); }};\n",
        bench.activities.display(),
        written.display()
    );
    let at = |name: &str| home.join(name);
    fs::write(at("syslog-ng.conf"), config).blame("cannot write syslog-ng.conf")?;
    let unpacked: PathBuf = bench.workspace.venv().join("syslog-ng");
    let libraries = ["usr/lib/x86_64-linux-gnu", "usr/lib/syslog-ng", "lib/x86_64-linux-gnu"];
    let libraries = libraries.map(|folder| unpacked.join(folder).display().to_string()).join(":");
    let mut command: Command = on_one_core(&unpacked.join("usr/sbin/syslog-ng"));
    command.args(["--foreground", "--no-caps"]).env("LD_LIBRARY_PATH", libraries);
    command.arg("--module-path").arg(unpacked.join("usr/lib/syslog-ng/3.38"));
    command.arg("--cfgfile").arg(at("syslog-ng.conf")).arg("--pidfile").arg(at("pid"));
    command.arg("--persist-file").arg(at("persist")).arg("--control").arg(at("control"));
    spawn(&mut command, home, 0)
}

/// Tenzir's program, where `cargo xtask setup` has put it.
fn tenzir(bench: &Bench<'_>) -> Option<PathBuf> {
    let libraries = fs::read_dir(bench.workspace.venv().join("lib")).ok()?;
    let programs = libraries.flatten().map(|entry| entry.path().join("site-packages/tenzir/bundled/bin/tenzir"));
    programs.into_iter().find(|program| program.is_file())
}

/// Waits until a file has so many lines; only what is new is read each time.
fn wait_for(file: &Path, lines: u64) -> Outcome<()> {
    let (mut seen, mut place, mut last) = (0, 0, Instant::now());
    while seen < lines {
        std::thread::sleep(Duration::from_millis(20));
        let Ok(mut open) = fs::File::open(file) else {
            if last.elapsed() > PATIENCE {
                return Err(Failure::new(format!("nothing was written to {}", file.display())));
            }
            continue;
        };
        open.seek(SeekFrom::Start(place)).blame("cannot read what was written")?;
        let mut bytes = Vec::new();
        open.read_to_end(&mut bytes).blame("cannot read what was written")?;
        if !bytes.is_empty() {
            last = Instant::now();
        } else if last.elapsed() > PATIENCE {
            return Err(Failure::new(format!("{seen} of {lines} lines in {}", file.display())));
        }
        place += bytes.len() as u64;
        seen += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
    }
    Ok(())
}

fn lines_of(file: &Path) -> Outcome<u64> {
    let open = fs::File::open(file).blame(format!("cannot read {}", file.display()))?;
    let mut lines = 0;
    for line in BufReader::with_capacity(1 << 20, open).split(b'\n') {
        line.blame(format!("cannot read {}", file.display()))?;
        lines += 1;
    }
    Ok(lines)
}
