//! The real binary on a disk that is full at each file in turn, and on a read-only disk.
#![cfg(target_os = "linux")]
#![allow(missing_docs)]

mod common;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use common::{Place, TINY, refused, text};

/// The files of a checkpoint, under their names until it is complete.
const CHECKPOINT: [&str; 6] = [
    "checkpoints/.new/run.json",
    "checkpoints/.new/weights.safetensors",
    "checkpoints/.new/moments.safetensors",
    "checkpoints/.new/state.safetensors",
    "checkpoints/.new/best.safetensors",
    "checkpoints/.new/manifest.json",
];

/// A small disk in memory, mounted at `small`.
struct Small {
    place: Place,
    path: PathBuf,
}

impl Small {
    /// Returns `None` if this system does not let us mount it.
    fn new() -> Option<Self> {
        let place = Place::new();
        place.file("text", "abcabcab\n".repeat(70));
        let path = place.path().join("small");
        fs::create_dir(&path).expect("a folder");
        let small = Small { place, path };
        if small.mount(&[], "size=1m") {
            return Some(small);
        }
        println!("skipped: this system does not let us mount a small disk");
        None
    }

    fn mount(&self, flags: &[&str], options: &str) -> bool {
        let mut mount = Command::new("mount");
        mount.args(flags).args(["-t", "tmpfs", "-o", options]);
        let output = mount.arg("tmpfs").arg(&self.path).output();
        output.is_ok_and(|output| output.status.success())
    }

    fn unmount(&self) -> bool {
        let status = Command::new("umount").arg(&self.path).status();
        status.is_ok_and(|status| status.success())
    }

    /// Replaces the disk with an empty one of this size.
    fn replace(&self, options: &str) {
        assert!(self.unmount() && self.mount(&[], options), "{options}");
    }

    /// Grows or shrinks the disk until this many pages of 4 KiB are free.
    fn leave_free(&self, pages: u64) {
        let mut disk = Command::new("stat");
        disk.args(["-f", "-c", "%b %f %S"]).arg(&self.path);
        let told = text(&disk.output().expect("stat").stdout);
        let told: Vec<u64> = told.split_whitespace().flat_map(str::parse).collect();
        let &[blocks, free, 4096] = &told[..] else {
            panic!("{told:?}")
        };
        // A size of zero means no limit.
        let size = (blocks - free + pages).max(1) * 4;
        assert!(self.mount(&["-o", "remount"], &format!("size={size}k")));
    }

    /// Runs until the disk is full: the error names the file, and a run saved before then resumes to
    /// the weights `expected`. Returns the file and whether there was a checkpoint, or `None` if the run
    /// reached its end.
    fn fill(&self, args: &[&str], expected: &[u8]) -> Option<(String, bool)> {
        let output = self.place.run(args);
        if output.status.success() {
            return None;
        }
        refused(&output, 1, args, &["small/run", "No space left"]);
        let error = text(&output.stderr);
        let file = error.strip_prefix("error: small/run/").unwrap_or_default();
        let (file, _) = file.split_once(": ").unwrap_or_default();

        // It can resume only where there is room.
        let mut copy = Command::new("cp");
        copy.args(["-r", "small/run", "moved"]);
        let copied = copy.current_dir(self.place.path()).status();
        assert!(copied.expect("cp").success());
        let moved = self.place.path().join("moved");
        let saved = fs::read_dir(moved.join("checkpoints"));
        let mut saved = saved.into_iter().flatten().flatten();
        let is_saved = saved.any(|name| name.file_name() != ".new");
        if is_saved {
            let resume = ["train", "--resume", "moved", "--max-epochs", "2"];
            self.place.succeeds(&resume);
            assert!(weights(&moved) == expected, "after {error}");
        }
        fs::remove_dir_all(&moved).expect("removed");
        Some((file.to_owned(), is_saved))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        self.unmount();
    }
}

fn weights(run: &Path) -> Vec<u8> {
    fs::read(run.join("weights.safetensors")).expect("weights")
}

