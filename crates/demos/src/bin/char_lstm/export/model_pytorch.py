"""Samples from a character model, a state dict for PyTorch.

    pip install torch safetensors numpy
    python sample_NAME_pytorch.py [--model FILE] [--length N] [--text TEXT] [--temperature X] [--seed N]
"""

import argparse
import json
import math
import os
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from torch import nn

PROGRAM, SUFFIX = "pytorch", ".safetensors"


class Network(nn.Module):
    """Embedding (or one-hot vectors), recurrent layers, a score for each symbol."""

    def __init__(self, rnn, embedding_size, vocab_size):
        super().__init__()
        self.vocab_size = vocab_size
        self.embedding = nn.Embedding(vocab_size, embedding_size) if embedding_size else None
        self.rnn = rnn
        width = getattr(rnn, "proj_size", 0) or rnn.hidden_size
        self.head = nn.Linear(width, vocab_size)

    def forward(self, tokens, state=None):
        """[batch, time] tokens -> [batch, time, vocab_size] scores, and the state after them."""
        if self.embedding is None:
            x = nn.functional.one_hot(tokens, self.vocab_size).to(self.head.weight.dtype)
        else:
            x = self.embedding(tokens)
        y, state = self.rnn(x, state)
        return self.head(y), state


class CharModel:
    """A network that reads one text, and its state."""

    def __init__(self, path):
        with safe_open(path, framework="pt") as file:
            self.about = file.metadata()
            weights = {name: file.get_tensor(name) for name in file.keys()}
        vocab_size, width = weights["head.weight"].shape
        embedding = weights.get("embedding.weight")
        options = {"batch_first": True}
        options["num_layers"] = sum(name.startswith("rnn.weight_hh_l") for name in weights)
        projection = weights.get("rnn.weight_hr_l0")
        if projection is not None:
            options["proj_size"], width = projection.shape
        cell = self.about["cell"]
        kind = {"gru": nn.GRU, "lstm": nn.LSTM, "projected_lstm": nn.LSTM}.get(cell, nn.RNN)
        if kind is nn.RNN:
            options["nonlinearity"] = "relu" if cell == "irnn" else "tanh"
        rnn = kind(weights["rnn.weight_ih_l0"].shape[1], width, **options)
        self.network = Network(rnn, 0 if embedding is None else embedding.shape[1], vocab_size)
        self.network.to(weights["head.weight"].dtype).load_state_dict(weights, strict=True)
        self.reset()

    def reset(self):
        self.state = None

    @torch.no_grad()
    def read(self, tokens):
        """Returns a score for each symbol that may follow."""
        scores, self.state = self.network(torch.tensor([tokens]), self.state)
        return scores[0, -1].double().numpy()
