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

"""A CfC cell that obeys its wiring in every gate and in the recurrence."""
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from liquid_control.errors import InputError
from liquid_control.liquid.cell import Cell
from liquid_control.liquid.cfc import check_mode, gated_solution, pure_solution
from liquid_control.liquid.wirings import Wiring


class WiredCfCCell(Cell):
    """CfC neurons that hear only the sources to which the wiring connects them.

    The wiring's layers are evaluated one after another, so an input reaches the motor neurons within one step: a
    synapse from an earlier layer carries its source's new value, any other synapse the value of the step before. No
    neuron hears itself unless the wiring has that synapse. Polarity has no meaning here: weights are of any sign.

    Parameters are, per gate (f1, f2, t_a, t_b; in mode 'pure' f1 alone), one value per existing synapse
    (``sensory_weight [gates, N], weight [gates, N]``) and one per neuron (``bias [gates, units]``); see
    :class:`CfCCell` for the gates. State [B, units], neuron i of the wiring in column i; output [B, motor neurons].
    """

    pure: Final[bool]
    no_gate: Final[bool]
    gates: Final[int]
    num_layers: Final[int]
    in_order: Final[bool]

    def __init__(self, input_size: int | None, wiring: Wiring, mode: str = 'default'):
        """Make a cell with random parameters; ``input_size`` may be None for a wiring that is built.

        :raises InputError: for a wiring whose inputs are unknown or whose layers do not hold every neuron once.
        """
        super().__init__()
        check_mode(mode)
        if input_size is not None:
            wiring.build(input_size)
        if not wiring.is_built():
            raise InputError('the wiring does not know its inputs; give input_size or call wiring.build(inputs)')
        self.wiring = wiring
        self.mode = mode
        self.pure = mode == 'pure'
        self.no_gate = mode == 'no_gate'
        self.gates = 1 if self.pure else 4
        self.input_size = self.sensory_size = int(wiring.input_dim)
        self.state_size = int(wiring.units)
        self.output_size = self.motor_size = int(wiring.output_dim or wiring.units)
        self._order_layers()
        self._place_synapses()
        self._make_parameters()

    def _order_layers(self) -> None:
        """Find the order of evaluation: neurons by layer, and where each layer begins in it."""
        layers = [list(self.wiring.get_neurons_of_layer(layer)) for layer in range(self.wiring.num_layers)]
        order = np.array([neuron for layer in layers for neuron in layer])
        if sorted(order.tolist()) != list(range(self.state_size)):
            raise InputError(f'the layers of this wiring hold {len(order)} neurons of {self.state_size}; '
                             'put every neuron in one layer')
        self.num_layers = len(layers)
        self.begins = [0] + np.cumsum([len(layer) for layer in layers]).tolist()
        self.in_order = bool((order == np.arange(self.state_size)).all())
        self._register('order', order)
        self._register('place', np.argsort(order))

    def _place_synapses(self) -> None:
        """Find where each weight of each gate stands in the matrices that multiply inputs and states.

        The rows of the matrix of states are old states by neuron, then new states by order of evaluation.
        """
        place = self.place.numpy()
        layer = np.searchsorted(self.begins, place, side='right') - 1
        columns = self._columns(place, layer)
        source, target = np.nonzero(self.wiring.sensory_adjacency_matrix)
        self._register('sensory_index', source * columns.size + columns[:, target])
        source, target = np.nonzero(self.wiring.adjacency_matrix)
        row = np.where(layer[source] < layer[target], self.state_size + place[source], source)
        self._register('index', row * columns.size + columns[:, target])
        self._register('bias_index', columns)

    def _columns(self, place: np.ndarray, layer: np.ndarray) -> np.ndarray:
        """Return the column of every gate of every neuron, [gates, units]: by layer, in a layer by gate."""
        begin = np.array(self.begins)[layer]
        width = np.array(self.begins)[layer + 1] - begin
        return self.gates * begin + np.arange(self.gates)[:, None] * width + place - begin

    def _register(self, name: str, index: np.ndarray) -> None:
        self.register_buffer(name, torch.from_numpy(index.astype(np.int64)), persistent=False)

    def _make_parameters(self) -> None:
        """Draw weights from +-sqrt(6 / (fan in + fan out)) of existing synapses, offsets from +-1 / sqrt(fan in)."""
        sensory = torch.from_numpy(self.wiring.sensory_adjacency_matrix).ne(0)
        recurrent = torch.from_numpy(self.wiring.adjacency_matrix).ne(0)
        fan_in = (sensory.sum(0) + recurrent.sum(0)).clamp(min=1)
        self.sensory_weight = self._weights(sensory, fan_in)
        self.weight = self._weights(recurrent, fan_in)
        self.bias = nn.Parameter((torch.rand(self.gates, self.state_size) * 2 - 1) / fan_in.sqrt())
        if self.pure:
            self.w_tau = nn.Parameter(nn.init.xavier_uniform_(torch.empty(1, self.state_size)))
            self.A = nn.Parameter(nn.init.xavier_uniform_(torch.empty(1, self.state_size)))

    def _weights(self, exists: Tensor, fan_in: Tensor) -> nn.Parameter:
        source, target = exists.nonzero(as_tuple=True)
        bound = (6.0 / (fan_in[target] + exists.sum(1)[source])).sqrt()
        return nn.Parameter((torch.rand(self.gates, len(source)) * 2 - 1) * bound)

    @property
    def layer_sizes(self) -> list[int]:
        """Number of neurons of each layer, from the inputs to the motor neurons."""
        return [end - begin for begin, end in zip(self.begins[:-1], self.begins[1:], strict=True)]

    @property
    def synapse_count(self) -> int:
        """Number of synapses between neurons."""
        return self.weight.size(1)

    @property
    def sensory_synapse_count(self) -> int:
        """Number of synapses from inputs."""
        return self.sensory_weight.size(1)

    def forward(self, input: Tensor, hx: Tensor, timespans: Tensor | float = 1.0) -> tuple[Tensor, Tensor]:  # noqa: A002
        """Step from hx [B, units] with input [B, I] over timespans (number, [], [B] or [B, 1]; above 0).

        :return: output [B, motor neurons] and the new state [B, units].
        """
        return self._step(input, hx, timespans)

    def prepare(self) -> list[Tensor]:
        """Return the matrices of inputs, old and new states, of gates * units columns each, and the offset.

        In mode 'pure' w_tau and A follow, [1, units] in the order of evaluation.
        """
        columns = self.gates * self.state_size
        sensory = _matrix(self.sensory_index, self.sensory_weight, self.input_size * columns)
        states = _matrix(self.index, self.weight, 2 * self.state_size * columns).view(-1, columns)
        bias = _matrix(self.bias_index, self.bias, columns)
        matrices = [sensory.view(-1, columns).t(), bias, states[:self.state_size], states[self.state_size:]]
        if self.pure:
            return matrices + [self.w_tau[:, self.order], self.A[:, self.order]]
        else:
            return matrices

    def drive(self, prepared: list[Tensor], inputs: Tensor) -> Tensor:
        """Return what inputs [N, I] and offsets add to the gates, [N, gates * units]."""
        return F.linear(inputs, prepared[0], prepared[1])

    def advance(self, prepared: list[Tensor], drive: Tensor, state: Tensor, elapsed: Tensor) -> Tensor:
        """Return the state [B, units] after ``elapsed`` [B or 1, 1]."""
        all_gates = torch.addmm(drive, state, prepared[2])
        new = state[:, :0]
        for layer in range(self.num_layers):
            begin, end = self.begins[layer], self.begins[layer + 1]
            gates = all_gates[:, self.gates * begin:self.gates * end]
            if layer > 0:
                gates = torch.addmm(gates, new, prepared[3][:begin, self.gates * begin:self.gates * end])
            if self.pure:
                values = pure_solution(gates, elapsed, prepared[4][:, begin:end], prepared[5][:, begin:end])
            else:
                values = gated_solution(gates, elapsed, self.no_gate)
            new = values if layer == 0 else torch.cat([new, values], 1)
        return new if self.in_order else new.index_select(1, self.place)

    def read(self, state: Tensor) -> Tensor:
        """Return the output [..., motor neurons] of a state [..., units]."""
        return state[..., :self.output_size]


def _matrix(index: Tensor, values: Tensor, size: int) -> Tensor:
    """Return a flat matrix [size] with the values at their index and 0 elsewhere."""
    empty = torch.zeros((size,), dtype=values.dtype, device=values.device)
    return empty.scatter(0, index.flatten(), values.flatten())
