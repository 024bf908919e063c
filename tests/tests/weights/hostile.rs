//! Files that lie, are cut off, or would do harm end in typed errors.

use std::io::{Cursor, Write};

use models::{
    AnyCell, Stack,
    weights::{NamedArrays, OnnxFile, WeightFile, WeightsError, to_safetensors},
};
use zip::{ZipWriter, write::SimpleFileOptions};

use crate::reference::{B, references};

fn refused(bytes: &[u8]) -> String {
    match WeightFile::from_bytes("file", bytes.to_vec()) {
        Err(error) => error.to_string(),
        Ok(file) => panic!("it was read: {:?}", file.names().collect::<Vec<_>>()),
    }
}

/// A `.pt` with this pickle, and one storage of 16 bytes.
fn pt(pickle: &[u8]) -> Vec<u8> {
    pt_of(pickle, 16)
}

fn pt_of(pickle: &[u8], storage: usize) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, content) in [("a/data.pkl", pickle), ("a/data/0", &vec![0; storage])] {
        zip.start_file(name, stored).expect("an entry");
        zip.write_all(content).expect("written");
    }
    zip.finish().expect("an archive").into_inner()
}

/// A pickle in protocol 2.
fn pickle(body: &[u8]) -> Vec<u8> {
    [&[0x80, 2], body, b"."].concat()
}

/// `{"w": _rebuild_tensor_v2(storage, offset, shape, strides, False, OrderedDict())}`
fn tensor(shape: &str, strides: &str, offset: &str) -> Vec<u8> {
    let ints = |text: &str| -> Vec<u8> {
        let ints = text.split(',').filter(|size| !size.is_empty());
        let ints = ints.flat_map(|size| [b"I", size.as_bytes(), b"\n"].concat());
        [b"(".to_vec(), ints.collect(), b"t".to_vec()].concat()
    };
    let storage = b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuK\x04tQ";
    let start = [
        b"}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n(",
        &storage[..],
    ]
    .concat();
    let offset = [b"I", offset.as_bytes(), b"\n"].concat();
    let end = b"\x89ccollections\nOrderedDict\n)RtRs";
    pickle(&[start, offset, ints(shape), ints(strides), end.to_vec()].concat())
}

/// Tensors reach neither past their storage nor beyond what a machine can count.
#[test]
fn tensors_lie_within_their_storage() {
    let file = WeightFile::from_bytes("file", pt(&tensor("2,2", "1,2", "0"))).expect("transposed");
    assert_eq!(file.read::<f32>("w").expect("zeros").shape, [2, 2]);
    for (shape, strides, offset) in [
        ("2,3", "3,1", "0"),
        ("4", "1", "1"),
        ("4", "2", "0"),
        ("1000000000", "0", "0"), // expanded from one number
        ("4294967296,4294967296,4294967296", "1,1,1", "0"),
        ("2", "9223372036854775807", "0"),
        ("0,4611686018427387904,4", "0,0,0", "0"), // empty, but its rows are not
    ] {
        let error = refused(&pt(&tensor(shape, strides, offset)));
        assert!(error.starts_with("file: tensor w: of shape ["), "{error}");
    }
    let error = refused(&pt(&tensor("-1", "1", "0")));
    assert_eq!(error, "file: a tensor without storage, shape or strides");
}

/// Layers that share one storage become no gigabytes.
#[test]
fn layers_that_share_their_numbers() {
    let names =
        (0..4000).flat_map(|layer| [format!("weight_ih_l{layer}"), format!("weight_hh_l{layer}")]);
    let view = r#"{"dtype":"F32","shape":[2048,512],"data_offsets":[0,4194304]}"#;
    let header: Vec<String> = names.map(|name| format!("\"{name}\":{view}")).collect();
    let header = format!("{{{}}}", header.join(","));
    // Safetensors refuses that itself.
    let bytes = [
        &(header.len() as u64).to_le_bytes()[..],
        header.as_bytes(),
        &vec![0; 4 << 20],
    ]
    .concat();
    refused(&bytes);

    // Of a .pt, as few as a test can wait for: more numbers than the file may have.
    let mut entries = Vec::new();
    for layer in 0..400 {
        for name in ["ih", "hh"] {
            let name = format!("weight_{name}_l{layer}");
            let length = (name.len() as u32).to_le_bytes();
            entries.extend([b"X", &length[..], name.as_bytes(), b"h\0"].concat());
        }
    }
    let storage =
        b"(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\x000X\x03\0\0\0cpuI65536\ntQ";
    let weight = [
        &b"ctorch._utils\n_rebuild_tensor_v2\n("[..],
        storage,
        b"K\0(I512\nI128\nt(I128\nI1\nt\x89ccollections\nOrderedDict\n)RtRq\x000",
    ];
    let body = [&weight.concat()[..], b"}(", &entries, b"u"].concat();
    let file = WeightFile::from_bytes("file", pt_of(&pickle(&body), 4 * 65_536)).expect("readable");
    let stack: Result<Stack<B, AnyCell<B>>, _> =
        Stack::from_pytorch(&file, "", &Default::default());
    let error = stack.map(|_| ()).expect_err("refused").to_string();
    assert_eq!(
        error,
        "file: its layers have far more numbers than it has bytes"
    );
}

