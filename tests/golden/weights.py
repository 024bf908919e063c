"""Small models of other frameworks, with inputs and outputs, for tests that load the models' files.

    pip install torch onnx onnxruntime onnxscript safetensors
    python tests/golden/weights.py pytorch FOLDER [--small]
    python tests/golden/weights.py onnx FOLDER [--small]

    # Each in an environment of its own; the versions of the second go with one another.
    pip install tensorflow-cpu safetensors
    python tests/golden/weights.py keras FOLDER [--small]
    pip install tensorflow-cpu==2.15.1 tf2onnx==1.16.1 "onnx<1.18" "numpy<2" onnxruntime safetensors
    python tests/golden/weights.py tf2onnx FOLDER [--small]

`tests/golden/weights/` holds what `--small` writes, from torch 2.15.0, onnx 1.23.2, onnxruntime 1.32.0
and onnxscript 0.7.2; Keras 3.15.1 on TensorFlow 2.21.0; tf2onnx 1.16.1 on TensorFlow 2.15.1 with onnx
1.17.0; and safetensors 0.8.0, on a CPU. A case is drawn from a seed of its own, its name. Written
again, only names differ: of storages in PyTorch's legacy format, and of what tf2onnx adds.

Every part writes the models' files, a `<case>.io.safetensors` for each, and `manifest.<part>.json`, a
list of cases: the network, `file`, `io`, and `prefix`, which the names of its weights in the file start
with. `d_hidden` is the width of the hidden state, and `d_cell` of the cell, which is another one only
with a projection. `gru_before` is the GRU that resets before the product. The io file has, in single
precision,

    x [batch, time, d_input]                    y [batch, time, directions · d_hidden]
    h [layers · directions, batch, d_hidden]    c [layers · directions, batch, d_cell], of an LSTM

the input, the recurrent network's own output and its final states, from states of 0, whatever the
layout of the model in the file. Weights of other precisions are rounded to it first. A model that has
a linear layer after the network has its output too, as `out`. The cases of manifest.charlm.json are
whole models, from `tokens` to `logits`.

The other direction, whether PyTorch and ONNX's runtime compute what we wrote; each takes a folder with
manifests too, prints how far the outputs are, and fails if one is further than 1e-5:

    python tests/golden/weights.py load_pytorch MANIFEST      # state dicts, as safetensors
    python tests/golden/weights.py run_onnx MODEL IO          # tensors of the model's inputs and outputs
"""

import argparse
import itertools
import json
import os
import random
import sys
from pathlib import Path
from typing import Callable, NamedTuple

import numpy as np
import safetensors.numpy

try:
    import safetensors.torch
    import torch
    from torch import nn
except ImportError:  # The parts of Keras do without.
    torch = None

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's: errors only

D_INPUT, D_HIDDEN, PROJECTION, TIME, BATCH = 3, 4, 2, 5, 2
VOCAB, D_EMBEDDING = 11, 3


class Network(NamedTuple):
    cell: str
    layers: int = 1
    directions: int = 1
    bias: bool = True
    projection: int = 0
    form: str = "stack"

    @property
    def name(self):
        if self.form == "cell":
            return f"{self.cell}_cell" + "_bias" * self.bias
        name = f"{self.cell}_layers{self.layers}_directions{self.directions}"
        return name + "_bias" * self.bias + f"_projection{self.projection}" * (self.projection > 0)

    def record(self):
        """What a manifest says of this network."""
        return {
            "cell": self.cell,
            "form": self.form,
            "n_layers": self.layers,
            "bidirectional": self.directions == 2,
            "bias": self.bias,
            "d_input": D_INPUT,
            "d_hidden": self.projection or D_HIDDEN,
            "d_cell": D_HIDDEN,
        }


STACKS = [
    Network(cell, *shape)
    for cell in ("rnn_tanh", "rnn_relu", "lstm", "gru")
    for shape in itertools.product((1, 2, 3), (1, 2), (True, False))
]


def seed(name):
    """Makes what follows the case's own: the same in whichever set, and after whichever case."""
    random.seed(name)
    torch_seed, numpy_seed = random.getrandbits(32), random.getrandbits(32)
    np.random.seed(numpy_seed)
    if torch:
        torch.manual_seed(torch_seed)


def write_io(folder, name, tensors):
    tensors = {n: np.ascontiguousarray(t) for n, t in tensors.items()}
    safetensors.numpy.save_file(tensors, folder / f"{name}.io.safetensors")
    return f"{name}.io.safetensors"


def write_manifest(folder, part, records):
    records = [json.dumps(record, ensure_ascii=False) for record in records]
    text = "[\n" + ",\n".join(records) + "\n]\n"
    (folder / f"manifest.{part}.json").write_text(text, encoding="utf-8")
    print(f"manifest.{part}.json: {len(records)} cases")


