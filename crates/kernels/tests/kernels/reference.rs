//! The layers as their equations say, in f64: one number after the other, no vectors, no blocks.

use kernels::Shape;

use crate::{
    compare::Tensors,
    problem::{Layer, Problem, Values},
};

pub fn run(problem: &Problem) -> Tensors<f64> {
    match problem.layer {
        Layer::Lstm | Layer::PeepholeLstm => lstm(problem),
        Layer::CoupledLstm => coupled_lstm(problem),
        Layer::Gru => gru(problem),
        Layer::Rnn => rnn(problem, f64::tanh, |d, h| d * (1.0 - h * h)),
        Layer::ReluRnn => {
            let relu = |a: f64| if a < 0.0 { 0.0 } else { a };
            rnn(problem, relu, |d, h| if h <= 0.0 { 0.0 } else { d })
        }
        Layer::MinGru => linear(problem, |a| {
            let z = sigmoid(a[0]);
            (1.0 - z, [-z * (1.0 - z), 0.0])
        }),
        Layer::MinLstm => linear(problem, |a| {
            // ln f − ln i, for f and i may both be too small for their quotient.
            let ln = |a: f64| a.min(0.0) - (-a.abs()).exp().ln_1p();
            let k = sigmoid(ln(a[0]) - ln(a[1]));
            let slope = k * (1.0 - k);
            (k, [slope * sigmoid(-a[0]), -slope * sigmoid(-a[1])])
        }),
    }
}

fn sigmoid(a: f64) -> f64 {
    1.0 / (1.0 + (-a).exp())
}

/// `x[t]·Wx + h[t-1]·Wh + b`
fn sums(problem: &Problem, row: usize, t: usize, before: &[f64]) -> Vec<f64> {
    let (d, width) = (problem.d_input, problem.width());
    let step = row * problem.shape.time + t;
    let sum = |j: usize| {
        let mut sum = problem.b.get(j).copied().unwrap_or(0.0);
        match &problem.input {
            Values::Tokens(tokens) => sum += problem.wx[tokens[step] as usize * width + j],
            Values::Vectors(x) => {
                for k in 0..d {
                    sum += x[step * d + k] * problem.wx[k * width + j];
                }
            }
        }
        for (k, h) in before.iter().enumerate() {
            sum += h * problem.wh[k * width + j];
        }
        sum
    };
    (0..width).map(sum).collect()
}

struct Gradients {
    input: Vec<f64>,
    wx: Vec<f64>,
    wh: Vec<f64>,
    b: Vec<f64>,
}

impl Gradients {
    fn zeros(problem: &Problem) -> Self {
        let input = match &problem.input {
            Values::Vectors(x) => x.len(),
            Values::Tokens(_) => 0,
        };
        Gradients {
            input: vec![0.0; input],
            wx: vec![0.0; problem.wx.len()],
            wh: vec![0.0; problem.wh.len()],
            b: vec![0.0; problem.layer.biases() * problem.d_hidden],
        }
    }

    /// Goes back through [`sums`], and returns the gradient of `h[t-1]`.
    fn back(
        &mut self,
        problem: &Problem,
        row: usize,
        t: usize,
        before: &[f64],
        d_sums: &[f64],
    ) -> Vec<f64> {
        let (d, width) = (problem.d_input, problem.width());
        let step = row * problem.shape.time + t;
        let mut d_before = vec![0.0; before.len()];
        for (j, d_sum) in d_sums.iter().enumerate() {
            self.b[j] += d_sum;
            match &problem.input {
                Values::Tokens(tokens) => self.wx[tokens[step] as usize * width + j] += d_sum,
                Values::Vectors(x) => {
                    for k in 0..d {
                        self.wx[k * width + j] += x[step * d + k] * d_sum;
                        self.input[step * d + k] += problem.wx[k * width + j] * d_sum;
                    }
                }
            }
            for (k, h) in before.iter().enumerate() {
                self.wh[k * width + j] += h * d_sum;
                d_before[k] += problem.wh[k * width + j] * d_sum;
            }
        }
        d_before
    }

