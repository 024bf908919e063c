//! PyTorch's tensors onto modules of any shape, and what the report says.

use burn::{
    module::Module,
    nn::{Embedding, EmbeddingConfig, LayerNorm, LayerNormConfig, Linear, LinearConfig},
    tensor::{Tensor, backend::Backend},
};
use models::{
    AnyCell, Bidirectional, CellKind, CharLm, CharLmConfig, CoupledLstm, Gru, GruConfig, Lstm,
    LstmConfig, ProjectedLstm, ProjectedLstmConfig, Reset, Stack, StackConfig,
    weights::{Array, WeightFile, load_pytorch, module_to_pytorch, to_safetensors},
};

use crate::reference::{B, assert_close, references};

/// A character model of PyTorch goes onto one of ours, whose parts have other names.
#[test]
fn a_character_model_onto_ours() {
    let references = references("charlm");
    let reference = references
        .iter()
        .find(|one| one.text("embedding") == "encoder")
        .expect("committed");
    let number = |key| reference.number(key);
    let config = CharLmConfig::new(number("vocab"))
        .with_cell(CellKind::Lstm)
        .with_d_embedding(number("d_input"))
        .with_d_hidden(number("d_hidden"))
        .with_n_layers(number("n_layers"));
    let model: CharLm<B> = config.init(&Default::default());
    let theirs = |path: &str| match path.split('.').next() {
        Some("embedding") => path.replace("embedding", "encoder"),
        Some("head") => path.replace("head", "decoder"),
        _ => path.replace("stack", "rnn"),
    };
    let (model, report) = load_pytorch(model, &reference.file(), theirs);
    assert!(report.is_complete() && report.unused.is_empty(), "{report}");
    assert_eq!(report.loaded.len(), 1 + 2 * 3 + 2);
    let tokens = Tensor::from_data(
        reference.data("tokens").expect("tokens"),
        &Default::default(),
    );
    let (logits, _) = model.forward(tokens, None);
    assert_close(
        "a character model",
        "logits",
        logits,
        reference.tensor("logits"),
    );
}

#[derive(Module, Debug)]
struct Everything<B: Backend> {
    words: Embedding<B>,
    encoder: Encoder<B>,
    tags: Vec<Linear<B>>,
    projected: ProjectedLstm<B>,
}

#[derive(Module, Debug)]
struct Encoder<B: Backend> {
    both: Stack<B, Bidirectional<B, Gru<B>>>,
    any: Stack<B, AnyCell<B>>,
    norm: LayerNorm<B>,
    single: Lstm<B>,
}

fn everything(d_hidden: usize) -> Everything<B> {
    let device = Default::default();
    let gru = |d| GruConfig::new(d, d_hidden).init::<B>(&device);
    let both = |d| Bidirectional::new(gru(d), gru(d));
    let config = StackConfig::new(2 * d_hidden, 3).with_n_layers(2);
    let any = config.init(CellKind::Lstm, &device);
    Everything {
        words: EmbeddingConfig::new(7, 5).init(&device),
        encoder: Encoder {
            both: Stack::new(vec![both(5), both(2 * d_hidden)], any.dropout.clone()),
            any,
            norm: LayerNormConfig::new(3).init(&device),
            single: LstmConfig::new(3, 4).with_bias(false).init(&device),
        },
        tags: (0..2)
            .map(|_| LinearConfig::new(4, 6).init(&device))
            .collect(),
        projected: ProjectedLstmConfig::new(6, 8, 2).init(&device),
    }
}

/// All names are PyTorch's, and what is written is what is read.
#[test]
fn every_kind_of_layer_there_and_back() {
    let module = everything(4);
    let arrays = module_to_pytorch(&module).expect("PyTorch has all of them");
    for (name, shape) in [
        ("words.weight", [7, 5]),
        ("encoder.both.weight_ih_l1_reverse", [3 * 4, 2 * 4]),
        ("encoder.any.weight_hh_l1", [4 * 3, 3]),
        ("encoder.single.weight_ih_l0", [4 * 4, 3]),
        ("tags.1.weight", [6, 4]),
        ("projected.weight_hr_l0", [2, 8]),
    ] {
        assert_eq!(arrays[name].shape, shape, "{name}");
    }
    for name in [
        "encoder.norm.weight",
        "encoder.norm.bias",
        "encoder.both.bias_hh_l0_reverse",
    ] {
        assert!(arrays.contains_key(name), "{name}");
    }
    assert!(!arrays.contains_key("encoder.single.bias_ih_l0"));

    let file = WeightFile::from_bytes("memory", to_safetensors(&arrays, &[])).expect("our own");
    let (again, report) = load_pytorch(everything(4), &file, str::to_owned);
    assert!(report.is_complete() && report.unused.is_empty(), "{report}");
    assert_eq!(module_to_pytorch(&again).expect("as before"), arrays);
}

