//! Data sets by name, from a server on this machine.
#![allow(missing_docs)]

mod common;

use std::{
    fs,
    io::{self, BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::Result;
use common::{
    Place, TINY,
    events::{LIMIT, wait_for},
    refused,
};
use demos::datasets::Dataset;

/// FIPS 180-2, appendix B.1.
const ABC: Dataset = Dataset {
    name: "abc",
    host: "",
    path: "/data/abc.txt",
    bytes: 3,
    sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
};

struct Server {
    host: String,
    answered: Arc<AtomicUsize>,
}

/// Starts a server that answers each request by calling `answer` with its path.
fn serve(answer: impl Fn(&str, &mut TcpStream) + Send + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = format!("http://{}", listener.local_addr().unwrap());
    let answered = Arc::new(AtomicUsize::new(0));
    let count = answered.clone();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let Some(Ok(request)) = lines.next() else {
                continue;
            };
            // The header of a request ends with an empty line.
            lines.find(|line| line.as_ref().is_ok_and(String::is_empty));
            count.fetch_add(1, Ordering::SeqCst);
            let path = request.split(' ').nth(1).unwrap();
            answer(path, &mut stream);
        }
    });
    Server { host, answered }
}

/// Sends a response. The client may be gone.
fn send(stream: &mut TcpStream, status: &str, headers: &str, body: &[u8]) {
    let head = format!("HTTP/1.1 {status}\r\n{headers}Connection: close\r\n\r\n");
    let _ = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body));
}

fn send_file(stream: &mut TcpStream, body: &[u8]) {
    send(
        stream,
        "200 OK",
        &format!("Content-Length: {}\r\n", body.len()),
        body,
    );
}

fn fetch(server: &Server, cache: &Path, patience: Duration) -> Result<PathBuf> {
    ABC.fetch(&server.host, cache, patience)
}

/// Expects one line that names the address, the reason, the file and its place, and an empty cache.
fn assert_refused(server: &Server, patience: Duration, why: &str) {
    let cache = tempfile::tempdir().unwrap();
    let error = fetch(server, cache.path(), patience).expect_err(why);
    let message = format!("{error:#}");
    let file = cache.path().join("abc.txt").display().to_string();
    for part in [why, &server.host, ABC.path, ABC.sha256, "3 bytes", &file] {
        assert!(message.contains(part), "{part:?} is not in: {message}");
    }
    assert_eq!(message.lines().count(), 1, "{message}");
    assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 0);
}

#[test]
fn downloaded_once() {
    let server = serve(|path, stream| {
        assert_eq!(path, ABC.path);
        send_file(stream, b"abc");
    });
    let cache = tempfile::tempdir().unwrap();
    let folder = cache.path().join("deep/inside");
    for _ in 0..3 {
        let file = fetch(&server, &folder, LIMIT).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"abc");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }
    assert_eq!(server.answered.load(Ordering::SeqCst), 1);
}

#[test]
fn a_damaged_file_is_downloaded_again() {
    let server = serve(|_, stream| send_file(stream, b"abc"));
    let cache = tempfile::tempdir().unwrap();
    for damaged in ["", "ab", "abd", "abcd"] {
        fs::write(cache.path().join("abc.txt"), damaged).unwrap();
        let file = fetch(&server, cache.path(), LIMIT).unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"abc");
    }
}

#[test]
fn redirected() {
    let server = serve(|path, stream| match path {
        "/elsewhere" => send_file(stream, b"abc"),
        _ => send(
            stream,
            "302 Found",
            "Location: /elsewhere\r\nContent-Length: 0\r\n",
            b"",
        ),
    });
    let cache = tempfile::tempdir().unwrap();
    let file = fetch(&server, cache.path(), LIMIT).unwrap();
    assert_eq!(fs::read(file).unwrap(), b"abc");
}

#[test]
fn redirected_for_ever() {
    let server = serve(|_, stream| {
        send(
            stream,
            "302 Found",
            "Location: /again\r\nContent-Length: 0\r\n",
            b"",
        );
    });
    assert_refused(&server, LIMIT, "redirect");
}

#[test]
fn another_file() {
    let server = serve(|_, stream| send_file(stream, b"abd"));
    assert_refused(
        &server,
        LIMIT,
        "not the expected file: it has SHA-256 a52d159f262b2c6ddb724a61840befc3",
    );
}

