//! A large text that several ranks read, each its own part.

use std::{fs, path::PathBuf};

use tests::in_threads::on_ranks;
use train::{
    BatchConfig, Corpus, Error, Split, TextConfig, Units,
    batches::{needed, split},
};

/// Files from this size on are read in parts: 16 MiB.
const LARGE: usize = 16 << 20;

fn config(split: Split) -> BatchConfig {
    BatchConfig {
        batch_size: 5,
        seq_length: 40,
        val_frac: 0.1,
        split,
        documents: None,
        seed: 1,
    }
}

/// Texts of one, two, three and four bytes a character, which no length of a part divides.
fn text(alphabet: &[char], length: usize) -> String {
    let mut state = 7_u32;
    let mut text = String::with_capacity(length + 4);
    while text.len() < length {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.push(alphabet[(state >> 20) as usize % alphabet.len()]);
    }
    text
}

fn files(texts: &[&[u8]]) -> (tempfile::TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().expect("a folder");
    let paths: Vec<PathBuf> = (0..texts.len())
        .map(|i| folder.path().join(format!("{i}.txt")))
        .collect();
    for (path, text) in paths.iter().zip(texts) {
        fs::write(path, text).expect("written");
    }
    (folder, paths)
}

fn check(paths: &[PathBuf], text: impl Into<TextConfig>, how: Split) {
    let text = text.into();
    let whole = Corpus::read(paths, &text).expect("a text");
    let config = config(how);
    let sizes: &[usize] = match text.units {
        Units::Words | Units::Pieces => &[2],
        _ => &[2, 3, 5],
    };
    for &size in sizes {
        on_ranks(size, |ranks| {
            let (batches, val) = split(&whole, &config).expect("long enough");
            let val = val.expect("held out");
            let needed = |n| needed(n, &config, ranks.share());
            let corpus = Corpus::read_on(ranks, paths, &text, needed).expect("a text");
            assert_eq!(corpus.id(), whole.id());
            assert_eq!(corpus.vocab, whole.vocab);
            let (mut ours, our_val) = split(&corpus, &config).expect("long enough");
            let mut our_val = our_val.expect("held out");
            for (ours, all) in [(&mut ours, &batches), (&mut our_val, &val)] {
                ours.keep(ranks.share());
                let n = all.n_batches();
                for index in [0, 1, n / 2, n - 1] {
                    let (part, all) = (ours.batch(0, index), all.batch(0, index));
                    let (part, all) = (part.expect("its own part"), all.expect("all"));
                    let [rows, time] = all.shape;
                    let rows = ranks.share().of(rows);
                    let steps = rows.start * time..rows.end * time;
                    assert_eq!(part.inputs, all.inputs[steps.clone()]);
                    assert_eq!(part.targets, all.targets[steps]);
                }
            }
        });
    }
}

#[test]
fn each_rank_has_the_symbols_that_it_needs() {
    let mixed = text(&['a', '\n', 'é', 'ж', '字', '𝄞'], LARGE + 1001);
    let ascii = text(&['a', 'b', 'c', '\n'], LARGE + 7);
    let (_folder, paths) = files(&[mixed.as_bytes(), ascii.as_bytes()]);
    check(&paths, Units::Chars, Split::Lanes);
    check(&paths[..1], Units::Chars, Split::Tail);
    check(&paths[1..], Units::Chars, Split::Lanes);
    check(&paths, Units::Bytes, Split::Tail);
}

/// So with words, which are found in lines; only the last file may end within one.
#[test]
fn each_rank_has_the_words_that_it_needs() {
    let mut lines = text(&['a', 'é', ' ', ' ', ' ', ',', '字', '\n'], LARGE + 1001);
    lines.push('\n');
    let unended = text(&['a', ' ', 'b', ' ', ' ', '\n'], LARGE + 7) + "so it ends";
    let (_folder, paths) = files(&[lines.as_bytes(), unended.as_bytes()]);
    check(&paths, Units::Words, Split::Lanes);
    check(&paths[1..], Units::Pieces, Split::Tail);
    // In the symbols of an earlier text, which has no é.
    let earlier = Corpus::from_bytes(
        "earlier",
        &unended.as_bytes()[..1 << 16],
        &Units::Words.into(),
    );
    let known = TextConfig {
        known: Some(earlier.expect("a text").vocab),
        ..Units::Words.into()
    };
    check(&paths, known, Split::Lanes);
}

/// Text that is not in the file byte by byte is read by every rank, and so are words in very long lines.
#[test]
fn so_it_has_if_the_text_must_be_changed() {
    let mut text = text(&['a', 'b', 'ü', '\n'], LARGE + 1001);
    text.push_str("a\r\nb");
    let (_folder, paths) = files(&[text.as_bytes()]);
    check(&paths, Units::Chars, Split::Lanes);
    let text = text.replace('ü', " ");
    fs::write(&paths[0], &text).expect("written");
    check(&paths, Units::Words, Split::Lanes);
    let one_line = text.replace(['\r', '\n'], " ");
    let long_line = text.replace('\r', "") + &one_line[..1 << 20] + "\nend\n";
    let (_folder, paths) = files(&[one_line.as_bytes(), long_line.as_bytes()]);
    check(&paths[..1], Units::Words, Split::Lanes);
    check(&paths[1..], Units::Words, Split::Lanes);
    check(&paths, Units::Words, Split::Lanes);
}

#[test]
fn another_file_of_the_same_name_is_an_error() {
    let text = text(&['a', 'b', '\n'], LARGE + 5);
    let (_ours, here) = files(&[text.as_bytes()]);
    let (_theirs, there) = files(&[text.replace('b', "c").as_bytes()]);
    let errors = on_ranks(3, |ranks| {
        let paths = if ranks.rank() == 2 { &there } else { &here };
        let read = Corpus::read_on(ranks, paths, &TextConfig::default(), |_| Vec::new());
        read.map(|_| ()).expect_err("other files")
    });
    for error in errors {
        assert!(
            matches!(error, Error::OtherFiles { rank: 2, .. }),
            "{error}"
        );
    }
}

#[test]
fn a_byte_that_is_not_utf_8_is_named_by_the_rank_that_reads_it() {
    let mut text = text(&['a', 'é', '\n'], LARGE + 5).into_bytes();
    let place = text.len() / 2 + 5000;
    let place = (place..).find(|&i| text[i] == b'a').expect("an a");
    text[place] = 0xFF;
    let (_folder, paths) = files(&[&text]);
    let expected = Corpus::read(&paths, &TextConfig::default()).map(|_| ());
    // The guess at its encoding is made from other text.
    let problem = |error: Error| {
        let told = error.to_string();
        let (problem, _) = told.split_once(", perhaps").expect("a guess");
        problem.to_owned()
    };
    let expected = problem(expected.expect_err("not UTF-8"));
    let results = on_ranks(2, |ranks| {
        // The other rank waits for it, and would end with it.
        let read = || Corpus::read_on(ranks, &paths, &TextConfig::default(), |_| Vec::new());
        let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(read));
        read.ok()
            .map(|read| problem(read.map(|_| ()).expect_err("not UTF-8")))
    });
    assert_eq!(results, [None, Some(expected)]);
}
