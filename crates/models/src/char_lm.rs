//! A language model of characters: given the text so far, a score for each possible next character.

use burn::{
    config::Config,
    module::{Module, ModuleDisplay},
    nn::{Embedding, Linear},
    tensor::{Int, Tensor, TensorData, backend::Backend},
};

use kernels::Takes;

use crate::{
    bidirectional::CANNOT_STEP,
    cell::{Cell, RecurrentCell},
    cells::{AnyCell, CellKind},
    fused,
    init::{Init, Initializer},
    lengths::indices,
    loss::cross_entropy,
    mask::{probability, thinned},
    matmul::{linear, matmul},
    stack::{Stack, StackConfig, StackState},
    stepper::{Stepper, from_host, host_values, to_host},
};

/// How to build a [`CharLm`].
///
/// ```
/// use burn_ndarray::NdArray;
/// use models::{CellKind, CharLmConfig};
///
/// let config = CharLmConfig::new(65).with_cell(CellKind::Gru).with_d_embedding(0);
/// let model = config.init::<NdArray>(&Default::default());
/// assert!(model.embedding.is_none()); // one-hot vectors
/// assert_eq!(model.stack.layers.len(), 2);
/// assert_eq!(model.head.weight.dims(), [128, 65]);
/// ```
#[derive(Config, Debug)]
#[non_exhaustive]
pub struct CharLmConfig {
    /// Number of distinct characters.
    pub vocab_size: usize,
    /// Which cell each layer is.
    #[config(default = "CellKind::Lstm")]
    pub cell: CellKind,
    /// Size of the vector that represents a character; 0 for one-hot vectors, which have no weights.
    #[config(default = 64)]
    pub d_embedding: usize,
    /// Size of each layer's hidden state.
    #[config(default = 128)]
    pub d_hidden: usize,
    /// Number of recurrent layers.
    #[config(default = 2)]
    pub n_layers: usize,
    /// Probability of zeroing an element of a layer's output during training.
    #[config(default = 0.0)]
    pub dropout: f64,
    /// Probability of zeroing a recurrent weight for a whole batch of texts during training
    /// ([`WeightDropout`](crate::WeightDropout)).
    #[config(default = 0.0)]
    pub weight_dropout: f64,
    /// What the weights are drawn from.
    #[config(default = "Initializer::PyTorch")]
    pub initializer: Initializer,
}

/// Embedding → recurrent layers → head.
///
/// The number of a character goes in, and a score (logit) for each possible next one comes out:
/// `p(next = v) = softmax(logits)[v]`. The layers are cells `C`; [`AnyCell`] is chosen at run time.
///
/// ```
/// use burn::tensor::Tensor;
/// use burn_ndarray::NdArray;
/// use models::CharLmConfig;
///
/// let device = Default::default();
/// let model = CharLmConfig::new(65).init::<NdArray>(&device); // 65 characters
/// let text = Tensor::from_ints([[20, 43, 50, 50], [1, 2, 3, 4]], &device); // [batch, time]
/// let (logits, _) = model.forward(text.clone(), None);
/// assert_eq!(logits.dims(), [2, 4, 65]);
///
/// // A fresh model knows nothing: its loss is near ln 65 = 4.17 nats.
/// let (loss, _) = model.loss(text.clone(), text, None, None);
/// assert!((loss.into_scalar() - 65f32.ln()).abs() < 0.3);
/// ```
#[derive(Module, Debug)]
pub struct CharLm<B: Backend, C = AnyCell<B>> {
    /// A vector for each character; without it, one-hot vectors.
    pub embedding: Option<Embedding<B>>,
    /// The recurrent layers.
    pub stack: Stack<B, C>,
    /// From the top layer's hidden state to a score for each character.
    pub head: Linear<B>,
    /// Probability of zeroing a recurrent weight; acts on autodiff backends only.
    pub weight_dropout: f64,
}

impl CharLmConfig {
    /// Returns a [`CharLm`] with fresh weights, which `B::seed` determines.
    ///
    /// # Panics
    ///
    /// Panics if there is no layer, `d_hidden` is 0, or `dropout` is not a probability, from 0 to 1.
    pub fn init<B: Backend>(&self, device: &B::Device) -> CharLm<B> {
        self.init_of(self.cell, &mut Init::from_backend(device))
    }

    /// Returns a [`CharLm`] with fresh weights: the same on every backend for the same `seed`.
    ///
    /// # Panics
    ///
    /// Panics if there is no layer, `d_hidden` is 0, or `dropout` is not a probability, from 0 to 1.
    pub fn init_seeded<B: Backend>(&self, seed: u64, device: &B::Device) -> CharLm<B> {
        self.init_of(self.cell, &mut Init::from_seed(seed, device))
    }

