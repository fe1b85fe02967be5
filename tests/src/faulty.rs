//! A proxy in front of an upstream that makes the mistakes real ones make, one after the other.
//! Promises: each fault strikes exactly one feed request, in the order given; everything else passes through unchanged.
//! Never invents rows: what it repeats, cuts or refuses is the upstream's own.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// An error status; 429 with `retry-after` in seconds, if any.
    Status(u16, Option<u32>),
    /// The connection ends in the middle of the body.
    CutBody,
    /// 200, and a body that is not JSON to its end.
    BrokenJson,
    /// The page before this one, once more.
    Repeated,
    /// The connection ends without an answer.
    Silence,
    /// 400, as for a cursor that no longer decodes; strikes only a request that has one.
    ForgottenCursor,
}

pub struct FaultyUpstream {
    address: String,
    plan: Arc<Mutex<Plan>>,
}

#[derive(Default)]
struct Plan {
    faults: VecDeque<Fault>,
    last_page: Option<Vec<u8>>,
}

impl FaultyUpstream {
    /// Listens on a free port; its thread ends with the test's process.
    pub fn before(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let plan = Arc::new(Mutex::new(Plan::default()));
        let (shared, behind) = (Arc::clone(&plan), upstream.trim_start_matches("http://").to_owned());
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (shared, behind) = (Arc::clone(&shared), behind.clone());
                thread::spawn(move || serve(client, &behind, &shared));
            }
        });
        Self { address, plan }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    /// The faults to come.
    pub fn plan(&self, faults: impl IntoIterator<Item = Fault>) {
        self.plan.lock().unwrap().faults.extend(faults);
    }

    /// Faults that have not struck yet.
    pub fn left(&self) -> Vec<Fault> {
        self.plan.lock().unwrap().faults.iter().copied().collect()
    }
}

/// One request on one connection. Where either side goes away there is nobody to tell.
fn serve(mut client: TcpStream, behind: &str, plan: &Mutex<Plan>) -> Option<()> {
    let head = request_head(&mut client)?;
    let line = head.lines().next()?.to_owned();
    let feed = line.contains("/activities");
    let fault = if feed { next_fault(plan, &line) } else { None };
    let answer = match fault {
        Some(Fault::Status(status, retry_after)) => refusal(status, retry_after),
        Some(Fault::ForgottenCursor) => refusal(400, None),
        Some(Fault::BrokenJson) => with_body(200, "", r#"{"data":[{"id":"activity_"#),
        Some(Fault::Silence) => return None,
        Some(Fault::Repeated) => plan.lock().unwrap().last_page.clone().unwrap_or(forward(&head, behind)?),
        Some(Fault::CutBody) => {
            let whole = forward(&head, behind)?;
            whole[..whole.len() - whole.len() / 3].to_vec()
        }
        None => {
            let whole = forward(&head, behind)?;
            if feed {
                plan.lock().unwrap().last_page = Some(whole.clone());
            }
            whole
        }
    };
    client.write_all(&answer).ok()
}

fn next_fault(plan: &Mutex<Plan>, line: &str) -> Option<Fault> {
    let has_cursor = line.contains("after_id=") || line.contains("before_id=");
    let mut plan = plan.lock().unwrap();
    match plan.faults.front() {
        Some(Fault::ForgottenCursor | Fault::Repeated) if !has_cursor => None,
        Some(_) => plan.faults.pop_front(),
        None => None,
    }
}

fn request_head(client: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if client.read(&mut byte).ok()? == 0 || head.len() > 64 << 10 {
            return None;
        }
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

/// Asks the upstream the same and gives its whole answer, which ends with its connection.
fn forward(head: &str, behind: &str) -> Option<Vec<u8>> {
    let kept = head.lines().filter(|line| {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        !line.is_empty() && name != "connection" && name != "accept-encoding"
    });
    let mut request = kept.collect::<Vec<_>>().join("\r\n");
    request.push_str("\r\nconnection: close\r\n\r\n");
    let mut upstream = TcpStream::connect(behind).ok()?;
    upstream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer).ok()?;
    Some(answer)
}

fn refusal(status: u16, retry_after: Option<u32>) -> Vec<u8> {
    let kind = match status {
        400 => "invalid_request_error",
        429 => "rate_limit_error",
        503 | 529 => "overloaded_error",
        _ => "api_error",
    };
    let header = retry_after.map_or_else(String::new, |seconds| format!("retry-after: {seconds}\r\n"));
    let body = format!(
        r#"{{"type":"error","error":{{"type":"{kind}","message":"after_id: cursor cannot be decoded"}},"request_id":"req_faulty"}}"#
    );
    with_body(status, &header, &body)
}

fn with_body(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status} Status\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n{body}").into_bytes()
}
