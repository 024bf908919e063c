//! The head of a language model and its loss in one pass: from the top layer's hidden states to the
//! mean cross-entropy, and back, without a second tensor of logits.
//!
//! ```text
//! logits = h·W + b      loss = −(1/n) Σ ln softmax(logits)[target]
//! ∂loss/∂logits = (softmax(logits) − onehot(target))/n
//! ```

use pulp::{Simd, WithSimd};

use crate::{
    cpu::{Engine, Isa, cut, exp},
    matmul::{Columns, Packed, Product, Rows, outer_sums},
};

/// A linear head, the hidden states that go through it, and the targets.
#[derive(Clone, Copy, Debug)]
pub struct LinearCrossEntropy<'a> {
    /// `[n, d_hidden]`
    pub hidden: &'a [f32],
    /// `[d_hidden, vocabulary]`
    pub weight: &'a [f32],
    /// `[vocabulary]`
    pub bias: &'a [f32],
    /// `[n]`
    pub targets: &'a [u32],
}

/// The gradients of the inputs of a [`LinearCrossEntropy`].
#[derive(Clone, Debug)]
pub struct Gradients {
    /// `[n, d_hidden]`
    pub hidden: Vec<f32>,
    /// `[d_hidden, vocabulary]`
    pub weight: Vec<f32>,
    /// `[vocabulary]`
    pub bias: Vec<f32>,
}

impl LinearCrossEntropy<'_> {
    fn d_hidden(&self) -> usize {
        self.weight.len() / self.bias.len().max(1)
    }

    /// Returns the mean cross-entropy in nats, and the gradient of the logits, `[n, vocabulary]`.
    ///
    /// # Panics
    ///
    /// Panics if the lengths do not agree, or a target is outside the vocabulary.
    pub fn loss(&self, engine: &Engine) -> (f32, Vec<f32>) {
        let (n, vocabulary, h) = (self.targets.len(), self.bias.len(), self.d_hidden());
        assert_eq!(
            self.weight.len(),
            h * vocabulary,
            "weight: [d_hidden, vocabulary]"
        );
        assert_eq!(self.hidden.len(), n * h, "hidden: [n, d_hidden]");
        let largest = self.targets.iter().max().copied().unwrap_or(0) as usize;
        assert!(
            n == 0 || largest < vocabulary,
            "target {largest} of {vocabulary}"
        );

        let weight = Packed::new(engine, self.weight, h, Columns::Plain);
        let mut logits = vec![0.0; n * vocabulary];
        // A loss for each row: their sum then does not depend on the number of threads.
        let mut losses = vec![0.0; n];
        let shares = engine.share(n);
        let mut each_logits =
            cut(&mut logits, shares.iter().map(|s| s.len() * vocabulary)).into_iter();
        let mut each_losses = cut(&mut losses, shares.iter().map(|s| s.len())).into_iter();
        let jobs = shares.iter().map(|share| LossJob {
            hidden: &self.hidden[share.start * h..share.end * h],
            h,
            weight: &weight,
            bias: self.bias,
            targets: &self.targets[share.clone()],
            scale: 1.0 / n as f32,
            logits: each_logits.next().expect("one for each share"),
            losses: each_losses.next().expect("one for each share"),
        });
        engine.each(jobs.collect());
        let total: f64 = losses.iter().map(|&loss| f64::from(loss)).sum();
        ((total / n as f64) as f32, logits)
    }

    /// Returns the gradients of the inputs, given the gradient of the logits.
    ///
    /// # Panics
    ///
    /// Panics if the lengths do not agree.
    pub fn backward(&self, engine: &Engine, d_logits: &[f32]) -> Gradients {
        let (n, vocabulary, h) = (self.targets.len(), self.bias.len(), self.d_hidden());
        assert_eq!(d_logits.len(), n * vocabulary, "d_logits: [n, vocabulary]");
        let d_hidden = self.hidden.len().checked_div(n).unwrap_or(h);
        assert_eq!(self.hidden.len(), n * d_hidden, "hidden: [n, d_hidden]");
        assert_eq!(
            self.weight.len(),
            d_hidden * vocabulary,
            "weight: [d_hidden, vocabulary]"
        );
        let weight = Packed::transposed(engine, self.weight, vocabulary);
        let mut hidden = vec![0.0; n * h];
        let shares = engine.share(n);
        let mut each = cut(&mut hidden, shares.iter().map(|s| s.len() * h)).into_iter();
        let jobs = shares.iter().map(|share| ProductJob {
            rows: &d_logits[share.start * vocabulary..share.end * vocabulary],
            depth: vocabulary,
            weight: &weight,
            bias: &[],
            to: each.next().expect("one for each share"),
        });
        engine.each(jobs.collect());

        let row = |k: usize| &self.hidden[k * h..];
        let rows = Rows {
            width: h,
            row: &row,
        };
        let every: Vec<usize> = (0..n).collect();
        let (mut sums, bias) =
            outer_sums(engine, &every, &[rows], (d_logits, vocabulary), vocabulary);
        Gradients {
            hidden,
            weight: sums.remove(0),
            bias,
        }
    }
}

