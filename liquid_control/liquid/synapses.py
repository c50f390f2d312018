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

"""How all synapses of one kind are evaluated at once: by matrices, or by a table where matrices would be large.

N synapses lead from S sources to U neurons. ``fire`` turns source values [B, S] into the sigmoids of all synapses,
``collect`` adds up ``w E s`` and ``w s`` at every neuron, [B, 2 U]: the left half is the LTC's numerator, the right
half its denominator.

- Matrices: ``slope [S, N]`` has one value per column, ``spread [N, 2 U]`` two per row. Two matrix products are the
  fewest operations, which is what counts for the small sparse wirings of policies.
- Table: each neuron has as many slots F as the neuron with the most synapses; ``slope`` and ``shift`` [U F] and
  ``spread [2, U, F]`` hold 0 in empty slots. The work grows with the number of synapses only.
"""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

LARGEST_MATRIX = 2**16  # N U above which the table is faster, measured on one thread


def synapses_of(adjacency: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
    """Return source [N], target [N] and polarity [N] of the synapses in a matrix, row by row."""
    source, target = np.nonzero(adjacency)
    polarity = torch.from_numpy(adjacency[source, target].astype(np.float32))
    return torch.from_numpy(source), torch.from_numpy(target), polarity


def table_of(adjacency: np.ndarray) -> tuple[Tensor, Tensor]:
    """Return the source and the synapse of every slot, [U F] each; an empty slot has source 0 and synapse N.

    Both are empty where matrices are the better way.
    """
    source, target = np.nonzero(adjacency)
    units = adjacency.shape[1]
    if len(source) * units <= LARGEST_MATRIX:
        return torch.zeros(0, dtype=torch.long), torch.zeros(0, dtype=torch.long)
    fan_in = np.bincount(target, minlength=units)
    sources = np.zeros((units, fan_in.max()), dtype=np.int64)
    synapses = np.full((units, fan_in.max()), len(source), dtype=np.int64)
    for neuron in range(units):
        own = np.flatnonzero(target == neuron)
        sources[neuron, :len(own)] = source[own]
        synapses[neuron, :len(own)] = own
    return torch.from_numpy(sources).flatten(), torch.from_numpy(synapses).flatten()


def matrices(source: Tensor, target: Tensor, sources: int, units: int, slope: Tensor, shift: Tensor, w: Tensor,
             reversal: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return slope [S, N], shift [N] and spread [N, 2 U] from one value per synapse."""
    gather = torch.zeros((sources, slope.size(0)), dtype=slope.dtype, device=slope.device)
    gather = gather.scatter(0, source.unsqueeze(0), slope.unsqueeze(0))
    spread = torch.zeros((w.size(0), 2 * units), dtype=w.dtype, device=w.device)
    columns = torch.stack([target, target + units], 1)
    return gather, shift, spread.scatter(1, columns, torch.stack([w * reversal, w], 1))


def tables(synapse: Tensor, units: int, slope: Tensor, shift: Tensor, w: Tensor,
           reversal: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return slope [U F], shift [U F] and spread [2, U, F] from one value per synapse."""
    slots = F.pad(torch.stack([slope, shift, w * reversal, w]), [0, 1]).index_select(1, synapse)
    return slots[0], slots[1], slots[2:].view(2, units, -1)


def fire(sources: Tensor, slope: Tensor, shift: Tensor, table: Tensor) -> Tensor:
    """Return the sigmoids of all synapses (or slots), [B, N or U F], from source values [B, S]."""
    if slope.dim() == 1:
        return torch.addcmul(shift, sources.index_select(1, table), slope).sigmoid_()
    return torch.addmm(shift, sources, slope).sigmoid_()


def collect(constant: Tensor, firing: Tensor, spread: Tensor) -> Tensor:
    """Return numerator and denominator [B, 2 U] on top of a constant [2 U] or [B, 2 U]."""
    if spread.dim() == 3:
        slots = firing.view(-1, spread.size(1), spread.size(2))
        return constant + torch.cat([(slots * spread[0]).sum(2), (slots * spread[1]).sum(2)], 1)
    return torch.addmm(constant, firing, spread)
