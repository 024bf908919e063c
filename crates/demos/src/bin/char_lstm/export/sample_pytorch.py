"""Samples from the character model beside this script, a state dict for PyTorch.

    pip install torch safetensors numpy
    python sample_NAME_pytorch.py [--model FILE] [--length N] [--text TEXT] [--temperature X] [--seed N]
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from torch import nn


class CharModel(nn.Module):
    """Embedding (or one-hot vectors), recurrent layers, a score for each symbol."""

    def __init__(self, rnn, embedding_size, vocab_size):
        super().__init__()
        self.vocab_size = vocab_size
        self.embedding = nn.Embedding(vocab_size, embedding_size) if embedding_size else None
        self.rnn = rnn
        width = getattr(rnn, "proj_size", 0) or rnn.hidden_size
        self.head = nn.Linear(width, vocab_size)

    def forward(self, tokens, state=None):
        """[batch, time] tokens -> [batch, time, vocab_size] logits, and the state after them."""
        if self.embedding is None:
            x = nn.functional.one_hot(tokens, self.vocab_size).to(self.head.weight.dtype)
        else:
            x = self.embedding(tokens)
        y, state = self.rnn(x, state)
        return self.head(y), state


def load(path):
    """The model, and the symbols in the order of their numbers."""
    with safe_open(path, framework="pt") as file:
        about = file.metadata()
        weights = {name: file.get_tensor(name) for name in file.keys()}
    symbols = json.loads(about["vocabulary"])
    embedding = weights.get("embedding.weight")
    options = {"batch_first": True}
    options["num_layers"] = sum(name.startswith("rnn.weight_hh_l") for name in weights)
    projection = weights.get("rnn.weight_hr_l0")
    if projection is not None:
        options["proj_size"], hidden_size = projection.shape
    else:
        hidden_size = weights["rnn.weight_hh_l0"].shape[1]
    kind = {"gru": nn.GRU, "lstm": nn.LSTM, "projected_lstm": nn.LSTM}.get(about["cell"], nn.RNN)
    if kind is nn.RNN:
        options["nonlinearity"] = "relu" if about["cell"] == "irnn" else "tanh"
    rnn = kind(weights["rnn.weight_ih_l0"].shape[1], hidden_size, **options)
    model = CharModel(rnn, 0 if embedding is None else embedding.shape[1], len(symbols))
    model.to(weights["head.weight"].dtype).load_state_dict(weights, strict=True)
    return model.eval(), symbols, about["units"]


@torch.no_grad()
def sample(model, tokens, length, temperature):
    """Tokens that follow `tokens`, each drawn from what the model predicts."""
    logits, state = model(torch.tensor([tokens]))
    for _ in range(length):
        logits = logits[0, -1]
        if temperature == 0:
            token = int(logits.argmax())
        else:
            token = int(torch.multinomial((logits / temperature).softmax(0), 1))
        yield token
        logits, state = model(torch.tensor([[token]]), state)


def main():
    parser = argparse.ArgumentParser(description="Samples from the character model beside this script.")
    # This script is called sample_NAME_pytorch.py.
    name = Path(__file__).stem.removeprefix("sample_").removesuffix("_pytorch")
    beside = Path(__file__).with_name(f"{name}.safetensors")
    parser.add_argument("--model", type=Path, default=beside, help="the model [default: NAME.safetensors beside it]")
    parser.add_argument("--length", type=int, default=500, help="symbols to write")
    parser.add_argument("--text", default="", help="text to continue")
    parser.add_argument("--temperature", type=float, default=1.0, help="lower is safer; 0 takes the likeliest")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)

    model, symbols, units = load(arguments.model)
    if arguments.text and units in ("words", "pieces"):
        sys.exit("error: --text needs a model of characters or bytes; char_lstm sample continues texts of words")
    encoding = "latin-1" if units == "bytes" else "utf-8"
    text = arguments.text.encode().decode(encoding)
    numbers = {symbol: number for number, symbol in enumerate(symbols)}
    unknown = sorted(set(text) - set(numbers))
    if unknown:
        sys.exit(f"error: the model does not know {unknown} of --text")
    tokens = [numbers[symbol] for symbol in text] or [numbers.get("\n", 0)]
    sys.stdout.buffer.write(text.encode(encoding))
    for token in sample(model, tokens, arguments.length, arguments.temperature):
        sys.stdout.buffer.write(symbols[token].encode(encoding))
        sys.stdout.flush()
    print()


if __name__ == "__main__":
    main()
