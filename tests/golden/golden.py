"""Golden values: what PyTorch's nn.RNN and nn.LSTM compute, and their gradients.

    pip install torch safetensors
    python tests/golden/golden.py        # rewrites tests/golden/{rnn,lstm}_{f32,f64}.safetensors

The committed files were made by torch 2.15.0+cu132 and safetensors 0.8.0 on a CPU (the files
themselves say so in their metadata).

A file holds every combination of batch, time, bias and initial state, as
`<case>/<tensor>`, for example `batch3_time64_bias_state/y`. The loss is

    ⟨y, d_y⟩ + ⟨h_T, d_h_T⟩ + ⟨c_T, d_c_T⟩

with random cotangents `d_y`, `d_h_T`, `d_c_T`; for every other tensor, `d_<tensor>` is its gradient of
that loss. Names and layouts of the weights are PyTorch's.
"""

from itertools import product
from pathlib import Path

import safetensors
import torch
from safetensors.torch import save_file
from torch import nn

D_INPUT, D_HIDDEN = 3, 5
BATCHES, TIMES = (1, 3), (1, 7, 64)
PRECISIONS = {"f32": torch.float32, "f64": torch.float64}
NETWORKS = {"rnn": (nn.RNN, ["h"]), "lstm": (nn.LSTM, ["h", "c"])}
WEIGHTS = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]


def case(kind, batch, time, bias, state):
    """Inputs, outputs and gradients of one network on one batch of sequences."""
    network, states = NETWORKS[kind]
    layer = network(D_INPUT, D_HIDDEN, batch_first=True, bias=bias)
    weights = {name: getattr(layer, f"{name}_l0") for name in WEIGHTS[: 4 if bias else 2]}

    inputs = {"x": torch.randn(batch, time, D_INPUT)}
    if state:
        inputs |= {f"{s}_0": torch.randn(1, batch, D_HIDDEN) for s in states}
    for tensor in inputs.values():
        tensor.requires_grad_()

    initial = [inputs[f"{s}_0"] for s in states] if state else None
    if state and kind == "rnn":
        [initial] = initial
    y, final = layer(inputs["x"], initial)
    final = [final] if kind == "rnn" else final
    outputs = {"y": y} | {f"{s}_T": f for s, f in zip(states, final)}

    cotangents = {f"d_{name}": torch.randn_like(o) for name, o in outputs.items()}
    torch.autograd.backward(list(outputs.values()), list(cotangents.values()))
    leaves = weights | inputs
    gradients = {f"d_{name}": leaf.grad for name, leaf in leaves.items()}

    tensors = leaves | outputs | cotangents | gradients
    # States lose PyTorch's layer axis: [1, batch, d_hidden] -> [batch, d_hidden].
    is_state = lambda name: name.endswith(("_0", "_T"))
    return {n: (t[0] if is_state(n) else t).detach().contiguous() for n, t in tensors.items()}


def main():
    versions = f"torch {torch.__version__}, safetensors {safetensors.__version__}"
    print(versions)
    torch.set_num_threads(1)
    for kind, (precision, dtype) in product(NETWORKS, PRECISIONS.items()):
        torch.set_default_dtype(dtype)
        torch.manual_seed(20250728)
        file = {}
        for batch, time, bias, state in product(BATCHES, TIMES, (True, False), (True, False)):
            name = f"batch{batch}_time{time}" + "_bias" * bias + "_state" * state
            tensors = case(kind, batch, time, bias, state)
            file |= {f"{name}/{tensor}": value for tensor, value in tensors.items()}
        path = Path(__file__).with_name(f"{kind}_{precision}.safetensors")
        save_file(file, path, metadata={"made_by": versions})
        print(f"{path.name}: {len(file)} tensors, {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