    /// Returns a [`CharLm`] of cells of any type, whatever [`cell`](Self::cell) is, with weights drawn from
    /// `init`.
    ///
    /// # Panics
    ///
    /// Panics if there is no layer, `d_hidden` is 0, or `dropout` is not a probability, from 0 to 1.
    pub fn init_of<B: Backend, C: Cell<B>>(
        &self,
        kind: C::Kind,
        init: &mut Init<B>,
    ) -> CharLm<B, C> {
        let (v, e, h) = (self.vocab_size, self.d_embedding, self.d_hidden);
        let embedding = (e > 0).then(|| {
            let weight = match self.initializer {
                Initializer::PyTorch => init.normal(v * e),
                Initializer::Uniform { bound } => init.uniform(v * e, bound),
            };
            Embedding {
                weight: init.param([v, e], weight),
            }
        });
        let stack = StackConfig::new(if e > 0 { e } else { v }, h)
            .with_n_layers(self.n_layers)
            .with_dropout(self.dropout)
            .with_initializer(self.initializer)
            .init_with(kind, init);
        let head = init.linear(h, v, self.initializer);
        CharLm {
            embedding,
            stack,
            head,
            weight_dropout: probability("weight dropout", self.weight_dropout),
        }
    }
}

impl<B: Backend, C: RecurrentCell<B> + Module<B> + ModuleDisplay> CharLm<B, C> {
    /// Runs a batch of texts: `[batch, time]` → `[batch, time, vocab_size]` logits, and the state after the
    /// last character. Without a `state` the texts start from zeros.
    ///
    /// # Panics
    ///
    /// Panics on a text of no characters, or if the shapes do not agree.
    pub fn forward(
        &self,
        tokens: Tensor<B, 2, Int>,
        state: Option<StackState<B, C>>,
    ) -> (Tensor<B, 3>, StackState<B, C>) {
        let (hidden, state) = self.hidden(tokens, state);
        (linear(&self.head, hidden), state)
    }

    /// Returns the mean cross-entropy `[1]`, in nats, of what follows each character of a batch of texts,
    /// `−(1/n) Σ ln p(target | text up to here)`, and the state after the last character. `tokens` and
    /// `targets` are `[batch, time]`. If `lengths` is given, only the first `lengths[i]` characters of text
    /// `i` count; the rest is padding.
    ///
    /// # Panics
    ///
    /// Panics on a text of no characters, if the shapes do not agree, or if no character counts.
    pub fn loss(
        &self,
        tokens: Tensor<B, 2, Int>,
        targets: Tensor<B, 2, Int>,
        lengths: Option<&[usize]>,
        state: Option<StackState<B, C>>,
    ) -> (Tensor<B, 1>, StackState<B, C>) {
        assert_eq!(tokens.dims(), targets.dims(), "a target for each token");
        let [batch, time] = tokens.dims();
        let (hidden, state) = self.hidden(tokens, state);
        let (mut hidden, mut targets) = (hidden.flatten(0, 1), targets.flatten(0, 1));
        if let Some(lengths) = lengths {
            assert_eq!(lengths.len(), batch, "a length for each text");
            let rows = counted(lengths, time, &targets.device());
            (hidden, targets) = (hidden.select(0, rows.clone()), targets.select(0, rows));
        }
        let fused = fused::kernels::<B>().and_then(|kernels| {
            let bias = self.head.bias.as_ref()?.val();
            kernels.cross_entropy(&hidden, &self.head.weight.val(), &bias, &targets)
        });
        let loss = fused.unwrap_or_else(|| {
            let logits = linear(&self.head, hidden);
            cross_entropy(logits, targets)
        });
        (loss, state)
    }

    /// Returns the top layer's output for each character, `[batch, time, d_hidden]`.
    fn hidden(
        &self,
        tokens: Tensor<B, 2, Int>,
        state: Option<StackState<B, C>>,
    ) -> (Tensor<B, 3>, StackState<B, C>) {
        let [batch, time] = tokens.dims();
        let state = state.unwrap_or_else(|| self.initial_state(batch));
        let stack = thinned(&self.stack, self.weight_dropout, &tokens.device());
        // Multiplying `Wx` by each vector of the embedding is less work than by each character's vector.
        let [_, vocab_size] = self.head.weight.dims();
        if self.embedding.is_none() || vocab_size <= batch * time {
            let table = |wx| self.token_table(wx);
            let fused = stack.forward_tokens(tokens.clone(), table, &state);
            if let Some(fused) = fused {
                return fused;
            }
        }
        let x = self.embed(tokens.flatten(0, 1));
        let [_, d_input] = x.dims();
        stack.forward(x.reshape([batch, time, d_input]), Some(state))
    }

