//! The rules that come with Ephor: the folder `rules/`, part of the binary.
//! Promises the files as they are in the repository.
//! Never reads the disk.

use include_dir::{Dir, include_dir};

static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../rules");

/// Every file of the folder, by path.
pub(crate) fn files() -> Vec<(String, &'static str)> {
    let mut files = Vec::new();
    collect(&SHIPPED, &mut files);
    files.sort();
    files
}

fn collect(dir: &Dir<'static>, files: &mut Vec<(String, &'static str)>) {
    for file in dir.files() {
        if let Some(text) = file.contents_utf8() {
            files.push((format!("rules/{}", file.path().display()), text));
        }
    }
    dir.dirs().for_each(|dir| collect(dir, files));
}