    fn tensors(self, output: Vec<f64>, d_h0: Vec<f64>) -> Tensors<f64> {
        let mut tensors = Tensors::default();
        tensors.push("output", output);
        tensors.push("d_input", self.input);
        tensors.push("d_wx", self.wx);
        tensors.push("d_wh", self.wh);
        tensors.push("d_b", self.b);
        tensors.push("d_h0", d_h0);
        tensors
    }
}

/// ```text
/// [ai af ag ao] = x[t]·Wx + h[t-1]·Wh + b
/// i = σ(ai + pi·c[t-1])   f = σ(af + pf·c[t-1])   g = tanh(ag)   o = σ(ao + po·c[t])
/// c[t] = f·c[t-1] + i·g      h[t] = o·tanh(c[t])
/// ```
///
/// The peepholes follow the bias; without, they are zero.
fn lstm(problem: &Problem) -> Tensors<f64> {
    struct Step {
        h_before: Vec<f64>,
        c_before: Vec<f64>,
        c: Vec<f64>,
        gates: [Vec<f64>; 4],
    }
    let (Shape { batch, time }, n) = (problem.shape, problem.d_hidden);
    let (mut output, mut cell) = (Vec::new(), Vec::new());
    let (mut d_h0, mut d_c0) = (Vec::new(), Vec::new());
    let mut gradients = Gradients::zeros(problem);
    // A number times a peephole.
    let peephole = |gate: usize, j: usize, number: f64| match problem.layer {
        Layer::PeepholeLstm => problem.b.get((4 + gate) * n + j).unwrap_or(&0.0) * number,
        _ => 0.0,
    };
    for row in 0..batch {
        let mut h = problem.h0[row * n..][..n].to_vec();
        let mut c = problem.c0[row * n..][..n].to_vec();
        let mut steps = Vec::new();
        for t in 0..time {
            let sums = sums(problem, row, t, &h);
            let (h_before, c_before) = (h.clone(), c.clone());
            let mut gates = [(); 4].map(|()| vec![0.0; n]);
            let [i, f, g, o] = &mut gates;
            for j in 0..n {
                i[j] = sigmoid(sums[j] + peephole(0, j, c[j]));
                f[j] = sigmoid(sums[n + j] + peephole(1, j, c[j]));
                g[j] = sums[2 * n + j].tanh();
                c[j] = f[j] * c[j] + i[j] * g[j];
                o[j] = sigmoid(sums[3 * n + j] + peephole(2, j, c[j]));
                h[j] = o[j] * c[j].tanh();
            }
            output.extend(&h);
            let c = c.clone();
            steps.push(Step {
                h_before,
                c_before,
                c,
                gates,
            });
        }
        cell.extend(c);

        let mut d_h = vec![0.0; n];
        let mut d_c = problem.d_cell[row * n..][..n].to_vec();
        for (
            t,
            Step {
                h_before,
                c_before,
                c,
                gates: [i, f, g, o],
            },
        ) in steps.iter().enumerate().rev()
        {
            let mut d_sums = vec![0.0; 4 * n];
            for j in 0..n {
                let d_h = d_h[j] + problem.d_output[(row * time + t) * n + j];
                let tanh_c = c[j].tanh();
                let d_ao = d_h * tanh_c * o[j] * (1.0 - o[j]);
                d_c[j] += d_h * o[j] * (1.0 - tanh_c * tanh_c) + peephole(2, j, d_ao);
                let d_ai = d_c[j] * g[j] * i[j] * (1.0 - i[j]);
                let d_af = d_c[j] * c_before[j] * f[j] * (1.0 - f[j]);
                d_sums[j] = d_ai;
                d_sums[n + j] = d_af;
                d_sums[2 * n + j] = d_c[j] * i[j] * (1.0 - g[j] * g[j]);
                d_sums[3 * n + j] = d_ao;
                d_c[j] = d_c[j] * f[j] + peephole(0, j, d_ai) + peephole(1, j, d_af);
                if problem.layer == Layer::PeepholeLstm {
                    let seen = [d_ai * c_before[j], d_af * c_before[j], d_ao * c[j]];
                    for (gate, d) in seen.into_iter().enumerate() {
                        gradients.b[(4 + gate) * n + j] += d;
                    }
                }
            }
            d_h = gradients.back(problem, row, t, h_before, &d_sums);
        }
        d_h0.extend(d_h);
        d_c0.extend(d_c);
    }
    let mut tensors = gradients.tensors(output, d_h0);
    tensors.push("cell", cell);
    tensors.push("d_c0", d_c0);
    tensors
}

