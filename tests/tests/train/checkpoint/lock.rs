//! One run a folder.

use super::*;

#[test]
fn a_folder_that_is_trained_in_is_refused() {
    let config = forty_updates(CellKind::Lstm, OptimizerConfig::Adam);
    let place = tempfile::tempdir().expect("a folder");
    let (corpus, device) = (text(), Default::default());
    let folder = create(place.path());
    let new = || Ok(folder.clone());
    let run = Run::<B>::new(&corpus, &config, &device, new).expect("ready");

    let again = Run::<B>::new(&corpus, &config, &device, new).map(|_| ());
    let resumed = Run::<B>::resume(&corpus, &config, &device, &folder).map(|_| ());
    let created = RunFolder::create(place.path()).map(|_| ());
    for error in [again, resumed, created].map(|result| result.expect_err("locked")) {
        let process = std::process::id().to_string();
        assert!(matches!(error, Error::Locked { .. }), "{error}");
        assert!(error.to_string().contains(&process), "{error}");
    }

    run.go(|| true, |_| ()).expect("a run");
    let error = RunFolder::create(place.path()).expect_err("there already");
    assert!(matches!(error, Error::Occupied { .. }), "{error}");
    go_on(&corpus, &config, &reopen(place.path()), TO_THE_END).expect("free again");
}
