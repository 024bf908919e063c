//! Runs on many short texts stop anywhere, after a batch of fewer rows too.

use tests::tiny::with_documents;
use train::{Separator, batches::split};

use super::*;

#[test]
fn a_run_on_documents_goes_on_from_any_update_to_the_same_bits() {
    let separator = Separator("\n".to_owned());
    // Seven documents in batches of two: each epoch has one of a single row.
    let text = "abc\nbad cab\ncab\na\nbca bca bca\nab\ncc\n";
    let text = Corpus::from_bytes("text", text.as_bytes(), &with_documents(&separator));
    let text = text.expect("a text");
    for cell in [CellKind::Rnn, CellKind::Lstm] {
        let config = RunConfig {
            documents: Some(separator.clone()),
            val_frac: 0.0,
            max_epochs: 4,
            ..forty_updates(cell, OptimizerConfig::Adam)
        };
        let (batches, _) = split(&text, &config.batches()).expect("long enough");
        let n = batches.n_batches();
        let rows = |index| batches.batch(0, index).expect("in memory").shape[0];
        assert!((0..n).any(|index| rows(index) == 1) && (0..n).any(|index| rows(index) == 2));

        let place = tempfile::tempdir().expect("a folder");
        begin(&text, &config, &create(place.path()), TO_THE_END).expect("a run");
        let expected = left(place.path());
        for updates in 0..4 * n {
            let place = tempfile::tempdir().expect("a folder");
            begin(&text, &config, &create(place.path()), updates).expect("a run");
            go_on(&text, &config, &reopen(place.path()), TO_THE_END).expect("goes on");
            assert!(
                left(place.path()) == expected,
                "{cell:?}: stopped after {updates}"
            );
        }
    }
}
