//! Stories of the console: a browser that keeps cookies and reads forms, before a whole node.
//! They promise what docs/security.md says of it: each line there names the story that shows it.
//! Never reach into the console: only what a browser gets.

mod access;
mod desk;
mod entities;
mod forms;
mod pages;
mod sign_in;
mod work;

use std::collections::BTreeMap;

use ephor_detect::{FindingId, Findings};
use ephor_lake::control::console::{CodeUse, Opens};
use http::Method;
use http::header::{ACCEPT, COOKIE, HOST, SET_COOKIE};

use super::*;
use crate::ConsoleOptions;

const ADDRESS: &str = "http://127.0.0.1:8787";
const NAMED: &str = "https://ephor.example.com";

const MINUTE: i64 = 60 * SECOND;

/// A node whose console is reached under an address.
async fn house_at(address: &str) -> House {
    let console = ConsoleOptions {
        origins: vec![address.parse().unwrap()],
        patience: Duration::from_secs(60),
        ..ConsoleOptions::default()
    };
    let house = House::open_off(ServerOptions { console, ..ServerOptions::default() }).await;
    house.enable().await;
    house
}

/// A node with a console on loopback.
async fn house() -> House {
    house_at(ADDRESS).await
}

/// A browser.
struct Browser<'h> {
    house: &'h House,
    address: &'static str,
    cookies: BTreeMap<String, String>,
    /// What the last page's forms carry.
    token: String,
}

impl<'h> Browser<'h> {
    fn new(house: &'h House) -> Self {
        Self { house, address: ADDRESS, cookies: BTreeMap::new(), token: String::new() }
    }

    /// A browser in which a member of this role is signed in.
    async fn signed_in(house: &'h House, role: Role) -> Self {
        let mut browser = Self::new(house);
        browser.sign_in(role).await;
        browser
    }

    async fn sign_in(&mut self, role: Role) {
        let id = member(self.house, role).await;
        let code = code(self.house, &id, Opens::Console).await;
        self.get("/sign-in").await;
        let answer = self.post("/sign-in/code", &[("code", &code)]).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, "/"), "{}", answer.text);
        // Any page with forms: its token is the session's.
        self.get("/account").await;
    }

    async fn get(&mut self, path: &str) -> Answer {
        let request = self.request(Method::GET, path).body(Body::empty()).unwrap();
        self.send(request).await
    }

    /// Sends a form of the last page.
    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.token.clone();
        self.post_with(path, &token, fields, &[]).await
    }

    async fn post_with(
        &mut self,
        path: &str,
        token: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields).append_pair("form_token", token);
        let mut request = self.request(Method::POST, path).header("content-type", "application/x-www-form-urlencoded");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(form.finish())).unwrap()).await
    }

    /// A form with a file, as a browser sends it.
    fn file_form(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        (name, bytes): (&str, &[u8]),
        headers: &[(&str, &str)],
    ) -> Request<Body> {
        let mut body = Vec::new();
        for (field, value) in fields {
            body.extend(
                format!("--edge\r\ncontent-disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n").bytes(),
            );
        }
        let file = format!("content-disposition: form-data; name=\"package\"; filename=\"{name}\"");
        body.extend(format!("--edge\r\n{file}\r\n\r\n").bytes());
        body.extend(bytes);
        body.extend(b"\r\n--edge--\r\n");
        let mut request = self.request(Method::POST, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.header("content-type", "multipart/form-data; boundary=edge").body(Body::from(body)).unwrap()
    }

    fn request(&self, method: Method, path: &str) -> http::request::Builder {
        let host = self.address.split("//").last().unwrap();
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, host)
            .header(ACCEPT, "text/html")
            .header(COOKIE, cookies.join("; "))
            .header("user-agent", "story")
    }

    async fn send(&mut self, mut request: Request<Body>) -> Answer {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([203, 0, 113, 7], 4711))));
        let response = self.house.router.clone().oneshot(request).await.unwrap();
        for line in response.headers().get_all(SET_COOKIE) {
            let (name, rest) = line.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            match value {
                "" => drop(self.cookies.remove(name)),
                value => drop(self.cookies.insert(name.to_owned(), value.to_owned())),
            }
        }
        let (parts, body) = response.into_parts();
        // A stream of events has no end to wait for.
        let endless = parts.headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
        let text = match endless {
            true => String::new(),
            false => String::from_utf8_lossy(&body.collect().await.unwrap().to_bytes()).into_owned(),
        };
        if let Some(token) = between(&text, "name=\"form-token\" content=\"", "\"") {
            self.token = token.to_owned();
        }
        Answer { status: parts.status, headers: parts.headers, text }
    }

    /// The body of an answer that is no text.
    async fn bytes(&mut self, path: &str) -> Vec<u8> {
        let mut request = self.request(Method::GET, path).body(Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([203, 0, 113, 7], 4711))));
        let response = self.house.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.into_body().collect().await.unwrap().to_bytes().to_vec()
    }

    /// Whether the session still opens the console.
    async fn is_in(&mut self) -> bool {
        self.get("/").await.status == 200
    }
}

/// The id of the member with a role, made if there is none yet.
async fn member(house: &House, role: Role) -> String {
    if role == Role::PrimaryOwner {
        return "user_ada".to_owned();
    }
    let (id, email) = (format!("user_{role}"), email_of(role));
    house
        .app
        .control()
        .members()
        .grant(&email, Some(&id), role, &House::owner(), now(), &mut rand::rng())
        .await
        .unwrap();
    id
}

fn email_of(role: Role) -> String {
    if role == Role::PrimaryOwner { OWNER.to_owned() } else { format!("{role}@example.com") }
}

/// A code for a member that works once, for an hour.
async fn code(house: &House, user_id: &str, opens: Opens) -> String {
    let codes = house.app.control().console().codes();
    let what = (opens, CodeUse::Once);
    let code = codes.make(user_id, what, now() + 60 * MINUTE, &House::owner(), now(), &mut rand::rng()).await.unwrap();
    code.expose().to_owned()
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> Option<&'t str> {
    let start = text.find(before)? + before.len();
    let end = text[start..].find(after)?;
    Some(&text[start..start + end])
}
