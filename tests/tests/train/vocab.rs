//! Texts to tokens and back: vocabulary, corpus, and tokens as text that grows.

use std::{fs, path::Path};

use proptest::prelude::*;
use tests::tiny::all_tokens;
use train::{Corpus, Error, TextStream, Units, Vocab};

fn decode(vocab: &Vocab, tokens: &[u32]) -> Vec<u8> {
    let mut text = Vec::new();
    tokens
        .iter()
        .for_each(|&token| vocab.decode(token, &mut text));
    text
}

fn chars(bytes: &[u8]) -> Result<Corpus, Error> {
    Corpus::from_bytes("text", bytes, &Units::Chars.into())
}

/// The bytes of a corpus.
fn content(corpus: &Corpus) -> Vec<u8> {
    decode(&corpus.vocab, &all_tokens(corpus))
}

/// The text of a corpus of characters.
fn text(bytes: &[u8]) -> String {
    String::from_utf8(content(&chars(bytes).expect("a text"))).expect("UTF-8")
}

/// Texts with characters of one to four bytes.
fn texts() -> impl Strategy<Value = String> {
    prop::collection::vec(any::<char>(), 0..40).prop_map(|chars| chars.into_iter().collect())
}

/// A text as it can be shown.
fn shown(text: &str) -> String {
    let show = |c: char| match c {
        '\n' | '\r' | '\t' => c.to_string(),
        _ if c.is_control() => format!("\\u{{{:x}}}", u32::from(c)),
        _ => c.to_string(),
    };
    text.chars().map(show).collect()
}

/// Bytes as they can be shown.
fn shown_bytes(bytes: &[u8]) -> String {
    let escaped = |byte: &u8| format!("\\x{byte:02x}");
    let parts = bytes.utf8_chunks();
    parts
        .map(|part| shown(part.valid()) + &part.invalid().iter().map(escaped).collect::<String>())
        .collect()
}