# PyTorch

MODULES = {
    "rnn_tanh": ("RNN", {"nonlinearity": "tanh"}),
    "rnn_relu": ("RNN", {"nonlinearity": "relu"}),
    "lstm": ("LSTM", {}),
    "gru": ("GRU", {}),
}


def torch_module(network, d_input=D_INPUT, d_cell=D_HIDDEN, batch_first=True, dtype=None):
    module, options = MODULES[network.cell]
    if network.form == "cell":
        cell = getattr(nn, f"{module}Cell")
        return cell(d_input, d_cell, bias=network.bias, dtype=dtype, **options)
    return getattr(nn, module)(
        d_input,
        d_cell,
        network.layers,
        bias=network.bias,
        bidirectional=network.directions == 2,
        batch_first=batch_first,
        dtype=dtype,
        **options,
        **({"proj_size": network.projection} if network.projection else {}),
    )


def torch_outputs(network, module, x):
    """`y` and the final states, as an io file has them, of a module that takes the batch first."""
    with torch.no_grad():
        if network.form == "stack":
            y, states = module(x)
        else:
            y, states = [], None
            for x_t in x.unbind(1):
                states = module(x_t, states)
                y.append(states[0] if network.cell == "lstm" else states)
            y = torch.stack(y, 1)
    states = states if network.cell == "lstm" else (states,)
    states = [state if network.form == "stack" else state[None] for state in states]
    return {"y": y} | dict(zip("hc", states))


# How people keep a recurrent network: each of these takes one, and returns what is saved and the
# prefix of the network's names in it.


def plain(rnn):
    return rnn.state_dict(), ""


def parameters(rnn):
    return dict(rnn.named_parameters()), ""


def inside(rnn):
    """A model of more: its normalisation has a buffer of integers, `num_batches_tracked`."""
    return nn.ModuleDict(
        {
            "embedding": nn.Embedding(VOCAB, D_INPUT),
            "norm": nn.BatchNorm1d(D_INPUT),
            "encoder": nn.ModuleDict({"rnn": rnn}),
            "head": nn.Linear(D_HIDDEN, VOCAB),
        }
    )


def larger(rnn):
    return inside(rnn).state_dict(), "encoder.rnn."


def data_parallel(rnn):
    return nn.DataParallel(rnn).state_dict(), "module."


def adam(model):
    """The state of Adam after one step, taken here."""
    optimizer = torch.optim.Adam(model.parameters())
    for parameter in model.parameters():
        parameter.grad = torch.randn_like(parameter)
    optimizer.step()
    return optimizer.state_dict()


def checkpoint(rnn):
    optimizer = adam(rnn)
    return {"epoch": 7, "state_dict": rnn.state_dict(), "optimizer": optimizer}, ""


def checkpoint_larger(rnn):
    model = inside(rnn)
    optimizer = adam(model)
    return {
        "args": {"lr": 0.001, "data": "text"},
        "best_loss": 1.5,
        "model_state_dict": model.state_dict(),
        "optimizer_state_dict": optimizer,
    }, "encoder.rnn."


def lightning(rnn):
    model = nn.ModuleDict({"model": nn.ModuleDict({"rnn": rnn})})
    return {
        "epoch": 3,
        "global_step": 1200,
        "pytorch-lightning_version": "2.4.0",
        "state_dict": model.state_dict(),
        "optimizer_states": [adam(model)],
        "lr_schedulers": [],
        "hyper_parameters": {"d_hidden": D_HIDDEN, "dropout": None, "bidirectional": False},
    }, "model.rnn."


def transposed(rnn):
    """Matrices as transposed views."""
    return {n: t.t().contiguous().t() for n, t in rnn.state_dict().items()}, ""


def sliced(rnn):
    """Views of every other element of each row."""
    return {n: t.repeat_interleave(2, -1)[..., ::2] for n, t in rnn.state_dict().items()}, ""


def shared(rnn):
    """Views, at their offsets, of one storage for all."""
    weights = rnn.state_dict()
    flat = torch.cat([t.flatten() for t in weights.values()])
    parts = flat.split([t.numel() for t in weights.values()])
    return {n: part.view(t.shape) for part, (n, t) in zip(parts, weights.items())}, ""


def save(saved, writer, folder, name):
    """Writes the file of a case, and returns its name."""
    if writer == "safetensors":
        file = f"{name}.safetensors"
        safetensors.torch.save_file(saved, folder / file)
    else:
        file = f"{name}.pt"
        legacy = writer == "torch.save legacy"
        torch.save(saved, folder / file, _use_new_zipfile_serialization=not legacy)
    return file


