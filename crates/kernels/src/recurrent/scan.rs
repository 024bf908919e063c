//! The loop over time: at each step input and state are multiplied by the packed weights, and the cell's
//! equations are applied to the sums.

use std::marker::PhantomData;

use pulp::Simd;

use super::{
    cell::{Cell, Gates, Steps},
    lengths::Lengths,
    weights::{Input, InputWeights, Weights},
};
use crate::matmul::{Sums, Tile, VECTORS, accumulate, for_each_tile, load};

/// Takes some sequences through all their time steps: `h[t]` of each goes to `output`.
#[inline(always)]
pub(crate) fn scan<S: Simd, C: Cell>(
    simd: S,
    weights: &Weights,
    input: Input,
    lengths: Lengths,
    output: &mut [f32],
    steps: &mut Steps,
) {
    let sequences = steps.h0.len() / weights.d_hidden.max(1);
    for t in 0..steps.time {
        let sequences = lengths.running(t, sequences);
        for panel in 0..weights.wh.panels() {
            let mut tile = PanelAt::<C> {
                weights,
                input,
                output,
                steps,
                t,
                panel,
                cell: PhantomData,
            };
            for_each_tile(simd, sequences, &mut tile);
        }
    }
}

/// One panel at one step.
struct PanelAt<'a, 'b, C> {
    weights: &'a Weights<'a>,
    input: Input<'a>,
    output: &'a mut [f32],
    steps: &'a mut Steps<'b>,
    t: usize,
    panel: usize,
    cell: PhantomData<C>,
}

impl<S: Simd, C: Cell> Tile<S> for PanelAt<'_, '_, C> {
    #[inline(always)]
    fn rows<const M: usize>(&mut self, simd: S, first: usize) {
        let PanelAt {
            weights, t, panel, ..
        } = *self;
        let (time, h) = (self.steps.time, weights.d_hidden);
        let before: [&[f32]; M] = std::array::from_fn(|m| match t {
            0 => &self.steps.h0[(first + m) * h..],
            _ => &self.output[((first + m) * time + t - 1) * h..],
        });
        let sums = match C::GATES {
            Gates::One | Gates::Four | Gates::FourAndPeepholes => {
                self.sums::<S, M, VECTORS>(simd, first, before)
            }
            Gates::Two => widen(simd, self.sums::<S, M, 2>(simd, first, before)),
            Gates::Three => widen(simd, self.sums::<S, M, 3>(simd, first, before)),
            Gates::ThreeApart => {
                let bias = weights.bias.panel::<S, VECTORS>(panel)[0];
                let [b0, b1, of_input, of_hidden] = bias;
                let mut sums = self.input(simd, [[b0, b1, of_input]; M], first);
                let mut all = [bias; M];
                for m in 0..M {
                    all[m][2] = sums[m][2];
                    sums[m][2] = of_hidden;
                }
                sums = accumulate(simd, sums, before, weights.wh.panel::<S, _>(panel));
                for m in 0..M {
                    all[m] = [sums[m][0], sums[m][1], all[m][2], sums[m][2]];
                }
                all
            }
        };
        C::forward(simd, sums, [first, t, panel], self.steps, self.output);
    }
}

/// Returns the sums with zeros for those that a cell does not have.
#[inline(always)]
fn widen<S: Simd, const M: usize, const V: usize>(
    simd: S,
    sums: [[S::f32s; V]; M],
) -> [Sums<S>; M] {
    let mut wide = [[simd.splat_f32s(0.0); VECTORS]; M];
    for (wide, sums) in wide.iter_mut().zip(sums) {
        wide[..V].copy_from_slice(&sums);
    }
    wide
}

impl<C: Cell> PanelAt<'_, '_, C> {
    /// Returns `x·Wx + h·Wh + b` for the `V` vectors of a panel.
    #[inline(always)]
    fn sums<S: Simd, const M: usize, const V: usize>(
        &self,
        simd: S,
        first: usize,
        before: [&[f32]; M],
    ) -> [[S::f32s; V]; M] {
        let bias = self.weights.bias.panel::<S, V>(self.panel)[0];
        let sums = self.input(simd, [bias; M], first);
        accumulate(
            simd,
            sums,
            before,
            self.weights.wh.panel::<S, V>(self.panel),
        )
    }

    /// Adds the products of input and `Wx` to the sums.
    #[inline(always)]
    fn input<S: Simd, const M: usize, const V: usize>(
        &self,
        simd: S,
        mut sums: [[S::f32s; V]; M],
        first: usize,
    ) -> [[S::f32s; V]; M] {
        let PanelAt {
            weights, t, panel, ..
        } = *self;
        let time = self.steps.time;
        let (d, h) = (weights.d_input, weights.d_hidden);
        match (self.input, &weights.input) {
            (Input::Vectors(x), InputWeights::Packed(wx)) => {
                let rows = std::array::from_fn(|m| &x[((first + m) * time + t) * d..]);
                sums = accumulate(simd, sums, rows, wx.panel::<S, _>(panel));
            }
            (Input::Tokens(tokens), InputWeights::Table(table)) => {
                let width = weights.gates.count() * h;
                for (m, sums) in sums.iter_mut().enumerate() {
                    let token = tokens[(first + m) * time + t] as usize;
                    let row = &table[token * width..][..width];
                    for (v, sum) in sums.iter_mut().enumerate() {
                        let part = match weights.gates {
                            Gates::One => load(simd, row, (panel * VECTORS + v) * S::F32_LANES),
                            _ => load(simd, &row[v * h..][..h], panel * S::F32_LANES),
                        };
                        *sum = simd.add_f32s(*sum, part);
                    }
                }
            }
            _ => unreachable!("checked"),
        }
        sums
    }
}
