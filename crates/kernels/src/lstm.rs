//! The long short-term memory over a whole sequence.
//!
//! ```text
//! [ai af ag ao] = x[t]·Wx + h[t-1]·Wh + b
//! i = σ(ai)   f = σ(af)   g = tanh(ag)   o = σ(ao)
//! c[t] = f·c[t-1] + i·g
//! h[t] = o·tanh(c[t])
//! ```

use std::borrow::Cow;

use pulp::{Simd, WithSimd};

use crate::{
    activation::{sigmoid, tanh},
    backward::{
        CellBack, Products, Wanted, WeightGradients, check, through_time, weight_gradients,
    },
    engine::{Engine, cut},
    gemm::{Sums, load, store},
    sequence::{self, Cell, Input, Shape, Weights},
};

const GATES: usize = 4;

/// A layer with packed weights.
#[derive(Clone, Debug)]
pub struct Lstm<'a>(Weights<'a>);

/// What a sequence leaves for its backward pass, beside its output.
#[derive(Clone, Debug, Default)]
pub struct Saved {
    /// `[batch, time, 4·d_hidden]`: i, f, g and o.
    gates: Vec<f32>,
    /// `[batch, time + 1, d_hidden]`: c, from the one before the first step.
    cell: Vec<f32>,
    time: usize,
    d_hidden: usize,
}

impl Saved {
    /// `[batch, d_hidden]`: c after the last step.
    pub fn last_cell(&self) -> Vec<f32> {
        let Saved {
            cell,
            time,
            d_hidden,
            ..
        } = self;
        let sequences = cell.chunks_exact(((time + 1) * d_hidden).max(1));
        sequences
            .flat_map(|cell| &cell[time * d_hidden..])
            .copied()
            .collect()
    }
}

/// The gradient of what went into a sequence.
#[derive(Clone, Debug)]
pub struct Gradients {
    /// Of `Wx` (or the table), `Wh` and `b`, and of the input's vectors.
    pub weights: WeightGradients,
    /// `[batch, d_hidden]`
    pub d_h0: Vec<f32>,
    /// `[batch, d_hidden]`
    pub d_c0: Vec<f32>,
    /// The memory of what was saved, for [`Lstm::forward_in`].
    pub spare: Saved,
}

impl<'a> Lstm<'a> {
    /// Packs `wx` `[d_input, 4·d_hidden]`, `wh` `[d_hidden, 4·d_hidden]` and `b` `[4·d_hidden]` (or
    /// empty), gates i, f, g, o.
    ///
    /// # Panics
    ///
    /// Where the lengths do not agree.
    pub fn new(engine: &Engine, d_hidden: usize, wx: &[f32], wh: &[f32], b: &[f32]) -> Self {
        Lstm(Weights::new(engine, GATES, d_hidden, wx, wh, b))
    }

    /// For tokens: `table` `[vocabulary, 4·d_hidden]` has the `x·Wx` of each.
    ///
    /// # Panics
    ///
    /// Where the lengths do not agree.
    pub fn of_tokens(
        engine: &Engine,
        d_hidden: usize,
        table: impl Into<Cow<'a, [f32]>>,
        wh: &[f32],
        b: &[f32],
    ) -> Self {
        Lstm(Weights::of_tokens(
            engine,
            GATES,
            d_hidden,
            table.into(),
            wh,
            b,
        ))
    }

    /// Runs the layer over sequences: `h` of every step goes to `output` `[batch, time, d_hidden]`;
    /// `cell` `[batch, d_hidden]` is `c` before the first step and becomes that after the last.
    ///
    /// # Panics
    ///
    /// Where the lengths do not agree with `shape`, or a token is not in the table.
    pub fn infer(
        &self,
        shape: Shape,
        input: Input,
        h0: &[f32],
        cell: &mut [f32],
        output: &mut [f32],
    ) {
        self.run(shape, input, h0, cell, 0, &mut [], output);
    }

    /// One step on this thread, without allocating: as [`infer`](Self::infer) with a time of 1.
    pub(crate) fn step(
        &self,
        batch: usize,
        input: Input,
        h0: &[f32],
        cell: &mut [f32],
        output: &mut [f32],
    ) {
        self.0.check(Shape { batch, time: 1 }, input, h0);
        assert_eq!(cell.len(), h0.len(), "cell: [batch, d_hidden]");
        assert_eq!(output.len(), h0.len(), "output: [batch, d_hidden]");
        let gates = &mut [];
        let weights = &self.0;
        let job = Forward {
            weights,
            time: 1,
            input,
            h0,
            cells_kept: 0,
            cell,
            gates,
            output,
        };
        self.0.engine().isa().run(job);
    }