    /// Runs one character of each text: `[batch]` → `[batch, vocab_size]` logits.
    ///
    /// # Panics
    ///
    /// Panics if the shapes do not agree.
    pub fn step(
        &self,
        tokens: Tensor<B, 1, Int>,
        state: StackState<B, C>,
    ) -> (Tensor<B, 2>, StackState<B, C>) {
        let (hidden, state) = self.stack.step(self.embed(tokens), state);
        (linear(&self.head, hidden), state)
    }

    /// Returns the state before the first character of `batch` texts.
    pub fn initial_state(&self, batch: usize) -> StackState<B, C> {
        self.stack.initial_state(batch)
    }

    /// Returns a copy of this model that runs `batch` texts one character at a time: `[batch]` tokens in,
    /// `[batch, vocab_size]` logits out. It has no dropout.
    ///
    /// # Panics
    ///
    /// Panics if a layer cannot run one step at a time: a [`Bidirectional`](crate::Bidirectional) one.
    pub fn stepper(&self, batch: usize) -> Stepper
    where
        C: 'static,
    {
        let [_, vocab_size] = self.head.weight.dims();
        assert!(self.stack.streams(), "{CANNOT_STEP}");
        if let Some(mut layers) = self.stack.kernel_layers() {
            if let Some(first) = layers.first_mut() {
                first.wx = self.token_table(first.wx.clone());
            }
            let weight = host_values(self.head.weight.val());
            let bias = match &self.head.bias {
                Some(bias) => host_values(bias.val()),
                None => vec![0.0; vocab_size],
            };
            let head = Some((&weight[..], &bias[..]));
            let initial = to_host(&self.initial_state(batch));
            return Stepper::of_kernels(batch, Takes::Tokens, &layers, head, initial);
        }
        let model = self.clone().without_dropout();
        let device = model.head.weight.device();
        let state = to_host(&model.initial_state(batch));
        let step = move |input: kernels::Input, state: &[Vec<f32>]| {
            let kernels::Input::Tokens(tokens) = input else {
                unreachable!("checked by the stepper")
            };
            let tokens: Vec<i64> = tokens.iter().map(|&token| token.into()).collect();
            let tokens = Tensor::from_data(TensorData::new(tokens, [batch]), &device);
            let state = from_host(model.initial_state(batch), state);
            let (logits, state) = model.step(tokens, state);
            (host_values(logits), to_host(&state))
        };
        Stepper::of_reference(
            batch,
            Takes::Tokens,
            Box::new(step),
            state,
            batch * vocab_size,
        )
    }

    pub(crate) fn without_dropout(self) -> Self {
        CharLm {
            stack: self.stack.without_dropout(),
            ..self
        }
    }

    /// Returns the `x·Wx` of each character, `[vocab_size, gates·d_hidden]`: one-hot vectors pick rows of
    /// `Wx`.
    pub(crate) fn token_table(&self, wx: Tensor<B, 2>) -> Tensor<B, 2> {
        match &self.embedding {
            Some(embedding) => matmul(embedding.weight.val(), wx),
            None => wx,
        }
    }

    /// Embeds `[n]` characters as `[n, d_input]` vectors. One-hot vectors are the rows of the identity.
    fn embed(&self, tokens: Tensor<B, 1, Int>) -> Tensor<B, 2> {
        let table = match &self.embedding {
            Some(embedding) => embedding.weight.val(),
            None => {
                let weight = &self.head.weight;
                Tensor::<B, 2>::eye(weight.dims()[1], &weight.device()).cast(weight.dtype())
            }
        };
        table.select(0, tokens)
    }
}

/// Returns the rows of `[batch·time]` that are among the first `lengths` of their text.
fn counted<B: Backend>(lengths: &[usize], time: usize, device: &B::Device) -> Tensor<B, 1, Int> {
    let rows = lengths.iter().enumerate().flat_map(|(text, &length)| {
        assert!(length <= time, "a length of at most {time}");
        text * time..text * time + length
    });
    let rows: Vec<usize> = rows.collect();
    assert!(!rows.is_empty(), "no character counts");
    indices::<B>(rows, device)
}
