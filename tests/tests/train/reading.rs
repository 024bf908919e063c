//! How files become a text: encodings, line ends, records, rare symbols, another text to validate on.

use std::{fs, path::PathBuf};

use proptest::prelude::*;
use tempfile::TempDir;
use tests::tiny::all_tokens;
use train::{BatchConfig, Corpus, Error, Records, Separator, Split, TextConfig, Units, batches};

/// More than a corpus keeps in memory.
const LARGE: usize = (17 << 20) + 5;

fn content(corpus: &Corpus) -> String {
    let mut bytes = Vec::new();
    for token in all_tokens(corpus) {
        corpus.vocab.decode(token, &mut bytes);
    }
    String::from_utf8(bytes).expect("UTF-8")
}

fn text_of(name: &str, bytes: &[u8], config: &TextConfig) -> Result<String, Error> {
    Corpus::from_bytes(name, bytes, config).map(|corpus| content(&corpus))
}

fn encoded_as(encoding: &str) -> TextConfig {
    TextConfig {
        encoding: Some(encoding.parse().expect("an encoding")),
        ..TextConfig::default()
    }
}

fn file(folder: &TempDir, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("written");
    path
}

/// The bytes are those of Python's `text.encode(encoding)`.
#[test]
fn encodings() {
    for (encoding, bytes, text) in [
        ("latin1", &b"caf\xe9 \xfcber"[..], "café über"),
        ("windows-1252", b"\x93na\xefve\x94 \x80", "“naïve” €"),
        ("Shift_JIS", b"\x8c\xe1\x94y\x82\xcd\x94L", "吾輩は猫"),
        ("shift-jis", b"\x8c\xe1\x94y\x82\xcd\x94L", "吾輩は猫"),
        ("gb18030", b"\xce\xd2\xca\xc7\xc3\xa8\x810\x996", "我是猫ƒ"),
        ("koi8-r", b"\xf0\xd2\xc9\xd7\xc5\xd4", "Привет"),
        ("utf-16le", b"a\0\xe4\0=\xd8\x00\xde", "aä😀"),
        ("utf-16be", b"\0a\0\xe4\xd8=\xde\x00", "aä😀"),
        ("utf8", "aä😀".as_bytes(), "aä😀"),
    ] {
        let read = text_of("text", bytes, &encoded_as(encoding));
        assert_eq!(read.expect(encoding), text, "{encoding}");
    }
    for (mark, encoding) in [
        (&b"\xff\xfe"[..], "utf-16le"),
        (b"\xfe\xff", "utf-16be"),
        (b"\xef\xbb\xbf", "utf-8"),
    ] {
        let bytes: Vec<u8> = match encoding {
            "utf-16le" => "tä€".encode_utf16().flat_map(u16::to_le_bytes).collect(),
            "utf-16be" => "tä€".encode_utf16().flat_map(u16::to_be_bytes).collect(),
            _ => "tä€".into(),
        };
        // A mark wins, whatever was named.
        for config in [TextConfig::default(), encoded_as("latin1")] {
            let read = text_of("text", &[mark, &bytes].concat(), &config);
            assert_eq!(read.expect(encoding), "tä€", "{encoding}");
        }
    }
}

#[test]
fn what_is_not_text_in_its_encoding_says_where_and_what_it_may_be() {
    let bytes = "Il était une fois, à l'été, un garçon très âgé. Où ça?".chars();
    let latin1: Vec<u8> = bytes.map(|c| c as u8).collect();
    let error = text_of("text", &latin1, &TextConfig::default()).expect_err("Latin-1");
    let message = error.to_string();
    assert!(
        message.contains("byte offset 3") && message.contains("perhaps windows-1252"),
        "{message}"
    );
    for (encoding, bytes, offset) in [
        ("shift_jis", &b"abc\xff\xffdef"[..], 3),
        ("utf-16le", b"a\0b\0\x00\xdcc\0", 4),
        ("gb18030", b"ab\x81", 2),
    ] {
        let error = text_of("text", bytes, &encoded_as(encoding)).expect_err(encoding);
        let message = error.to_string();
        let place = format!("not text in {encoding}: invalid bytes at byte offset {offset}");
        assert!(message.contains(&place), "{message}");
    }
}