/// Nothing in a pickle is called.
#[test]
fn pickles_that_would_execute_anything() {
    let calls = [
        &b"cos\nsystem\nX\x04\0\0\0true\x85R"[..],
        b"cbuiltins\neval\nX\x01\0\0\x001\x85R",
        b"}X\x01\0\0\0wcposix\nsystem\nX\x04\0\0\0true\x85Rs",
        b"\x8c\x02os\x8c\x06system\x93X\x04\0\0\0true\x85R",
    ];
    for call in calls {
        let error = refused(&pt(&pickle(call)));
        assert!(
            error.ends_with("which is no part of a file of tensors; nothing was executed"),
            "{error}"
        );
    }
}

/// A pickle of a few bytes becomes no gigabytes, and ends.
#[test]
fn pickles_that_grow() {
    // A tuple of two of the tuple before, 60 times: 2⁶⁰ items for whoever copies.
    let twice: Vec<u8> = [&b")q\0"[..], &b"h\0h\0\x86q\0".repeat(60)].concat();
    let file = WeightFile::from_bytes("file", pt(&pickle(&twice))).expect("harmless");
    assert_eq!(file.names().count(), 0);
    let deep = [b"]".repeat(100_000), b"a".repeat(99_999)].concat();
    assert!(refused(&pt(&pickle(&deep))).contains("more than 128 deep"));
    // Dictionaries that no name shows, and objects.
    let start = [b"}X\x08\0\0\0_modules".repeat(100_000), b"N".to_vec()].concat();
    let modules = [start, b"s".repeat(100_000)].concat();
    assert!(refused(&pt(&pickle(&modules))).contains("more than 128 deep"));
    let objects = [b"))\x81".repeat(100_000), b"b".repeat(99_999)].concat();
    assert!(refused(&pt(&pickle(&objects))).contains("more than 128 deep"));
    // A shape of 60,000 sizes, and a list that is made into a dictionary again and again.
    let sizes = "1,".repeat(60_000);
    assert!(
        refused(&pt(&tensor(&sizes, &sizes, "0"))).contains("without storage, shape or strides")
    );
    let list = [&b"]q\0("[..], &b"NN\x86".repeat(60_000), b"e0"].concat();
    let dict = b"ccollections\nOrderedDict\nh\0\x85R0".repeat(100);
    assert!(refused(&pt(&pickle(&[list, dict].concat()))).contains("more than 524288 entries"));
    let many = b"}0".repeat(1_000_000);
    assert!(refused(&pt(&pickle(&many))).contains("more than 524288 values"));
    let endless = b"N0".repeat(3_000_000);
    assert!(refused(&pt(&pickle(&endless))).contains("takes more than"));
    // A list that holds itself.
    let file = WeightFile::from_bytes("file", pt(&pickle(b"]q\0h\0a")));
    assert_eq!(file.expect("harmless").names().count(), 0);
}

/// A header that claims more than there is; one of 10 GB; shapes that overflow; integers.
#[test]
fn safetensors_that_lie() {
    let with = |header: &str, data: usize| {
        let length = (header.len() as u64).to_le_bytes();
        [&length[..], header.as_bytes(), &vec![0; data]].concat()
    };
    let tensor = |dtype: &str, shape: &str, end: usize| {
        let header =
            format!(r#"{{"w":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[0,{end}]}}}}"#);
        with(&header, end)
    };
    let mut huge = tensor("F32", "[1]", 4);
    huge[..8].copy_from_slice(&10_000_000_000u64.to_le_bytes());
    assert!(refused(&huge).contains("a header of 10000000000 bytes"));
    refused(&tensor("F32", "[3]", 4));
    refused(&tensor("F32", "[4294967296,4294967296,4294967296]", 4));
    refused(&tensor("F32", "[1]", 4)[..60]);
    let file = WeightFile::from_bytes("file", tensor("I64", "[1]", 8)).expect("readable");
    let error = file.read::<f32>("w").expect_err("integers");
    assert!(matches!(error, WeightsError::WrongType { .. }));
}

/// Archives that are compressed bombs, and arrays with headers of ten thousand brackets.
#[test]
fn archives_that_lie() {
    let npz = |content: &[u8]| {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file("w.npy", SimpleFileOptions::default())
            .expect("an entry");
        zip.write_all(content).expect("written");
        zip.finish().expect("an archive").into_inner()
    };
    let npy = |header: &str, data: usize| {
        let length = (header.len() as u16).to_le_bytes();
        [
            b"\x93NUMPY\x01\0",
            &length[..],
            header.as_bytes(),
            &vec![0; data],
        ]
        .concat()
    };
    let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (30000000,), }";
    let bomb = npz(&npy(header, 120_000_000));
    assert!(bomb.len() < 1_000_000);
    assert!(refused(&bomb).contains("grows beyond all measure"));
    let brackets = format!("{{'descr': {}, 'shape': (1,), }}", "(".repeat(10_000));
    assert_eq!(
        refused(&npz(&npy(&brackets, 4))),
        "file: \"w.npy\" in it: no .npy file"
    );
    let wrong = npz(&npy(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (9,), }",
        4,
    ));
    assert!(refused(&wrong).contains("of shape [9], but its storage has 1 numbers"));
}

