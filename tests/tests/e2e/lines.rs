//! CEF and LEEF read back by other houses' parsers: Vector's and rsyslog's for the one, Tenzir's for the other.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use ephor_e2e::{Simulated, ephor, folder, python, run, run_in};
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

/// What has a meaning in one of the formats, or has tripped a reader of one before.
const NASTY: [&str; 24] = [
    "\"",
    "'",
    "|",
    "=",
    "\\",
    "\n",
    "\r",
    "\t",
    "\\n",
    "\\\\",
    " ",
    " cs1=spoof",
    " src=1.2.3.4",
    "CEF:0|a|b|",
    "LEEF:2.0|x09|",
    "\u{0}",
    "\u{7f}",
    "\u{feff}",
    "\u{202e}",
    "日本",
    "é",
    "🦀",
    "[x]",
    "x",
];

/// How many of them are quotes.
const QUOTES: usize = 2;

/// Activities whose every text is made of such pieces.
fn hostile(rows: usize, seed: u64) -> Vec<Value> {
    println!("hostile texts from seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut text = |n: usize, least: usize| {
        // Two in three without quotes, for the reader that takes them for its own.
        let pieces = if n.is_multiple_of(3) { &NASTY[..] } else { &NASTY[QUOTES..] };
        (0..random.random_range(least..9)).map(|_| *pieces.choose(&mut random).unwrap()).collect::<String>()
    };
    let row = |n: usize| {
        json!({
            "id": format!("activity_hostile_{n}"),
            // Every other one of a type that rules look at, so that its texts come into findings too.
            "type": if n.is_multiple_of(2) { "org_ip_restriction_deleted".to_owned() } else { format!("odd_{}_created", text(n, 0)) },
            "created_at": format!("2026-06-01T00:{:02}:{:02}.25Z", n / 60, n % 60),
            "organization_id": format!("org_{}", text(n, 0)),
            "actor": {
                "type": "user_actor", "user_id": format!("user_{n}_{}", text(n, 0)), "email_address": format!("ada{}@example.com", text(n, 1)),
                "ip_address": if n.is_multiple_of(3) { "2001:db8::7" } else { "192.0.2.7" }, "user_agent": text(n, 1),
            },
            "api_key_id": format!("key_{}", text(n, 0)), "reason": text(n, 0), "scopes": [text(n, 0), text(n, 0)],
        })
    };
    (0..rows).map(row).collect()
}

/// A data folder with every type, hostile activities, and what detection finds in them.
fn filled(home: &Path) -> PathBuf {
    let data = home.join("data");
    let types = Simulated::make(&["--seed", "7", "--users", "12", "--days", "1", "--all-types"]);
    run(&data, &["import", types.activities().to_str().unwrap()]).succeeded();
    let file = home.join("hostile.ndjson");
    let mut lines = fs::File::create(&file).unwrap();
    hostile(300, 20_261_126).iter().for_each(|row| writeln!(lines, "{row}").unwrap());
    run(&data, &["import", file.to_str().unwrap()]).succeeded();
    run(&data, &["detect"]).succeeded();
    data
}

fn exported(data: &Path, home: &Path, what: &str, format: &str) -> PathBuf {
    let file = home.join(format!("{what}.{format}"));
    let sink = format!("file:{}", file.display());
    let sent = ["export", "run", "--once", "--what", what, "--sink", &sink, "--export-format", format, "--data-dir"];
    run_in(ephor(sent).arg(data)).succeeded();
    file
}

#[test]
fn lines_read_back_to_what_was_put_in_whatever_it_holds() {
    let home = folder();
    let data = filled(home.path());
    for what in ["activities", "findings"] {
        let of = |format: &str| exported(&data, home.path(), what, format);
        let (raw, ecs, cef, leef) = (of("raw"), of("ecs"), of("cef"), of("leef"));
        let rows = fs::read_to_string(&raw).unwrap().lines().count();
        assert!(rows > if what == "findings" { 100 } else { 1_500 }, "{rows} {what}");
        for (reader, lines) in [("vector", &cef), ("liblognorm", &cef), ("tenzir", &leef)] {
            let read = |lines: &Path| run_in(python("read_lines.py").arg(reader).arg(lines).arg(&raw).arg(&ecs)).json();
            let told = read(lines);
            assert_eq!(told["errors"], 0, "{reader}: {told:#}");
            let left_out = rows as u64 - told["lines"].as_u64().unwrap();
            assert!(
                left_out == 0 || reader != "liblognorm" && left_out < rows as u64 / 2,
                "{reader} read {rows} less {left_out}"
            );
            assert!(told["keys"].as_array().unwrap().len() > 10, "{reader}: {told}");
            // A reader that would be content with anything proves nothing. Not every key is compared, so all are spoilt.
            let spoilt = lines.with_extension("spoilt");
            fs::write(&spoilt, fs::read_to_string(lines).unwrap().replace("user_", "usr_")).unwrap();
            assert!(read(&spoilt)["errors"].as_u64().unwrap() >= 1, "{reader} does not see a changed value");
        }
    }
}