FORMS = [
    ("safetensors", plain),
    ("torch.save", plain),
    ("safetensors", larger),
    ("torch.save", checkpoint),
    ("torch.save", checkpoint_larger),
    ("safetensors", data_parallel),
    ("torch.save", data_parallel),
    ("torch.save legacy", plain),
    ("torch.save", transposed),
    ("torch.save", sliced),
    ("torch.save", shared),
    ("torch.save", parameters),
    ("torch.save", lightning),
]

DTYPES = {"f32": "float32", "f16": "float16", "bf16": "bfloat16", "f64": "float64"}


class Saved(NamedTuple):
    network: Network
    writer: str
    keep: Callable
    dtype: str = "f32"


PROJECTED = [net._replace(projection=PROJECTION) for net in STACKS if net.cell == "lstm"]
CELLS = [Network(cell, 1, 1, bias, 0, "cell") for cell in MODULES for bias in (True, False)]
TWO_LAYERS = [Network(cell, 2, 2) for cell in MODULES]

SAVED = [
    *(Saved(net, *form) for net, form in zip(STACKS + PROJECTED + CELLS, itertools.cycle(FORMS))),
    *(
        Saved(net, *form, dtype)
        for net in TWO_LAYERS
        for form in FORMS[:2]
        for dtype in DTYPES
        if dtype != "f32"
    ),
    *(
        Saved(net, "torch.save legacy", keep)
        for net in TWO_LAYERS[2:]
        for keep in (checkpoint_larger, transposed, sliced, shared)
    ),
]

SAVED_SMALL = [
    Saved(Network("lstm", 2, 2), "safetensors", plain),
    Saved(Network("gru"), "torch.save legacy", shared),
    Saved(Network("rnn_relu", bias=False), "torch.save", transposed, "bf16"),
    Saved(Network("lstm", projection=PROJECTION), "safetensors", data_parallel, "f16"),
    Saved(Network("lstm", form="cell"), "torch.save", parameters),
    Saved(Network("rnn_tanh", bias=False), "torch.save", lightning),
]


def pytorch(folder, small):
    records = []
    for network, writer, keep, dtype in SAVED_SMALL if small else SAVED:
        name = "_".join(["pytorch", network.name, keep.__name__, *writer.split()[1:], dtype])
        seed(name)
        module = torch_module(network, dtype=getattr(torch, DTYPES[dtype]))
        saved, prefix = keep(module)
        file = save(saved, writer, folder, name)

        # The reference: these weights, as the file rounds them, in single precision.
        x = torch.randn(BATCH, TIME, D_INPUT)
        outputs = torch_outputs(network, module.float(), x)
        records.append(
            {
                "name": name,
                "file": file,
                "io": write_io(folder, name, {"x": x} | outputs),
                "prefix": prefix,
                **network.record(),
                "dtype": dtype,
                "writer": f"{writer}, {keep.__name__}",
            }
        )
    write_manifest(folder, "pytorch", records)
    character_models(folder, small)


class CharacterModel(NamedTuple):
    """The names of its embedding, its recurrent network and its linear layer; a `tied` model has one
    matrix for the first and the last."""

    names: tuple[str, str, str]
    network: Network
    writer: str
    tied: bool = False


CHARACTER_MODELS = [
    CharacterModel(("embedding", "rnn", "head"), Network("gru", 2), "safetensors"),
    # These names are those of PyTorch's example word_language_model.
    CharacterModel(("encoder", "rnn", "decoder"), Network("lstm", 2), "torch.save"),
    CharacterModel(("embed", "lstm", "fc"), Network("lstm"), "torch.save legacy"),
    CharacterModel(("emb", "gru", "out"), Network("gru", bias=False), "torch.save"),
    CharacterModel(("encoder", "rnn", "decoder"), Network("rnn_tanh"), "torch.save", tied=True),
]


def character_models(folder, small):
    records = []
    for names, network, writer, tied in CHARACTER_MODELS[: 2 if small else None]:
        name = "_".join(["charlm", *names, network.name]) + "_tied" * tied
        seed(name)
        d_embedding = D_HIDDEN if tied else D_EMBEDDING
        embedding = nn.Embedding(VOCAB, d_embedding)
        rnn = torch_module(network, d_input=d_embedding)
        head = nn.Linear(D_HIDDEN, VOCAB)
        if tied:
            head.weight = embedding.weight
        model = nn.ModuleDict(zip(names, (embedding, rnn, head)))
        file = save(model.state_dict(), writer, folder, name)

        tokens = torch.randint(VOCAB, (BATCH, TIME))
        with torch.no_grad():
            logits = head(rnn(embedding(tokens))[0])
        records.append(
            {
                "name": name,
                "file": file,
                "io": write_io(folder, name, {"tokens": tokens, "logits": logits}),
                **dict(zip(("embedding", "recurrent", "linear"), names)),
                "prefix": f"{names[1]}.",
                "tied": tied,
                "vocab": VOCAB,
                **network.record(),
                "d_input": d_embedding,
                "dtype": "f32",
                "writer": writer,
            }
        )
    write_manifest(folder, "charlm", records)