/// Blocks of the file end within characters, and it does not fit into memory.
#[test]
fn a_large_file_in_another_encoding() {
    let folder = tempfile::tempdir().expect("a folder");
    let text: String = "ab\u{e9}\u{1f600}\u{4e00}".repeat(LARGE / 12 + 1);
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(utf16.len() > LARGE);
    let path = file(&folder, "utf16", utf16);
    let small = file(&folder, "small", b"x\0");
    let paths = [small.clone(), path.clone(), small, path];
    let corpus = Corpus::read(&paths, &encoded_as("utf-16le")).expect("a text");
    assert!(content(&corpus) == format!("x{text}").repeat(2));

    // The same in a file that stays where it is until its first carriage return.
    let ascii = "0123456\n".repeat(LARGE / 8 + 1);
    let (plain, mixed) = (file(&folder, "plain", &ascii), ascii.clone() + "\u{e9}\r\n");
    let mixed = file(&folder, "mixed", mixed);
    let corpus = Corpus::read(&[mixed, plain], &TextConfig::default()).expect("a text");
    assert!(content(&corpus) == format!("{ascii}\u{e9}\n{ascii}"));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn line_ends_are_line_feeds(parts in prop::collection::vec("a|b|\r|\n|\r\n|é", 1..40)) {
        let text = format!("xy{}", parts.concat());
        let unified = text.replace("\r\n", "\n").replace('\r', "\n");
        prop_assert_eq!(text_of("text", text.as_bytes(), &TextConfig::default()).unwrap(), unified);
        let kept = TextConfig { keep_line_ends: true, ..TextConfig::default() };
        prop_assert_eq!(text_of("text", text.as_bytes(), &kept).unwrap(), text.clone());
        let bytes = Corpus::from_bytes("text", text.as_bytes(), &Units::Bytes.into()).unwrap();
        prop_assert_eq!(content(&bytes), text);
    }
}

/// As long as a large file has no `\r`, it is read where it is; from there on, it is kept without them.
#[test]
fn line_ends_of_a_large_file() {
    let folder = tempfile::tempdir().expect("a folder");
    for first in [0, 1, (1 << 20) - 1, 1 << 20, LARGE - 1] {
        let mut bytes = b"0123456\n".repeat(LARGE / 8 + 1);
        bytes.truncate(LARGE);
        for place in [first, (LARGE / 2).max(first)] {
            bytes[place] = b'\r';
            if let Some(after) = bytes.get_mut(place + 1) {
                *after = b'\n';
            }
        }
        let expected = String::from_utf8(bytes.clone()).expect("ASCII");
        let expected = expected.replace("\r\n", "\n").replace('\r', "\n");
        let path = file(&folder, "text", bytes);
        let corpus = Corpus::read(&[path.clone(), path], &TextConfig::default());
        assert!(
            content(&corpus.expect("a text")) == expected.repeat(2),
            "{first}"
        );
    }
}

fn records(records: Records, documents: Option<&str>) -> TextConfig {
    TextConfig {
        records: Some(records),
        documents: documents.map(|text| Separator(text.to_owned())),
        ..TextConfig::default()
    }
}

