//! The console from outside: the demo's link, and a person whom an identity provider vouches for.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use ephor_e2e::{Node, axe, ephor, eventually, folder, python, run_in, sql};
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::redirect::Policy;
use serde_json::Value;
use tokio::runtime::{Builder, Runtime};

/// A browser without scripts: it keeps cookies, reads forms and follows where it is sent.
struct Browser {
    runtime: Runtime,
    http: reqwest::Client,
    cookies: BTreeMap<String, String>,
    page: String,
}

impl Browser {
    fn new() -> Self {
        _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            runtime: Builder::new_current_thread().enable_all().build().unwrap(),
            http: reqwest::Client::builder().no_proxy().redirect(Policy::none()).build().unwrap(),
            cookies: BTreeMap::new(),
            page: String::new(),
        }
    }

    /// The status, and where it leads.
    fn get(&mut self, url: &str) -> (u16, String) {
        self.send(self.http.get(url))
    }

    fn post(&mut self, url: &str, fields: &[(&str, &str)]) -> (u16, String) {
        let body: String = fields.iter().map(|(name, value)| format!("{name}={value}&")).collect();
        let request = self.http.post(url).header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(body))
    }

    fn send(&mut self, request: reqwest::RequestBuilder) -> (u16, String) {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request.header(COOKIE, cookies.join("; ")).header("accept", "text/html");
        let answer = self.runtime.block_on(request.send()).unwrap();
        for line in answer.headers().get_all(SET_COOKIE) {
            let (name, rest) = line.to_str().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), rest.split(';').next().unwrap().to_owned());
        }
        let status = answer.status().as_u16();
        let to = answer.headers().get(LOCATION).map_or("", |value| value.to_str().unwrap()).to_owned();
        self.page = self.runtime.block_on(answer.text()).unwrap();
        (status, to)
    }

    /// The value of a form's field on the page.
    fn field(&self, name: &str) -> String {
        let before = format!("name=\"{name}\" value=\"");
        let rest = self.page.split(&before).nth(1).unwrap_or_else(|| panic!("no field {name}: {}", self.page));
        rest.split('"').next().unwrap().to_owned()
    }
}

#[test]
fn the_demo_s_link_signs_in_twice_and_every_page_of_the_menu_answers() {
    let home = folder();
    let node = Node::demo(&home.path().join("data"), ["--users", "30", "--days", "10", "--seed", "7"]);
    let link = node.line["console"].as_str().expect("the line has a way in");
    let code = link.split("#code=").nth(1).expect("the code is in the fragment");
    for _ in 0..2 {
        let mut browser = Browser::new();
        assert_eq!(browser.get(&format!("{}/", node.address())), (303, "/sign-in?to=%2F".to_owned()));
        browser.get(&format!("{}/sign-in", node.address()));
        let token = browser.field("form_token");
        let address = format!("{}/sign-in/code", node.address());
        assert_eq!(browser.post(&address, &[("form_token", &token), ("code", code)]), (303, "/".to_owned()));
        assert_eq!(browser.get(&format!("{}/", node.address())).0, 200);
        let menu: Vec<String> = browser
            .page
            .split("data-go=")
            .skip(1)
            .zip(browser.page.split("<a href=\"").skip(1))
            .map(|(_, rest)| rest.split('"').next().unwrap().to_owned())
            .collect();
        assert!(menu.len() >= 4, "{}", browser.page);
        for path in menu.iter().chain(["/settings/keys".to_owned(), "/settings/audit".to_owned()].iter()) {
            let (status, _) = browser.get(&format!("{}{path}", node.address()));
            assert_eq!(status, 200, "{path}: {}", browser.page);
        }
    }
}

#[test]
fn a_morning_s_work_in_a_browser_and_no_page_that_axe_holds_anything_against() {
    let home = folder();
    let node = Node::demo(&home.path().join("data"), ["--users", "40", "--days", "20", "--seed", "7"]);
    let link = node.line["console"].as_str().expect("the line has a way in");
    eventually("rules have found the planted escalation", || {
        let found = node.client("admin").get("/ephor/v1/findings?use_case=privilege-escalation&severity=high");
        (found.status == 200 && found.body.contains("finding_")).then_some(())
    });
    let walked = run_in(python("walk_console.py").arg(link).arg(axe())).json();
    let texts =
        |name: &str| -> Vec<&str> { walked[name].as_array().unwrap().iter().filter_map(Value::as_str).collect() };
    assert!(texts("pages").len() > 50, "{walked:#}");
    assert_eq!(walked["against"], Value::Array(Vec::new()), "{walked:#}");
    let done = texts("done").join("; ");
    for step in [
        "acknowledged with a note; kept as a case; pinned; review opened; decided; closed and signed; package built; uploaded and proven",
        "key made and revoked; dark theme chosen",
        "without scripts: acknowledged with a note; without scripts: key made and revoked",
    ] {
        assert!(done.contains(step), "{step} is not in {done}");
    }
}

