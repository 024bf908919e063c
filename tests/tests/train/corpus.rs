//! Texts from files: which ones, in which order, decompressed, and read by place whatever their size.

use std::{
    fs::{self, File, OpenOptions},
    io::{Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tests::tiny::{all_tokens, with_documents};
use train::{Corpus, Error, Separator, Units, Vocab};

/// More than a corpus keeps in memory.
const LARGE: u64 = (17 << 20) + 5;

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Place(tempfile::tempdir().expect("a folder"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, content).expect("written");
        path
    }
}

fn read(paths: &[PathBuf], units: Units) -> Result<Corpus, Error> {
    Corpus::read(paths, &units.into())
}

/// The bytes of a corpus, by its tokens.
fn content(corpus: &Corpus) -> Vec<u8> {
    let mut bytes = Vec::new();
    for token in all_tokens(corpus) {
        corpus.vocab.decode(token, &mut bytes);
    }
    bytes
}

fn text(paths: &[PathBuf]) -> String {
    let corpus = read(paths, Units::Chars).expect("a text");
    String::from_utf8(content(&corpus)).expect("UTF-8")
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

fn random_bytes(n: usize, seed: u64) -> Vec<u8> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..n).map(|_| rng.random_range(b'a'..=b'p')).collect()
}

#[test]
fn files_are_one_text_in_the_order_given() {
    let place = Place::new();
    let (a, b) = (place.file("a.txt", "first "), place.file("b.txt", "second"));
    assert_eq!(text(&[a.clone(), b.clone()]), "first second");
    assert_eq!(text(&[b, a]), "secondfirst ");
}

#[test]
fn a_folder_is_its_texts_by_name() {
    let place = Place::new();
    place.file("texts/b.txt", "two ");
    place.file("texts/a/z.txt", "one ");
    place.file("texts/c.txt.gz", gzip(b"three "));
    place.file("texts/d/a/deep.txt", "four");
    place.file("texts/.git/config", "hidden");
    place.file("texts/b.png", b"\x89PNG\r\n\x1a\n\0\0\0\x0d");
    place.file(
        "texts/c.old",
        "caf\u{e9}".chars().map(|c| c as u8).collect::<Vec<_>>(),
    );
    let paths = [place.path("texts")];
    assert_eq!(text(&paths), "one two three four");

    let corpus = read(&paths, Units::Chars).expect("a text");
    let skipped: Vec<_> = corpus.skipped.iter().map(|s| s.path.clone()).collect();
    let expected = ["texts/b.png", "texts/c.old"].map(|name| place.path(name));
    assert_eq!(skipped, expected);
    // Bytes are bytes.
    let corpus = read(&paths, Units::Bytes).expect("a text");
    assert_eq!(corpus.skipped, []);
    assert_eq!(corpus.n_symbols(), "one two three four".len() + 12 + 4);
}

#[cfg(unix)]
#[test]
fn links_in_a_folder() {
    use std::os::unix::fs::symlink;
    let place = Place::new();
    let text_file = place.file("elsewhere.txt", "linked");
    place.file("texts/a.txt", "a ");
    symlink(&text_file, place.path("texts/b.txt")).expect("linked");
    symlink(place.path("texts"), place.path("texts/c")).expect("linked");
    symlink("nowhere", place.path("texts/d")).expect("linked");
    let corpus = read(&[place.path("texts")], Units::Chars).expect("a text");
    assert_eq!(content(&corpus), b"a linked");
    let skipped: Vec<_> = corpus
        .skipped
        .iter()
        .map(|s| (s.path.clone(), s.reason))
        .collect();
    let expected = [
        ("texts/c", "a link to a folder"),
        ("texts/d", "a link to nothing"),
    ];
    assert_eq!(
        skipped,
        expected.map(|(name, reason)| (place.path(name), reason))
    );
}

#[test]
fn a_folder_without_text_is_empty() {
    let place = Place::new();
    place.file("texts/image", b"\0\x01");
    let error = read(&[place.path("texts")], Units::Chars).expect_err("no text");
    assert!(matches!(error, Error::Empty { .. }));
    let message = error.to_string();
    assert!(
        message.contains("image") && message.lines().count() == 1,
        "{message}"
    );
}