    /// Runs the layer over sequences, and keeps what [`Backward`] needs.
    ///
    /// # Panics
    ///
    /// As [`infer`](Self::infer).
    pub fn forward(&self, shape: Shape, input: Input, h0: &[f32], c0: &[f32]) -> (Vec<f32>, Saved) {
        self.forward_in(Saved::default(), shape, input, h0, c0)
    }

    /// As [`forward`](Self::forward), in the memory of a sequence whose backward pass is done. What is
    /// saved is the most of a sequence's memory, and fresh memory costs the system a page fault for
    /// every four kilobytes.
    ///
    /// # Panics
    ///
    /// As [`infer`](Self::infer).
    pub fn forward_in(
        &self,
        spare: Saved,
        shape: Shape,
        input: Input,
        h0: &[f32],
        c0: &[f32],
    ) -> (Vec<f32>, Saved) {
        let (Shape { batch, time }, h) = (shape, self.0.d_hidden());
        assert_eq!(c0.len(), batch * h, "c0: [batch, d_hidden]");
        let mut output = vec![0.0; batch * time * h];
        let Saved {
            mut gates,
            mut cell,
            ..
        } = spare;
        gates.resize(batch * time * GATES * h, 0.0);
        cell.resize(batch * (time + 1) * h, 0.0);
        if h > 0 {
            let starts = cell.chunks_exact_mut((time + 1) * h);
            for (cell, c0) in starts.zip(c0.chunks_exact(h)) {
                cell[..h].copy_from_slice(c0);
            }
        }
        self.run(shape, input, h0, &mut cell, time, &mut gates, &mut output);
        let d_hidden = h;
        (
            output,
            Saved {
                gates,
                cell,
                time,
                d_hidden,
            },
        )
    }

    /// `cell` keeps `cells_kept` steps besides the first; `gates` may be empty.
    #[allow(clippy::too_many_arguments)]
    fn run(
        &self,
        shape: Shape,
        input: Input,
        h0: &[f32],
        cell: &mut [f32],
        cells_kept: usize,
        gates: &mut [f32],
        output: &mut [f32],
    ) {
        let (Shape { batch, time }, h) = (shape, self.0.d_hidden());
        self.0.check(shape, input, h0);
        assert_eq!(
            output.len(),
            batch * time * h,
            "output: [batch, time, d_hidden]"
        );
        assert_eq!(
            cell.len(),
            batch * (cells_kept + 1) * h,
            "cell: [batch, d_hidden]"
        );

        let engine = self.0.engine();
        let shares = engine.share(batch);
        let kept = if gates.is_empty() {
            0
        } else {
            time * GATES * h
        };
        let outputs = cut(output, shares.iter().map(|s| s.len() * time * h));
        let cells = cut(cell, shares.iter().map(|s| s.len() * (cells_kept + 1) * h));
        let gates = cut(gates, shares.iter().map(|s| s.len() * kept));
        let mut buffers = outputs.into_iter().zip(cells).zip(gates);
        let jobs = shares.into_iter().map(|share| {
            let ((output, cell), gates) = buffers.next().expect("one for each share");
            Forward {
                weights: &self.0,
                time,
                input: input.of(&share, time * self.0.per_step()),
                h0: &h0[share.start * h..share.end * h],
                cells_kept,
                cell,
                gates,
                output,
            }
        });
        engine.each(jobs.collect());
    }
}

struct Forward<'a> {
    weights: &'a Weights<'a>,
    time: usize,
    input: Input<'a>,
    h0: &'a [f32],
    cells_kept: usize,
    cell: &'a mut [f32],
    gates: &'a mut [f32],
    output: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Forward {
            weights,
            time,
            cells_kept,
            ..
        } = self;
        let mut cell = Gates {
            time,
            h: weights.d_hidden(),
            cells_kept,
            cell: self.cell,
            gates: self.gates,
        };
        sequence::forward(
            simd,
            weights,
            time,
            self.input,
            self.h0,
            self.output,
            &mut cell,
        );
    }
}