/// Classes of settings beside the tensors do no harm: dictionaries, lists and sets of their own, paths.
#[test]
fn settings_beside_the_tensors() {
    let settings = [
        &b"ceasydict\nEasyDict\n)\x81X\x01\0\0\0aK\x01s"[..],
        b"cmine\nNames\n)\x81K\x01a",
        b"ccollections\ndefaultdict\ncbuiltins\nlist\n\x85RX\x01\0\0\0aK\x01s",
        b"cpathlib\nPosixPath\nX\x01\0\0\0a\x85R",
        b"cbuiltins\nset\n]K\x01a\x85R",
    ];
    let tensor = &tensor("2,2", "2,1", "0")[2..];
    let tensor = &tensor[..tensor.len() - 1];
    for setting in settings {
        let both = [b"}X\x01\0\0\0h", setting, b"sX\x01\0\0\0m", tensor, b"s"].concat();
        let file = WeightFile::from_bytes("file", pt(&pickle(&both))).expect("harmless");
        assert_eq!(file.names().collect::<Vec<_>>(), ["m.w"]);
    }
}

fn onnx_error(bytes: Vec<u8>) -> String {
    let stack: Result<Stack<B, AnyCell<B>>, _> = OnnxFile::from_bytes("folder/file.onnx", bytes)
        .and_then(|file| Stack::from_onnx(&file, "", &Default::default()));
    stack.map(|_| ()).expect_err("refused").to_string()
}

fn field(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut length = content.len();
    let mut bytes = vec![tag << 3 | 2];
    while length >= 0x80 {
        bytes.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    bytes.push(length as u8);
    [bytes, content.to_vec()].concat()
}

fn node(operator: &str, inputs: &[&str], output: &str) -> Vec<u8> {
    let inputs: Vec<u8> = inputs
        .iter()
        .flat_map(|name| field(1, name.as_bytes()))
        .collect();
    field(
        1,
        &[
            inputs,
            field(2, output.as_bytes()),
            field(4, operator.as_bytes()),
        ]
        .concat(),
    )
}

/// Messages of two bytes that take hundreds in memory; graphs in graphs; circles; weights that double; a file
/// elsewhere.
#[test]
fn onnx_models_that_lie() {
    let model = |graph: &[u8]| field(7, graph);
    let bomb = model(&field(1, b"").repeat(1_000_000));
    assert!(onnx_error(bomb).contains("far more parts than a network has"));
    let ints = model(&field(5, &field(1, &[1; 10_000_000])));
    assert!(onnx_error(ints).contains("far more parts than a network has"));
    let deep = (0..300).fold(node("X", &[], "y"), |graph, _| {
        field(1, &field(5, &field(6, &graph)))
    });
    assert!(onnx_error(model(&deep)).contains("too deep"));

    let itself = onnx_error(model(&node("LSTM", &["x", "w", "w"], "x")));
    assert!(itself.contains("several fit"), "{itself}");
    let circle = [
        node("LSTM", &["x", "a", "a", "a"], "y"),
        node("Identity", &["b"], "a"),
        node("Identity", &["a"], "b"),
    ];
    assert!(onnx_error(model(&circle.concat())).contains("is computed by Identity"));
    let doubling: Vec<u8> = (0..50)
        .flat_map(|i| {
            node(
                "Concat",
                &[&format!("w{i}"), &format!("w{i}")],
                &format!("w{}", i + 1),
            )
        })
        .collect();
    let weights = field(5, &[&[0x08, 0, 0x10, 1][..], &field(8, b"w0")].concat());
    let lstm = node("LSTM", &["x", "w50", "w50"], "y");
    let error = onnx_error(model(&[doubling, weights, lstm].concat()));
    assert!(error.contains("too many operators"), "{error}");

    let same = vec!["w0"; 20_000];
    let weights = field(
        5,
        &[
            &[0x08, 4, 0x10, 1][..],
            &field(8, b"w0"),
            &field(9, &[0; 16]),
        ]
        .concat(),
    );
    let lstm = node("LSTM", &["x", "w", "w"], "y");
    let error = onnx_error(model(&[node("Concat", &same, "w"), weights, lstm].concat()));
    assert!(error.contains("too many operators"), "{error}");
    // A long chain, the last first.
    let chain: Vec<u8> = (0..4000)
        .rev()
        .flat_map(|i| {
            node(
                "LSTM",
                &[&format!("y{i}"), "w", "w"],
                &format!("y{}", i + 1),
            )
        })
        .collect();
    assert!(onnx_error(model(&chain)).contains("no tensor"));

    // Empty tensors, whose other sizes are huge.
    let dims = |sizes: [&[u8]; 3]| sizes.map(|size| [&[0x08], size].concat()).concat();
    let huge: &[u8] = &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40]; // 2⁶²
    let tensor = [dims([&[1], &[0], huge]), vec![0x10, 1], field(8, b"w")].concat();
    let lstm = node("LSTM", &["x", "w", "w"], "y");
    let error = onnx_error(model(&[field(5, &tensor), lstm].concat()));
    assert!(
        error.contains("tensor w: of shape [1, 0, 4611686018427387904]"),
        "{error}"
    );

    for location in ["../secret", "/etc/passwd"] {
        let entry = [field(1, b"location"), field(2, location.as_bytes())].concat();
        let tensor = [
            &[0x08, 1, 0x10, 1, 0x70, 1][..],
            &field(8, b"w"),
            &field(13, &entry),
        ]
        .concat();
        let lstm = node("LSTM", &["x", "w", "w"], "y");
        let error = onnx_error(model(&[field(5, &tensor), lstm].concat()));
        assert!(error.contains("is not beside the model"), "{error}");
    }
    assert!(onnx_error(b"no model".to_vec()).starts_with("folder/file.onnx: "));
    assert!(onnx_error(Vec::new()).ends_with("an ONNX model without operators"));
}

