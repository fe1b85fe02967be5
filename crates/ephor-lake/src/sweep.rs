//! Data files that no version of a table needs are removed: those of commits that never happened, and replaced ones.
//! A file that a commit took out of the table stays for a while, since another process may be reading it.
//! Never touches a file that the loaded version names; only the holder of the writer's lock may call this.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

use crate::error::LakeError;
use crate::limits;
use crate::schema::DAY;
use crate::table::Table;

impl Table {
    /// Removes what is not needed from the folders of the days; `live` are the paths of the loaded version.
    pub(crate) async fn sweep(&self, live: &HashSet<&str>, now_millis: i64) -> Result<u64, LakeError> {
        let removed_at = self.removed_files().await?;
        let mut swept = 0;
        for (path, full_path) in self.files_on_disk()? {
            let needed = live.contains(path.as_str())
                || removed_at
                    .get(&path)
                    .is_some_and(|removed| now_millis - removed < limits::REMOVED_FILE_GRACE_MILLIS);
            if !needed && fs::remove_file(&full_path).is_ok() {
                swept += 1;
            }
        }
        Ok(swept)
    }

    fn files_on_disk(&self) -> Result<Vec<(String, PathBuf)>, LakeError> {
        let folder = self.folder();
        let failed = |e| LakeError::file("list", folder, e);
        let mut found = Vec::new();
        for day in fs::read_dir(folder).map_err(failed)? {
            let day = day.map_err(failed)?;
            let day_name = day.file_name().to_string_lossy().into_owned();
            if !day_name.starts_with(DAY) {
                continue;
            }
            for file in fs::read_dir(day.path()).map_err(failed)? {
                let file = file.map_err(failed)?;
                found.push((format!("{day_name}/{}", file.file_name().to_string_lossy()), file.path()));
            }
        }
        Ok(found)
    }
}
