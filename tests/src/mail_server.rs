//! A mail server on loopback that wants TLS and a password, and keeps what it takes.
//! Ends with its value. Never hands a mail on.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::python;

/// A server that lets `ephor` in with the password that [`MailServer::section`] names.
#[derive(Debug)]
pub struct MailServer {
    child: Child,
    port: String,
    folder: PathBuf,
}

impl MailServer {
    /// Starts it with what it keeps in a folder.
    pub fn start(folder: &Path) -> Self {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(folder.join("certificate.pem"), own.cert.pem()).unwrap();
        fs::write(folder.join("key.pem"), own.signing_key.serialize_pem()).unwrap();
        fs::write(folder.join("password"), "between us\n").unwrap();
        let mut command = python("mail_server.py");
        let mut child = command.arg(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Self { child, port: port.trim().to_owned(), folder: folder.to_owned() }
    }

    /// `[mail]` of ephor.toml.
    pub fn section(&self) -> String {
        let (password, ca) = (self.folder.join("password"), self.folder.join("certificate.pem"));
        format!(
            "\n[mail]\nserver = \"localhost\"\nport = {}\nusername = \"ephor\"\npassword = \"file:{}\"\nfrom = \"Ephor <ephor@example.com>\"\nallow_private = true\ntls = {{ ca = {ca:?} }}\n",
            self.port,
            password.display()
        )
    }

    /// What it has taken.
    pub fn mails(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.folder.join("mails.ndjson")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