#[test]
fn columns() {
    let csv = "id,text\r\n1,\"a, \"\"b\"\"\nc\"\r\n2,\r\n3,de\u{e9}f\r\n";
    let column = |name: &str| Records::Csv(name.to_owned());
    let read = |name, config: &TextConfig| text_of(name, csv.as_bytes(), config).expect("a text");
    assert_eq!(
        read("a.csv", &records(column("text"), Some("\0"))),
        "a, \"b\"\nc\0de\u{e9}f\0"
    );
    assert_eq!(read("a.csv", &records(column("id"), None)), "1\n2\n3\n");
    // A file whose first line is a row has columns by number.
    assert_eq!(
        read("a.csv", &records(column("1"), Some("; "))),
        "id; 1; 2; 3; "
    );
    let tsv = text_of("a.tsv", b"x\ty\na,b\tc\n", &records(column("x"), None));
    assert_eq!(tsv.expect("a text"), "a,b\n");

    let wide = "column,".repeat(100_000) + "\n1\n";
    let error = text_of("a.csv", wide.as_bytes(), &records(column("body"), None));
    assert!(error.expect_err("no such column").to_string().len() < 500);
    for (csv, name, told) in [
        ("id,text\n1,a\n", "body", ["line 1", "\"body\"", "id, text"]),
        (
            "a,b\n1,2\n3\n",
            "b",
            ["line 3", "column 2", "the row has 1"],
        ),
        ("a,b\n1,2\n", "3", ["line 1", "\"3\"", "a, b"]),
        // Empty lines are lines.
        ("a,b\n\n1,2\n\n\n3\n", "b", ["line 6", "column 2", "has 1"]),
        ("a,b\n\n1,2\n\n3", "b", ["line 5", "column 2", "has 1"]),
        (
            "a,b\n1,\"x\n\ny\"\n3\n",
            "b",
            ["line 5", "column 2", "has 1"],
        ),
        (
            "a,b\n1,2\n\n\n\"x,3\n4,5\n",
            "b",
            ["line 5", "quotation mark", "never closed"],
        ),
        (
            "a,b\n1,\"2\n3,4\n",
            "b",
            ["line 2", "quotation mark", "never closed"],
        ),
    ] {
        let error = text_of("a.csv", csv.as_bytes(), &records(column(name), None));
        let message = error.expect_err(csv).to_string();
        assert!(told.iter().all(|part| message.contains(part)), "{message}");
    }
}

#[test]
fn tables_that_are_not_as_they_should_be() {
    let column = records(Records::Csv("text".to_owned()), Some("\0"));
    for csv in ["text\n", "text", "", "text\n\n\n"] {
        let empty = text_of("a.csv", csv.as_bytes(), &column);
        assert!(
            matches!(empty, Err(Error::Empty { .. })),
            "{csv:?}: {empty:?}"
        );
    }
    let marked = text_of("a.csv", "\u{feff}text,n\nab,1\n".as_bytes(), &column);
    assert_eq!(marked.expect("a text"), "ab\0");
    let last = text_of("a.csv", b"n,text\n1,ab\n2,\"c d\"", &column);
    assert_eq!(last.expect("a text"), "ab\0c d\0");
}

#[test]
fn fields() {
    let lines = "\u{feff}{\"text\": \"a\\r\\nb\", \"meta\": {\"by\": \"me\"}}\n\n{\"meta\": {\"by\": \"you\"}, \"text\": \"\u{e9}\"}";
    let field = |name: &str| Records::Jsonl(name.to_owned());
    let read = |config: &TextConfig| text_of("a.jsonl", lines.as_bytes(), config).expect("a text");
    assert_eq!(read(&records(field("text"), Some("\0"))), "a\nb\0\u{e9}\0");
    assert_eq!(read(&records(field("/meta/by"), None)), "me\nyou\n");
    for (lines, told) in [
        (
            "{\"text\": \"a\"}\n{\"body\": \"b\"}\n",
            ["line 2", "no \"text\"", "body"],
        ),
        (
            "{\"text\": \"a\"}\n{\"text\": 3}\n",
            ["line 2", "not a string", "a.jsonl"],
        ),
        ("{\"text\": \"a\"}\nb\n", ["line 2", "not JSON", "a.jsonl"]),
    ] {
        let error = text_of("a.jsonl", lines.as_bytes(), &records(field("text"), None));
        let message = error.expect_err(lines).to_string();
        assert!(told.iter().all(|part| message.contains(part)), "{message}");
    }
}

/// Records of several megabytes go from block to block of the file.
#[test]
fn records_longer_than_a_block() {
    let folder = tempfile::tempdir().expect("a folder");
    let long = "all work, \"\"and\"\" no\nplay ".repeat(100_000);
    let csv = format!("n,text\n1,\"{long}\"\n2,short\n");
    let path = file(&folder, "a.csv", csv);
    let corpus = Corpus::read(
        &[path],
        &records(Records::Csv("text".to_owned()), Some("\0")),
    );
    let expected = long.replace("\"\"", "\"") + "\0short\0";
    assert!(content(&corpus.expect("a text")) == expected);

    let field = serde_json::to_string(&long).expect("JSON");
    let path = file(
        &folder,
        "a.jsonl",
        format!("{{\"t\": {field}}}\n{{\"t\": \"b\"}}"),
    );
    let corpus = Corpus::read(
        &[path],
        &records(Records::Jsonl("t".to_owned()), Some("\0")),
    );
    assert!(content(&corpus.expect("a text")) == long + "\0b\0");
}

