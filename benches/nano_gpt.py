"""nanoGPT's recipe for Shakespeare's characters, trained on this machine for a given time, to compare the loss.

    python benches/nano_gpt.py TEXT --minutes 5
    python benches/nano_gpt.py TEXT --ours PATH/TO/char_lstm

The model and its settings are those that nanoGPT's README names for a laptop's processor (`--preset cpu`) and
for a GPU (`--preset full`). Two things differ. It trains for a given time instead of a number of iterations, and
the learning rate follows the time, so that its cosine ends when the training does. And the loss is measured on
the whole last tenth of the text, instead of a few random pieces of it. With `--ours`, `char_lstm train --preset
shakespeare` runs first, and nanoGPT's recipe gets the time that it took, unless `--minutes` is given.

The last tenth is cut into pieces as long as a block, as in training; a character near the start of a piece
has little to go by. Therefore the loss is measured once more with pieces that overlap by half, of which only
the second half counts: "with context".
"""

import argparse
import json
import math
import os
import subprocess
import tempfile
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import cross_entropy, gelu, scaled_dot_product_attention

PRESETS = {
    "cpu": dict(block=64, batch=12, layers=4, heads=4, width=128, dropout=0.0),
    "full": dict(block=256, batch=64, layers=6, heads=6, width=384, dropout=0.2),
}
RATE, LEAST_RATE, WARMUP = 1e-3, 1e-4, 100
BETAS, WEIGHT_DECAY, CLIP = (0.9, 0.99), 0.1, 1.0
HELD_OUT = 0.1


class Block(nn.Module):
    """Causal self-attention and a perceptron, each of which adds to its input `[batch, time, width]`."""

    def __init__(self, heads, width, dropout):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.norms = nn.ModuleList(nn.LayerNorm(width, bias=False) for _ in range(2))
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.merge = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)
        self.drop = nn.Dropout(dropout)

    def attend(self, x):
        # [batch, time, 3·width] → three of [batch, heads, time, width/heads]
        q, k, v = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        dropout = self.dropout if self.training else 0.0
        y = scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)
        return self.merge(y.transpose(1, 2).flatten(2))

    def forward(self, x):
        x = x + self.drop(self.attend(self.norms[0](x)))
        return x + self.drop(self.down(gelu(self.up(self.norms[1](x)))))


class Gpt(nn.Module):
    """Tokens `[batch, time]` to scores `[batch, time, vocabulary]`. The embedding's weights are the head's."""

    def __init__(self, vocabulary, block, layers, heads, width, dropout):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(block, width)
        self.drop = nn.Dropout(dropout)
        self.blocks = nn.Sequential(*(Block(heads, width, dropout) for _ in range(layers)))
        self.norm = nn.LayerNorm(width, bias=False)
        for name, weight in self.named_parameters():
            if weight.dim() == 2:
                adds = name.endswith(("merge.weight", "down.weight"))
                nn.init.normal_(weight, std=0.02 / math.sqrt(2 * layers) if adds else 0.02)

    def forward(self, tokens):
        x = self.tokens(tokens) + self.positions.weight[: tokens.shape[1]]
        return self.norm(self.blocks(self.drop(x))) @ self.tokens.weight.T


def losses(model, pieces):
    """The loss at each step of pieces `[batch, time + 1]`: `[batch, time]`."""
    logits = model(pieces[:, :-1])
    return cross_entropy(logits.transpose(1, 2), pieces[:, 1:], reduction="none")


def rate(update, progress):
    """The learning rate. The warm-up takes 100 updates, or the first tenth of the time if that is shorter."""
    warm = max((update + 1) / WARMUP, progress / 0.1)
    if warm < 1:
        return RATE * warm
    return LEAST_RATE + 0.5 * (1 + math.cos(math.pi * progress)) * (RATE - LEAST_RATE)


