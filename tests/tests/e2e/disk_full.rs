//! A full disk in the middle of a commit: a clear error, no damage, and on it goes when there is space again.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use ephor_e2e::{Done, Simulated, binary, counts, ephor, folder, holds_exactly, run, run_in};

/// A small file system in memory, unmounted when dropped.
struct SmallDisk {
    mounted_at: PathBuf,
}

impl SmallDisk {
    /// Nothing where mounting is not allowed (no root, or a sandbox without the right).
    fn mount(at: &Path, mebibytes: u32) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "tmpfs"]).arg(at);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then(|| Self { mounted_at: at.to_path_buf() })
    }

    /// Takes all space but this much.
    fn fill(&self, leave_bytes: usize) -> PathBuf {
        let path = self.mounted_at.join("filler");
        let mut file = File::create(&path).unwrap();
        let block = vec![0_u8; 64 << 10];
        let mut written = 0_usize;
        while file.write_all(&block).is_ok() {
            written += block.len();
        }
        file.set_len(written.saturating_sub(leave_bytes) as u64).unwrap();
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        _ = Command::new("umount").arg("--lazy").arg(&self.mounted_at).status();
    }
}

fn says_that_space_is_short(done: &Done) {
    assert_eq!(done.code, Some(1), "{done:#?}");
    let said = done.stderr.to_lowercase();
    assert!(said.contains("no space") || said.contains("too large"), "the error names the reason: {done:#?}");
}

#[test]
fn a_full_disk_harms_nothing_and_the_import_goes_on_when_there_is_space() {
    let (before, after) = (
        Simulated::of(2_000),
        Simulated::make(&["--seed", "8", "--users", "120", "--days", "30", "--activities", "40000"]),
    );
    let home = folder();
    let Some(disk) = SmallDisk::mount(&home.path().join("disk"), 96) else {
        println!("tmpfs cannot be mounted here: a limit on the size of files stands in for the full disk");
        return a_limit_on_the_size_of_files(&before, &after);
    };
    let data = home.path().join("disk/data");
    run(&data, &["import", before.activities().to_str().unwrap()]).succeeded();

    let filler = disk.fill(256 << 10);
    let refused = run(&data, &["import", "--source", "second", after.activities().to_str().unwrap()]);
    says_that_space_is_short(&refused);
    assert!(counts(&data).are_sound());
    holds_exactly(&data, "import", &before.lines());

    fs::remove_file(filler).unwrap();
    run(&data, &["import", "--source", "second", after.activities().to_str().unwrap()]).succeeded();
    holds_exactly(&data, "import", &before.lines());
    holds_exactly(&data, "second", &after.lines());
}

/// The same story without the right to mount: the shell limits the size of any file that Ephor writes.
fn a_limit_on_the_size_of_files(before: &Simulated, after: &Simulated) {
    let home = folder();
    let data = home.path().join("data");
    run(&data, &["import", before.activities().to_str().unwrap()]).succeeded();
    let limited = "trap '' XFSZ; ulimit -f 256; exec \"$0\" \"$@\"";
    let refused = run_in(
        Command::new("bash")
            .args(["-c", limited])
            .arg(binary())
            .args(["import", "--source", "second", "--format", "json", "--data-dir"])
            .arg(&data)
            .arg(after.activities()),
    );
    says_that_space_is_short(&refused);
    holds_exactly(&data, "import", &before.lines());
    run_in(ephor(["import", "--source", "second", "--data-dir"]).arg(&data).arg(after.activities())).succeeded();
    holds_exactly(&data, "second", &after.lines());
}