struct Gates<'a> {
    time: usize,
    h: usize,
    cells_kept: usize,
    cell: &'a mut [f32],
    gates: &'a mut [f32],
}

impl<S: Simd> Cell<S> for Gates<'_> {
    #[inline(always)]
    fn show<const M: usize>(
        &mut self,
        simd: S,
        sums: [Sums<S>; M],
        [first, t, panel]: [usize; 3],
        output: &mut [f32],
    ) {
        let Gates {
            time,
            h,
            cells_kept,
            ..
        } = *self;
        let j = panel * S::F32_LANES;
        let mut o = [simd.splat_f32s(0.0); M];
        let mut c = o;
        for (m, [ai, af, ag, ao]) in sums.into_iter().enumerate() {
            let row = first + m;
            let [i, f, sigmoid_o] = sigmoid(simd, [ai, af, ao]);
            let [g] = tanh(simd, [ag]);
            o[m] = sigmoid_o;

            let from = (row * (cells_kept + 1) + t.min(cells_kept)) * h;
            let to = (row * (cells_kept + 1) + (t + 1).min(cells_kept)) * h;
            let before = load(simd, &self.cell[from..][..h], j);
            c[m] = simd.mul_add_e_f32s(f, before, simd.mul_f32s(i, g));
            store(simd, &mut self.cell[to..][..h], j, c[m]);

            if !self.gates.is_empty() {
                let gates = &mut self.gates[(row * time + t) * GATES * h..][..GATES * h];
                for (gate, value) in gates.chunks_exact_mut(h).zip([i, f, g, o[m]]) {
                    store(simd, gate, j, value);
                }
            }
        }
        for (m, tanh_c) in tanh(simd, c).into_iter().enumerate() {
            let row = &mut output[((first + m) * time + t) * h..][..h];
            store(simd, row, j, simd.mul_f32s(o[m], tanh_c));
        }
    }
}

/// The way back through a sequence, from the gradient of its output to that of all that went in.
#[derive(Clone, Copy, Debug)]
pub struct Backward<'a> {
    /// The sizes of the batch.
    pub shape: Shape,
    /// `[d_input, 4·d_hidden]`; for tokens the table.
    pub wx: &'a [f32],
    /// `[d_hidden, 4·d_hidden]`
    pub wh: &'a [f32],
    /// What went in.
    pub input: Input<'a>,
    /// `[batch, d_hidden]`
    pub h0: &'a [f32],
    /// `[batch, time, d_hidden]`: what came out.
    pub output: &'a [f32],
    /// `[batch, time, d_hidden]`: its gradient.
    pub d_output: &'a [f32],
    /// `[batch, d_hidden]`: the gradient of the last `c`.
    pub d_cell: &'a [f32],
}

impl Backward<'_> {
    /// The gradients. What the forward pass saved becomes the gradient of the gates' sums, in place.
    ///
    /// # Panics
    ///
    /// Where the lengths do not agree.
    pub fn run(&self, engine: &Engine, wanted: Wanted, saved: Saved) -> Gradients {
        let Shape { batch, time } = self.shape;
        let slices = [self.wx, self.wh, self.h0, self.output, self.d_output];
        let h = check(self.shape, GATES, slices, self.input);
        let width = GATES * h;
        assert_eq!(self.d_cell.len(), batch * h, "d_cell: [batch, d_hidden]");
        let same = (saved.gates.len(), saved.time, saved.d_hidden);
        assert_eq!(
            same,
            (batch * time * width, time, h),
            "saved by the same forward pass"
        );

        let Saved {
            gates: mut d_sums,
            cell,
            ..
        } = saved;
        let mut d_h0 = vec![0.0; batch * h];
        let mut d_c0 = self.d_cell.to_vec();
        let d_input_width = match self.input {
            Input::Vectors(_) if wanted.input => self.wx.len() / width.max(1),
            _ => 0,
        };
        let mut d_input = vec![0.0; batch * time * d_input_width];
        let wx = (d_input_width > 0).then_some(self.wx);
        let products = Products::new(engine, width, self.wh, wx);

        let shares = engine.share(batch);
        let by = |n: usize| shares.iter().map(move |share| share.len() * n);
        let mut sums = cut(&mut d_sums, by(time * width)).into_iter();
        let mut d_h = cut(&mut d_h0, by(h)).into_iter();
        let mut d_c = cut(&mut d_c0, by(h)).into_iter();
        let mut inputs = cut(&mut d_input, by(time * d_input_width)).into_iter();
        let mut jobs = Vec::new();
        for share in &shares {
            jobs.push(BackwardJob {
                products: &products,
                time,
                h,
                cell: &cell[share.start * (time + 1) * h..share.end * (time + 1) * h],
                d_output: &self.d_output[share.start * time * h..share.end * time * h],
                d_sums: sums.next().expect("one for each share"),
                d_h: d_h.next().expect("one for each share"),
                d_c: d_c.next().expect("one for each share"),
                d_input: inputs.next().expect("one for each share"),
            });
        }
        engine.each(jobs);

        let mut weights = WeightGradients::default();
        if wanted.weights {
            let rows = [self.wx.len() / width.max(1), h];
            let (input, output) = (self.input, self.output);
            weights = weight_gradients(
                engine, self.shape, width, input, rows, self.h0, output, &d_sums,
            );
        }
        weights.input = d_input;
        let spare = Saved {
            gates: d_sums,
            cell,
            time,
            d_hidden: h,
        };
        Gradients {
            weights,
            d_h0,
            d_c0,
            spare,
        }
    }
}

