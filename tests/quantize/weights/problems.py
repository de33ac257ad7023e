"""Small random problems of rounding, as hypothesis draws them."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st


def problem(seed, groups, length, outputs, dead=False):
    """Weights [groups, length, outputs] and second moments of correlated inputs [groups, length, length]."""
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(groups, 4 * length, length)) + 2 * generator.normal(
        size=(groups, 4 * length, 1)
    )
    rows *= generator.uniform(0.1, 3, size=(groups, 1, length))
    if dead:
        rows[:, :, 0] = 0
    weights = generator.normal(size=(groups, length, outputs))
    return weights, np.matmul(rows.transpose(0, 2, 1), rows) / rows.shape[1]


problems = st.builds(
    problem,
    st.integers(0, 2**32 - 1),
    st.integers(1, 3),
    st.integers(1, 12),
    st.integers(1, 4),
    st.booleans(),
)

limits = st.sampled_from([7, 127])