#[test]
fn a_passkey_is_added_signs_its_person_in_and_nobody_else_and_is_gone_once_removed() {
    let home = folder();
    let data = home.path().join("data");
    let node = Node::demo(&data, ["--users", "10", "--days", "3", "--seed", "7"]);
    // Passkeys belong to names and not to addresses.
    let link = node.line["console"].as_str().expect("the line has a way in").replace("127.0.0.1", "localhost");
    let done = run_in(python("passkey.py").arg(link)).json();
    let steps = [
        "added",
        "not added twice",
        "signed in, to the page that was asked for",
        "refused without its person",
        "removed, and refused from then on",
    ];
    assert_eq!(done["done"], serde_json::json!(steps), "{}", node.log());
    let told = "select type, count(*) as n from activities where source = 'ephor' and position('passkey' in raw) > 0 \
        and type like 'ephor\\_console\\_sign%' escape '\\' group by type";
    eventually("the record tells of every way in that was made, used, refused and taken away", || {
        let told = sql(&data, told);
        let count =
            |kind: &str| told.iter().find(|row| row["type"] == kind).map_or(0, |row| row["n"].as_u64().unwrap());
        let kinds = ["ephor_console_signed_in", "ephor_console_sign_in_changed", "ephor_console_sign_in_failed"];
        (kinds.map(count) == [2, 2, 1]).then_some(())
    });
}

struct Provider {
    process: Child,
    address: String,
}

impl Provider {
    fn start() -> Self {
        let mut process = python("identity_provider.py")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("http://localhost:"), "the provider did not start: {line:?}");
        Self { process, address: line.trim().to_owned() }
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// From the button to the end of the round trip, as this person.
fn round_trip(browser: &mut Browser, node: &Node, person: &str) -> (u16, String) {
    let (status, at_provider) = browser.get(&format!("{}/sign-in/provider?to=/people", node.address()));
    assert_eq!(status, 303, "{}", browser.page);
    for part in ["code_challenge_method=S256", "state=", "nonce=", "response_type=code"] {
        assert!(at_provider.contains(part), "{at_provider} without {part}");
    }
    let (_, back) = browser.post(&at_provider, &[("sub", person)]);
    assert!(back.starts_with(&format!("{}/sign-in/provider/back?", node.address())), "{back}: {}", browser.page);
    browser.get(&back)
}

#[test]
fn people_come_in_through_an_identity_provider_with_the_role_of_their_groups() {
    let provider = Provider::start();
    let home = folder();
    let data = home.path().join("data");
    let made = run_in(ephor(["init", "--name", "Example", "--owner", "owner@example.com", "--data-dir"]).arg(&data));
    assert_eq!(made.code, Some(0), "{made:#?}");
    let config = home.path().join("ephor.toml");
    let text = format!(
        "[console.oidc]\nissuer = \"{}\"\nclient_id = \"ephor\"\nclient_secret = \"env:OIDC_SECRET\"\nname = \"Example login\"\nroles = {{ soc = \"analyst\" }}\n",
        provider.address
    );
    std::fs::write(&config, text).unwrap();
    let node = Node::up_with(&data, ["--config".as_ref(), config.as_os_str()], [("OIDC_SECRET", "shared")]);

    let mut sue = Browser::new();
    sue.get(&format!("{}/sign-in", node.address()));
    assert!(sue.page.contains("Sign in with Example login"), "{}", sue.page);
    assert_eq!(round_trip(&mut sue, &node, "sue"), (303, "/people".to_owned()), "{}", node.log());
    assert_eq!(sue.get(&format!("{}/people", node.address())).0, 200);
    assert!(sue.page.contains("sue@example.com") && sue.page.contains("analyst"), "{}", sue.page);
    assert_eq!(sue.get(&format!("{}/settings", node.address())).0, 403, "an analyst sees no settings");

    // No group of hers gives a role; and an address that the provider has not verified is nobody's.
    let mut eve = Browser::new();
    assert!(round_trip(&mut eve, &node, "eve").1.starts_with("/sign-in?said=role"));
    let mut mallory = Browser::new();
    assert!(round_trip(&mut mallory, &node, "mallory").1.starts_with("/sign-in?said=provider"));

    // What another browser brings back is not taken: the state belongs to the browser that asked.
    let mut victim = Browser::new();
    let (_, at_provider) = Browser::new().get(&format!("{}/sign-in/provider", node.address()));
    let (_, back) = Browser::new().post(&at_provider, &[("sub", "sue")]);
    victim.get(&format!("{}/sign-in/provider", node.address()));
    assert!(victim.get(&back).1.starts_with("/sign-in?said=provider"));
    assert_eq!(victim.get(&format!("{}/", node.address())).0, 303);
}
