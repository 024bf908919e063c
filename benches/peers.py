"""PyTorch as a peer: answers the requests that src/serve.rs describes."""

import sys
import time
import warnings

LAYERS = 2
VOCABULARY = 65


def answer(text):
    print(text.replace("\n", " "), flush=True)


warnings.filterwarnings("ignore")  # that NumPy, which nothing here needs, is not installed
try:
    import torch
    from torch import nn
    from torch.nn.utils import rnn
except ImportError as error:
    answer(f"absent {error}")
    sys.exit()


def forward(layer, batch, steps, d_input, d_hidden):
    module = layer(d_input, d_hidden, batch_first=True)
    x = torch.randn(batch, steps, d_input)

    def run():
        with torch.no_grad():
            module(x)

    return run


def forward_backward(layer, batch, steps, d_input, d_hidden, **options):
    module = layer(d_input, d_hidden, batch_first=True, **options)
    x = torch.randn(batch, steps, d_input, requires_grad=True)
    ones = torch.ones_like(module(x)[0])

    def run():
        module.zero_grad()
        x.grad = None
        y, _ = module(x)
        y.backward(ones)

    return run


def padded(batch, steps, d_input, d_hidden):
    module = nn.LSTM(d_input, d_hidden, batch_first=True)
    x = torch.randn(batch, steps, d_input, requires_grad=True)
    ones = torch.ones(batch, steps, d_hidden)
    lengths = torch.tensor([1 + (37 * row % batch) * (steps - 1) // (batch - 1) for row in range(batch)])

    def run():
        module.zero_grad()
        x.grad = None
        packed = rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        y, _ = rnn.pad_packed_sequence(module(packed)[0], batch_first=True)
        y.backward(ones)

    return run


class CharLm(nn.Module):
    def __init__(self, layer, d_embedding, d_hidden):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, d_embedding)
        self.layers = layer(d_embedding, d_hidden, LAYERS, batch_first=True)
        self.head = nn.Linear(d_hidden, VOCABULARY)

    def forward(self, tokens, state):
        hidden, state = self.layers(self.embedding(tokens), state)
        return self.head(hidden), state


def update(batch, steps, d_embedding, d_hidden):
    model = CharLm(nn.LSTM, d_embedding, d_hidden)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, fused=True)
    windows = torch.randint(VOCABULARY, (16, 2, batch, steps))
    state, at = None, 0

    def run():
        nonlocal state, at
        inputs, targets = windows[at]
        at = (at + 1) % len(windows)
        optimizer.zero_grad()
        logits, (h, c) = model(inputs, state)
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        loss.backward()
        loss.item()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        state = h.detach(), c.detach()

    return run


def stream(layer, batch, steps, d_embedding, d_hidden):
    model = CharLm(layer, d_embedding, d_hidden).eval()
    tokens = [torch.full((batch, steps), token) for token in range(VOCABULARY)]
    state, at = None, 0

    def run():
        nonlocal state, at
        with torch.no_grad():
            _, state = model(tokens[at], state)
        at = (at + 1) % VOCABULARY

    return run


def sgemm(batch, steps, d_input, d_hidden):
    a, b = torch.randn(batch * steps, d_input), torch.randn(d_input, d_hidden)
    to = torch.empty(batch * steps, d_hidden)
    return lambda: torch.mm(a, b, out=to)


CASES = {
    "lstm-forward": lambda *sizes: forward(nn.LSTM, *sizes),
    "lstm-train": lambda *sizes: forward_backward(nn.LSTM, *sizes),
    "rnn-train": lambda *sizes: forward_backward(nn.RNN, *sizes),
    "gru-train": lambda *sizes: forward_backward(nn.GRU, *sizes),
    "bidirectional-train": lambda *sizes: forward_backward(
        nn.LSTM, *sizes, num_layers=LAYERS, bidirectional=True
    ),
    "padded-train": padded,
    "update": update,
    "stream": lambda *sizes: stream(nn.LSTM, *sizes),
    "gru-stream": lambda *sizes: stream(nn.GRU, *sizes),
    "sgemm": sgemm,
}


def seconds(run, calls):
    run()
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) / calls


def main():
    threads = int(sys.argv[1])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    answer(f"ready PyTorch {torch.__version__}")
    prepared = {}
    for line in sys.stdin:
        try:
            word, *rest = line.split()
            if word == "forget":
                prepared.clear()
                answer("done")
                continue
            name, *sizes, calls = rest
            if name not in CASES:
                answer("none")
                continue
            key = name, *map(int, sizes)
            if key not in prepared:
                prepared[key] = CASES[name](*key[1:])
            answer(f"seconds {seconds(prepared[key], int(calls))!r}")
        except Exception as error:
            answer(f"error {type(error).__name__}: {error}")


main()