def train(model, text, block, batch, seconds):
    """Trains for this long; returns the number of updates and the seconds that they took."""
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in model.parameters() if p.dim() == 2], "weight_decay": WEIGHT_DECAY},
            {"params": [p for p in model.parameters() if p.dim() < 2], "weight_decay": 0.0},
        ],
        betas=BETAS,
    )
    pieces = text.unfold(0, block + 1, 1)
    start, updates, told = time.perf_counter(), 0, 0.0
    while (elapsed := time.perf_counter() - start) < seconds:
        for group in optimizer.param_groups:
            group["lr"] = rate(updates, elapsed / seconds)
        loss = losses(model, pieces[torch.randint(len(pieces), (batch,))]).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        updates += 1
        if elapsed >= told:
            print(f"{elapsed:5.0f} s, update {updates}: loss {loss.item():.3f}", flush=True)
            told += seconds / 10
    return updates, elapsed


@torch.no_grad()
def validate(model, text, block, stride):
    """The mean loss of every character of the text but the first, in pieces that start `stride` apart. What an
    earlier piece has predicted does not count again."""
    model.eval()
    pieces = text.unfold(0, block + 1, stride)
    rest = text[None, len(pieces) * stride :]
    counted = block - stride
    total = losses(model, pieces[:1])[:, :counted].sum().item()
    for batch in [*pieces.split(64), rest]:
        if batch.shape[1] - 1 > counted:
            total += losses(model, batch)[:, counted:].sum().item()
    return total / (len(text) - 1)


def nano_gpt(path, preset, minutes):
    """Trains and validates the model; returns its line of the table."""
    text = Path(path).read_bytes().decode()
    symbols = {symbol: token for token, symbol in enumerate(sorted(set(text)))}
    tokens = torch.tensor([symbols[symbol] for symbol in text])
    held_out = tokens[int(len(tokens) * (1 - HELD_OUT)) :]
    sizes = dict(PRESETS[preset])
    batch, block = sizes.pop("batch"), sizes["block"]
    model = Gpt(len(symbols), **sizes)
    text = tokens[: len(tokens) - len(held_out)]
    updates, seconds = train(model, text, block, batch, 60 * minutes)
    nats = validate(model, held_out, block, block)
    with_context = validate(model, held_out, block, block // 2)
    title = f"nanoGPT's recipe, {preset}, {updates} updates"
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return title, parameters, seconds / 60, f"{nats:.3f} ({with_context:.3f} with context)"


def ours(program, path, threads):
    """Runs `char_lstm train --preset shakespeare`; returns its line of the table, with the whole time that the
    program took and the lowest loss of its epochs, whose weights it keeps."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "run"
        command = [program, "train", "--preset", "shakespeare", "--data", path, "--out", str(out)]
        command += ["--split", "tail", "--val-frac", str(HELD_OUT)]
        start = time.perf_counter()
        environment = {**os.environ, "RAYON_NUM_THREADS": str(threads)}
        subprocess.run(command, check=True, env=environment)
        minutes = (time.perf_counter() - start) / 60
        events = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    parameters = next(event["parameters"] for event in events if event["event"] == "start")
    nats = min(event["val_loss"] for event in events if event["event"] == "epoch")
    return "char_lstm --preset shakespeare", parameters, minutes, f"{nats:.3f}"


def main():
    about, notes = __doc__.split("\n", 1)
    parser = argparse.ArgumentParser(
        description=about, epilog=notes, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("text", help="a file in UTF-8")
    parser.add_argument("--preset", choices=PRESETS, default="cpu", help="sizes [default: cpu]")
    parser.add_argument("--minutes", type=float, help="how long to train [default: as long as ours, or 5]")
    parser.add_argument("--ours", metavar="PATH", help="char_lstm, to run first")
    parser.add_argument("--threads", type=int, default=2, help="threads of each [default: 2]")
    parser.add_argument("--seed", type=int, default=1337, help="[default: 1337]")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)

    lines, minutes = [], arguments.minutes
    if arguments.ours:
        lines.append(ours(arguments.ours, arguments.text, arguments.threads))
        minutes = minutes or lines[0][2]
    lines.append(nano_gpt(arguments.text, arguments.preset, minutes or 5.0))
    print("\n| | parameters | minutes | nats per character |\n| --- | ---: | ---: | ---: |")
    for title, parameters, minutes, nats in lines:
        print(f"| {title} | {parameters:,} | {minutes:.2f} | {nats} |")


main()
