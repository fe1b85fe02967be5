//! Reports that are made by themselves, into a folder and to a receiver that checks who sends.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::thread::JoinHandle;

use ephor_e2e::{Node, Simulated, ephor, eventually, folder, python, run, run_in};
use serde_json::Value;

/// One post: its head and its body, answered with a status.
fn one_post(listener: TcpListener, status: &'static str) -> JoinHandle<(String, Vec<u8>)> {
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream);
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if line == "\r\n" {
                break;
            }
            if let Some(("content-length", value)) = line.to_lowercase().split_once(':') {
                length = value.trim().parse().unwrap();
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        reader.into_inner().write_all(answer.as_bytes()).unwrap();
        (head, body)
    })
}

/// A lake with an organisation in it, and schedules beside the rest of its configuration.
fn with_schedules(data: &Path, schedules: &str) {
    run(data, &["init"]).succeeded();
    let truth = Simulated::of(500);
    run(data, &["import", truth.activities().to_str().unwrap()]).succeeded();
    let config = data.join("ephor.toml");
    let text = fs::read_to_string(&config).unwrap() + schedules;
    fs::write(config, text).unwrap();
}

fn files(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    names
}

#[test]
fn what_was_due_while_the_node_was_off_is_made_once_when_it_is_back() {
    let home = folder();
    let (data, reports) = (home.path().join("data"), home.path().join("reports"));
    let schedules = format!(
        "\n[[schedule]]\nname = \"daily\"\nreport = \"adoption-governance\"\ncron = \"0 0 * * *\"\nfolder = {reports:?}\n\n\
         [[schedule]]\nname = \"quiet\"\nreport = \"dormant-accounts\"\ncron = \"0 0 * * *\"\nform = \"csv\"\nonly_with_rows = true\nfolder = {reports:?}\n"
    );
    with_schedules(&data, &schedules);
    let listed = || run(&data, &["schedule", "list"]).succeeded().json();
    let node = Node::up(&data, [""; 0]);
    eventually("both are minded", || node.log().contains("minded").then_some(()));
    node.interrupt();
    assert!(files(&reports).is_empty(), "nothing was due since they were first seen");
    assert!(
        listed().as_array().unwrap().iter().all(|one| one["next_due_at"].is_string() && one["served_due_at"].is_null())
    );

    run_in(python("turn_back.py").arg(data.join("control.sqlite")).args(["schedules", "1"])).succeeded();
    let node = Node::up(&data, [""; 0]);
    let served = |listed: &Value| listed.as_array().unwrap().iter().all(|one| one["served_due_at"].is_string());
    eventually("both are served", || served(&listed()).then_some(()));
    node.interrupt();
    let made = files(&reports);
    let [file] = &made[..] else { panic!("one report, and none without rows: {made:?}") };
    assert!(file.starts_with("daily-20") && file.ends_with("T0000Z.html"), "{file}");
    assert!(fs::read_to_string(reports.join(file)).unwrap().contains("<svg"));
}

#[test]
fn a_report_goes_to_its_receiver_signed_and_a_refusal_is_told() {
    let home = folder();
    let data = home.path().join("data");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/reports", listener.local_addr().unwrap());
    let schedules = format!(
        "\n[[schedule]]\nname = \"weekly\"\nreport = \"shadow-ai\"\ncron = \"0 6 * * MON\"\ntime_zone = \"Europe/Berlin\"\nform = \"json\"\n\
         allow_private = true\nwebhook = {{ url = \"{url}\", hmac_secret = \"env:REPORT_SECRET\" }}\n"
    );
    with_schedules(&data, &schedules);
    let again = listener.try_clone().unwrap();
    let post = one_post(listener, "204 No Content");
    let send = || {
        let mut command = ephor(["schedule", "run", "weekly", "--data-dir"]);
        command.arg(&data).env("REPORT_SECRET", "between us");
        run_in(&mut command)
    };
    let told = send().succeeded();
    assert!(told.stdout.contains("handed over to its receiver"), "{told:#?}");
    let (head, body) = post.join().unwrap();
    for part in
        ["POST /reports", "idempotency-key: weekly-20", "x-ephor-signature: v1=", "content-type: application/json"]
    {
        assert!(head.to_lowercase().contains(&part.to_lowercase()), "{part} is not in {head}");
    }
    assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["report"], "shadow-ai");

    let post = one_post(again, "503 Service Unavailable");
    let refused = send().failed_with(1);
    post.join().unwrap();
    assert!(refused.stderr.contains("schedule `weekly`: answered 503"), "{refused:#?}");
    let listed = run(&data, &["schedule", "list"]).json();
    assert_eq!(listed[0]["failures_in_a_row"], 1);
    assert!(listed[0]["last_error"].as_str().unwrap().contains("503"), "{listed}");
}

#[test]
fn a_mistaken_schedule_is_told_before_anything_runs() {
    let mistakes = [
        ("report = \"dormant\"\ncron = \"0 6 * * *\"\nfolder = \"out\"", "there is no report `dormant`"),
        ("report = \"offboarding\"\ncron = \"0 6 * *\"\nfolder = \"out\"", "no cron expression of five fields"),
        (
            "report = \"offboarding\"\ncron = \"0 6 * * *\"\ntime_zone = \"Mars\"\nfolder = \"out\"",
            "`Mars` is no time zone",
        ),
        ("report = \"offboarding\"\ncron = \"0 6 * * *\"", "say either `folder"),
        ("report = \"offboarding\"\ncron = \"0 6 * * *\"\nform = \"focus\"\nfolder = \"out\"", "cost-attribution only"),
    ];
    for (keys, words) in mistakes {
        let home = folder();
        let data = home.path().join("data");
        with_schedules(&data, &format!("\n[[schedule]]\nname = \"weekly\"\n{keys}\n"));
        let told = run(&data, &["schedule", "list"]).failed_with(2);
        assert!(told.stderr.contains("schedule `weekly`") && told.stderr.contains(words), "{keys}: {told:#?}");
    }
}