/// `printf 'hello ' | gzip -nc | xxd -p`, and of 'world\n'.
const GZIP: [&str; 2] = [
    "1f8b0800000000000003cb48cdc9c9570000f6f981ed06000000",
    "1f8b08000000000000032bcf2fca49e10200a86138dd06000000",
];

/// The same with `zstd -qc --check`, version 1.5.4.
const ZSTD: [&str; 2] = [
    "28b52ffd240631000068656c6c6f20d23be1a9",
    "28b52ffd2406310000776f726c640aaa6e569f",
];

fn bytes(hex: &str) -> Vec<u8> {
    let digits = |i| u8::from_str_radix(&hex[i..i + 2], 16).expect("digits");
    (0..hex.len()).step_by(2).map(digits).collect()
}

#[test]
fn compressed_files_of_several_members() {
    let place = Place::new();
    let members = |of: [&str; 2]| of.map(bytes).concat();
    assert_eq!(text(&[place.file("a.gz", members(GZIP))]), "hello world\n");
    assert_eq!(text(&[place.file("a.zst", members(ZSTD))]), "hello world\n");
    // A skippable frame of three bytes between the two (RFC 8878, section 3.1.2).
    let skippable = bytes("502a4d1803000000ffffff");
    let frames = [bytes(ZSTD[0]), skippable, bytes(ZSTD[1])].concat();
    assert_eq!(text(&[place.file("b.zst", frames)]), "hello world\n");
}

#[test]
fn a_compressed_file_that_is_none_says_so() {
    let place = Place::new();
    for name in ["text.gz", "text.zst"] {
        let error = read(&[place.file(name, "plain text")], Units::Chars).expect_err("no archive");
        let message = error.to_string();
        assert!(matches!(error, Error::Archive { .. }), "{message}");
        assert!(
            message.contains(name) && message.lines().count() == 1,
            "{message}"
        );
    }
}

/// Whatever is cut off or damaged: an error that names the file, or the same text.
#[test]
fn damaged_archives_are_errors() {
    let place = Place::new();
    let whole = random_bytes(3000, 1);
    for (name, archive) in [("a.gz", gzip(&whole)), ("a.zst", zstd(&whole))] {
        let check =
            |what: String, damaged: &[u8]| match read(&[place.file(name, damaged)], Units::Bytes) {
                Ok(corpus) => assert!(content(&corpus) == whole, "{what}: another text"),
                Err(Error::Archive { path, .. }) => assert!(path.ends_with(name)),
                Err(Error::Empty { .. }) => assert!(damaged.is_empty(), "{what}"),
                Err(other) => panic!("{what}: {other}"),
            };
        for length in 0..archive.len() {
            let cut = &archive[..length];
            let corpus = read(&[place.file(name, cut)], Units::Bytes);
            assert!(corpus.is_err(), "{name}: {length} bytes are not all of it");
            check(format!("{name}: {length} bytes"), cut);
        }
        for place in 0..archive.len() {
            let mut damaged = archive.clone();
            damaged[place] ^= 1 << (place % 8);
            check(
                format!("{name}: bit {} of byte {place}", place % 8),
                &damaged,
            );
        }
    }
}

/// FIPS 180-2, appendix B.1: the SHA-256 of "abc".
#[test]
fn a_text_is_known_by_its_hash() {
    let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let place = Place::new();
    let whole = place.file("whole", "abc");
    let parts = [
        place.file("part", "\u{feff}a"),
        place.file("rest.gz", gzip(b"bc")),
    ];
    for paths in [&[whole][..], &parts] {
        let corpus = read(paths, Units::Chars).expect("a text");
        assert_eq!(corpus.id().sha256, expected);
        assert_eq!(corpus.id().symbols, 3);
    }
}