# ONNX, as PyTorch exports it and as built by hand


class Exported(NamedTuple):
    """How a network is exported: by itself, with its states, or with a `linear` layer after it."""

    network: Network
    exporter: str
    opset: int
    batch_first: bool = True
    linear: bool = False
    dynamic: bool = False
    external: bool = False
    options: dict = {}

    @property
    def name(self):
        name = f"onnx_{self.exporter}_{self.network.name}_opset{self.opset}"
        for flag in ("batch_first", "linear", "dynamic", "external"):
            name += f"_{flag}" * getattr(self, flag)
        return name + "".join(f"_{option}" for option in self.options)


LAYOUTS = [
    {"batch_first": True},
    {"batch_first": False, "linear": True},
    {"batch_first": True, "linear": True, "dynamic": True},
    {"batch_first": False, "dynamic": True},
    {"batch_first": True, "linear": True},
]
EXPORTED = [
    *(
        Exported(net, exporter, opset, **layout)
        for exporter, first_opset in (("legacy", 14), ("dynamo", 18))
        for net, opset, layout in zip(
            # The new exporter spells out the steps of nn.RNN.
            [net for net in STACKS if exporter == "legacy" or net.cell in ("lstm", "gru")],
            itertools.cycle(range(first_opset, 21)),
            itertools.cycle(LAYOUTS),
        )
    ),
    Exported(Network("lstm", 2), "legacy", 17, external=True),
    Exported(Network("gru", 2, 2), "dynamo", 18, external=True),
    Exported(Network("lstm", 1, 2), "legacy", 17, options={"do_constant_folding": False}),
    Exported(Network("gru", 2), "legacy", 17, options={"do_constant_folding": False}),
    Exported(Network("rnn_tanh"), "legacy", 14, options={"keep_initializers_as_inputs": True}),
    Exported(Network("rnn_tanh", 2), "dynamo", 18),
]
EXPORTED_SMALL = [
    Exported(Network("lstm", 2, 2), "legacy", 17, linear=True),
    Exported(Network("gru"), "dynamo", 18),
]


