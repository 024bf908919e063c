"""`char_lstm train --preset char-rnn` in PyTorch, to compare the time: same text, split and settings.

    python benches/char_rnn.py TEXT EPOCHS THREADS
"""

import sys
import time

import torch
from torch import nn
from torch.nn.functional import cross_entropy, one_hot

BATCH, STEPS, HIDDEN, LAYERS = 50, 50, 128, 2
VAL_FRAC = 0.05


class CharRnn(nn.Module):
    def __init__(self, vocabulary):
        super().__init__()
        self.vocabulary = vocabulary
        self.lstm = nn.LSTM(vocabulary, HIDDEN, LAYERS, batch_first=True)
        self.head = nn.Linear(HIDDEN, vocabulary)
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -0.08, 0.08)
        for layer in range(LAYERS):  # The forget gate starts open; PyTorch's two biases are one of ours.
            getattr(self.lstm, f"bias_ih_l{layer}").data[HIDDEN : 2 * HIDDEN] = 1.0
            getattr(self.lstm, f"bias_hh_l{layer}").data[HIDDEN : 2 * HIDDEN] = 0.0

    def loss(self, inputs, targets, state):
        x = one_hot(inputs, self.vocabulary).float()
        hidden, state = self.lstm(x, state)
        logits = self.head(hidden)
        return cross_entropy(logits.flatten(0, 1), targets.flatten()), state


def main(path, epochs, threads):
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    text = open(path, encoding="utf-8").read()
    symbols = {symbol: token for token, symbol in enumerate(sorted(set(text)))}
    tokens = torch.tensor([symbols[symbol] for symbol in text])
    windows = (len(tokens) - 1) // (BATCH * STEPS)
    n = windows * BATCH * STEPS
    inputs = tokens[:n].view(BATCH, -1).split(STEPS, 1)
    targets = tokens[1 : n + 1].view(BATCH, -1).split(STEPS, 1)
    train = int(windows * (1 - VAL_FRAC))

    model = CharRnn(len(symbols))
    optimizer = torch.optim.RMSprop(model.parameters(), 2e-3, alpha=0.95, eps=1e-8)
    started = time.perf_counter()
    for epoch in range(1, epochs + 1):
        state = None
        for window in range(train):
            loss, state = model.loss(inputs[window], targets[window], state)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_value_(model.parameters(), 5.0)
            optimizer.step()
            state = tuple(tensor.detach() for tensor in state)
        with torch.no_grad():
            state, total = None, 0.0
            for window in range(train, windows):
                loss, state = model.loss(inputs[window], targets[window], state)
                total += loss.item()
        print(f"epoch {epoch}: validation loss {total / (windows - train):.4f}", flush=True)
        if epoch >= 10:
            optimizer.param_groups[0]["lr"] *= 0.97
    print(f"trained for {time.perf_counter() - started:.1f} s")


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
