"""Samples from the character model beside this script, an ONNX model.

    pip install onnxruntime numpy
    python sample_NAME_onnx.py [--model FILE] [--length N] [--text TEXT] [--temperature X] [--seed N]
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime


class CharModel:
    """An ONNX model of one text, and its state."""

    def __init__(self, path):
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        about = self.session.get_modelmeta().custom_metadata_map
        self.symbols = json.loads(about["vocabulary"])
        self.units = about["units"]
        inputs = [value for value in self.session.get_inputs() if value.name != "tokens"]
        numbers = {"tensor(float)": np.float32, "tensor(double)": np.float64}
        # [directions, batch, d_hidden], zeros before the first symbol.
        self.state = {
            value.name: np.zeros([value.shape[0], 1, value.shape[2]], numbers[value.type]) for value in inputs
        }

    def read(self, tokens):
        """Returns a score for each symbol that may follow."""
        feeds = {"tokens": np.array([tokens], np.int64), **self.state}
        outputs = [f"next_{name}" for name in self.state]
        logits, *state = self.session.run(["logits", *outputs], feeds)
        self.state = dict(zip(self.state, state))
        return logits[0, -1].astype(np.float64)


def sample(model, tokens, length, temperature, rng):
    """Tokens that follow `tokens`, each drawn from what the model predicts."""
    logits = model.read(tokens)
    for _ in range(length):
        if temperature == 0:
            token = int(logits.argmax())
        else:
            weights = np.exp((logits - logits.max()) / temperature)
            token = int(rng.choice(len(weights), p=weights / weights.sum()))
        yield token
        logits = model.read([token])


def main():
    parser = argparse.ArgumentParser(description="Samples from the character model beside this script.")
    # This script is called sample_NAME_onnx.py.
    name = Path(__file__).stem.removeprefix("sample_").removesuffix("_onnx")
    beside = Path(__file__).with_name(f"{name}.onnx")
    parser.add_argument("--model", type=Path, default=beside, help="the model [default: NAME.onnx beside it]")
    parser.add_argument("--length", type=int, default=500, help="symbols to write")
    parser.add_argument("--text", default="", help="text to continue")
    parser.add_argument("--temperature", type=float, default=1.0, help="lower is safer; 0 takes the likeliest")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()

    model = CharModel(arguments.model)
    if arguments.text and model.units in ("words", "pieces"):
        sys.exit("error: --text needs a model of characters or bytes; char_lstm sample continues texts of words")
    encoding = "latin-1" if model.units == "bytes" else "utf-8"
    text = arguments.text.encode().decode(encoding)
    numbers = {symbol: number for number, symbol in enumerate(model.symbols)}
    unknown = sorted(set(text) - set(numbers))
    if unknown:
        sys.exit(f"error: the model does not know {unknown} of --text")
    tokens = [numbers[symbol] for symbol in text] or [numbers.get("\n", 0)]
    rng = np.random.default_rng(arguments.seed)
    sys.stdout.buffer.write(text.encode(encoding))
    for token in sample(model, tokens, arguments.length, arguments.temperature, rng):
        sys.stdout.buffer.write(model.symbols[token].encode(encoding))
        sys.stdout.flush()
    print()


if __name__ == "__main__":
    main()
