//! Runs that take a fraction of a second, and the parameters of a module by name.

use std::path::Path;

use burn::{
    module::{AutodiffModule, Module, ModuleMapper, ModuleVisitor, Param},
    optim::GradientsParams,
    tensor::{
        Tensor, TensorData,
        backend::{AutodiffBackend, Backend},
    },
};
use burn_autodiff::Autodiff;
use burn_ndarray::NdArray;
use models::{CellKind, CharLm};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use train::{
    Clip, Corpus, Error, Event, Outcome, RunConfig, RunFolder, Separator, Split, TextConfig, Units,
};

/// Two layers of six units; one epoch over two lanes in batches of four steps, with nothing held out and no
/// gradient clipping.
pub fn config(cell: CellKind, embedding_size: usize) -> RunConfig {
    RunConfig {
        model: cell,
        embedding_size,
        hidden_size: 6,
        num_layers: 2,
        val_frac: 0.0,
        split: Split::Tail,
        seq_length: 4,
        batch_size: 2,
        max_epochs: 1,
        grad_clip: Clip::Off,
        ..RunConfig::default()
    }
}

/// Every cell, with one-hot input and with an embedding.
pub const MODELS: [(CellKind, usize); 4] = [
    (CellKind::Rnn, 0),
    (CellKind::Rnn, 4),
    (CellKind::Lstm, 0),
    (CellKind::Lstm, 4),
];

/// A corpus of characters.
///
/// # Panics
///
/// Panics if the text has fewer than two different characters.
pub fn corpus(text: &str) -> Corpus {
    Corpus::from_bytes("text", text.as_bytes(), &Units::Chars.into()).expect("a text")
}

/// How a text of documents is read.
pub fn with_documents(separator: &Separator) -> TextConfig {
    TextConfig {
        documents: Some(separator.clone()),
        ..TextConfig::default()
    }
}

/// All tokens of a corpus.
///
/// # Panics
///
/// Panics if the corpus cannot be read.
pub fn all_tokens(corpus: &Corpus) -> Vec<u32> {
    let mut tokens = Vec::new();
    let read = corpus.tokens(0..corpus.n_symbols(), &mut tokens);
    read.expect("a text that can be read");
    tokens
}

/// `length` independent draws from the first `symbols` letters, all equally likely.
pub fn random_text(symbols: u8, length: usize, seed: u64) -> String {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let letter = |_| char::from(b'a' + rng.random_range(0..symbols));
    (0..length).map(letter).collect()
}

/// The model that a run with these settings starts from.
pub fn fresh_model<B: Backend>(corpus: &Corpus, config: &RunConfig) -> CharLm<B> {
    let model = config.char_lm(corpus.vocab.size());
    model.init_seeded(config.seed, &Default::default())
}

/// The backend that most runs are on. Functions that are not generic are compiled here, with all that they need, and
/// not once for each test: that would take minutes each.
pub type B = Autodiff<NdArray<f32>>;

/// Trains in a new folder, and returns the outcome and the events.
///
/// # Errors
///
/// Returns the errors of [`train::train()`].
pub fn train(
    corpus: &Corpus,
    config: &RunConfig,
    folder: &Path,
) -> Result<(Outcome<NdArray<f32>>, Vec<Event>), Error> {
    let folder = RunFolder::create(folder)?;
    let mut events = Vec::new();
    let listen = |event: &Event| events.push(event.clone());
    let outcome = train::train::<B>(corpus, config, &Default::default(), &folder, listen)?;
    Ok((outcome, events))
}

/// The numbers of a module: the path and values of each parameter, in the order of the module.
pub type Values = Vec<(String, Vec<f64>)>;

/// The values of all parameters.
pub fn parameters<B: Backend>(module: &impl Module<B>) -> Values {
    collect(module, None)
}

/// The gradients of all parameters.
///
/// # Panics
///
/// Panics if a parameter has none.
pub fn gradients<B: AutodiffBackend>(
    module: &impl AutodiffModule<B>,
    grads: &GradientsParams,
) -> Values {
    collect(&module.valid(), Some(grads))
}

fn collect<B: Backend>(module: &impl Module<B>, grads: Option<&GradientsParams>) -> Values {
    let mut collect = Collect {
        grads,
        path: Vec::new(),
        values: Vec::new(),
    };
    module.visit(&mut collect);
    collect.values
}

struct Collect<'a> {
    grads: Option<&'a GradientsParams>,
    path: Vec<String>,
    values: Values,
}

impl<B: Backend> ModuleVisitor<B> for Collect<'_> {
    fn enter_module(&mut self, name: &str, _container: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let name = self.path.join(".");
        let tensor = match self.grads {
            None => param.val(),
            Some(grads) => grads
                .get::<B, D>(param.id)
                .unwrap_or_else(|| panic!("no {name}")),
        };
        self.values
            .push((name, tensor.into_data().iter().collect()));
    }
}

/// The module with these values as its parameters.
///
/// # Panics
///
/// Panics if there are too few values, or if a shape does not agree.
pub fn with_parameters<B: Backend, M: Module<B>>(module: M, parameters: Values) -> M {
    module.map(&mut Replace(parameters.into_iter()))
}

struct Replace(std::vec::IntoIter<(String, Vec<f64>)>);

impl<B: Backend> ModuleMapper<B> for Replace {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let (_, values) = self.0.next().expect("values for each parameter");
        let (id, tensor) = (param.id, param.val());
        let options = (&tensor.device(), tensor.dtype());
        let tensor = Tensor::from_data(TensorData::new(values, tensor.shape()), options);
        Param::initialized(id, tensor.require_grad())
    }
}

/// The largest difference between two sets of numbers.
///
/// # Panics
///
/// Panics if they do not belong to the same parameters.
pub fn difference(a: &Values, b: &Values) -> f64 {
    assert_eq!(a.len(), b.len());
    let mut largest = 0.0_f64;
    for ((name_a, a), (name_b, b)) in a.iter().zip(b) {
        assert_eq!((name_a, a.len()), (name_b, b.len()));
        for (a, b) in a.iter().zip(b) {
            let difference = (a - b).abs();
            assert!(!difference.is_nan(), "{name_a}: {a} and {b}");
            largest = largest.max(difference);
        }
    }
    largest
}
