# Copyright 2026 The liquid_control Authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Principal components of what a network's state does along a drive."""
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Components:
    """Principal components of states (T, S).

    :param shares: (K,) part of the variance that each component explains, largest first, K = min(T, S).
    :param axes: (K, S) unit vectors; the largest entry of each is positive.
    :param scores: (T, K) the centred states along the axes.
    """

    shares: np.ndarray
    axes: np.ndarray
    scores: np.ndarray

    def needed(self, share: float) -> int:
        """Return how many components explain at least that share of the variance (0..1)."""
        return int(np.searchsorted(np.cumsum(self.shares), share - 1e-9) + 1)

    @property
    def participation(self) -> float:
        """Return the participation ratio (sum l)^2 / sum l^2: a number of dimensions in use that needs no threshold."""
        return float(1.0 / (self.shares**2).sum()) if self.shares.any() else 0.0


def principal_components(states: np.ndarray) -> Components:
    """Return the principal components of states (T, S) by singular value decomposition of the centred states.

    Pearson, Philosophical Magazine 2, 1901. States are not divided by their deviation: a neuron that hardly moves
    shall not count as much as one that does.
    """
    centred = states.astype(np.float64) - states.mean(axis=0, dtype=np.float64)
    _, lengths, axes = np.linalg.svd(centred, full_matrices=False)
    signs = np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])
    axes *= np.where(signs == 0.0, 1.0, signs)[:, None]
    variance = lengths**2
    total = variance.sum()
    return Components(variance / total if total > 0.0 else variance, axes, centred @ axes.T)