struct BackwardJob<'a> {
    products: &'a Products,
    time: usize,
    h: usize,
    cell: &'a [f32],
    d_output: &'a [f32],
    d_sums: &'a mut [f32],
    d_h: &'a mut [f32],
    d_c: &'a mut [f32],
    d_input: &'a mut [f32],
}

impl WithSimd for BackwardJob<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let BackwardJob {
            time,
            h,
            cell,
            d_output,
            d_c,
            ..
        } = self;
        let sizes = [self.d_h.len() / h.max(1), time, GATES * h, h];
        let mut cell = GatesBack {
            time,
            h,
            cell,
            d_output,
            d_c,
        };
        through_time(
            simd,
            self.products,
            sizes,
            self.d_sums,
            self.d_h,
            self.d_input,
            &mut cell,
        );
    }
}

struct GatesBack<'a> {
    time: usize,
    h: usize,
    cell: &'a [f32],
    d_output: &'a [f32],
    d_c: &'a mut [f32],
}

impl<S: Simd> CellBack<S> for GatesBack<'_> {
    #[inline(always)]
    fn back(&mut self, simd: S, [row, t]: [usize; 2], gates: &mut [f32], d_h: &[f32]) {
        let GatesBack { time, h, .. } = *self;
        let one = simd.splat_f32s(1.0);
        let mul = |a, b| simd.mul_f32s(a, b);
        let through_sigmoid = |d, s| mul(d, mul(s, simd.sub_f32s(one, s)));
        let through_tanh = |d, s| mul(d, simd.sub_f32s(one, mul(s, s)));

        let d_output = &self.d_output[(row * time + t) * h..][..h];
        let before = &self.cell[(row * (time + 1) + t) * h..][..h];
        let cell = &self.cell[(row * (time + 1) + t + 1) * h..][..h];
        let d_c = &mut self.d_c[row * h..][..h];
        let (gates_if, gates_go) = gates.split_at_mut(2 * h);
        let (i_row, f_row) = gates_if.split_at_mut(h);
        let (g_row, o_row) = gates_go.split_at_mut(h);
        for j in (0..h).step_by(S::F32_LANES) {
            let (i, f) = (load(simd, i_row, j), load(simd, f_row, j));
            let (g, o) = (load(simd, g_row, j), load(simd, o_row, j));
            let [tanh_c] = tanh(simd, [load(simd, cell, j)]);
            let d_h = simd.add_f32s(load(simd, d_output, j), load(simd, d_h, j));

            // h = o·tanh(c), and c goes on to the next step.
            let d_o = mul(d_h, tanh_c);
            let dc = simd.add_f32s(through_tanh(mul(d_h, o), tanh_c), load(simd, d_c, j));
            // c = f·c[t-1] + i·g
            let (d_i, d_g) = (mul(dc, g), mul(dc, i));
            let d_f = mul(dc, load(simd, before, j));
            store(simd, d_c, j, mul(dc, f));

            store(simd, i_row, j, through_sigmoid(d_i, i));
            store(simd, f_row, j, through_sigmoid(d_f, f));
            store(simd, g_row, j, through_tanh(d_g, g));
            store(simd, o_row, j, through_sigmoid(d_o, o));
        }
    }
}