/// Returns files of each format.
fn files() -> Vec<Vec<u8>> {
    let mut files: Vec<Vec<u8>> = ["pytorch", "charlm", "keras", "onnx"]
        .iter()
        .flat_map(|manifest| references(manifest))
        .filter(|reference| !reference.path().to_string_lossy().contains("/exp/"))
        .map(|reference| std::fs::read(reference.path()).expect("a file"))
        .collect();
    files.push(to_safetensors(&NamedArrays::<f32>::new(), &[]));
    files
}

/// Reads a file of whatever format as far as it goes.
fn read_all(bytes: &[u8]) {
    if let Ok(file) = WeightFile::from_bytes("file", bytes.to_vec()) {
        for name in file.names() {
            let _ = file.read::<f32>(name);
        }
        let _ = Stack::<B, AnyCell<B>>::from_pytorch(&file, "", &Default::default());
    }
    if let Ok(file) = OnnxFile::from_bytes("file", bytes.to_vec()) {
        let _ = file.layers::<f32>("");
    }
}

/// Damages files in `n` ways, the same each time: bytes changed, cut out, doubled, cut off.
fn damage(n: u64) {
    let files = files();
    let mut state = 1u64;
    let mut random = |below: usize| {
        // Knuth's multiplicative congruential generator.
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) as usize % below.max(1)
    };
    for i in 0..n {
        let mut bytes = files[i as usize % files.len()].clone();
        for _ in 0..=random(4) {
            let at = random(bytes.len());
            match random(5) {
                0 => bytes.truncate(at),
                1 => drop(bytes.splice(at..(at + random(9)).min(bytes.len()), [])),
                2 => {
                    let part = bytes[at..(at + 1 + random(40)).min(bytes.len())].to_vec();
                    drop(bytes.splice(at..at, part));
                }
                _ if bytes.is_empty() => {}
                3 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][random(5)],
                _ => bytes[at] ^= 1 << random(8),
            }
        }
        read_all(&bytes);
    }
}

/// Forty cuts of each file, and ten thousand other damages: values or errors, no panic.
#[test]
fn damaged_files() {
    for file in files() {
        for length in (0..file.len()).step_by(file.len() / 40 + 1) {
            read_all(&file[..length]);
        }
    }
    damage(10_000);
}

/// Many more, in memory that is bounded: twice the file and 64 MiB. Alone in its process, since it measures
/// that.
#[test]
#[ignore = "takes half a minute, alone"]
fn a_million_damaged_files() {
    let before = train::peak_memory().expect("Linux says");
    damage(1_000_000);
    let grown = train::peak_memory().expect("Linux says") - before;
    let largest = files().iter().map(Vec::len).max().expect("files") as u64;
    println!("memory grew by {grown} bytes at most; the largest file has {largest}");
    assert!(grown < 2 * largest + (64 << 20));
}
