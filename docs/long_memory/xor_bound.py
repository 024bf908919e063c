"""How large the head's weights must be for running xor by gates that do not see the state.

A unit keeps a share k0 of its state at a 0 and k1 at a 1, both within 0 and 1. Flipping the first of `bits` bits
changes the score by f(m) = sum of C * k1**m * k0**(bits - 1 - m) over all units, where m is the number of ones among
the later bits. The sign of f must alternate with m. This prints the least sum of |C| for which |f(m)| is at
least 1 for every m, over a grid of (k0, k1): a linear program. A finer grid can only lower it, and hardly does.

    python docs/long_memory/xor_bound.py          # needs numpy and scipy
"""

import numpy as np
from scipy.optimize import linprog

# By the scale of C, the larger of both may be taken to be 1.
SMALLER = (1 - np.cos(np.linspace(0, np.pi, 2001))) / 2
K0 = np.concatenate([np.ones_like(SMALLER), SMALLER])
K1 = np.concatenate([SMALLER, np.ones_like(SMALLER)])


def least_sum(bits):
    m = np.arange(bits)[:, None]
    f = K1**m * K0 ** (bits - 1 - m) * (-1.0) ** m
    result = linprog(
        np.ones(2 * len(K0)), A_ub=-np.hstack([f, -f]), b_ub=-np.ones(bits), method="highs"
    )
    assert result.success, result.message
    return result.fun


for bits in range(6, 14):
    print(f"{bits} bits: {least_sum(bits):,.0f}")
