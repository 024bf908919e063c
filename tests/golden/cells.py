"""Golden values of the cells that PyTorch lacks: a second implementation, in NumPy, from the papers.

    pip install numpy safetensors
    python tests/golden/cells.py        # rewrites tests/golden/cells_f64.safetensors

The committed file was made by numpy 2.4.6 and safetensors 0.8.0 (the file itself says so in its
metadata). It holds outputs but no gradients.

It has every combination of cell, batch, time, bias and initial state, as `<case>/<tensor>`, for
example `peephole_lstm_batch3_time7_bias_state/y`. Vectors are rows: a cell's activations are
x·wx + h·wh + b, and the blocks of its gates stand side by side in the columns of `wx`, `wh` and `b`,
in the order in which its step unpacks them. A case without bias lacks `b` (but layer_norm_lstm keeps
`bias_c`); a case without state lacks `h_0` and `c_0`, and starts from 0.

A case is drawn from a seed of its own, its name. The sigmoid is σ.
"""

from itertools import product
from pathlib import Path
from typing import Callable, NamedTuple

import numpy as np
import safetensors
from safetensors.numpy import save_file

D, H, P = 3, 5, 3  # of the input, the hidden state and its projection
BATCHES, TIMES = (1, 3), (1, 7)
ε = 1e-5


def σ(a):
    return 1 / (1 + np.exp(-a))


def layer_norm(a):
    """Every row moved to mean 0 and scaled to variance 1, but for ε."""
    variance = a.var(axis=-1, keepdims=True)
    return (a - a.mean(axis=-1, keepdims=True)) / np.sqrt(variance + ε)


def blocks(a, count):
    return np.split(a, count, axis=-1)


# A step takes the weights, x[t] and the states at t - 1, and returns the states at t. The first state is
# the output.


# Cho et al. 2014, "Learning Phrase Representations using RNN Encoder–Decoder", eqs. 5–8.
def original_gru(w, x, h):
    x_r, x_z, x_n = blocks(x @ w["wx"] + w["b"], 3)
    u_r, u_z, u_n = blocks(w["wh"], 3)
    r = σ(x_r + h @ u_r)
    z = σ(x_z + h @ u_z)
    n = np.tanh(x_n + (r * h) @ u_n)
    return (z * h + (1 - z) * n,)


# Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000.
def lstm(w, x, h, c):
    i, f, g, o = blocks(x @ w["wx"] + h @ w["wh"] + w["b"], 4)
    c = σ(f) * c + σ(i) * np.tanh(g)
    return σ(o) * np.tanh(c), c


# Gers & Schmidhuber 2000, "Recurrent Nets that Time and Count", the forward pass: the input and forget
# gates see the old cell, the output gate sees the new one. Both squashing functions are tanh here.
def peephole_lstm(w, x, h, c):
    i, f, g, o = blocks(x @ w["wx"] + h @ w["wh"] + w["b"], 4)
    p_i, p_f, p_o = blocks(w["p"], 3)
    c_new = σ(f + p_f * c) * c + σ(i + p_i * c) * np.tanh(g)
    return σ(o + p_o * c_new) * np.tanh(c_new), c_new


# Greff et al. 2017, "LSTM: A Search Space Odyssey", the variant CIFG, without peepholes.
def coupled_lstm(w, x, h, c):
    f, g, o = blocks(x @ w["wx"] + h @ w["wh"] + w["b"], 3)
    f = σ(f)
    i = 1 - f
    c = f * c + i * np.tanh(g)
    return σ(o) * np.tanh(c), c


# Sak et al. 2014, "Long Short-Term Memory Based Recurrent Neural Network Architectures for Large
# Vocabulary Speech Recognition", eqs. 7–12, without peepholes. Their r is h here.
def projected_lstm(w, x, h, c):
    m, c = lstm(w, x, h, c)
    return m @ w["wr"], c


# Ba et al. 2016, "Layer Normalization", eqs. 20–22. The biases of eq. 20 add up to b.
def layer_norm_lstm(w, x, h, c):
    a_x = layer_norm(x @ w["wx"]) * w["gain_x"]
    a_h = layer_norm(h @ w["wh"]) * w["gain_h"]
    i, f, g, o = blocks(a_x + a_h + w["b"], 4)
    c = σ(f) * c + σ(i) * np.tanh(g)
    return σ(o) * np.tanh(layer_norm(c) * w["gain_c"] + w["bias_c"]), c


