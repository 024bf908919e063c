"""Samples from a character model, an ONNX model.

    pip install onnxruntime numpy
    python sample_NAME_onnx.py [--model FILE] [--length N] [--text TEXT] [--temperature X] [--seed N]
"""

import argparse
import json
import math
import os
import sys
from pathlib import Path

import numpy as np
import onnxruntime

PROGRAM, SUFFIX = "onnx", ".onnx"


class CharModel:
    """A network that reads one text, and its state."""

    def __init__(self, path):
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self.about = self.session.get_modelmeta().custom_metadata_map
        self.reset()

    def reset(self):
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
        scores, *state = self.session.run(["logits", *outputs], feeds)
        self.state = dict(zip(self.state, state))
        return scores[0, -1].astype(np.float64)