/// Characters of one to four bytes, at every place of the blocks that are read together.
#[test]
fn characters_across_blocks() {
    let place = Place::new();
    for first in 0..4 {
        let text: String = "x".repeat(first) + &"aß€𝄞".repeat(300_000);
        let corpus = read(&[place.file("text", &text)], Units::Chars).expect("a text");
        let expected = Vocab::of_chars(&text).encode(&text).expect("known");
        assert!(all_tokens(&corpus) == expected, "{first} before");
        assert_eq!(corpus.n_symbols(), first + 1_200_000);
    }
}

/// Vocabularies that need one, two and more bytes for a token.
#[test]
fn tokens_of_every_width() {
    for n in [256, 257, 1 << 16, (1 << 16) + 1] {
        let text: String = ('\u{80}'..).take(n).collect();
        let corpus = Corpus::from_bytes("text", text.as_bytes(), &Units::Chars.into());
        let tokens = all_tokens(&corpus.expect("a text"));
        assert!(tokens.into_iter().eq(0..n as u32), "{n} characters");
    }
}

#[test]
fn any_part_of_a_text_can_be_read() {
    let place = Place::new();
    let wide: String = "πολλὰ δ᾽ ὅ γ᾽ ἐν πόντῳ ".repeat(20);
    let ascii = String::from_utf8(random_bytes(500, 2)).expect("ASCII");
    for text in [wide, ascii] {
        let (a, b) = text.split_at(text.char_indices().nth(100).expect("long enough").0);
        let paths = [
            place.file("a", a),
            place.file("empty", ""),
            place.file("b", b),
        ];
        let corpus = read(&paths, Units::Chars).expect("a text");
        let all = all_tokens(&corpus);
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for _ in 0..200 {
            let from = rng.random_range(0..all.len());
            let to = rng.random_range(from..=all.len());
            let mut part = vec![7];
            corpus.tokens(from..to, &mut part).expect("in memory");
            assert_eq!(part[1..], all[from..to]);
        }
    }
}

/// A file of zeros that takes no room, but for some letters.
fn sparse(path: &Path, letters: &[(u64, u8)], length: u64) {
    let mut file = File::create(path).expect("a file");
    file.set_len(length).expect("a sparse file");
    for &(place, letter) in letters {
        file.seek(SeekFrom::Start(place)).expect("a place");
        file.write_all(&[letter]).expect("written");
    }
}

fn token(corpus: &Corpus, place: u64) -> Result<u32, Error> {
    let mut tokens = Vec::new();
    corpus.tokens(place as usize..place as usize + 1, &mut tokens)?;
    Ok(tokens[0])
}

#[test]
fn large_files_are_read_where_they_are() {
    let place = Place::new();
    let (small, large) = (place.file("small", "xyz"), place.path("large"));
    sparse(
        &large,
        &[(0, b'a'), (LARGE / 2, b'b'), (LARGE - 1, b'c')],
        LARGE,
    );
    let paths = [small.clone(), large.clone(), small, large.clone()];
    for units in [Units::Bytes, Units::Chars] {
        let corpus = read(&paths, units).expect("a text");
        assert_eq!(corpus.n_symbols() as u64, 2 * (3 + LARGE));
        for (place, letter) in [
            (2, b'z'),
            (3, b'a'),
            (4, 0),
            (3 + LARGE / 2, b'b'),
            (3 + LARGE - 1, b'c'),
            (3 + LARGE, b'x'),
            (2 * (3 + LARGE) - 1, b'c'),
        ] {
            let mut found = Vec::new();
            corpus
                .vocab
                .decode(token(&corpus, place).expect("there"), &mut found);
            assert_eq!(found, [letter], "{units:?}, place {place}");
        }
    }
}