# Feng et al. 2024, "Were RNNs All We Needed?", section 3.1, minGRU.
def min_gru(w, x, h):
    z, candidate = blocks(x @ w["wx"] + w["b"], 2)
    z = σ(z)
    return ((1 - z) * h + z * candidate,)


# Feng et al. 2024, section 3.2, minLSTM, its gates normalised to add up to 1.
def min_lstm(w, x, h):
    f, i, candidate = blocks(x @ w["wx"] + w["b"], 3)
    f, i = σ(f), σ(i)
    return (f / (f + i) * h + i / (f + i) * candidate,)


# Krueger et al. 2017, "Zoneout", the LSTM; in evaluation, a mask is its expected value.
def zoneout_lstm(w, x, h, c):
    h_new, c_new = lstm(w, x, h, c)
    zoneout = lambda p, old, new: p * old + (1 - p) * new
    return zoneout(w["p_hidden"], h, h_new), zoneout(w["p_cell"], c, c_new)


class Cell(NamedTuple):
    step: Callable
    gates: int
    states: dict = {"h": H, "c": H}
    recurrent: bool = True
    # Shapes of further weights, and weights that are not random.
    weights: dict = {}
    fixed: dict = {}


CELLS = [
    Cell(original_gru, 3, states={"h": H}),
    Cell(peephole_lstm, 4, weights={"p": (3 * H,)}),
    Cell(coupled_lstm, 3),
    Cell(projected_lstm, 4, states={"h": P, "c": H}, weights={"wr": (H, P)}),
    Cell(
        layer_norm_lstm,
        4,
        weights={"gain_x": (4 * H,), "gain_h": (4 * H,), "gain_c": (H,), "bias_c": (H,)},
    ),
    Cell(min_gru, 2, states={"h": H}, recurrent=False),
    Cell(min_lstm, 3, states={"h": H}, recurrent=False),
    Cell(zoneout_lstm, 4, fixed={"p_hidden": np.array([0.15]), "p_cell": np.array([0.5])}),
]


def draw_weights(cell, bias, draw):
    """Weights of a standard deviation of 1/2: around 1 for gains, around 0 for the others."""
    shapes = {"wx": (D, cell.gates * H)}
    shapes |= {"wh": (cell.states["h"], cell.gates * H)} if cell.recurrent else {}
    shapes |= {"b": (cell.gates * H,)} if bias else {}
    shapes |= cell.weights
    weights = {n: n.startswith("gain") + draw(0, 0.5, shape) for n, shape in shapes.items()}
    return weights | cell.fixed


def run(step, weights, x, states):
    """The cell's output at every step and its final states."""
    weights = {"b": 0.0} | weights
    y = []
    for x_t in np.moveaxis(x, 1, 0):
        states = step(weights, x_t, *states)
        y.append(states[0])
    return np.stack(y, axis=1), states


def case(cell, batch, time, bias, state, draw):
    """Weights, inputs and outputs of one cell on one batch of sequences."""
    weights = draw_weights(cell, bias, draw)
    x = draw(size=(batch, time, D))
    initial = {
        f"{s}_0": draw(size=(batch, size)) if state else np.zeros((batch, size))
        for s, size in cell.states.items()
    }
    y, final = run(cell.step, weights, x, initial.values())
    outputs = {"y": y} | {f"{s}_T": value for s, value in zip(cell.states, final)}
    return weights | {"x": x} | (initial if state else {}) | outputs


def main():
    versions = f"numpy {np.__version__}, safetensors {safetensors.__version__}"
    print(versions)
    file = {}
    for cell, batch, time, bias, state in product(
        CELLS, BATCHES, TIMES, (True, False), (True, False)
    ):
        name = f"{cell.step.__name__}_batch{batch}_time{time}" + "_bias" * bias + "_state" * state
        draw = np.random.default_rng(list(name.encode())).normal
        tensors = case(cell, batch, time, bias, state, draw)
        file |= {f"{name}/{t}": np.ascontiguousarray(value) for t, value in tensors.items()}
    path = Path(__file__).with_name("cells_f64.safetensors")
    save_file(file, path, metadata={"made_by": versions})
    print(f"{path.name}: {len(file)} tensors, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