/// ```text
/// [af ag ao] = x[t]·Wx + h[t-1]·Wh + b
/// f = σ(af)   g = tanh(ag)   o = σ(ao)
/// c[t] = f·c[t-1] + (1 − f)·g      h[t] = o·tanh(c[t])
/// ```
fn coupled_lstm(problem: &Problem) -> Tensors<f64> {
    struct Step {
        h_before: Vec<f64>,
        c_before: Vec<f64>,
        c: Vec<f64>,
        gates: [Vec<f64>; 3],
    }
    let (Shape { batch, time }, n) = (problem.shape, problem.d_hidden);
    let (mut output, mut cell) = (Vec::new(), Vec::new());
    let (mut d_h0, mut d_c0) = (Vec::new(), Vec::new());
    let mut gradients = Gradients::zeros(problem);
    for row in 0..batch {
        let mut h = problem.h0[row * n..][..n].to_vec();
        let mut c = problem.c0[row * n..][..n].to_vec();
        let mut steps = Vec::new();
        for t in 0..time {
            let sums = sums(problem, row, t, &h);
            let gate = |gate: usize, activation: fn(f64) -> f64| {
                let sums = &sums[gate * n..][..n];
                sums.iter().map(|&a| activation(a)).collect::<Vec<f64>>()
            };
            let gates = [gate(0, sigmoid), gate(1, f64::tanh), gate(2, sigmoid)];
            let (h_before, c_before) = (h.clone(), c.clone());
            let [f, g, o] = &gates;
            for j in 0..n {
                c[j] = f[j] * c[j] + (1.0 - f[j]) * g[j];
                h[j] = o[j] * c[j].tanh();
            }
            output.extend(&h);
            let c = c.clone();
            steps.push(Step {
                h_before,
                c_before,
                c,
                gates,
            });
        }
        cell.extend(c);

        let mut d_h = vec![0.0; n];
        let mut d_c = problem.d_cell[row * n..][..n].to_vec();
        for (
            t,
            Step {
                h_before,
                c_before,
                c,
                gates: [f, g, o],
            },
        ) in steps.iter().enumerate().rev()
        {
            let mut d_sums = vec![0.0; 3 * n];
            for j in 0..n {
                let d_h = d_h[j] + problem.d_output[(row * time + t) * n + j];
                let tanh_c = c[j].tanh();
                d_c[j] += d_h * o[j] * (1.0 - tanh_c * tanh_c);
                d_sums[j] = d_c[j] * (c_before[j] - g[j]) * f[j] * (1.0 - f[j]);
                d_sums[n + j] = d_c[j] * (1.0 - f[j]) * (1.0 - g[j] * g[j]);
                d_sums[2 * n + j] = d_h * tanh_c * o[j] * (1.0 - o[j]);
                d_c[j] *= f[j];
            }
            d_h = gradients.back(problem, row, t, h_before, &d_sums);
        }
        d_h0.extend(d_h);
        d_c0.extend(d_c);
    }
    let mut tensors = gradients.tensors(output, d_h0);
    tensors.push("cell", cell);
    tensors.push("d_c0", d_c0);
    tensors
}