def export(case, rnn, head, x, path):
    import onnx

    class WithLinear(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.head = rnn, head

        def forward(self, x):
            return self.head(self.rnn(x)[0])

    model = WithLinear() if case.linear else rnn
    axes = {0: "batch", 1: "time"} if case.batch_first else {0: "time", 1: "batch"}
    options = {"opset_version": case.opset, "input_names": ["x"], **case.options}
    if case.exporter == "legacy":
        if case.dynamic:
            options["dynamic_axes"] = {"x": axes}
        torch.onnx.export(model, (x,), path, dynamo=False, **options)
    else:
        if case.dynamic:
            axes = {axis: torch.export.Dim(name, min=1, max=1024) for axis, name in axes.items()}
            options["dynamic_shapes"] = (axes,) if case.linear else (axes, None)
        inputs = (x,) if case.linear or not case.dynamic else (x, None)
        options |= {"external_data": case.external, "verbose": False}
        torch.onnx.export(model, inputs, path, dynamo=True, **options)

    # Stack traces hold paths of the machine that wrote the file.
    file = onnx.load(path, load_external_data=not case.external)
    for node in file.graph.node:
        for entry in [entry for entry in node.metadata_props if "stack_trace" in entry.key]:
            node.metadata_props.remove(entry)
    if case.external and case.exporter == "legacy":
        external = {"location": f"{path.name}.data", "size_threshold": 0}
        onnx.save(file, path, save_as_external_data=True, **external)
    else:
        onnx.save(file, path)


def recurrent_nodes(model):
    """The names of the model's recurrent nodes, in order."""
    return [node.name for node in model.graph.node if node.op_type in ("RNN", "LSTM", "GRU")]


def run_model(path, inputs):
    """The model's outputs, in order, and who computed them: what the runtime lacks, ONNX itself."""
    import onnxruntime
    from onnx.reference import ReferenceEvaluator

    onnxruntime.set_default_logger_severity(4)
    errors = onnxruntime.capi.onnxruntime_pybind11_state
    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        return session.run(None, inputs), "onnxruntime"
    except (errors.NotImplemented, errors.Fail, errors.RuntimeException):
        return ReferenceEvaluator(str(path)).run(None, inputs), "onnx.reference"


def check(name, outputs, expected, tolerance=1e-5):
    for output, value in zip(outputs, expected):
        assert output.shape == value.shape, (name, output.shape, value.shape)
        difference = np.abs(output.astype(np.float32) - np.asarray(value)).max()
        assert difference < tolerance, (name, difference)


def onnx_exported(case, folder):
    import onnx

    network = case.network
    seed(case.name)
    rnn = torch_module(network).eval()
    head = nn.Linear(network.directions * D_HIDDEN, VOCAB)
    x = torch.randn(BATCH, TIME, D_INPUT)
    outputs = torch_outputs(network, rnn, x)
    out = {"out": head(outputs["y"]).detach()} if case.linear else {}

    own = lambda tensor: tensor if case.batch_first else tensor.transpose(0, 1)
    rnn.batch_first = case.batch_first
    file = f"{case.name}.onnx"
    export(case, rnn, head, own(x), folder / file)
    results, checked_by = run_model(folder / file, {"x": own(x).numpy()})
    expected = [own(out["out"])] if case.linear else [own(outputs["y"]), outputs["h"], outputs.get("c")]
    check(case.name, results, expected)
    return {
        "name": case.name,
        "file": file,
        "io": write_io(folder, case.name, {"x": x} | outputs | out),
        "prefix": "",
        **network.record(),
        "dtype": "f32",
        "writer": f"torch.onnx {case.exporter}",
        "opset": case.opset,
        "batch_first": case.batch_first,
        "nodes": recurrent_nodes(onnx.load(folder / file, load_external_data=False)),
        "checked_by": checked_by,
    }


# How a model built by hand keeps a weight: each of these takes its name and value, and returns the
# initializers and the nodes that make it.


def raw(name, value):
    from onnx import numpy_helper

    return [numpy_helper.from_array(value, name)], []


def typed(name, value):
    """In a field of the tensor's own type, `float_data`, `double_data` or `int32_data`."""
    from onnx import helper

    data_type = helper.np_dtype_to_tensor_dtype(value.dtype)
    return [helper.make_tensor(name, data_type, value.shape, value.flatten())], []


def constant(name, value):
    from onnx import helper

    [tensor], _ = raw(name, value)
    return [], [helper.make_node("Constant", [], [name], value=tensor)]


def identity(name, value):
    from onnx import helper

    return raw(f"{name}_stored", value)[0], [helper.make_node("Identity", [f"{name}_stored"], [name])]


def cast(name, value):
    """In half precision, before a cast to single precision."""
    from onnx import TensorProto, helper

    node = helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT)
    return raw(f"{name}_half", value.astype(np.float16))[0], [node]


class ByHand(NamedTuple):
    network: Network
    keep: Callable
    dtype: str = "f32"
    layout: int = 0
    peepholes: bool = False
    reverse: bool = False

    @property
    def name(self):
        name = f"onnx_hand_{self.network.name}_{self.keep.__name__}_{self.dtype}"
        name += "_layout1" * self.layout
        return name + "_peepholes" * self.peepholes + "_reverse" * self.reverse


BY_HAND = [
    ByHand(Network("lstm"), raw, layout=1),
    ByHand(Network("gru", directions=2), raw, layout=1),
    ByHand(Network("lstm", directions=2), typed),
    ByHand(Network("rnn_relu", directions=2), typed),
    ByHand(Network("gru"), constant),
    ByHand(Network("lstm", bias=False), constant),
    ByHand(Network("lstm"), identity),
    ByHand(Network("gru", directions=2, bias=False), identity),
    ByHand(Network("lstm", directions=2), cast, "f16"),
    ByHand(Network("rnn_tanh"), raw, "f16"),
    ByHand(Network("gru"), typed, "f16"),
    ByHand(Network("lstm"), raw, "f64"),
    ByHand(Network("gru", directions=2), typed, "f64"),
    ByHand(Network("gru_before"), raw),
    ByHand(Network("gru_before", directions=2), typed),
    ByHand(Network("gru_before", bias=False), identity),
    ByHand(Network("lstm"), raw, peepholes=True),
    ByHand(Network("lstm", directions=2), raw, peepholes=True),
    ByHand(Network("lstm"), raw, reverse=True),
]
BY_HAND_SMALL = [
    ByHand(Network("gru_before", directions=2), identity),
    ByHand(Network("rnn_relu"), typed, "f16"),
]

# ONNX's order of gates, as places in PyTorch's.
GATES = {"rnn_tanh": [0], "rnn_relu": [0], "lstm": [0, 3, 1, 2], "gru": [1, 0, 2]}


