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

"""Networks with one neuron held still or one synapse cut, many of them side by side.

A lesion is a change of parameters, so the network itself computes every variant:

- a cut synapse has weight 0: an LTC's synapse conducts nothing, a CfC's reaches no gate;
- an LTC neuron is held by a capacity so large that nothing moves it from its start; a CfC neuron by gates that hear
  nothing and give its value.
"""
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from liquid_control.liquid.ltc import LTCCell
from liquid_control.liquid.wired_cfc import WiredCfCCell

IMMOVABLE = 1e12


@dataclass(frozen=True)
class Lesion:
    """One variant of a network.

    :param kind: 'none', 'neuron at 0', 'neuron at its mean', 'sensory synapse' or 'synapse'.
    :param index: of the neuron or the synapse, in the order of the wiring.
    :param hold: the value at which the neuron is held.
    """

    kind: str
    index: int = -1
    hold: float = 0.0

    @property
    def holds(self) -> bool:
        """Tell whether this is a neuron held still."""
        return self.kind.startswith('neuron')


INTACT = Lesion('none')


def can_be_lesioned(network: nn.Module) -> bool:
    """Tell whether a network is wired neuron by neuron: LTC, or CfC in its default mode."""
    return isinstance(network, LTCCell) or (isinstance(network, WiredCfCCell) and network.mode == 'default')


def synapses(network: nn.Module) -> list[tuple[str, int, int]]:
    """Return kind, source and target of each synapse, sensory ones first; the sources of these are features."""
    wiring = network.wiring
    listed = []
    for kind, matrix in ('sensory synapse', wiring.sensory_adjacency_matrix), ('synapse', wiring.adjacency_matrix):
        listed += [(kind, int(source), int(target)) for source, target in zip(*matrix.nonzero(), strict=True)]
    return listed


def all_lesions(network: nn.Module, means: list[float]) -> list[Lesion]:
    """Return the intact network, each neuron at 0 and at its mean, and each synapse cut."""
    neurons = [Lesion('neuron at 0', neuron) for neuron in range(len(means))]
    neurons += [Lesion('neuron at its mean', neuron, mean) for neuron, mean in enumerate(means)]
    sensory = int(network.wiring.sensory_adjacency_matrix.astype(bool).sum())
    inner = int(network.wiring.adjacency_matrix.astype(bool).sum())
    cut = [Lesion('sensory synapse', synapse) for synapse in range(sensory)]
    return [INTACT, *neurons, *cut, *(Lesion('synapse', synapse) for synapse in range(inner))]


class LesionedNetworks:
    """V variants of a network that run at once.

    :param network: an LTC or CfC for which ``can_be_lesioned``.
    """

    def __init__(self, network: nn.Module, variants: list[Lesion]) -> None:
        self._network, self._variants = network, variants
        changed = [_parameters(network, lesion) for lesion in variants]
        stacked = {f'cell.{name}': torch.stack([own[name] for own in changed]) for name in changed[0]}
        prepare = _Prepare(network)
        with torch.inference_mode():
            self._prepared = vmap(lambda parameters: functional_call(prepare, parameters, ()))(stacked)
        self._advance = vmap(self._advance_one)

    def initial_state(self, cars: int) -> Tensor:
        """Return the states of ``cars`` cars of each variant at the start, (V, cars, S)."""
        state = torch.zeros(len(self._variants), cars, self._network.state_size)
        for row, lesion in enumerate(self._variants):
            if lesion.holds:
                state[row, :, lesion.index] = lesion.hold
        return state

    def step(self, features: Tensor, state: Tensor, elapsed: Tensor) -> tuple[Tensor, Tensor]:
        """Step from states (V, B, S) with features (V, B, I) and elapsed (V, B, 1): outputs (V, B, 1), states."""
        state = self._advance(self._prepared, features, state, elapsed)
        return self._network.read(state), state

    def _advance_one(self, prepared: list[Tensor], features: Tensor, state: Tensor, elapsed: Tensor) -> Tensor:
        return self._network.advance(prepared, self._network.drive(prepared, features), state, elapsed)


class _Prepare(nn.Module):
    """What a cell prepares from its parameters, as a module of its own."""

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell = cell

    def forward(self) -> list[Tensor]:
        """Return it."""
        return self.cell.prepare()


def _parameters(network: nn.Module, lesion: Lesion) -> dict[str, Tensor]:
    parameters = {name: value.detach().clone() for name, value in network.named_parameters()}
    liquid = isinstance(network, LTCCell)
    if lesion.holds and liquid:
        parameters['cm'][lesion.index] = IMMOVABLE
    elif lesion.holds:
        _silence_gates(network, parameters, lesion)
    elif lesion.kind != 'none':
        prefix = 'sensory_' if lesion.kind.startswith('sensory') else ''
        parameters[prefix + ('w' if liquid else 'weight')][..., lesion.index] = 0.0
    return parameters


def _silence_gates(network: WiredCfCCell, parameters: dict[str, Tensor], lesion: Lesion) -> None:
    """Make f1 = f2 = atanh(hold) for one neuron, whatever it hears."""
    for name, matrix in (('sensory_weight', network.wiring.sensory_adjacency_matrix),
                         ('weight', network.wiring.adjacency_matrix)):
        onto = torch.from_numpy(matrix.nonzero()[1] == lesion.index)
        parameters[name][:, onto] = 0.0
    parameters['bias'][:2, lesion.index] = math.atanh(max(-0.999999, min(0.999999, lesion.hold)))