/// `h[t] = k·h[t-1] + (1 − k)·h̃`, where `keep` gives `k` and its slopes from the sums of the gates, of which
/// h̃ is the last.
fn linear(problem: &Problem, keep: fn(&[f64]) -> (f64, [f64; 2])) -> Tensors<f64> {
    let (Shape { batch, time }, n) = (problem.shape, problem.d_hidden);
    let gates = problem.layer.gates();
    let (mut output, mut d_h0) = (Vec::new(), Vec::new());
    let mut gradients = Gradients::zeros(problem);
    for row in 0..batch {
        let mut states = vec![problem.h0[row * n..][..n].to_vec()];
        let mut kept = Vec::new();
        for t in 0..time {
            let sums = sums(problem, row, t, &[]);
            let of = |j: usize| -> Vec<f64> { (0..gates).map(|g| sums[g * n + j]).collect() };
            let step: Vec<_> = (0..n).map(|j| (keep(&of(j)), of(j)[gates - 1])).collect();
            let new = |j: usize| {
                let ((k, _), candidate) = step[j];
                k * states[t][j] + (1.0 - k) * candidate
            };
            let h: Vec<f64> = (0..n).map(new).collect();
            output.extend(&h);
            states.push(h);
            kept.push(step);
        }
        let mut d_h = vec![0.0; n];
        for t in (0..time).rev() {
            let mut d_sums = vec![0.0; gates * n];
            for j in 0..n {
                let ((k, slopes), candidate) = kept[t][j];
                let dh = d_h[j] + problem.d_output[(row * time + t) * n + j];
                for g in 0..gates - 1 {
                    d_sums[g * n + j] = dh * (states[t][j] - candidate) * slopes[g];
                }
                d_sums[(gates - 1) * n + j] = dh * (1.0 - k);
                d_h[j] = dh * k;
            }
            gradients.back(problem, row, t, &[], &d_sums);
        }
        d_h0.extend(d_h);
    }
    gradients.tensors(output, d_h0)
}

/// `h[t] = activation(x[t]·Wx + h[t-1]·Wh + b)`, and `back` returns the gradient of a sum, given
/// that of `h[t]`, and `h[t]`.
fn rnn(problem: &Problem, activation: fn(f64) -> f64, back: fn(f64, f64) -> f64) -> Tensors<f64> {
    let (Shape { batch, time }, n) = (problem.shape, problem.d_hidden);
    let (mut output, mut d_h0) = (Vec::new(), Vec::new());
    let mut gradients = Gradients::zeros(problem);
    for row in 0..batch {
        let mut states = vec![problem.h0[row * n..][..n].to_vec()];
        for t in 0..time {
            let h: Vec<f64> = sums(problem, row, t, &states[t])
                .into_iter()
                .map(activation)
                .collect();
            output.extend(&h);
            states.push(h);
        }
        let mut d_h = vec![0.0; n];
        for t in (0..time).rev() {
            let d_sum = |j: usize| {
                let h = states[t + 1][j];
                back(d_h[j] + problem.d_output[(row * time + t) * n + j], h)
            };
            let d_sums: Vec<f64> = (0..n).map(d_sum).collect();
            d_h = gradients.back(problem, row, t, &states[t], &d_sums);
        }
        d_h0.extend(d_h);
    }
    gradients.tensors(output, d_h0)
}

