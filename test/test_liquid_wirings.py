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

"""Wirings: counts, reach, configuration, and errors that people can act on."""
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquid_control.errors import InputError
from liquid_control.liquid import wirings


@pytest.mark.parametrize('seed', range(0, 60000, 2711))
def test_every_car_wiring_is_the_one_of_the_paper(seed):
    wiring = wirings.car_ncp(seed=seed)
    assert (wiring.units, wiring.input_dim, wiring.output_dim) == (19, 32, 1)
    assert (wiring.sensory_synapse_count, wiring.synapse_count) == (192, 60)
    types = [wiring.get_type_of_neuron(neuron) for neuron in range(19)]
    assert types == ['motor'] + 6 * ['command'] + 12 * ['inter']


@settings(max_examples=60, deadline=None)
@given(units=st.integers(5, 40), outputs=st.integers(1, 8), sparsity=st.floats(0.0, 1.0), inputs=st.integers(1, 20),
       seed=st.integers(0, 1000))
def test_auto_ncp_has_only_synapses_of_its_layers_and_reaches_every_neuron(units, outputs, sparsity, inputs, seed):
    if outputs >= units - 2:
        with pytest.raises(InputError, match='output_size'):
            wirings.AutoNCP(units, outputs, sparsity)
        return
    wiring = wirings.AutoNCP(units, outputs, sparsity, seed)
    wiring.build(inputs)
    inter, command, motor = (wiring.get_neurons_of_layer(layer) for layer in range(3))
    assert len(command) == max(int(0.4 * (units - outputs)), 1) and len(motor) == outputs
    allowed = np.zeros((units, units), dtype=bool)
    allowed[np.ix_(inter, command)] = allowed[np.ix_(command, command)] = allowed[np.ix_(command, motor)] = True
    assert not (wiring.adjacency_matrix[~allowed]).any()
    assert wiring.sensory_adjacency_matrix[:, inter].any(0).all()
    assert not wiring.sensory_adjacency_matrix[:, command + motor].any()
    assert wiring.adjacency_matrix[np.ix_(inter, command)].any(0).all()
    assert wiring.adjacency_matrix[np.ix_(command, motor)].any(0).all()


@pytest.mark.parametrize('make', [
    lambda: wirings.AutoNCP(16, 3, 0.4, seed=7),
    lambda: wirings.NCP(6, 4, 2, 3, 2, 4, 2, seed=5),
    lambda: wirings.Random(9, 2, 0.6, random_seed=3),
    lambda: wirings.FullyConnected(6, 2, erev_init_seed=4, self_connections=False),
])
def test_configuration_makes_the_same_wiring_again(make):
    wiring = make()
    again = type(wiring).from_config(wiring.get_config())
    wiring.build(5)
    again.build(5)
    plain = wirings.Wiring.from_config(wirings.Wiring.get_config(wiring))
    for other in (again, plain):
        np.testing.assert_array_equal(other.adjacency_matrix, wiring.adjacency_matrix)
        np.testing.assert_array_equal(other.sensory_adjacency_matrix, wiring.sensory_adjacency_matrix)
        assert (other.input_dim, other.output_dim) == (5, wiring.output_dim)


def test_a_second_build_changes_nothing_and_another_size_is_refused():
    wiring = wirings.AutoNCP(12, 2)
    wiring.build(4)
    before = wiring.adjacency_matrix.copy(), wiring.sensory_adjacency_matrix.copy()
    wiring.build(4)
    np.testing.assert_array_equal(wiring.adjacency_matrix, before[0])
    np.testing.assert_array_equal(wiring.sensory_adjacency_matrix, before[1])
    with pytest.raises(InputError, match='built for 4 inputs and cannot take 5'):
        wiring.build(5)


def test_a_wiring_by_hand():
    wiring = wirings.Wiring(3)
    with pytest.raises(InputError, match=r'build\(input_dim\) first'):
        wiring.add_sensory_synapse(0, 0, 1)
    wiring.build(2)
    wiring.add_sensory_synapse(1, 2, -1)
    wiring.add_synapse(2, 0, 1)
    assert (wiring.sensory_synapse_count, wiring.synapse_count) == (1, 1)
    assert wiring.sensory_erev_initializer()[1, 2] == -1 and wiring.erev_initializer()[2, 0] == 1


@pytest.mark.parametrize('make, words', [
    (lambda: wirings.NCP(4, 3, 1, 5, 2, 2, 2), 'sensory_fanout is 5, allowed are 1 to 4'),
    (lambda: wirings.NCP(4, 3, 1, 2, 4, 2, 2), 'inter_fanout is 4, allowed are 1 to 3'),
    (lambda: wirings.NCP(4, 3, 1, 2, 2, 2, 9), 'motor_fanin is 9, allowed are 1 to 3'),
    (lambda: wirings.NCP(0, 3, 1, 2, 2, 2, 2), 'inter_neurons is 0'),
    (lambda: wirings.AutoNCP(20, 2, 1.5), 'sparsity_level is 1.5'),
    (lambda: wirings.Random(5, sparsity_level=1.0), 'sparsity_level is 1.0'),
    (lambda: wirings.FullyConnected(5, 6), 'output_dim is 6, allowed are 1 to 5'),
    (lambda: wirings.Wiring(3).add_synapse(0, 3, 1), 'target neuron is 3, allowed are 0 to 2'),
    (lambda: wirings.Wiring(3).add_synapse(0, 1, 2), 'polarity is 2'),
])
def test_impossible_wirings_are_refused_with_the_limit(make, words):
    with pytest.raises(InputError, match=words):
        make()