/// A layer of which the file has more than the module takes is not loaded whole, and another cell not at all.
#[test]
fn layers_that_are_not_the_same() {
    let device = Default::default();
    let written = |bytes: Vec<u8>| WeightFile::from_bytes("memory", bytes).expect("our own");
    let of = |arrays| written(to_safetensors(&arrays, &[]));
    let lstm: Stack<B, Lstm<B>> = StackConfig::new(3, 4).init((), &device);
    let file = of(lstm.to_pytorch("rnn").expect("PyTorch has it"));

    let without: Stack<B, Lstm<B>> = StackConfig::new(3, 4).with_bias(false).init((), &device);
    let (_, report) = load_pytorch(without, &file, |_| "rnn".into());
    assert!(!report.is_complete());
    assert!(
        report
            .to_string()
            .contains("not loaded: rnn.bias_hh_l0: the module has no place for it")
    );

    let gru: Stack<B, Gru<B>> = StackConfig::new(3, 4).init(Reset::AfterProduct, &device);
    let file = of(gru.to_pytorch("rnn").expect("PyTorch has it"));
    let original: Stack<B, Gru<B>> = StackConfig::new(3, 4).init(Reset::BeforeProduct, &device);
    let (_, report) = load_pytorch(original, &file, |_| "rnn".into());
    assert!(
        report
            .to_string()
            .contains("it resets before the product, but PyTorch's GRU after it")
    );
    let coupled: Stack<B, CoupledLstm<B>> = StackConfig::new(3, 4).init((), &device);
    let (_, report) = load_pytorch(coupled, &file, |_| "rnn".into());
    assert!(report.loaded.is_empty());
    assert!(
        report.to_string().contains("is another cell: Gru"),
        "{report}"
    );

    // What stands in front of the first name stands in front of all.
    let file = of([
        ("a.weight", [2, 3]),
        ("b.weight", [2, 3]),
        ("x.c.weight", [2, 3]),
    ]
    .map(|(name, shape)| (name.to_owned(), Array::new(shape, vec![0.0; 6])))
    .into());
    #[derive(Module, Debug)]
    struct Two<B: Backend> {
        a: Linear<B>,
        c: Linear<B>,
    }
    let linear = || LinearConfig::new(3, 2).with_bias(false).init(&device);
    let two = Two::<B> {
        a: linear(),
        c: linear(),
    };
    let (_, report) = load_pytorch(two, &file, str::to_owned);
    assert_eq!(
        report.missing,
        [("c.weight".to_owned(), "c.weight".to_owned())]
    );
}

/// The report names what is missing, misshapen and left over; what does not fit stays as it was.
#[test]
fn the_report_says_what_did_not_fit() {
    let module = everything(4);
    let mut arrays = module_to_pytorch(&module).expect("PyTorch has all of them");
    arrays.remove("tags.1.bias");
    arrays.remove("encoder.any.weight_ih_l1");
    let extra = arrays["words.weight"].clone();
    arrays.insert("decoder.weight".into(), extra);
    let file = WeightFile::from_bytes("memory", to_safetensors(&arrays, &[])).expect("our own");

    let before = everything(3);
    let kept = before.encoder.both.layers[0].forward.wh.to_data();
    let (after, report) = load_pytorch(before, &file, str::to_owned);
    assert_eq!(after.encoder.both.layers[0].forward.wh.to_data(), kept);
    assert!(!report.is_complete());
    let text = report.to_string();
    for line in [
        "missing: tags.1.bias, sought as tags.1.bias",
        "missing: encoder.any.layers.1.wx, sought as encoder.any.weight_ih_l1",
        "not loaded: encoder.both.layers.0.forward.wh: [4, 12] in the file, [3, 9] in the module",
        "unused: decoder.weight",
    ] {
        assert!(
            text.lines().any(|found| found == line),
            "no {line:?} in\n{text}"
        );
    }
}
