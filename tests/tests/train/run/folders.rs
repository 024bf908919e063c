//! Folders that a run may not use, or that are no run.

use super::*;

#[test]
fn what_is_there_is_not_written_over() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("notes.txt"), "mine").expect("written");
    let error = RunFolder::create(folder.path()).expect_err("occupied");
    assert!(matches!(error, Error::Occupied { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains(&folder.path().display().to_string())
    );

    let file = folder.path().join("notes.txt");
    for path in [&file, &file.join("run")] {
        let error = RunFolder::create(path).expect_err("a file is there");
        assert!(matches!(error, Error::File { .. }), "{error}");
    }
    assert_eq!(fs::read(&file).expect("still there"), b"mine");
}

#[test]
fn a_new_folder_is_made_with_those_above_it() {
    let parent = tempfile::tempdir().expect("a folder");
    let path = parent.path().join("some/where");
    let folder = RunFolder::create(&path).expect("made");
    assert_eq!(folder.path(), path);
    assert!(path.is_dir());
    RunFolder::create(&path).expect("an empty folder will do");
}

#[test]
fn numbered_folders_take_the_next_number() {
    let parent = tempfile::tempdir().expect("a folder");
    let next = || RunFolder::create_numbered(&parent.path().join("runs"), "text");
    for number in 1..=3 {
        let expected = parent.path().join(format!("runs/text-{number}"));
        assert_eq!(next().expect("made").path(), expected);
    }
}

#[test]
fn a_folder_that_lacks_a_file_is_no_run() {
    for file in ["config.json", "vocab.json", "weights.safetensors"] {
        let run = short_run(1);
        let path = run.folder.path().join(file);
        fs::remove_file(&path).expect("removed");
        fs::remove_dir_all(run.folder.path().join("checkpoints")).expect("removed");
        let assert_missing = || match RunFolder::open(run.folder.path()) {
            Err(Error::NotARun { missing, .. }) => assert_eq!(missing, file),
            other => panic!("{other:?}"),
        };
        assert_missing();
        fs::create_dir(&path).expect("made");
        assert_missing();
    }
}

/// Without the best weights, those of the newest checkpoint are there; and those of any, if asked for.
#[test]
fn weights_of_a_checkpoint() {
    let run = short_run(1);
    let path = run.folder.path();
    let best = RunFolder::open(path).expect("a run");
    assert_eq!(best.checkpoint(), None);
    let updates = 70;
    assert_eq!(
        best.at_checkpoint(updates).expect("there").checkpoint(),
        Some(updates)
    );
    match RunFolder::open(path).expect("a run").at_checkpoint(7) {
        Err(Error::OtherCheckpoints {
            wanted: 7, there, ..
        }) => assert!(there.contains(&updates)),
        other => panic!("{other:?}"),
    }
    fs::remove_file(path.join("weights.safetensors")).expect("removed");
    assert_eq!(
        RunFolder::open(path).expect("a run").checkpoint(),
        Some(updates)
    );
}

#[test]
fn the_log_is_not_needed() {
    let run = short_run(1);
    fs::remove_file(run.folder.path().join("metrics.jsonl")).expect("removed");
    RunFolder::open(run.folder.path()).expect("the folder of a run");
}

#[test]
fn nothing_and_files_are_no_run() {
    let nothing = RunFolder::open(Path::new("no/such/run")).expect_err("no folder");
    assert!(matches!(nothing, Error::File { .. }), "{nothing}");
    let file = tempfile::NamedTempFile::new().expect("a file");
    let file = RunFolder::open(file.path()).expect_err("no folder");
    assert!(matches!(file, Error::NotARun { .. }), "{file}");
}
