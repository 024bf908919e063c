//! Weights that the run of these settings did not write. Whatever they are, loading them is an
//! error that names the file.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use super::*;

const TEXT: &str = "bad cab!!";

fn lstm() -> RunConfig {
    config(CellKind::Lstm, 4)
}

/// The weights of a run with these settings.
fn weights(text: &str, config: &RunConfig) -> Vec<u8> {
    run(&corpus(text), config).weights()
}

/// Loads `bytes` as the weights of [`lstm`] on [`TEXT`].
fn load(bytes: &[u8]) -> Result<CharLm<Inner>, Error> {
    let path = tempfile::tempdir().expect("a folder");
    let folder = RunFolder::create(path.path()).expect("made");
    let vocab = corpus(TEXT).vocab;
    folder.save_settings(&lstm(), &vocab).expect("saved");
    fs::write(path.path().join("weights.safetensors"), bytes).expect("written");
    let folder = RunFolder::open(path.path()).expect("the folder of a run");
    folder.load_model(&lstm(), &vocab, &Default::default())
}

fn assert_refused(what: &str, bytes: &[u8]) {
    let error = load(bytes)
        .err()
        .unwrap_or_else(|| panic!("{what}: taken for weights"));
    let message = error.to_string();
    assert!(matches!(error, Error::Foreign { .. }), "{what}: {message}");
    assert!(message.contains("weights.safetensors"), "{what}: {message}");
    assert_eq!(message.lines().count(), 1, "{what}: {message}");
}

/// Name, precision, shape and bytes.
type Entry = (String, Dtype, Vec<usize>, Vec<u8>);

/// The file with its tensors changed.
fn edited(bytes: &[u8], edit: impl FnOnce(&mut Vec<Entry>)) -> Vec<u8> {
    let file = SafeTensors::deserialize(bytes).expect("safetensors");
    let entry = |(name, view): (&str, TensorView)| {
        (
            name.to_owned(),
            view.dtype(),
            view.shape().to_vec(),
            view.data().to_vec(),
        )
    };
    let mut entries: Vec<Entry> = file.iter().map(entry).collect();
    edit(&mut entries);
    let views = entries.iter().map(|(name, dtype, shape, data)| {
        let view = TensorView::new(*dtype, shape.clone(), data);
        (name, view.expect("a tensor"))
    });
    safetensors::serialize(views, None).expect("safetensors")
}

#[test]
fn its_own_are_taken() {
    let bytes = weights(TEXT, &lstm());
    let model = load(&bytes).expect("its own");
    assert_eq!(
        parameters(&load(&edited(&bytes, |_| ())).expect("its own")),
        parameters(&model)
    );
}

#[test]
fn of_other_settings() {
    for other in [
        RunConfig {
            hidden_size: 5,
            ..lstm()
        },
        RunConfig {
            hidden_size: 7,
            ..lstm()
        },
        RunConfig {
            num_layers: 1,
            ..lstm()
        },
        RunConfig {
            num_layers: 3,
            ..lstm()
        },
        RunConfig {
            embedding_size: 0,
            ..lstm()
        },
        RunConfig {
            embedding_size: 5,
            ..lstm()
        },
        RunConfig {
            model: CellKind::Rnn,
            ..lstm()
        },
        // As many numbers in each layer, or more, than the LSTM has.
        RunConfig {
            model: CellKind::Rnn,
            hidden_size: 24,
            ..lstm()
        },
    ] {
        assert_refused(&format!("{other:?}"), &weights(TEXT, &other));
    }
    assert_refused("fewer symbols", &weights("abababab!", &lstm()));
    assert_refused("more symbols", &weights("abcdefgh!", &lstm()));
}

#[test]
fn cut_off() {
    let bytes = weights(TEXT, &lstm());
    let lengths = (0..bytes.len())
        .step_by(61)
        .chain([1, 7, 8, 9, bytes.len() - 1]);
    for length in lengths {
        assert_refused(&format!("{length} bytes"), &bytes[..length]);
    }
}

#[test]
fn with_something_after_the_end() {
    let mut bytes = weights(TEXT, &lstm());
    bytes.extend([0; 8]);
    assert_refused("eight more bytes", &bytes);
}

#[test]
fn random_bytes() {
    let n = weights(TEXT, &lstm()).len();
    for seed in 0..20 {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut bytes: Vec<u8> = (0..2 * n).map(|_| rng.random()).collect();
        assert_refused("random bytes", &bytes);
        // A length of the header that fits.
        bytes[..8].copy_from_slice(&200_u64.to_le_bytes());
        assert_refused("a random header", &bytes);
    }
}