/// Computes `rows·weight + bias` on this thread.
pub(crate) fn product(isa: Isa, rows: &[f32], weight: &Packed, bias: &[f32], to: &mut [f32]) {
    let depth = weight.depth();
    isa.run(ProductJob {
        rows,
        depth,
        weight,
        bias,
        to,
    });
}

struct ProductJob<'a> {
    rows: &'a [f32],
    depth: usize,
    weight: &'a Packed,
    bias: &'a [f32],
    to: &'a mut [f32],
}

impl WithSimd for ProductJob<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let ProductJob {
            rows,
            depth,
            weight,
            bias,
            to,
        } = self;
        let product = Product {
            weights: weight,
            bias,
            rows,
            stride: depth,
            to,
            to_stride: weight.n(),
            add: false,
        };
        product.run(simd, rows.len() / depth.max(1));
    }
}

struct LossJob<'a> {
    hidden: &'a [f32],
    h: usize,
    weight: &'a Packed,
    bias: &'a [f32],
    targets: &'a [u32],
    scale: f32,
    logits: &'a mut [f32],
    losses: &'a mut [f32],
}

impl WithSimd for LossJob<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let LossJob {
            hidden,
            h,
            weight,
            bias,
            logits,
            ..
        } = self;
        ProductJob {
            rows: hidden,
            depth: h,
            weight,
            bias,
            to: logits,
        }
        .with_simd(simd);
        if bias.is_empty() {
            return;
        }
        let rows = logits.chunks_exact_mut(bias.len());
        for ((row, &target), loss) in rows.zip(self.targets).zip(self.losses) {
            *loss = cross_entropy(simd, row, target as usize, self.scale);
        }
    }
}

/// Returns the cross-entropy of one row of logits, and replaces the logits by their gradient times `scale`.
#[inline(always)]
fn cross_entropy<S: Simd>(simd: S, logits: &mut [f32], target: usize, scale: f32) -> f32 {
    // A NaN makes the sum NaN, and with it everything after.
    let largest = logits
        .iter()
        .fold(f32::NEG_INFINITY, |a, &b| if a >= b { a } else { b });
    let at_target = logits[target] - largest;
    let mut total = simd.splat_f32s(0.0);
    let (vectors, rest) = S::as_mut_simd_f32s(logits);
    let below = simd.splat_f32s(largest);
    for logit in vectors.iter_mut() {
        [*logit] = exp(simd, [simd.sub_f32s(*logit, below)]);
        total = simd.add_f32s(total, *logit);
    }
    let mut total = simd.reduce_sum_f32s(total);
    if !rest.is_empty() {
        let [p] = exp(simd, [simd.sub_f32s(simd.partial_load_f32s(rest), below)]);
        simd.partial_store_f32s(rest, p);
        total += rest.iter().sum::<f32>();
    }
    let factor = simd.splat_f32s(scale / total);
    for p in vectors {
        *p = simd.mul_f32s(*p, factor);
    }
    for p in rest {
        *p *= scale / total;
    }
    logits[target] -= scale;
    total.ln() - at_target
}
