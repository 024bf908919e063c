"""Golden values of every kind of network: PyTorch's nn.RNN, nn.LSTM and nn.GRU, and their gradients.

    pip install torch safetensors
    python tests/golden/sweep.py                # rewrites tests/golden/sweep_{f32,f64}.safetensors
    python tests/golden/sweep.py --all FOLDER   # writes every configuration to FOLDER, under those names

The committed files were made by torch 2.15.0+cu132 and safetensors 0.8.0 on a CPU (the files
themselves say so in their metadata). They hold 40 of the 480 configurations, see `COMMITTED`.

A case is named for its configuration, and a tensor is `<case>/<tensor>`, for example
`lstm_layers2_directions2_bias_projection3_lengths-unsorted_state/y`. The loss is

    ⟨y, d_y⟩ + ⟨h_n, d_h_n⟩ + ⟨c_n, d_c_n⟩

with random cotangents `d_y`, `d_h_n`, `d_c_n`; for every other tensor but `lengths`, `d_<tensor>` is its
gradient of that loss. Names and layouts are PyTorch's, with the batch first in `x` and `y`. From a
sequence's length on, `x` and `y` are 0, but `d_y` is not: there it must not matter.

A case is drawn from a seed of its own, its name, and so is the same in whichever file.
"""

import argparse
import random
from itertools import product
from pathlib import Path
from typing import NamedTuple

import safetensors
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

D_INPUT, D_HIDDEN, BATCH = 3, 5, 4
PRECISIONS = {"f32": torch.float32, "f64": torch.float64}
NETWORKS = {
    "rnn_tanh": (nn.RNN, {"nonlinearity": "tanh"}),
    "rnn_relu": (nn.RNN, {"nonlinearity": "relu"}),
    "lstm": (nn.LSTM, {}),
    "gru": (nn.GRU, {}),
}


class Shape(NamedTuple):
    layers: int
    directions: int
    bias: bool
    lengths: str
    state: bool


SHAPES = [
    Shape(*values)
    for values in product(
        (1, 2, 3), (1, 2), (True, False), ("none", "sorted", "unsorted", "ones"), (True, False)
    )
]

# Every two values of two columns meet in some row, but for layers with lengths.
COMMITTED = [
    Shape(1, 1, True, "none", False),
    Shape(2, 2, False, "none", True),
    Shape(1, 1, False, "unsorted", True),
    Shape(2, 2, True, "unsorted", False),
    Shape(3, 1, True, "sorted", True),
    Shape(3, 2, False, "sorted", False),
    Shape(2, 1, False, "ones", False),
    Shape(1, 2, True, "ones", True),
]


def case_name(network, projection, shape):
    name = f"{network}_layers{shape.layers}_directions{shape.directions}"
    name += "_bias" * shape.bias
    name += f"_projection{projection}" * (projection > 0)
    name += f"_lengths-{shape.lengths}" * (shape.lengths != "none")
    return name + "_state" * shape.state


def draw_lengths(kind, time):
    """A length for each sequence; the longest may be shorter than `time`."""
    if kind == "ones":
        lengths = [1, 1, time, *random.choices(range(1, time + 1), k=BATCH - 3)]
        random.shuffle(lengths)
    else:
        lengths = sorted(random.sample(range(1, time + 1), BATCH), reverse=True)
        descending = list(lengths)
        while kind == "unsorted" and lengths == descending:
            random.shuffle(lengths)
    return torch.tensor(lengths)


def run(layer, x, lengths, initial):
    """The layer's output and final states, over sequences of these lengths if there are any."""
    if lengths is None:
        return layer(x, initial)
    packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    packed, final = layer(packed, initial)
    y, _ = pad_packed_sequence(packed, batch_first=True, total_length=x.shape[1])
    return y, final


def case(network, projection, shape):
    """Inputs, outputs and gradients of one network on one batch of sequences."""
    module, options = NETWORKS[network]
    layer = module(
        D_INPUT,
        D_HIDDEN,
        shape.layers,
        bias=shape.bias,
        batch_first=True,
        bidirectional=shape.directions == 2,
        **options,
        **({"proj_size": projection} if projection else {}),
    )

    # Lengths differ from one another, so there must be room for them.
    time = random.choice((1, 4, 7) if shape.lengths == "none" else (4, 7))
    x = torch.randn(BATCH, time, D_INPUT)
    lengths = None
    if shape.lengths != "none":
        lengths = draw_lengths(shape.lengths, time)
        x[torch.arange(time) >= lengths[:, None]] = 0

    inputs = {"x": x}
    sizes = {"h": projection or D_HIDDEN} | ({"c": D_HIDDEN} if network == "lstm" else {})
    if shape.state:
        lines = shape.layers * shape.directions
        inputs |= {f"{s}_0": torch.randn(lines, BATCH, size) for s, size in sizes.items()}
    for tensor in inputs.values():
        tensor.requires_grad_()

    initial = tuple(inputs[f"{s}_0"] for s in sizes) if shape.state else None
    if shape.state and network != "lstm":
        [initial] = initial
    y, final = run(layer, x, lengths, initial)
    final = final if network == "lstm" else [final]
    outputs = {"y": y} | {f"{s}_n": f for s, f in zip(sizes, final)}

    cotangents = {f"d_{name}": torch.randn_like(o) for name, o in outputs.items()}
    torch.autograd.backward(list(outputs.values()), list(cotangents.values()))
    leaves = dict(layer.named_parameters()) | inputs
    gradients = {f"d_{name}": leaf.grad for name, leaf in leaves.items()}

    tensors = leaves | outputs | cotangents | gradients
    tensors |= {} if lengths is None else {"lengths": lengths}
    return {name: tensor.detach().contiguous() for name, tensor in tensors.items()}


def write(shapes, folder):
    """Writes every network's case of every shape, a file for each precision."""
    versions = f"torch {torch.__version__}, safetensors {safetensors.__version__}"
    print(versions)
    torch.set_num_threads(1)
    for precision, dtype in PRECISIONS.items():
        torch.set_default_dtype(dtype)
        file = {}
        for network, shape in product(NETWORKS, shapes):
            for projection in (0, 3) if network == "lstm" else (0,):
                name = case_name(network, projection, shape)
                random.seed(name)
                torch.manual_seed(random.getrandbits(32))
                tensors = case(network, projection, shape)
                file |= {f"{name}/{tensor}": value for tensor, value in tensors.items()}
        path = folder / f"sweep_{precision}.safetensors"
        save_file(file, path, metadata={"made_by": versions})
        print(f"{path.name}: {len(file)} tensors, {path.stat().st_size} bytes")


def main():
    parser = argparse.ArgumentParser(description="PyTorch's recurrent networks: golden values.")
    parser.add_argument(
        "--all",
        type=Path,
        metavar="FOLDER",
        help="write every configuration to FOLDER, not the committed ones beside this script",
    )
    folder = parser.parse_args().all
    if folder is None:
        write(COMMITTED, Path(__file__).parent)
    else:
        folder.mkdir(parents=True, exist_ok=True)
        write(SHAPES, folder)


if __name__ == "__main__":
    main()