#[test]
fn rare_characters_are_one() {
    let text = "aaaabbbbcd".repeat(3) + "xyé";
    let config = TextConfig {
        min_count: 3,
        ..TextConfig::default()
    };
    let replaced = "aaaabbbbcd".repeat(3) + "\u{fffd}\u{fffd}\u{fffd}";
    assert_eq!(text_of("text", text.as_bytes(), &config).unwrap(), replaced);
    // So too in a text of ASCII, which is read where it is.
    let (text, replaced) = (text.replace('é', "z"), replaced.as_str());
    let corpus = Corpus::from_bytes("text", text.as_bytes(), &config).unwrap();
    assert_eq!(content(&corpus), replaced);
    assert_eq!(corpus.vocab.encode("?").map(|tokens| tokens.len()), Ok(1));
    // A character that the text has is not taken for another, whatever it looks like.
    let damaged = Corpus::from_bytes("text", "ab\u{fffd}".as_bytes(), &TextConfig::default());
    assert_eq!(damaged.unwrap().vocab.encode("c"), Err('c'));
    // In another text, characters are rare or not as in the first.
    let known = TextConfig {
        known: Some(corpus.vocab.clone()),
        ..config.clone()
    };
    let second = Corpus::from_bytes("second", b"cqqqqq", &known).unwrap();
    assert_eq!(
        content(&second),
        "c\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}"
    );
    assert_eq!(second.vocab, corpus.vocab);
    let too_few = TextConfig {
        min_count: 1000,
        ..config.clone()
    };
    let error = Corpus::from_bytes("text", text.as_bytes(), &too_few);
    assert!(matches!(error, Err(Error::OneSymbol { .. })), "{error:?}");
    // But not what ends documents.
    let with_end = TextConfig {
        documents: Some(Separator("z".to_owned())),
        ..config
    };
    let kept = text_of("text", text.as_bytes(), &with_end).unwrap();
    assert!(kept.ends_with("\u{fffd}\u{fffd}z"), "{kept}");
}

#[test]
fn another_text_to_validate_on() {
    let config = TextConfig::default();
    let text = "abcabc".repeat(30);
    let corpus = Corpus::from_bytes("text", text.as_bytes(), &config).unwrap();
    let with = |corpus: &Corpus| TextConfig {
        known: Some(corpus.vocab.clone()),
        ..config.clone()
    };
    let val = "cabé".repeat(20);
    let val = Corpus::from_bytes("val", val.as_bytes(), &with(&corpus)).unwrap();
    let corpus = corpus.with_held_out(val);
    assert_eq!(corpus.vocab, train::Vocab::Chars(vec!['a', 'b', 'c', 'é']));
    let how = BatchConfig {
        batch_size: 2,
        seq_length: 5,
        val_frac: 0.3,
        split: Split::Lanes,
        documents: None,
        seed: 1,
    };
    let (train, val) = batches::split(&corpus, &how).expect("long enough");
    let val = val.expect("held out");
    // All of each, except for what fills no window.
    assert_eq!((train.targets(), val.targets()), (170, 79));
    let first = val.batch(0, 0).expect("in memory");
    assert_eq!(first.inputs[..5], [2, 0, 1, 3, 2]);

    // One document is enough to validate on.
    let documents = TextConfig {
        documents: Some(Separator("\n".to_owned())),
        ..config.clone()
    };
    let many = Corpus::from_bytes("text", b"ab\nba\nabb\n", &documents).unwrap();
    let how_one = TextConfig {
        documents: documents.documents.clone(),
        ..with(&many)
    };
    let one = Corpus::from_bytes("val", b"bab\n", &how_one).unwrap();
    let many = many.with_held_out(one);
    let lines = BatchConfig {
        documents: documents.documents.clone(),
        split: Split::Random,
        ..how.clone()
    };
    let (train, val) = batches::split(&many, &lines).expect("enough");
    assert_eq!(
        (train.n_documents(), val.unwrap().n_documents()),
        (Some(3), Some(1))
    );
}
