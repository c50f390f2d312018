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
from typing import Final, List, Optional, Tuple, Union

import numpy as np
import torch
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

    def __init__(self, input_size: Optional[int], wiring: Wiring, mode: str = 'default'):
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
        self._place = np.argsort(order)  # where a neuron stands in the order
        self._layer = np.repeat(np.arange(len(layers)), [len(layer) for layer in layers])[self._place]
        self.in_order = bool((order == np.arange(self.state_size)).all())
        self.register_buffer('place', torch.from_numpy(self._place), persistent=False)

    def _columns(self, target: np.ndarray) -> np.ndarray:
        """Return the columns of all gates of the target neurons, [gates, N]: by layer, in it by gate."""
        begin = np.array(self.begins)[self._layer[target]]
        width = np.array(self.begins)[self._layer[target] + 1] - begin
        gate = np.arange(self.gates)[:, None]
        return self.gates * begin + gate * width + self._place[target] - begin

    def _place_synapses(self) -> None:
        """Find for every weight the flat place in the matrices that multiply [inputs], [old states, new states]."""
        width = self.gates * self.state_size
        source, target = np.nonzero(self.wiring.sensory_adjacency_matrix)
        self._place_of('sensory_index', source * width + self._columns(target))
        self.sensory_synapse_count = len(source)
        self._fan = [np.bincount(target, minlength=self.state_size), source, target]
        source, target = np.nonzero(self.wiring.adjacency_matrix)
        fresh = self._layer[source] < self._layer[target]
        row = np.where(fresh, self.state_size + self._place[source], source)
        self._place_of('index', row * width + self._columns(target))
        self.synapse_count = len(source)
        self._place_of('bias_index', self._columns(np.arange(self.state_size)))

    def _place_of(self, name: str, index: np.ndarray) -> None:
        self.register_buffer(name, torch.from_numpy(index.astype(np.int64)).flatten(), persistent=False)