/// Several threads read it, and the ends of their blocks fall into characters.
#[test]
fn a_large_file_is_read_in_its_order() {
    let place = Place::new();
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let mut text = String::new();
    while text.len() < LARGE as usize {
        text.push_str(["a", "\u{e9}", "\u{20ac}", "\u{1f600}"][rng.random_range(0..4)]);
    }
    // A file whose last block is a whole one, too.
    let whole = "b".repeat((18 << 20) - text.len());
    for text in [text.clone(), text + &whole] {
        let path = place.file("large", &text);
        for units in [Units::Bytes, Units::Chars] {
            let corpus = read(std::slice::from_ref(&path), units).expect("a text");
            let symbols = match units {
                Units::Bytes => text.len(),
                _ => text.chars().count(),
            };
            let sha256 = Sha256::digest(&text);
            let sha256: String = sha256.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(
                (&corpus.id().sha256, corpus.n_symbols()),
                (&sha256, symbols)
            );
            assert!(content(&corpus) == text.as_bytes(), "{units:?}");
        }
        for place_of_error in [5 << 20, text.len() - 1] {
            let mut bytes = text.clone().into_bytes();
            let start = (0..=place_of_error)
                .rev()
                .find(|&i| text.is_char_boundary(i));
            bytes[start.expect("a character")] = 0xff;
            let error = read(&[place.file("bad", bytes)], Units::Chars).expect_err("not UTF-8");
            let message = error.to_string();
            let offset = format!("0xff at byte offset {}", start.expect("a character"));
            assert!(message.contains(&offset), "{offset}: {message}");
        }
    }
}

#[test]
fn a_file_that_changes_under_a_run_is_an_error() {
    let place = Place::new();
    let large = place.path("large");
    sparse(&large, &[(0, b'a')], LARGE);
    let corpus = read(std::slice::from_ref(&large), Units::Chars).expect("a text");
    let check = |at: u64| match token(&corpus, at) {
        Err(e @ Error::Changed { .. }) => {
            let message = e.to_string();
            assert!(
                message.contains("large") && message.contains(&at.to_string()),
                "{message}"
            );
        }
        other => panic!("{other:?}"),
    };

    let mut file = OpenOptions::new().write(true).open(&large).expect("there");
    file.seek(SeekFrom::Start(1000)).expect("a place");
    file.write_all(b"?").expect("written");
    check(1000);
    file.set_len(1 << 20).expect("cut");
    check(LARGE - 1);
    assert_eq!(token(&corpus, 999).expect("still there"), 0);
}

/// More than fits into the memory that a text may have: on disk, without a name.
#[test]
fn large_texts_that_are_decompressed() {
    let place = Place::new();
    let whole = random_bytes(LARGE as usize, 4);
    let corpus = read(&[place.file("text.gz", gzip(&whole))], Units::Bytes).expect("a text");
    assert!(content(&corpus) == whole);
    let corpus = read(&[place.file("text.zst", zstd(&whole))], Units::Chars).expect("a text");
    assert!(content(&corpus) == whole);
}

#[test]
fn no_document_goes_on_from_file_to_file() {
    let place = Place::new();
    let read = |files: &[&str], separator: &str| {
        let paths: Vec<_> = (0..)
            .zip(files)
            .map(|(i, f)| place.file(&format!("{i}"), f))
            .collect();
        let separator = separator.parse().expect("a separator");
        let corpus = Corpus::read(&paths, &with_documents(&separator)).expect("a text");
        String::from_utf8(content(&corpus)).expect("UTF-8")
    };
    assert_eq!(read(&["a\nb", "", "c\n", "d"], "lines"), "a\nb\nc\nd\n");
    assert_eq!(read(&["a\n", "b\n\n", "\n"], r"\n\n"), "a\n\n\nb\n\n\n\n\n");
    assert_eq!(read(&["a<end>", "<en"], "<end>"), "a<end><en<end>");
}

#[test]
fn separators_are_written_as_they_are_read() {
    for (given, meant, written) in [
        ("lines", "\n", "lines"),
        (r"\n", "\n", "lines"),
        (r"\n\n", "\n\n", r"\n\n"),
        (r"\r\n\t\\", "\r\n\t\\", r"\r\n\t\\"),
        (r"a\b\", r"a\b\", r"a\\b\\"),
        ("<|endoftext|>", "<|endoftext|>", "<|endoftext|>"),
    ] {
        let separator: Separator = given.parse().expect("a separator");
        assert_eq!(separator, Separator(meant.to_owned()));
        assert_eq!(separator.to_string(), written);
        assert_eq!(written.parse(), Ok(separator));
    }
}