/// ```text
/// r = σ(x[t]·Wxr + h[t-1]·Whr + br)   z = σ(x[t]·Wxz + h[t-1]·Whz + bz)
/// n = tanh(x[t]·Wxn + bn + r·(h[t-1]·Whn + bhn))
/// h[t] = (1 − z)·n + z·h[t-1]
/// ```
fn gru(problem: &Problem) -> Tensors<f64> {
    let (Shape { batch, time }, n) = (problem.shape, problem.d_hidden);
    let (d, width) = (problem.d_input, 3 * n);
    let b = |j: usize| problem.b.get(j).copied().unwrap_or(0.0);
    let of_input = |step: usize, j: usize| match &problem.input {
        Values::Tokens(tokens) => problem.wx[tokens[step] as usize * width + j],
        Values::Vectors(x) => (0..d)
            .map(|k| x[step * d + k] * problem.wx[k * width + j])
            .sum(),
    };
    let of_hidden = |h: &[f64], j: usize| -> f64 {
        let terms = h.iter().enumerate();
        terms.map(|(k, h)| h * problem.wh[k * width + j]).sum()
    };
    struct Step {
        before: Vec<f64>,
        r: Vec<f64>,
        z: Vec<f64>,
        n: Vec<f64>,
        /// `h[t-1]·Whn + bhn`
        m: Vec<f64>,
    }
    let (mut output, mut d_h0) = (Vec::new(), Vec::new());
    let mut gradients = Gradients::zeros(problem);
    for row in 0..batch {
        let mut h = problem.h0[row * n..][..n].to_vec();
        let mut steps = Vec::new();
        for t in 0..time {
            let step = row * time + t;
            let gate = |j| sigmoid(of_input(step, j) + of_hidden(&h, j) + b(j));
            let r: Vec<f64> = (0..n).map(gate).collect();
            let z: Vec<f64> = (n..2 * n).map(gate).collect();
            let m = |j| of_hidden(&h, 2 * n + j) + b(3 * n + j);
            let m: Vec<f64> = (0..n).map(m).collect();
            let candidate = |j: usize| {
                let j_n = 2 * n + j;
                (of_input(step, j_n) + b(j_n) + r[j] * m[j]).tanh()
            };
            let candidate: Vec<f64> = (0..n).map(candidate).collect();
            let before = h.clone();
            for j in 0..n {
                h[j] = (1.0 - z[j]) * candidate[j] + z[j] * h[j];
            }
            output.extend(&h);
            steps.push(Step {
                before,
                r,
                z,
                n: candidate,
                m,
            });
        }

        let mut d_h = vec![0.0; n];
        for (t, step) in steps.iter().enumerate().rev() {
            let at = row * time + t;
            let mut d_before = vec![0.0; n];
            for j in 0..n {
                let (r, z, candidate) = (step.r[j], step.z[j], step.n[j]);
                let d_h = d_h[j] + problem.d_output[at * n + j];
                d_before[j] += d_h * z;
                let d_n = d_h * (1.0 - z) * (1.0 - candidate * candidate);
                let d_r = d_n * step.m[j] * r * (1.0 - r);
                let d_z = d_h * (step.before[j] - candidate) * z * (1.0 - z);
                // The gradient of each column's sum over the input, and over the hidden state.
                let columns = [(j, d_r, d_r), (n + j, d_z, d_z), (2 * n + j, d_n, d_n * r)];
                for (column, d_input, d_hidden) in columns {
                    gradients.b[column] += d_input;
                    match &problem.input {
                        Values::Tokens(tokens) => {
                            gradients.wx[tokens[at] as usize * width + column] += d_input;
                        }
                        Values::Vectors(x) => {
                            for k in 0..d {
                                gradients.wx[k * width + column] += x[at * d + k] * d_input;
                                gradients.input[at * d + k] +=
                                    problem.wx[k * width + column] * d_input;
                            }
                        }
                    }
                    for (k, before) in step.before.iter().enumerate() {
                        gradients.wh[k * width + column] += before * d_hidden;
                        d_before[k] += problem.wh[k * width + column] * d_hidden;
                    }
                }
                gradients.b[3 * n + j] += d_n * r;
            }
            d_h = d_before;
        }
        d_h0.extend(d_h);
    }
    gradients.tensors(output, d_h0)
}
