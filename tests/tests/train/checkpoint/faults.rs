//! A disk that fails at each call in turn: a checkpoint is old or new, never neither.

use std::{
    fs::File,
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use train::disk::FileSystem;

use super::*;

/// Fails from call number `good` on, for good. A write that fails has written half.
#[derive(Debug)]
struct Failing {
    good: usize,
    calls: AtomicUsize,
}

impl Failing {
    fn call(&self) -> io::Result<()> {
        match self.calls.fetch_add(1, Ordering::Relaxed) < self.good {
            true => Ok(()),
            false => Err(io::Error::other("the disk is broken")),
        }
    }
}

impl FileSystem for Failing {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.call().and_then(|()| fs::create_dir(path))
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        self.call().and_then(|()| File::create(path))
    }

    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        if let Err(e) = self.call() {
            file.write_all(&bytes[..bytes.len() / 2])?;
            return Err(e);
        }
        file.write_all(bytes)
    }

    fn sync(&self, _: &File) -> io::Result<()> {
        self.call()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call().and_then(|()| fs::rename(from, to))
    }
}

#[test]
fn a_fault_at_each_call_leaves_the_old_checkpoint_or_the_new_one() {
    let config = RunConfig {
        max_epochs: 1,
        checkpoint_every: "1".parse().expect("an interval"),
        ..forty_updates(CellKind::Lstm, OptimizerConfig::Adam)
    };
    let expected = uninterrupted(&config);
    let mut gone_on = 0;
    for good in 0.. {
        let place = tempfile::tempdir().expect("a folder");
        let disk = Arc::new(Failing {
            good,
            calls: AtomicUsize::new(0),
        });
        let folder = RunFolder::create(place.path())
            .expect("a folder")
            .on_disk(disk);
        let mut done = 0;
        let corpus = text();
        let run = Run::<B>::new(&corpus, &config, &Default::default(), || Ok(folder));
        let ended = run.and_then(|run| {
            run.go(
                || false,
                |event| done += usize::from(matches!(event, Event::Update { .. })),
            )
        });
        let Err(error) = ended else {
            assert!(gone_on > 100, "gone on after {gone_on} faults of {good}");
            return;
        };
        let place_name = place.path().display().to_string();
        assert!(error.to_string().starts_with(&place_name), "{error}");
        let checkpoints = place.path().join("checkpoints");
        let Some(newest) = checkpoints.is_dir().then(|| newest(place.path())).flatten() else {
            assert_eq!(gone_on, 0, "{good}: nothing to go on from");
            continue;
        };

        // One update may pass while the last is saved, and one more until its fault is noticed.
        assert!(newest + 2 >= done, "{good}: {newest} of {done}");
        go_on(&text(), &config, &reopen(place.path()), TO_THE_END).expect("goes on");
        assert!(left(place.path()) == expected, "{good}");
        gone_on += 1;
    }
}
