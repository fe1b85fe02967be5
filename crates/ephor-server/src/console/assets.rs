//! What pages load: one stylesheet, one script, one font, one icon; all of it in the binary.
//! Promises that a changed file has another address, so that each can be kept for ever.
//! Never more than these: no page loads anything else.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use ephor_reports::chart::CHART_STYLE;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use sha2::{Digest, Sha256};

use super::page::Page;
use crate::problem::Problem;

/// A file that pages load.
#[derive(Debug)]
pub(crate) struct Asset {
    path: String,
    content_type: &'static str,
    bytes: Vec<u8>,
}

impl Asset {
    fn of(stem: &str, extension: &str, content_type: &'static str, bytes: Vec<u8>) -> Self {
        let hash: String = Sha256::digest(&bytes).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        Self { path: format!("/assets/{stem}.{hash}.{extension}"), content_type, bytes }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }
}

static FONT: LazyLock<Asset> =
    LazyLock::new(|| Asset::of("inter", "woff2", "font/woff2", include_bytes!("assets/inter.woff2").to_vec()));

/// The stylesheet names the font by the address that it has.
pub(crate) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let sheet = include_str!("assets/console.css").replace("inter.woff2", FONT.path()) + CHART_STYLE;
    Asset::of("console", "css", "text/css; charset=utf-8", sheet.into_bytes())
});

pub(crate) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    Asset::of("console", "js", "text/javascript; charset=utf-8", include_bytes!("assets/console.js").to_vec())
});

pub(crate) static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::of("mark", "svg", "image/svg+xml", include_bytes!("assets/mark.svg").to_vec()));

pub(super) static ASSET: Page = Page::open("/assets/{name}");

pub(super) async fn asset(Path(name): Path<String>) -> Result<Response, Problem> {
    let path = format!("/assets/{name}");
    let found = [&*STYLE, &*SCRIPT, &*FONT, &*ICON].into_iter().find(|asset| asset.path == path);
    let asset = found.ok_or_else(|| Problem::no_such_path(&path))?;
    let headers = [(CONTENT_TYPE, asset.content_type), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((headers, asset.bytes.clone()).into_response())
}