def onnx_weights(network, module):
    """`W`, `R` and, with bias, `B` of a PyTorch module of one layer."""

    def stacked(weight):
        directions = []
        for end in ("", "_reverse")[: network.directions]:
            blocks = getattr(module, f"{weight}_l0{end}").detach().chunk(len(GATES[network.cell]))
            directions.append(torch.cat([blocks[gate] for gate in GATES[network.cell]]))
        return torch.stack(directions).numpy()

    weights = {"W": stacked("weight_ih"), "R": stacked("weight_hh")}
    if network.bias:
        weights["B"] = np.concatenate([stacked("bias_ih"), stacked("bias_hh")], axis=1)
    return weights


def onnx_by_hand(case, folder):
    import onnx
    from onnx import helper

    network = case.network
    seed(case.name)
    # A GRU that resets before the product has the same weights as one that resets after it.
    after = network._replace(cell=network.cell.removesuffix("_before"))
    module = torch_module(after).eval()
    dtype = np.dtype(DTYPES[case.dtype])
    weights = {n: w.astype(dtype) for n, w in onnx_weights(after, module).items()}
    if case.peepholes:
        weights["P"] = np.random.uniform(-0.5, 0.5, (network.directions, 3 * D_HIDDEN)).astype(dtype)

    initializers, nodes = [], []
    for weight, value in weights.items():
        initializer, node = case.keep(weight, value)
        initializers += initializer
        nodes += node
    inputs = ["x", "W", "R", "B" * network.bias] + ["", "", "", "P"] * case.peepholes
    states = ["Y_h", "Y_c"][: 2 if network.cell == "lstm" else 1]
    direction = "bidirectional" if network.directions == 2 else "reverse" if case.reverse else "forward"
    attributes = {"hidden_size": D_HIDDEN, "direction": direction}
    attributes |= {"layout": 1} if case.layout else {}
    attributes |= {"linear_before_reset": 1} if network.cell == "gru" else {}
    attributes |= {"activations": ["Relu"] * network.directions} if network.cell == "rnn_relu" else {}
    operator = MODULES[after.cell][0]
    nodes.append(helper.make_node(operator, inputs, ["Y", *states], "recurrent", **attributes))
    tensor = helper.np_dtype_to_tensor_dtype(np.dtype("float32") if case.keep is cast else dtype)
    graph = helper.make_graph(
        nodes,
        case.name,
        [helper.make_tensor_value_info("x", tensor, [None, None, D_INPUT])],
        [
            helper.make_tensor_value_info(output, tensor, [None] * rank)
            for output, rank in (("Y", 4), ("Y_h", 3), ("Y_c", 3))[: 1 + len(states)]
        ],
        initializers,
    )
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8, producer_name="by hand")
    onnx.checker.check_model(model)
    file = f"{case.name}.onnx"
    onnx.save(model, folder / file)

    x = torch.randn(BATCH, TIME, D_INPUT)
    own = x if case.layout else x.transpose(0, 1)
    dtype_x = helper.tensor_dtype_to_np_dtype(tensor)
    (y, *final), checked_by = run_model(folder / file, {"x": own.numpy().astype(dtype_x)})
    y = y if case.layout else y.transpose(2, 0, 1, 3)
    final = [state.swapaxes(0, 1) if case.layout else state for state in final]
    results = {"y": y.reshape(BATCH, TIME, -1)} | dict(zip("hc", final))
    reference = "PyTorch"
    if case.peepholes or network.cell == "gru_before":
        outputs, reference = results, checked_by
    else:
        flip = lambda tensor: tensor.flip(1) if case.reverse else tensor
        rounded = module.to(getattr(torch, DTYPES[case.dtype])).float()
        outputs = torch_outputs(network, rounded, flip(x))
        outputs["y"] = flip(outputs["y"])
        tolerance = 1e-5 if dtype_x.itemsize > 2 else 3e-3
        check(case.name, results.values(), outputs.values(), tolerance)
    return {
        "name": case.name,
        "file": file,
        "io": write_io(folder, case.name, {"x": x} | outputs),
        "prefix": "",
        **network.record(),
        "dtype": case.dtype,
        "writer": f"onnx.helper, {case.keep.__name__}",
        "opset": 17,
        "layout": case.layout,
        "peepholes": case.peepholes,
        "reverse": case.reverse,
        "nodes": recurrent_nodes(model),
        "reference": reference,
        "checked_by": checked_by,
    }


def write_onnx_manifests(folder, part, records):
    """Models without a recurrent node, which spell out its steps or are a Loop, have a manifest of
    their own."""
    write_manifest(folder, part, [record for record in records if record["nodes"]])
    unrolled = [record for record in records if not record["nodes"]]
    if unrolled:
        write_manifest(folder, f"{part}_unrolled", unrolled)


def onnx_(folder, small):
    records = [onnx_exported(case, folder) for case in (EXPORTED_SMALL if small else EXPORTED)]
    records += [onnx_by_hand(case, folder) for case in (BY_HAND_SMALL if small else BY_HAND)]
    write_onnx_manifests(folder, "onnx", records)


