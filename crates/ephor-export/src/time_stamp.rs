//! The way to a time-stamping authority (RFC 3161 over HTTP): a question is posted, its answer comes back whole.
//! Promises the same guard and the same TLS as every other receiver.
//! Never reads an answer: whoever asked knows what it has to be.

use reqwest::header::CONTENT_TYPE;

use crate::guard::Reach;
use crate::http::HttpDoor;
use crate::tls::TlsSettings;

/// An authority.
#[derive(Debug, Clone)]
pub struct TimeStampAuthority {
    /// Where it is.
    pub url: String,
    /// Whether its address may be of a private network; only such a one may be reached without TLS.
    pub allow_private: bool,
}

impl TimeStampAuthority {
    /// Checks the address.
    pub fn check_address(&self) -> Result<(), String> {
        self.door()?.url(&self.url).map(drop)
    }

    /// Posts a question (`TimeStampReq`) once; the error says what the authority said.
    pub async fn ask(&self, question: Vec<u8>) -> Result<Vec<u8>, String> {
        let door = self.door()?;
        let request = door.post(door.url(&self.url)?).header(CONTENT_TYPE, "application/timestamp-query");
        let answer = door.send(request.body(question)).await.map_err(|refusal| refusal.why().to_owned())?;
        if !answer.is_success() {
            return Err(answer.why());
        }
        Ok(answer.bytes)
    }

    fn door(&self) -> Result<HttpDoor, String> {
        HttpDoor::open(&TlsSettings::default(), if self.allow_private { Reach::Private } else { Reach::Public })
    }
}
