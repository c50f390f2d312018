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

"""A wiring as plain data: every synapse and its polarity, as the policy file holds it."""

from typing import Any

import numpy as np

from liquid_control.errors import InputError
from liquid_control.liquid.wirings import Wiring

MAX_NEURONS = 4096


class ListedWiring(Wiring):
    """A wiring whose layers and synapses are listed, not drawn."""

    def __init__(self, units: int, inputs: int, outputs: int, layers: list[list[int]]) -> None:
        super().__init__(units)
        self.set_input_dim(inputs)
        self.set_output_dim(outputs)
        self._layers = layers

    @property
    def num_layers(self) -> int:
        """Number of layers from the inputs to the motor neurons."""
        return len(self._layers)

    def get_neurons_of_layer(self, layer_id: int) -> list[int]:
        """Return the neurons of a layer; layers are numbered from the inputs to the motor neurons."""
        return self._layers[layer_id]


def wiring_to_data(wiring: Wiring) -> dict[str, Any]:
    """Return a built wiring as a JSON object: sizes, layers, and each synapse as [source, target, polarity]."""
    return {
        'units': wiring.units,
        'inputs': wiring.input_dim,
        'outputs': wiring.output_dim,
        'layers': [list(map(int, wiring.get_neurons_of_layer(layer))) for layer in range(wiring.num_layers)],
        'neuron_types': [wiring.get_type_of_neuron(neuron) for neuron in range(wiring.units)],
        'sensory_synapses': _synapses(wiring.sensory_adjacency_matrix),
        'synapses': _synapses(wiring.adjacency_matrix),
    }


def wiring_from_data(data: Any) -> Wiring:
    """Build the wiring that ``wiring_to_data`` wrote.

    :raises InputError: if the data are not such an object or name neurons that do not exist.
    """
    try:
        units, inputs, outputs = (_count(data[key]) for key in ('units', 'inputs', 'outputs'))
        layers = [[_index(neuron, units) for neuron in layer] for layer in data['layers']]
        if sorted(sum(layers, [])) != list(range(units)):
            raise InputError('the layers of the wiring do not hold each neuron once; use the file as it was written')
        wiring = ListedWiring(units, inputs, outputs, layers)
        for source, target, polarity in data['sensory_synapses']:
            wiring.add_sensory_synapse(_index(source, inputs), _index(target, units), polarity)
        for source, target, polarity in data['synapses']:
            wiring.add_synapse(_index(source, units), _index(target, units), polarity)
    except (TypeError, KeyError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f'the wiring is not readable ({type(error).__name__}: {error}); use the file as it was written'
        ) from error
    return wiring


def _synapses(adjacency: np.ndarray) -> list[list[int]]:
    return [[int(source), int(target), int(adjacency[source, target])] for source, target in np.argwhere(adjacency)]


def _count(value: Any) -> int:
    if not isinstance(value, int) or not 1 <= value <= MAX_NEURONS:
        raise InputError(
            f'the wiring has a size of {value}, outside 1 to {MAX_NEURONS}; use the file as it was written'
        )
    return value


def _index(value: Any, count: int) -> int:
    if not isinstance(value, int) or not 0 <= value < count:
        raise InputError(f'the wiring names neuron {value}, outside 0 to {count - 1}; use the file as it was written')
    return value