# Keras, as arrays and, through tf2onnx, as ONNX


class Kept(NamedTuple):
    network: Network
    keep: str
    named: bool = False


KERAS_LAYERS = {
    "rnn_tanh": ("SimpleRNN", {}),
    "rnn_relu": ("SimpleRNN", {"activation": "relu"}),
    "lstm": ("LSTM", {}),
    "gru": ("GRU", {"reset_after": True}),
    "gru_before": ("GRU", {"reset_after": False}),
}
KEEPS = [
    ("paths", False),
    ("paths", True),
    ("paths_compressed", False),
    ("paths", False),
    ("in_order", False),
]
KEPT = [
    Kept(Network(cell, layers, directions, bias), *keep)
    for (cell, (layers, directions, bias)), keep in zip(
        itertools.product(
            KERAS_LAYERS, [(1, 1, True), (1, 2, True), (2, 1, False), (2, 2, True)]
        ),
        itertools.cycle(KEEPS),
    )
]
KEPT_SMALL = [
    Kept(Network("lstm", 2, 2), "paths", named=True),
    Kept(Network("gru"), "paths_compressed"),
    Kept(Network("gru_before"), "in_order"),
]


def keras_model(network, named=False, dense=False):
    """A model whose weights are all random (Keras starts biases at 0), with layers that we or it named."""
    import keras

    keras.backend.clear_session()
    layer, options = KERAS_LAYERS[network.cell]
    layers = [keras.Input((TIME, D_INPUT))]
    for i in range(network.layers):
        name = {"name": f"encoder_{i}"} if named else {}
        inner = {} if network.directions == 2 else name
        one = getattr(keras.layers, layer)(
            D_HIDDEN, return_sequences=True, use_bias=network.bias, **options, **inner
        )
        layers.append(keras.layers.Bidirectional(one, **name) if network.directions == 2 else one)
    layers += [keras.layers.Dense(VOCAB)] if dense else []
    model = keras.Sequential(layers, **({"name": "tagger"} if named else {}))
    model.set_weights([np.random.normal(0, 0.5, w.shape) for w in model.get_weights()])
    return model


def keras_outputs(network, model, x):
    """As `torch_outputs`; from here on the model's layers return their states too."""
    y, states = x, []
    for layer in model.layers[: network.layers]:
        parts = [getattr(layer, part, layer) for part in ("forward_layer", "backward_layer")]
        for part in (layer, *parts):
            part.return_state = True
        y, *final = layer(y)
        states += [np.asarray(state) for state in final]
    count = 2 if network.cell == "lstm" else 1
    return {"y": np.asarray(y)} | {s: np.stack(states[i::count]) for i, s in enumerate("hc"[:count])}


def keras_(folder, small):
    records = []
    for network, keep, named in KEPT_SMALL if small else KEPT:
        name = f"keras_{network.name}_{keep}" + "_named" * named
        seed(name)
        model = keras_model(network, named, dense=named)
        file = f"{name}.npz"
        if keep == "in_order":
            np.savez(folder / file, *model.get_weights())
            layers = []
        else:
            write = np.savez_compressed if keep == "paths_compressed" else np.savez
            write(folder / file, **{v.path: np.asarray(v.numpy()) for v in model.variables})
            layers = [layer.path for layer in model.layers[: network.layers]]
        x = np.random.normal(size=(BATCH, TIME, D_INPUT)).astype(np.float32)
        records.append(
            {
                "name": name,
                "file": file,
                "io": write_io(folder, name, {"x": x} | keras_outputs(network, model, x)),
                "prefix": layers[0] if layers else "",
                "layers": layers,
                **network.record(),
                "dtype": "f32",
                "writer": f"keras npz, {keep}",
            }
        )
    write_manifest(folder, "keras", records)


THROUGH_TF2ONNX = [
    *(net for net in STACKS if net.layers < 3 and net.cell in ("lstm", "gru")),
    Network("gru_before"),
    Network("rnn_tanh"),
]
THROUGH_TF2ONNX_SMALL = [Network("gru", directions=2)]


