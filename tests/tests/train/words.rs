//! Words, and pieces of words.

use proptest::prelude::*;
use serde_json::Value;
use tests::tiny::all_tokens;
use train::{BatchConfig, Corpus, Separator, Split, TextConfig, Units, Vocab, batches};
use unicode_segmentation::UnicodeSegmentation;

fn config(units: Units, min_count: usize, vocab_size: usize) -> TextConfig {
    TextConfig {
        min_count,
        vocab_size,
        ..units.into()
    }
}

fn symbols(vocab: &Vocab, tokens: &[u32]) -> Vec<String> {
    let symbol = |&token| {
        let mut bytes = Vec::new();
        vocab.decode(token, &mut bytes);
        String::from_utf8(bytes).expect("UTF-8")
    };
    tokens.iter().map(symbol).collect()
}

fn read(text: &str, config: &TextConfig) -> Vec<String> {
    let corpus = Corpus::from_bytes("text", text.as_bytes(), config).expect("a text");
    symbols(&corpus.vocab, &all_tokens(&corpus))
}

#[test]
fn frequent_words_are_symbols_and_rare_ones_are_spelled() {
    let text = "the cat, the dog\nthe cat, the cow\n";
    let expected = [
        "the", " cat", ",", " the", " ", "d", "o", "g", "\n", "the", " cat", ",", " the", " ", "c",
        "o", "w", "\n",
    ];
    assert_eq!(read(text, &config(Units::Words, 1, 100)), expected);
    // " the" and "the" occur twice each, and so does " cat".
    let one = read(text, &config(Units::Words, 1, 1));
    assert_eq!(one.iter().filter(|word| word.len() > 1).count(), 2);
    assert!(
        read(text, &config(Units::Words, 3, 100))
            .iter()
            .all(|word| word.len() == 1)
    );
}

fn texts() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "the", "theme", "he", "don't", "3.14", "naïve", "吾輩", "😀", "e\u{301}", "...", "\t",
    ]);
    let between = prop::sample::select(vec![" ", " ", "  ", "\n", ", ", "", "\n\n"]);
    prop::collection::vec((word, between), 1..60)
        .prop_map(|words| {
            words
                .into_iter()
                .map(|(word, end)| word.to_owned() + end)
                .collect()
        })
        .prop_map(|text: String| text + "ab")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Of any text, the symbols are the text: in a corpus, and as a prime.
    #[test]
    fn they_come_back(text in texts(), other in texts(), n in 0..40_usize, pieces in any::<bool>()) {
        let units = if pieces { Units::Pieces } else { Units::Words };
        let config = config(units, 1, n.max(1));
        let corpus = Corpus::from_bytes("text", text.as_bytes(), &config).unwrap();
        let tokens = all_tokens(&corpus);
        prop_assert_eq!(tokens.len(), corpus.n_symbols());
        prop_assert_eq!(symbols(&corpus.vocab, &tokens).concat(), text.clone());
        let prime = corpus.vocab.encode(&text).expect("its own characters");
        prop_assert_eq!(&prime, &tokens);

        // Another text takes the same symbols; new ones are characters.
        let known = corpus.vocab.clone();
        let config = TextConfig { known: Some(known.clone()), ..config };
        let again = Corpus::from_bytes("other", other.as_bytes(), &config).unwrap();
        prop_assert_eq!(symbols(&again.vocab, &all_tokens(&again)).concat(), other);
        prop_assert!(again.vocab.size() >= known.size());
        // The text itself is as it was, to the bit.
        let itself = Corpus::from_bytes("text", text.as_bytes(), &config).unwrap();
        prop_assert_eq!(all_tokens(&itself), tokens);
    }
}

/// The words of a text, by the definition: what lies between word boundaries, and a single space with what follows.
fn words_of(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for segment in text.split_word_bounds() {
        match words.last_mut() {
            Some(space) if space == " " && !segment.starts_with(char::is_whitespace) => {
                space.push_str(segment);
            }
            _ => words.push(segment.to_owned()),
        }
    }
    words
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn words_are_those_of_the_standard(text in "[aB9_ .,:;'\"\r\n\t-]{1,30}|[aé3 .\n'_]{1,30}") {
        // Whatever occurs twice is a symbol.
        let twice = format!("{text}\n{text}\na\n");
        let config = TextConfig {
            keep_line_ends: true,
            ..config(Units::Words, 1, 1000)
        };
        prop_assert_eq!(read(&twice, &config), words_of(&twice));
    }
}

/// No word reaches from one document into the next, whatever stands at their ends.
#[test]
fn documents_of_words() {
    for (separator, documents) in [
        ("\0", ["a b ", "\u{feff}a b", "\u{301}b a "]),
        ("== ", ["a b ", "b", " a b"]),
        (" <end>", ["a b", "b  ", "a"]),
        ("\n\n", ["a\nb ", " b", "a"]),
    ] {
        let text: String = documents
            .map(|document| document.to_owned() + separator)
            .concat()
            .repeat(5);
        for units in [Units::Words, Units::Pieces] {
            let separator = Separator(separator.to_owned());
            let how = TextConfig {
                documents: Some(separator.clone()),
                ..config(units, 1, 100)
            };
            let corpus = Corpus::from_bytes("text", text.as_bytes(), &how).unwrap();
            let batches = BatchConfig {
                batch_size: 1,
                seq_length: 100,
                val_frac: 0.0,
                split: Split::Random,
                documents: Some(separator),
                seed: 1,
            };
            let (train, _) = batches::split(&corpus, &batches).expect("documents");
            assert_eq!(train.n_documents(), Some(15), "{units:?}, {text:?}");
        }
    }
}

/// Words longer than the blocks that a file is read in, and words across their limits.
#[test]
fn words_across_blocks() {
    let words = "lorem ipsum dolor ".repeat(150_000);
    let none = "x".repeat(1 << 21) + " end of it\n";
    for (units, text) in [
        (Units::Words, &words),
        (Units::Words, &none),
        (Units::Pieces, &words),
        (Units::Pieces, &none),
    ] {
        let config = config(units, 1, 10);
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("text");
        std::fs::write(&path, text).expect("written");
        let corpus = Corpus::read(&[path], &config).expect("a text");
        let found = symbols(&corpus.vocab, &all_tokens(&corpus)).concat();
        assert!(found == *text, "{units:?}");
        if text == &words {
            assert!(corpus.vocab.encode(text).expect("known") == all_tokens(&corpus));
        }
    }
}

/// The pieces that the library `tokenizers` learns of the same words, in the same order
/// (`tests/golden/pieces.py`).
#[test]
fn pieces_are_those_of_another_program() {
    let golden: Value = serde_json::from_str(include_str!("../../golden/pieces.json")).unwrap();
    let text = golden["text"].as_str().expect("a text");
    let list =
        |name: &str| -> Vec<String> { serde_json::from_value(golden[name].clone()).unwrap() };
    let learned = list("pieces");
    let config = config(Units::Pieces, 1, 1000);
    let corpus = Corpus::from_bytes("text", text.as_bytes(), &config).unwrap();
    let Vocab::Pieces(ours) = &corpus.vocab else {
        panic!("{:?}", corpus.vocab);
    };
    let n_chars = ours.len() - learned.len();
    assert_eq!(ours[n_chars..], learned);
    assert_eq!(
        symbols(&corpus.vocab, &all_tokens(&corpus)),
        list("encoded")
    );
}
