"""The model that the example loads: an LSTM of PyTorch that forecasts a temperature one hour ahead.

    pip install torch safetensors
    python examples/from_pytorch/make_model.py

writes, beside itself, `model.pt` as people save a model, and `expected.safetensors`: a week that the
model has never seen, and PyTorch's forecasts. What is committed is from torch 2.15.0 and safetensors
0.8.0, on a CPU; other versions may give other bits.
"""

import math
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

HOURS = 7 * 24
EPOCHS = 300


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(1, 16, num_layers=2, batch_first=True)

    def forward(self, x):
        return self.rnn(x)[0]


class Forecaster(nn.Module):
    """[batch, time, 1] -> [batch, time, 1], the value after each step."""

    def __init__(self):
        super().__init__()
        self.encoder = Encoder()
        self.decoder = nn.Linear(16, 1)

    def forward(self, x):
        return self.decoder(self.encoder(x))


def temperatures(batch, hours):
    """Tens of degrees from the mean: days, in weather that changes slowly, and noise."""
    t = torch.arange(hours)
    phase = 2 * math.pi * torch.rand(batch, 1)
    day = torch.sin(2 * math.pi * t / 24 + phase)
    weather = 0.06 * torch.randn(batch, hours).cumsum(1)
    noise = 0.05 * torch.randn(batch, hours)
    return (day + weather + noise).unsqueeze(2)


def main():
    torch.manual_seed(1)
    torch.set_num_threads(1)
    model = Forecaster()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for epoch in range(1, EPOCHS + 1):
        x = temperatures(16, HOURS)
        loss = nn.functional.mse_loss(model(x[:, :-1]), x[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if epoch % 100 == 0:
            print(f"epoch {epoch}: mean squared error {loss.item():.4f}")

    folder = Path(__file__).parent
    torch.save({"state_dict": model.state_dict(), "epoch": EPOCHS}, folder / "model.pt")
    series = temperatures(1, HOURS)
    with torch.no_grad():
        forecast = model(series)
    expected = {"series": series, "forecast": forecast}
    save_file(expected, folder / "expected.safetensors", {"made_by": f"PyTorch {torch.__version__}"})


main()
