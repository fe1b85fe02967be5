//! Files that are on the disk when we say so: written aside, fsynced, linked into place, and their folder fsynced.
//! The Delta log is written through [`DurableStore`]; data files through [`write_new`].
//! Never leaves a half-written file under its final name, whatever is pulled and whenever.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{
    CopyOptions, Error as StoreError, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result as StoreResult,
};

/// Whether an existing file of that name is an error or is replaced.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    Refuse,
    Replace,
}

/// Writes a file that is not there yet, durably and at once, for other rooms: one that is there is an error.
pub fn write_new_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    write_new(path, &[bytes], Existing::Refuse)
}

/// Writes `parts` as the file `path`, durably and at once: afterwards either all of it is there or nothing.
pub(crate) fn write_new(path: &Path, parts: &[&[u8]], existing: Existing) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    create_folder(folder)?;
    let aside = aside_of(path);
    let result = write_aside(&aside, parts).and_then(|()| match existing {
        Existing::Replace => fs::rename(&aside, path),
        Existing::Refuse => fs::hard_link(&aside, path),
    });
    // After a rename the name is gone already; after a link or a failure it must go.
    let _ = fs::remove_file(&aside);
    result?;
    sync_folder(folder)
}

fn write_aside(aside: &Path, parts: &[&[u8]]) -> std::io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(aside)?;
    for part in parts {
        file.write_all(part)?;
    }
    file.sync_all()
}

/// A name beside the final one that no reader of the table looks at, and that cannot meet another process's.
fn aside_of(path: &Path) -> PathBuf {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.{}.tmp", std::process::id()))
}

/// Makes a folder and every missing parent, each of them known to its own parent after a crash.
pub(crate) fn create_folder(folder: &Path) -> std::io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        create_folder(parent)?;
        match fs::create_dir(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            other => other?,
        }
        return sync_folder(parent);
    }
    Ok(())
}

/// A new name in a folder is durable only when the folder itself is.
pub(crate) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder)?.sync_all()
}

/// The local object store, with every write durable before it is answered (object_store's own does not fsync).
#[derive(Debug, Clone)]
pub(crate) struct DurableStore {
    inner: Arc<LocalFileSystem>,
}

impl DurableStore {
    pub(crate) fn new() -> Self {
        Self { inner: Arc::new(LocalFileSystem::new()) }
    }

    fn sync_parent(&self, location: &ObjectPath) -> StoreResult<()> {
        let path = self.inner.path_to_filesystem(location)?;
        let sync = || -> std::io::Result<()> {
            File::open(&path)?.sync_all()?;
            sync_folder(path.parent().unwrap_or(Path::new("/")))
        };
        sync().map_err(generic)
    }
}

fn generic(source: std::io::Error) -> StoreError {
    StoreError::Generic { store: "durable local files", source: Box::new(source) }
}

impl fmt::Display for DurableStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DurableStore({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for DurableStore {
    async fn put_opts(
        &self,
        location: &ObjectPath,
        payload: PutPayload,
        options: PutOptions,
    ) -> StoreResult<PutResult> {
        let existing = match options.mode {
            PutMode::Create => Existing::Refuse,
            PutMode::Overwrite => Existing::Replace,
            PutMode::Update(_) => return self.inner.put_opts(location, payload, options).await,
        };
        let path = self.inner.path_to_filesystem(location)?;
        let parts: Vec<&[u8]> = payload.iter().map(AsRef::as_ref).collect();
        match write_new(&path, &parts, existing) {
            Ok(()) => Ok(PutResult { e_tag: None, version: None }),
            Err(source) if source.kind() == std::io::ErrorKind::AlreadyExists => {
                Err(StoreError::AlreadyExists { path: location.to_string(), source: Box::new(source) })
            }
            Err(source) => Err(generic(source)),
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &ObjectPath,
        options: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        let inner = self.inner.put_multipart_opts(location, options).await?;
        Ok(Box::new(DurableUpload { inner, store: self.clone(), location: location.clone() }))
    }

    async fn get_opts(&self, location: &ObjectPath, options: GetOptions) -> StoreResult<GetResult> {
        self.inner.get_opts(location, options).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, StoreResult<ObjectPath>>,
    ) -> BoxStream<'static, StoreResult<ObjectPath>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&ObjectPath>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&ObjectPath>) -> StoreResult<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &ObjectPath, to: &ObjectPath, options: CopyOptions) -> StoreResult<()> {
        self.inner.copy_opts(from, to, options).await?;
        self.sync_parent(to)
    }

    async fn rename_opts(&self, from: &ObjectPath, to: &ObjectPath, options: RenameOptions) -> StoreResult<()> {
        self.inner.rename_opts(from, to, options).await?;
        self.sync_parent(to)
    }
}

/// A multipart upload (Delta checkpoints use it) that is durable once completed.
#[derive(Debug)]
struct DurableUpload {
    inner: Box<dyn MultipartUpload>,
    store: DurableStore,
    location: ObjectPath,
}

#[async_trait]
impl MultipartUpload for DurableUpload {
    fn put_part(&mut self, data: PutPayload) -> object_store::UploadPart {
        self.inner.put_part(data)
    }

    async fn complete(&mut self) -> StoreResult<PutResult> {
        let result = self.inner.complete().await?;
        self.store.sync_parent(&self.location)?;
        Ok(result)
    }

    async fn abort(&mut self) -> StoreResult<()> {
        self.inner.abort().await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_that_exists_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/one");
        write_new(&path, &[b"first"], Existing::Refuse).unwrap();
        let again = write_new(&path, &[b"second"], Existing::Refuse).unwrap_err();
        assert_eq!(again.kind(), std::io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"first");
        write_new(&path, &[b"sec", b"ond"], Existing::Replace).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no file is left aside");
    }
}
