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

"""Wirings: which neuron listens to which, and whether a synapse excites (+1) or inhibits (-1).

The same classes, arguments and random draws as ``ncps.wirings``, so that one seed gives one and the same picture
in both. Different on purpose: building twice with the same input size changes nothing, ``get_config`` of an NCP
can be built from again, and impossible numbers are refused when the wiring is made.

Matrices are indexed [source, target] and hold 0 (no synapse), +1 or -1.
"""
from typing import Any

import numpy as np

from liquid_control.errors import InputError


class Wiring:
    """A picture of a network: synapses between ``units`` neurons and from ``input_dim`` inputs to them.

    Neurons 0 .. output_dim - 1 are the motor neurons: their states are what the network says.
    """

    def __init__(self, units: int):
        _at_least('units', units, 1, 'give the number of neurons')
        self.units = int(units)
        self.adjacency_matrix = np.zeros([self.units, self.units], dtype=np.int32)
        self.sensory_adjacency_matrix: np.ndarray | None = None
        self.input_dim: int | None = None
        self.output_dim: int | None = None

    @property
    def num_layers(self) -> int:
        """Number of layers that a layered cell evaluates one after another."""
        return 1

    def get_neurons_of_layer(self, layer_id: int) -> list[int]:
        """Return the neurons of a layer; layers are numbered from the inputs to the motor neurons."""
        return list(range(self.units))

    def is_built(self) -> bool:
        """Tell whether the number of inputs is known, and so every synapse."""
        return self.input_dim is not None

    def build(self, input_dim: int) -> None:
        """Draw the synapses of ``input_dim`` inputs; a second call with the same number changes nothing."""
        if self.input_dim is None:
            self.set_input_dim(input_dim)
            self._draw()
        elif self.input_dim != input_dim:
            raise InputError(f'this wiring was built for {self.input_dim} inputs and cannot take {input_dim}; '
                             'make a new wiring for another number of inputs')

    def _draw(self) -> None:
        """Draw the synapses that depend on the number of inputs."""

    def set_input_dim(self, input_dim: int) -> None:
        """Set the number of inputs and remove every sensory synapse."""
        _at_least('input_dim', input_dim, 1, 'give the number of input features')
        self.input_dim = int(input_dim)
        self.sensory_adjacency_matrix = np.zeros([self.input_dim, self.units], dtype=np.int32)

    def set_output_dim(self, output_dim: int) -> None:
        """Set the number of motor neurons."""
        _within('output_dim', output_dim, 1, self.units, 'motor neurons are some of the units')
        self.output_dim = int(output_dim)

    def get_type_of_neuron(self, neuron_id: int) -> str:
        """Return 'motor' or 'inter' (or 'command' in an NCP)."""
        return 'motor' if self.output_dim is not None and neuron_id < self.output_dim else 'inter'

    def add_synapse(self, src: int, dest: int, polarity: int) -> None:
        """Add a synapse between two neurons; polarity is +1 (excites) or -1 (inhibits)."""
        _within('source neuron', src, 0, self.units - 1, 'name a neuron of this wiring')
        _within('target neuron', dest, 0, self.units - 1, 'name a neuron of this wiring')
        self.adjacency_matrix[src, dest] = _polarity(polarity)

    def add_sensory_synapse(self, src: int, dest: int, polarity: int) -> None:
        """Add a synapse from an input to a neuron; polarity is +1 (excites) or -1 (inhibits)."""
        if self.input_dim is None or self.sensory_adjacency_matrix is None:
            raise InputError('sensory synapses need the number of inputs; call build(input_dim) first')
        _within('source input', src, 0, self.input_dim - 1, 'name an input of this wiring')
        _within('target neuron', dest, 0, self.units - 1, 'name a neuron of this wiring')
        self.sensory_adjacency_matrix[src, dest] = _polarity(polarity)

    def erev_initializer(self, shape=None, dtype=None) -> np.ndarray:
        """Return the polarities of the synapses between neurons, [units, units]."""
        return np.copy(self.adjacency_matrix)

    def sensory_erev_initializer(self, shape=None, dtype=None) -> np.ndarray:
        """Return the polarities of the sensory synapses, [input_dim, units]."""
        return np.copy(self._sensory())

    @property
    def synapse_count(self) -> int:
        """Number of synapses between neurons."""
        return int(np.count_nonzero(self.adjacency_matrix))

    @property
    def sensory_synapse_count(self) -> int:
        """Number of synapses from inputs to neurons."""
        return int(np.count_nonzero(self._sensory()))

    def get_config(self) -> dict[str, Any]:
        """Return plain data from which ``from_config`` makes this wiring again."""
        sensory = self.sensory_adjacency_matrix
        return {
            'units': self.units,
            'adjacency_matrix': self.adjacency_matrix.tolist(),
            'sensory_adjacency_matrix': None if sensory is None else sensory.tolist(),
            'input_dim': self.input_dim,
            'output_dim': self.output_dim,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> 'Wiring':
        """Make a wiring from the data of ``get_config``."""
        wiring = Wiring(config['units'])
        if config['output_dim'] is not None:
            wiring.set_output_dim(config['output_dim'])
        wiring.adjacency_matrix = _picture(config['adjacency_matrix'], (wiring.units, wiring.units))
        if config['input_dim'] is not None:
            wiring.set_input_dim(config['input_dim'])
            wiring.sensory_adjacency_matrix = _picture(config['sensory_adjacency_matrix'],
                                                       (config['input_dim'], wiring.units))
        return wiring

    def get_graph(self, include_sensory_neurons: bool = True):
        """Return the wiring as a ``networkx.DiGraph`` (needs networkx); edges carry 'excitatory' or 'inhibitory'."""
        import networkx as nx
        graph = nx.DiGraph()
        for neuron in range(self.units):
            graph.add_node(f'neuron_{neuron}', neuron_type=self.get_type_of_neuron(neuron))
        _add_edges(graph, 'neuron', self.adjacency_matrix)
        if include_sensory_neurons:
            for source in range(len(self._sensory())):
                graph.add_node(f'sensory_{source}', neuron_type='sensory')
            _add_edges(graph, 'sensory', self._sensory())
        return graph

    def _sensory(self) -> np.ndarray:
        if self.sensory_adjacency_matrix is None:
            raise InputError('this wiring does not know its inputs yet; call build(input_dim) first')
        return self.sensory_adjacency_matrix


class FullyConnected(Wiring):
    """Every input to every neuron, every neuron to every neuron; two of three synapses excite."""

    def __init__(self, units: int, output_dim: int | None = None, erev_init_seed: int = 1111,
                 self_connections: bool = True):
        super().__init__(units)
        self.set_output_dim(units if output_dim is None else output_dim)
        self.self_connections = self_connections
        self._erev_init_seed = erev_init_seed
        self._rng = np.random.default_rng(erev_init_seed)
        for src in range(self.units):
            for dest in range(self.units):
                if src != dest or self_connections:
                    self.add_synapse(src, dest, self._rng.choice([-1, 1, 1]))

    def _draw(self) -> None:
        for src in range(self.input_dim):
            for dest in range(self.units):
                self.add_sensory_synapse(src, dest, self._rng.choice([-1, 1, 1]))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of this wiring."""
        return {'units': self.units, 'output_dim': self.output_dim, 'erev_init_seed': self._erev_init_seed,
                'self_connections': self.self_connections}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> 'FullyConnected':
        """Make a wiring from the data of ``get_config``; build it for its inputs afterwards."""
        return cls(**config)


class Random(Wiring):
    """A fully connected wiring of which the share ``sparsity_level`` (0 to below 1) of synapses is left out."""

    def __init__(self, units: int, output_dim: int | None = None, sparsity_level: float = 0.0,
                 random_seed: int = 1111):
        super().__init__(units)
        self.set_output_dim(units if output_dim is None else output_dim)
        if not 0.0 <= sparsity_level < 1.0:
            raise InputError(f'sparsity_level is {sparsity_level}; give a share from 0 to below 1')
        self.sparsity_level = sparsity_level
        self._random_seed = random_seed
        self._rng = np.random.default_rng(random_seed)
        for src, dest in self._pairs(self.units):
            self.add_synapse(src, dest, self._rng.choice([-1, 1, 1]))

    def _pairs(self, sources: int) -> np.ndarray:
        """Choose the (source, target) pairs that get a synapse, [count, 2]."""
        count = int(np.round(sources * self.units * (1 - self.sparsity_level)))
        pairs = [(src, dest) for src in range(sources) for dest in range(self.units)]
        return self._rng.choice(pairs, size=count, replace=False)

    def _draw(self) -> None:
        for src, dest in self._pairs(self.input_dim):
            self._rng.choice([-1, 1, 1])  # ncps draws twice and keeps the second
            self.add_sensory_synapse(src, dest, self._rng.choice([-1, 1, 1]))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of this wiring."""
        return {'units': self.units, 'output_dim': self.output_dim, 'sparsity_level': self.sparsity_level,
                'random_seed': self._random_seed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> 'Random':
        """Make a wiring from the data of ``get_config``; build it for its inputs afterwards."""
        return cls(**config)


class NCP(Wiring):
    """A neural circuit policy (Lechner et al. 2020): inputs -> inter -> command (recurrent) -> motor neurons.

    Every neuron is reached. Neurons are numbered motor first, then command, then inter.
    """

    def __init__(self, inter_neurons: int, command_neurons: int, motor_neurons: int, sensory_fanout: int,
                 inter_fanout: int, recurrent_command_synapses: int, motor_fanin: int, seed: int = 22222):
        """Describe the wiring; :meth:`build` draws it.

        :param sensory_fanout: synapses from each input to inter neurons.
        :param inter_fanout: synapses from each inter neuron to command neurons.
        :param recurrent_command_synapses: draws of a synapse between command neurons (equal draws are one synapse).
        :param motor_fanin: synapses from command neurons to each motor neuron.
        """
        for name, count in (('inter_neurons', inter_neurons), ('command_neurons', command_neurons),
                            ('motor_neurons', motor_neurons)):
            _at_least(name, count, 1, 'each layer needs a neuron')
        super().__init__(inter_neurons + command_neurons + motor_neurons)
        self.set_output_dim(motor_neurons)
        _within('sensory_fanout', sensory_fanout, 1, inter_neurons, 'there are only so many inter neurons')
        _within('inter_fanout', inter_fanout, 1, command_neurons, 'there are only so many command neurons')
        _within('motor_fanin', motor_fanin, 1, command_neurons, 'there are only so many command neurons')
        _at_least('recurrent_command_synapses', recurrent_command_synapses, 0, 'give a number of synapses')
        self._sensory_fanout = sensory_fanout
        self._inter_fanout = inter_fanout
        self._recurrent_command_synapses = recurrent_command_synapses
        self._motor_fanin = motor_fanin
        self._seed = seed
        self._rng = np.random.RandomState(seed)
        self._motor_neurons = list(range(motor_neurons))
        self._command_neurons = list(range(motor_neurons, motor_neurons + command_neurons))
        self._inter_neurons = list(range(motor_neurons + command_neurons, self.units))

    @property
    def num_layers(self) -> int:
        """Three: inter, command, motor."""
        return 3

    def get_neurons_of_layer(self, layer_id: int) -> list[int]:
        """Return the neurons of layer 0 (inter), 1 (command) or 2 (motor)."""
        _within('layer_id', layer_id, 0, 2, 'an NCP has the layers inter, command, motor')
        return [self._inter_neurons, self._command_neurons, self._motor_neurons][layer_id]

    def get_type_of_neuron(self, neuron_id: int) -> str:
        """Return 'motor', 'command' or 'inter'."""
        if neuron_id < len(self._motor_neurons):
            return 'motor'
        return 'command' if neuron_id < self._inter_neurons[0] else 'inter'

    def _draw(self) -> None:
        sensory = list(range(self.input_dim))
        self._fan_out(sensory, self._inter_neurons, self._sensory_fanout, self.add_sensory_synapse)
        self._fan_out(self._inter_neurons, self._command_neurons, self._inter_fanout, self.add_synapse)
        for _ in range(self._recurrent_command_synapses):
            src = self._rng.choice(self._command_neurons)
            dest = self._rng.choice(self._command_neurons)
            self.add_synapse(src, dest, self._rng.choice([-1, 1]))
        self._fan_in(self._command_neurons, self._motor_neurons, self._motor_fanin)

    def _fan_out(self, sources: list[int], targets: list[int], fanout: int, add) -> None:
        """Connect each source to ``fanout`` targets, then each target that nobody chose to the mean number."""
        missed = list(targets)
        for src in sources:
            for dest in self._rng.choice(targets, size=fanout, replace=False):
                if dest in missed:
                    missed.remove(dest)
                add(src, dest, self._rng.choice([-1, 1]))
        mean_fanin = int(np.clip(int(len(sources) * fanout / len(targets)), 1, len(sources)))
        for dest in missed:
            for src in self._rng.choice(sources, size=mean_fanin, replace=False):
                add(src, dest, self._rng.choice([-1, 1]))

    def _fan_in(self, sources: list[int], targets: list[int], fanin: int) -> None:
        """Connect each target to ``fanin`` sources, then each source that nobody chose to the mean number."""
        missed = list(sources)
        for dest in targets:
            for src in self._rng.choice(sources, size=fanin, replace=False):
                if src in missed:
                    missed.remove(src)
                self.add_synapse(src, dest, self._rng.choice([-1, 1]))
        mean_fanout = int(np.clip(int(len(targets) * fanin / len(sources)), 1, len(targets)))
        for src in missed:
            for dest in self._rng.choice(targets, size=mean_fanout, replace=False):
                self.add_synapse(src, dest, self._rng.choice([-1, 1]))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of this wiring."""
        return {
            'inter_neurons': len(self._inter_neurons),
            'command_neurons': len(self._command_neurons),
            'motor_neurons': len(self._motor_neurons),
            'sensory_fanout': self._sensory_fanout,
            'inter_fanout': self._inter_fanout,
            'recurrent_command_synapses': self._recurrent_command_synapses,
            'motor_fanin': self._motor_fanin,
            'seed': self._seed,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> 'NCP':
        """Make a wiring from the data of ``get_config``; build it for its inputs afterwards."""
        return cls(**config)


class AutoNCP(NCP):
    """An NCP from three numbers: neurons, motor neurons and how sparse it is (0 dense to 1 sparsest)."""

    def __init__(self, units: int, output_size: int, sparsity_level: float = 0.5, seed: int = 22222):
        _at_least('output_size', output_size, 1, 'give the number of motor neurons')
        if output_size >= units - 2:
            raise InputError(f'output_size is {output_size} of {units} units; leave at least 3 units for the '
                             'inter and command neurons')
        if not 0.0 <= sparsity_level <= 1.0:
            raise InputError(f'sparsity_level is {sparsity_level}; give a share from 0 to 1')
        self._output_size = output_size
        self._sparsity_level = sparsity_level
        density = 1.0 - sparsity_level
        command = max(int(0.4 * (units - output_size)), 1)
        inter = units - output_size - command
        super().__init__(
            inter, command, output_size,
            sensory_fanout=max(int(inter * density), 1),
            inter_fanout=max(int(command * density), 1),
            recurrent_command_synapses=max(int(command * density * 2), 1),
            motor_fanin=max(int(command * density), 1),
            seed=seed)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of this wiring."""
        return {'units': self.units, 'output_size': self._output_size, 'sparsity_level': self._sparsity_level,
                'seed': self._seed}


def car_ncp(inputs: int = 32, seed: int = 22222) -> NCP:
    """Return the car wiring of Lechner et al. 2020, built: 12 inter, 6 command, 1 motor = 19 neurons.

    With 32 inputs it has 192 sensory and 60 other synapses. Six recurrent draws can coincide; then the next of
    seed + 100003, seed + 200006, ... is taken, so that every seed gives all six. The wiring's own configuration
    holds the seed that was used.
    """
    _within('seed', seed, 0, 2**31, 'give another seed')
    while True:
        wiring = NCP(12, 6, 1, sensory_fanout=6, inter_fanout=4, recurrent_command_synapses=6, motor_fanin=6,
                     seed=seed)
        wiring.build(inputs)
        recurrent = wiring.adjacency_matrix[1:7, 1:7]
        if np.count_nonzero(recurrent) == 6:
            return wiring
        seed += 100003


def _at_least(name: str, value: int, lowest: int, remedy: str) -> None:
    if value < lowest:
        raise InputError(f'{name} is {value}, the lowest is {lowest}; {remedy}')


def _within(name: str, value: int, lowest: int, highest: int, remedy: str) -> None:
    if not lowest <= value <= highest:
        raise InputError(f'{name} is {value}, allowed are {lowest} to {highest}; {remedy}')


def _polarity(polarity: int) -> int:
    if polarity not in (-1, 1):
        raise InputError(f'polarity is {polarity}; give +1 (excites) or -1 (inhibits)')
    return int(polarity)


def _picture(rows: Any, shape: tuple[int, int]) -> np.ndarray:
    """Check a matrix that came from outside."""
    matrix = np.asarray(rows, dtype=np.int32)
    if matrix.shape != shape or not np.isin(matrix, (-1, 0, 1)).all():
        raise InputError(f'an adjacency matrix has shape {matrix.shape}; give {shape} with 0, +1 and -1 only')
    return matrix


def _add_edges(graph, source_name: str, matrix: np.ndarray) -> None:
    for src, dest in np.argwhere(matrix):
        polarity = 'excitatory' if matrix[src, dest] > 0 else 'inhibitory'
        graph.add_edge(f'{source_name}_{src}', f'neuron_{dest}', polarity=polarity)