fn train<'a>(every: &'a str, out: &'a str) -> Vec<&'a str> {
    let flags = ["--data", "text", "--checkpoint-every", every, "--out", out];
    [TINY, &flags].concat()
}

/// Returns the same arguments for the first epoch only.
fn train_one_epoch<'a>(every: &'a str, out: &'a str) -> Vec<&'a str> {
    let mut args = train(every, out);
    let epochs = args.iter().position(|arg| *arg == "--max-epochs");
    args[epochs.expect("a number of epochs") + 1] = "1";
    args
}

/// One that saves before the log needs a second page, and one that saves only after that.
const EVERY: [&str; 2] = ["10", "0"];

/// Expects that the disk was full at each of these files, with or without a checkpoint already there.
fn assert_all(full: &BTreeSet<(String, bool)>, files: &[&str], is_saved: bool) {
    for file in files {
        let file = (file.to_string(), is_saved);
        assert!(full.contains(&file), "{file:?} is not among {full:?}");
    }
}

/// A new run on disks with room for more and more pages, then for more and more files.
#[test]
fn a_new_run_on_a_disk_that_is_full_at_each_file() {
    let Some(small) = Small::new() else { return };
    small.place.succeeds(&train("0", "whole"));
    let expected = weights(&small.place.path().join("whole"));
    let pages = |n: usize| format!("size={}k", 4 * n);
    let files = |n: usize| format!("size=1m,nr_inodes={}", n + 1);
    for (options, what) in [(&pages as &dyn Fn(_) -> _, "pages"), (&files, "files")] {
        let mut full = BTreeSet::new();
        for every in EVERY {
            for n in 1.. {
                small.replace(&options(n));
                match small.fill(&train(every, "small/run"), &expected) {
                    Some(at) => full.insert(at),
                    None => break,
                };
            }
        }
        println!("{what}: full at {} places: {full:?}", full.len());
        assert_all(&full, &["config.json.new", "vocab.json.new"], false);
        assert_all(&full, &CHECKPOINT, false);
        assert_all(&full, &CHECKPOINT, true);
        assert_all(&full, &["weights.safetensors.new"], true);
        if what == "files" {
            // An empty disk has a page for the lock.
            assert_all(&full, &["lock", "checkpoints"], false);
        }
        assert_all(&full, &["metrics.jsonl"], false);
    }
}

/// A run that resumes with more and more pages free.
#[test]
fn a_run_that_goes_on_on_a_disk_that_is_full_at_each_file() {
    let Some(small) = Small::new() else { return };
    small.place.succeeds(&train("0", "whole"));
    let expected = weights(&small.place.path().join("whole"));
    let mut full = BTreeSet::new();
    for every in EVERY {
        for pages in 0.. {
            small.replace("size=1m");
            small.place.succeeds(&train_one_epoch(every, "small/run"));
            small.leave_free(pages);
            let args = ["train", "--resume", "small/run", "--max-epochs", "2"];
            match small.fill(&args, &expected) {
                Some(at) => full.insert(at),
                None => break,
            };
        }
    }
    println!("full at {} places: {full:?}", full.len());
    let others = [
        "config.json.new",
        "weights.safetensors.new",
        "metrics.jsonl",
    ];
    assert_all(&full, &others, true);
    assert_all(&full, &CHECKPOINT, true);
}

/// A folder that nobody can write to.
#[test]
fn a_read_only_disk_is_one_line() {
    let Some(small) = Small::new() else { return };
    let place = &small.place;
    place.trained();
    let shell = "cp -r run small && mount -o remount,ro small";
    let status = Command::new("sh")
        .args(["-c", shell])
        .current_dir(place.path())
        .status();
    assert!(status.expect("a shell").success());
    let resume = ["train", "--resume", "small/run", "--max-epochs", "3"];
    place.fails(1, &resume, &["small/run", "Read-only"]);
    place.fails(
        1,
        &[TINY, &["--data", "abc.txt", "--out", "small/new"]].concat(),
        &["small/new"],
    );
}