#[test]
fn a_longer_file() {
    let server = serve(|_, stream| send_file(stream, b"abcd"));
    assert_refused(&server, LIMIT, "not the expected file: it is longer");
}

#[test]
fn cut_off() {
    // Shorter than announced, and shorter with no length announced.
    let server = serve(|_, stream| send(stream, "200 OK", "Content-Length: 3\r\n", b"ab"));
    assert_refused(&server, LIMIT, "cannot download");
    let server = serve(|_, stream| send(stream, "200 OK", "", b"ab"));
    assert_refused(&server, LIMIT, "ends after 2 bytes");
}

#[test]
fn not_there() {
    let server = serve(|_, stream| send(stream, "404 Not Found", "Content-Length: 0\r\n", b""));
    assert_refused(&server, LIMIT, "404");
}

#[test]
fn no_answer_at_all() {
    let server = serve(|_, _| ());
    assert_refused(&server, LIMIT, "cannot download");
}

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n";

/// The sum of the lengths of a folder's files.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let lengths = entries.flat_map(|entry| entry.metadata());
    lengths.map(|file| file.len()).sum()
}

/// Each byte is sent when the one before has been written to the cache.
#[test]
fn slow() {
    let cache = tempfile::tempdir().unwrap();
    let folder = cache.path().to_owned();
    let server = serve(move |_, stream| {
        stream.write_all(HEAD.as_bytes()).unwrap();
        for (sent, byte) in b"abc".iter().enumerate() {
            let is_kept = || (size(&folder) == sent as u64).then_some(());
            wait_for("the bytes that were sent", is_kept);
            stream.write_all(&[*byte]).unwrap();
        }
    });
    let file = fetch(&server, cache.path(), LIMIT).unwrap();
    assert_eq!(fs::read(file).unwrap(), b"abc");
}

#[test]
fn slower_than_patience() {
    let server = serve(|_, stream| {
        let _ = stream.write_all(HEAD.as_bytes());
        // Until whoever asked has gone.
        let _ = io::copy(stream, &mut io::sink());
    });
    assert_refused(&server, Duration::from_millis(200), "timeout");
}

#[test]
fn without_network_it_says_what_to_put_where() {
    let place = Place::new();
    for flags in [
        ["--dataset", "tiny-shakespeare"],
        ["--preset", "shakespeare"],
    ] {
        says_what_to_put_where(&place, &[TINY, &flags].concat());
    }
}

fn says_what_to_put_where(place: &Place, args: &[&str]) {
    // Nothing listens on port 9 (discard).
    let output = place
        .command(args)
        .env("CHAR_LSTM_DATASETS", "http://127.0.0.1:9")
        .env("CHAR_LSTM_CACHE", place.path().join("cache"))
        .output()
        .unwrap();
    let file = place.path().join("cache/tiny-shakespeare.txt");
    let told = [
        "data set tiny-shakespeare",
        "/karpathy/char-rnn/master/data/tinyshakespeare/input.txt",
        "1,115,394 bytes",
        "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
        &file.display().to_string(),
    ];
    refused(&output, 1, args, &told);
    assert!(!place.path().join("runs").exists());
}

#[test]
fn another_file_for_shakespeare() {
    let place = Place::new();
    let server = serve(|_, stream| send_file(stream, &[b'x'; 1_115_394]));
    let args = [TINY, &["--dataset", "tiny-shakespeare"]].concat();
    let output = place
        .command(&args)
        .env("CHAR_LSTM_DATASETS", &server.host)
        .env("XDG_CACHE_HOME", place.path())
        .output()
        .unwrap();
    refused(
        &output,
        1,
        &args,
        &["not the expected file: it has SHA-256", "char_lstm"],
    );
    let cache = place.path().join("char_lstm");
    assert_eq!(fs::read_dir(cache).unwrap().count(), 0);
}

#[test]
fn no_such_data_set() {
    let place = Place::new();
    place.fails(
        2,
        &["train", "--dataset", "shakespear"],
        &["--dataset shakespear", "tiny-shakespeare"],
    );
    place.file("text", "hello");
    place.fails(
        2,
        &["train", "--dataset", "tiny-shakespeare", "--data", "text"],
        &["--dataset", "--data"],
    );
}