/// Bytes that often begin, go on with or break off a character.
fn nearly_utf8() -> impl Strategy<Value = Vec<u8>> {
    let encoded = any::<char>().prop_map(|c| c.to_string().into_bytes());
    let broken = (any::<char>(), 1..4_usize).prop_map(|(c, n)| {
        let bytes = c.to_string().into_bytes();
        bytes[..n.min(bytes.len())].to_vec()
    });
    let odd = prop::sample::select(vec![0x61, 0x80, 0xbf, 0xc2, 0xe2, 0xed, 0xf0, 0xf4, 0xff]);
    let part = prop_oneof![encoded, broken, odd.prop_map(|byte| vec![byte])];
    prop::collection::vec(part, 0..30).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn characters_come_back(text in texts()) {
        let vocab = Vocab::of_chars(&text);
        let tokens = vocab.encode(&text).expect("its own characters");
        prop_assert_eq!(tokens.len(), text.chars().count());
        prop_assert!(tokens.iter().all(|&token| (token as usize) < vocab.size()));
        prop_assert_eq!(decode(&vocab, &tokens), text.into_bytes());
    }

    #[test]
    fn bytes_come_back(bytes in prop::collection::vec(any::<u8>(), 2..60)) {
        prop_assume!(bytes.iter().any(|&byte| byte != bytes[0]));
        let corpus = Corpus::from_bytes("text", &bytes, &Units::Bytes.into()).expect("a text");
        prop_assert_eq!(corpus.vocab.size(), 256);
        prop_assert_eq!(content(&corpus), bytes);
    }

    #[test]
    fn bytes_know_every_text(text in texts()) {
        let tokens = Vocab::Bytes.encode(&text).expect("bytes are all known");
        prop_assert_eq!(decode(&Vocab::Bytes, &tokens), text.into_bytes());
    }

    #[test]
    fn tokens_are_in_the_order_of_code_points(text in texts(), swap in any::<prop::sample::Index>()) {
        let mut chars: Vec<char> = text.chars().collect();
        let vocab = Vocab::of_chars(&text);
        if !chars.is_empty() {
            let middle = swap.index(chars.len());
            chars.rotate_left(middle);
            let rotated: String = chars.iter().collect();
            prop_assert_eq!(&vocab, &Vocab::of_chars(&rotated), "the order of the text is no matter");
        }
        chars.sort_unstable();
        chars.dedup();
        let expected: Vec<u32> = (0..chars.len() as u32).collect();
        let sorted: String = chars.iter().collect();
        prop_assert_eq!(vocab.encode(&sorted), Ok(expected));
    }

    #[test]
    fn the_first_unknown_character_is_named(known in texts(), rest in texts()) {
        // It stands for all others.
        let known = known.replace('\u{ffff}', "");
        let vocab = Vocab::of_chars(&known);
        let first = rest.chars().find(|&c| !known.contains(c));
        let encoded = vocab.encode(&format!("{known}{rest}"));
        prop_assert_eq!(encoded.err(), first);
    }

    #[test]
    fn the_place_of_a_bad_byte_is_named(text in texts(), place in any::<prop::sample::Index>()) {
        let boundaries: Vec<usize> = (0..=text.len()).filter(|&i| text.is_char_boundary(i)).collect();
        let place = *place.get(&boundaries);
        let mut bytes = text.into_bytes();
        bytes.insert(place, 0xff);
        match chars(&bytes) {
            Err(Error::NotUtf8 { problem, offset, .. }) => {
                prop_assert_eq!((problem.as_str(), offset), ("not UTF-8 text: invalid byte 0xff", place));
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn saved_characters_are_loaded(text in texts()) {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let vocab = Vocab::of_chars(&format!("x{text}"));
        vocab.save(file.path()).expect("saved");
        prop_assert_eq!(Vocab::load(file.path()).expect("loaded"), vocab);
    }

    #[test]
    fn a_stream_of_bytes_shows_valid_text_unchanged(text in texts()) {
        let text = text.replace(char::is_control, "");
        let mut stream = TextStream::new(&Vocab::Bytes);
        let mut shown = String::new();
        for (i, byte) in text.bytes().enumerate() {
            shown.push_str(&stream.push(byte.into()));
            prop_assert!(text.starts_with(&shown));
            prop_assert!(i + 1 - shown.len() <= 3, "no more than the start of a character is held back");
        }
        prop_assert_eq!(shown, text);
    }

    #[test]
    fn a_stream_of_characters_shows_each_at_once(text in texts()) {
        let vocab = Vocab::of_chars(&text);
        let mut stream = TextStream::new(&vocab);
        for c in text.chars() {
            let token = vocab.encode(&c.to_string()).expect("known")[0];
            let expected = if c == '\0' { "\n".to_owned() } else { shown(&c.to_string()) };
            prop_assert_eq!(stream.push(token), expected);
        }
    }

    /// What is not UTF-8 is escaped byte by byte, so that the character after it is whole.
    #[test]
    fn a_stream_of_bytes_escapes_only_what_is_not_utf8(mut bytes in nearly_utf8()) {
        let mut stream = TextStream::new(&Vocab::Bytes);
        let mut written = String::new();
        for i in 0..bytes.len() {
            written.push_str(&stream.push(bytes[i].into()));
            let written_of = |held| shown_bytes(&bytes[..=i - held]) == written;
            let is_all = written.is_empty() && i < 3;
            prop_assert!(is_all || (0..=i.min(3)).any(written_of), "after {:x?}: {written:?}", &bytes[..=i]);
        }
        bytes.push(b'.');
        written.push_str(&stream.push(b'.'.into()));
        prop_assert_eq!(written, shown_bytes(&bytes));
    }
}

#[test]
fn a_character_after_a_broken_one_is_whole() {
    // The first two bytes of €, then all three.
    let mut stream = TextStream::new(&Vocab::Bytes);
    let shown: Vec<String> = [0xe2, 0x82, 0xe2, 0x82, 0xac]
        .map(|byte| stream.push(byte))
        .into();
    assert_eq!(shown.concat(), "\\xe2\\x82€");
}

/// A model of a terminal's log must not turn the reader's terminal red.
#[test]
fn a_stream_escapes_control_characters() {
    let vocab = Vocab::of_chars("\u{1b}[31m\n\t\r\0");
    let mut stream = TextStream::new(&vocab);
    let tokens = vocab
        .encode("\u{1b}[31m\n\t\r\0")
        .expect("its own characters");
    let shown: String = tokens.into_iter().map(|token| stream.push(token)).collect();
    // U+0000 ends documents that are files.
    assert_eq!(shown, "\\u{1b}[31m\n\t\r\n");
}

#[test]
fn saved_bytes_are_loaded() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    Vocab::Bytes.save(file.path()).expect("saved");
    assert_eq!(Vocab::load(file.path()).expect("loaded"), Vocab::Bytes);
}

#[test]
fn damaged_vocabularies_are_errors_that_name_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("vocab.json");
    let load = |content: &[u8]| {
        fs::write(&path, content).expect("written");
        Vocab::load(&path)
    };

    let good = br#"{"units": "chars", "symbols": ["a", "b"]}"#;
    assert_eq!(load(good).expect("as it is written"), Vocab::of_chars("ab"));
    for (what, content) in [
        ("nothing", "".as_bytes()),
        ("not JSON", b"vocab"),
        ("cut off", &good[..good.len() - 2]),
        (
            "not UTF-8",
            b"{\"units\": \"chars\", \"symbols\": [\"\xff\"]}",
        ),
        ("other JSON", b"[1, 2]"),
        (
            "other units",
            br#"{"units": "sentences", "symbols": ["a", "b"]}"#,
        ),
        ("a word", br#"{"units": "chars", "symbols": ["a", "bc"]}"#),
        ("one twice", br#"{"units": "chars", "symbols": ["a", "a"]}"#),
        ("no symbols", br#"{"units": "chars", "symbols": []}"#),
        (
            "a word of nothing",
            br#"{"units": "words", "symbols": ["a", ""]}"#,
        ),
        (
            "a piece twice",
            br#"{"units": "pieces", "symbols": ["a", "ab", "ab"]}"#,
        ),
        ("no list", br#"{"units": "chars"}"#),
    ] {
        let error = load(content).expect_err(what);
        assert!(matches!(error, Error::Foreign { .. }), "{what}: {error}");
        assert!(error.to_string().contains("vocab.json"), "{what}: {error}");
    }

    let missing = Vocab::load(Path::new("no/such/vocab.json")).expect_err("missing");
    assert!(matches!(missing, Error::File { .. }));
    assert!(missing.to_string().contains("no/such/vocab.json"));
}

#[test]
fn one_byte_order_mark_is_no_part_of_the_text() {
    assert_eq!(text("\u{feff}ab".as_bytes()), "ab");
    assert_eq!(text("\u{feff}\u{feff}ab".as_bytes()), "\u{feff}ab");
    assert_eq!(text("a\u{feff}b".as_bytes()), "a\u{feff}b");
    let bytes = "\u{feff}ab".as_bytes();
    let corpus = Corpus::from_bytes("text", bytes, &Units::Bytes.into()).expect("a text");
    assert_eq!(content(&corpus), bytes);
}

#[test]
fn everything_else_is_part_of_the_text() {
    let odd = "a\nb\0\n\u{85}\u{2028}\t \n";
    assert_eq!(text(odd.as_bytes()), odd);
}

#[test]
fn a_text_of_nothing_is_empty() {
    for units in [Units::Chars, Units::Bytes] {
        let empty = Corpus::from_bytes("the file", b"", &units.into());
        assert!(matches!(&empty, Err(Error::Empty { name }) if name == "the file"));
    }
    let mark = chars("\u{feff}".as_bytes());
    assert!(matches!(mark, Err(Error::Empty { .. })));
}

#[test]
fn a_text_of_one_symbol_is_refused() {
    for (one, symbol) in [("a", "a"), ("\n\n\n", "\n"), ("\u{feff}€€", "€")] {
        match chars(one.as_bytes()) {
            Err(Error::OneSymbol { symbol: found, .. }) => assert_eq!(found, symbol),
            other => panic!("{other:?}"),
        }
    }
    let bytes = Corpus::from_bytes("text", b"aaaa", &Units::Bytes.into());
    assert!(matches!(bytes, Err(Error::OneSymbol { symbol, .. }) if symbol == "a"));
    assert_eq!(text(b"ab"), "ab");
}

#[test]
fn a_text_that_ends_within_a_character_is_not_utf8() {
    for (bytes, start) in [
        (&b"ab\xe2\x82"[..], 2),
        (b"ab\xf0\x9f\x98", 2),
        (b"\xef\xbb\xbfab\xc3", 5),
    ] {
        match chars(bytes) {
            Err(Error::NotUtf8 { offset, .. }) => assert_eq!(offset, start),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn not_utf8_says_where_and_what_to_do() {
    let error = chars(b"abc\x80").expect_err("not UTF-8").to_string();
    for part in ["text", "0x80", "offset 3", "byte by byte"] {
        assert!(error.contains(part), "{part} is not in: {error}");
    }
}

#[test]
fn a_file_is_read_under_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("text.txt");
    fs::write(&path, "abba").expect("written");
    let corpus = Corpus::read(std::slice::from_ref(&path), &Units::Chars.into()).expect("a text");
    assert_eq!(all_tokens(&corpus), [0, 1, 1, 0]);
    assert_eq!(corpus.name, path.display().to_string());

    let missing = folder.path().join("missing.txt");
    let error = Corpus::read(std::slice::from_ref(&missing), &Units::Chars.into());
    let error = error.expect_err("no file");
    assert!(
        matches!(&error, Error::File { path, .. } if *path == missing),
        "{error}"
    );
}