def tf2onnx_(folder, small):
    import keras

    records = []
    version = f"keras{keras.__version__.split('.')[0]}"
    opsets = itertools.cycle(range(14, 19))
    # After a dense layer or not, and for batches of any size or of this one.
    shapes = itertools.cycle([(False, None), (True, None), (False, BATCH)])
    networks = THROUGH_TF2ONNX_SMALL if small else THROUGH_TF2ONNX
    for network, opset, (dense, batch) in zip(networks, opsets, shapes):
        name = f"tf2onnx_{version}_{network.name}_opset{opset}" + "_dense" * dense
        seed(name)
        model = keras_model(network, dense=dense)
        import tensorflow
        import tf2onnx

        x = np.random.normal(size=(BATCH, TIME, D_INPUT)).astype(np.float32)
        signature = [tensorflow.TensorSpec((batch, TIME, D_INPUT), tensorflow.float32, name="x")]
        function = tensorflow.function(lambda x: model(x, training=False), input_signature=signature)
        file = f"{name}.onnx"
        proto, _ = tf2onnx.convert.from_function(
            function, signature, opset=opset, output_path=str(folder / file)
        )
        out = np.asarray(model(x))
        outputs = keras_outputs(network, model, x)
        results, checked_by = run_model(folder / file, {"x": x})
        check(name, results, [out])
        records.append(
            {
                "name": name,
                "file": file,
                "io": write_io(folder, name, {"x": x} | outputs | ({"out": out} if dense else {})),
                "prefix": "",
                **network.record(),
                "dtype": "f32",
                "writer": "tf2onnx",
                "opset": opset,
                "batch_first": True,
                "nodes": recurrent_nodes(proto),
                "checked_by": checked_by,
            }
        )
    write_onnx_manifests(folder, f"tf2onnx_{version}", records)


# The other direction: files that we wrote, in these frameworks


def cases(path):
    """The cases of a manifest, or of every manifest in a folder, each with the folder of its files."""
    manifests = sorted(path.glob("manifest*.json")) if path.is_dir() else [path]
    for manifest in manifests:
        found = json.loads(manifest.read_text(encoding="utf-8"))
        for case in found if isinstance(found, list) else [found]:
            yield manifest.parent, case


def compare(name, outputs, io):
    """Prints how far each output is from the tensor of its name, and returns whether all are near."""
    expected = {output: io[output] for output in outputs if output in io}
    assert expected, f"{name}: none of {list(outputs)} is in the io file"
    near = True
    for output, value in expected.items():
        same = outputs[output].shape == value.shape
        difference = np.abs(outputs[output] - value).max() if same else np.inf
        print(f"{name}: {output} {list(outputs[output].shape)}, max abs difference {difference:.1e}")
        near &= bool(difference <= 1e-5)
    return near


def run_onnx(path, io_path):
    import onnxruntime

    if path.suffix == ".onnx":
        models = [(path, io_path)]
    else:
        models = [(folder / case["file"], folder / case["io"]) for folder, case in cases(path)]
    near = []
    for model, io in models:
        io = safetensors.numpy.load_file(io)
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        results = session.run(None, {i.name: io[i.name] for i in session.get_inputs()})
        outputs = dict(zip((output.name for output in session.get_outputs()), results))
        near.append(compare(model.stem, outputs, io))
    return near


def load_pytorch(path, _):
    near = []
    for folder, case in cases(path):
        projection = case["d_hidden"] if case["d_hidden"] != case["d_cell"] else 0
        directions = 2 if case["bidirectional"] else 1
        network = Network(
            case["cell"], case["n_layers"], directions, case["bias"], projection, case["form"]
        )
        module = torch_module(network, case["d_input"], case["d_cell"])
        weights = safetensors.torch.load_file(folder / case["file"])
        prefix = case["prefix"]
        own = {n.removeprefix(prefix): w for n, w in weights.items() if n.startswith(prefix)}
        module.load_state_dict(own, strict=True)
        io = safetensors.torch.load_file(folder / case["io"])
        outputs = torch_outputs(network, module, io["x"])
        numpy = lambda tensors: {n: tensor.numpy() for n, tensor in tensors.items()}
        near.append(compare(case["name"], numpy(outputs), numpy(io)))
    return near


PARTS = {"pytorch": pytorch, "onnx": onnx_, "tf2onnx": tf2onnx_, "keras": keras_}
CHECKS = {"run_onnx": run_onnx, "load_pytorch": load_pytorch}


def main():
    parser = argparse.ArgumentParser(description="Small models of other frameworks, for tests.")
    parser.add_argument("part", choices=[*PARTS, *CHECKS])
    parser.add_argument("path", type=Path, help="the folder to write to; of a check, what to check")
    parser.add_argument("io", type=Path, nargs="?", help="of run_onnx: the model's inputs and outputs")
    parser.add_argument("--small", action="store_true", help="write only the cases that are committed")
    arguments = parser.parse_args()
    if torch:
        torch.set_num_threads(1)
    if arguments.part in PARTS:
        arguments.path.mkdir(parents=True, exist_ok=True)
        PARTS[arguments.part](arguments.path, arguments.small)
    else:
        near = CHECKS[arguments.part](arguments.path, arguments.io)
        print(f"{sum(near)} of {len(near)} within 1e-5")
        sys.exit(not near or not all(near))


if __name__ == "__main__":
    main()
