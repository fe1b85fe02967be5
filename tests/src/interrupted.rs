//! `kill -9` at random moments, again and again.
//! Promises: the moments come from a seed that is printed, and lie within the time that the work takes undisturbed.
//! Never sleeps for anything but the random moment itself.

use std::io::{Read as _, Seek as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::binary::{folder, run_in};
use crate::lake::counts;

/// Starts the work `kills` times and kills it; whenever it came to its end before, a fresh folder begins. Every folder is
/// finished in the end and shown to `check`.
pub fn killed_again_and_again(kills: u32, seed: u64, work: impl Fn(&Path) -> Command, check: impl Fn(&Path)) {
    println!("kill moments from seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let undisturbed = time_of(&work);
    let mut left = kills;
    while left > 0 {
        let home = folder();
        let data = home.path().join("data");
        while left > 0 {
            let moment = undisturbed.mul_f64(random.random_range(0.0..1.0));
            let ended = kill_after(&mut work(&data), moment);
            if ended {
                break;
            }
            left -= 1;
            // A kill may come before there is a lake at all.
            if data.join("lake/activities/_delta_log/00000000000000000000.json").exists() {
                let found = counts(&data);
                assert!(found.are_sound(), "after a kill at {moment:?}: {found:?}");
            }
        }
        run_in(&mut work(&data)).succeeded();
        check(&data);
    }
}

fn time_of(work: &impl Fn(&Path) -> Command) -> Duration {
    let home = folder();
    let start = Instant::now();
    run_in(&mut work(&home.path().join("data"))).succeeded();
    start.elapsed()
}

/// Whether the command had ended by itself, and well, before its moment came.
fn kill_after(command: &mut Command, moment: Duration) -> bool {
    let mut said = tempfile::tempfile().unwrap();
    let mut child = command.stdout(Stdio::null()).stderr(said.try_clone().unwrap()).spawn().expect("ephor starts");
    thread::sleep(moment);
    let ended = child.try_wait().unwrap();
    if let Some(status) = ended {
        let mut words = String::new();
        said.rewind().unwrap();
        said.read_to_string(&mut words).unwrap();
        assert!(status.success(), "the work failed by itself: {status}\n{words}");
        return true;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    false
}