#[test]
fn a_damaged_header() {
    let good = weights(TEXT, &lstm());
    for length in [0, 1, good.len() as u64, 1 << 40, u64::MAX] {
        let mut bytes = good.clone();
        bytes[..8].copy_from_slice(&length.to_le_bytes());
        assert_refused(&format!("a header of {length} bytes"), &bytes);
    }
    for place in 8..300 {
        let mut bytes = good.clone();
        bytes[place] = b'\0';
        assert_refused(&format!("byte {place} is 0"), &bytes);
    }
}

#[test]
fn without_a_tensor() {
    let bytes = weights(TEXT, &lstm());
    let n = SafeTensors::deserialize(&bytes).expect("safetensors").len();
    for i in 0..n {
        let without = edited(&bytes, |entries| {
            entries.remove(i);
        });
        assert_refused(&format!("without tensor {i}"), &without);
        // The same number of bytes, under another name.
        let renamed = edited(&bytes, |entries| entries[i].0.push('x'));
        assert_refused(&format!("tensor {i} renamed"), &renamed);
    }
}

#[test]
fn with_a_tensor_more() {
    let more = edited(&weights(TEXT, &lstm()), |entries| {
        entries.push(("more".to_owned(), Dtype::F32, vec![2], vec![0; 8]));
    });
    assert_refused("a tensor more", &more);
}

#[test]
fn of_another_shape() {
    let bytes = edited(&weights(TEXT, &lstm()), |_| ());
    let n = SafeTensors::deserialize(&bytes).expect("safetensors").len();
    for i in 0..n {
        let flat = edited(&bytes, |entries| {
            let shape = &mut entries[i].2;
            *shape = match shape.len() {
                1 => vec![1, shape[0]],
                _ => vec![shape.iter().product()],
            };
        });
        assert_refused(&format!("tensor {i} of another rank"), &flat);
        let turned = edited(&bytes, |entries| entries[i].2.reverse());
        if turned != bytes {
            assert_refused(&format!("tensor {i} on its side"), &turned);
        }
    }
}

/// All weights as numbers of `dtype`, `size` bytes each, in a file that is large enough.
fn as_dtype(dtype: Dtype, size: usize) {
    let other = edited(&weights(TEXT, &lstm()), |entries| {
        for (_, entry, shape, data) in entries.iter_mut() {
            *entry = dtype;
            *data = vec![0; size * shape.iter().product::<usize>()];
        }
        entries.push(("more".to_owned(), Dtype::U8, vec![8000], vec![0; 8000]));
    });
    assert_refused(&format!("{dtype:?}"), &other);
    let one = edited(&weights(TEXT, &lstm()), |entries| {
        let (_, entry, shape, data) = &mut entries[0];
        *entry = dtype;
        *data = vec![0; size * shape.iter().product::<usize>()];
        entries.push(("padding".to_owned(), Dtype::U8, vec![8000], vec![0; 8000]));
    });
    assert_refused(&format!("one tensor in {dtype:?}"), &one);
}

/// As large as, or larger than, the file of an f32 model, so that nothing but the precision is
/// wrong.
#[test]
fn in_f64() {
    let wide = edited(&weights(TEXT, &lstm()), |entries| {
        for (_, dtype, _, data) in entries.iter_mut() {
            let (numbers, _) = data.as_chunks::<4>();
            let number = |&bytes: &[u8; 4]| f64::from(f32::from_le_bytes(bytes)).to_le_bytes();
            (*dtype, *data) = (Dtype::F64, numbers.iter().flat_map(number).collect());
        }
    });
    assert_refused("f64", &wide);
    as_dtype(Dtype::F64, 8);
}

#[test]
fn in_f16() {
    as_dtype(Dtype::F16, 2);
}

#[test]
fn in_bf16() {
    as_dtype(Dtype::BF16, 2);
}

#[test]
fn in_integers() {
    as_dtype(Dtype::I64, 8);
    as_dtype(Dtype::I32, 4);
    as_dtype(Dtype::U8, 1);
}

#[test]
fn in_booleans() {
    as_dtype(Dtype::BOOL, 1);
}

#[test]
fn in_eight_bit_floats() {
    as_dtype(Dtype::F8_E4M3, 1);
}

/// Settings that ask for more memory than there is are refused before it is asked for.
#[test]
fn far_too_few_for_the_settings() {
    let run = run(&corpus(TEXT), &lstm());
    let folder = RunFolder::open(run.folder.path()).expect("the folder of a run");
    for config in [
        RunConfig {
            hidden_size: 1_000_000_000,
            ..lstm()
        },
        RunConfig {
            num_layers: 1_000_000_000,
            ..lstm()
        },
        RunConfig {
            embedding_size: 1_000_000_000,
            ..lstm()
        },
    ] {
        let vocab = corpus(TEXT).vocab;
        let loaded = folder.load_model::<Inner, models::AnyCell<Inner>>(
            &config,
            &vocab,
            &Default::default(),
        );
        assert!(matches!(loaded, Err(Error::Foreign { .. })));
    }
}
