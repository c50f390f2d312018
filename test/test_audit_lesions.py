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

"""Silenced neurons, cut synapses and twins with fixed time constants."""
from dataclasses import replace

import numpy as np
import pytest
import torch

from liquid_control.audit.fleet_drive import Course
from liquid_control.audit.lesions import INTACT, Lesion, LesionedNetworks, all_lesions, can_be_lesioned, synapses
from liquid_control.audit.silencing import drive_lesions
from liquid_control.audit.twin import TWINS, FixedTimeConstants
from liquid_control.learning.simulated import new_policy
from liquid_control.policy.policy_file import load_policy
from liquid_control.share import share_path
from liquid_control.simulation.track_spec import load_track


def run(network, features, state, steps=3):
    """Return the states after each step of a network."""
    states = []
    with torch.inference_mode():
        for step in range(steps):
            _, state = network(features[step], state, torch.ones(len(state), 1))
            states.append(state)
    return torch.stack(states)


def run_lesioned(network, lesions, features, steps=3):
    """Return the states (steps, V, B, S) of variants of a network."""
    variants = LesionedNetworks(network, lesions)
    state, states = variants.initial_state(features.shape[1]), []
    with torch.inference_mode():
        for step in range(steps):
            inputs = features[step].expand(len(lesions), -1, -1)
            _, state = variants.step(inputs, state, torch.ones(len(lesions), features.shape[1], 1))
            states.append(state)
    return torch.stack(states)


@pytest.mark.parametrize('cell', ('ltc', 'cfc'))
def test_a_variant_is_the_network_with_that_synapse_missing(cell):
    network = new_policy(cell, 'small', seed=4).network
    features = torch.randn(3, 2, 32, generator=torch.Generator().manual_seed(0))
    lesions = [INTACT, Lesion('sensory synapse', 17), Lesion('synapse', 8)]
    found = run_lesioned(network, lesions, features)
    start = torch.zeros(2, 19)
    assert torch.allclose(found[:, 0], run(network, features, start), atol=1e-5)
    for row, (matrix, index) in enumerate((('sensory_adjacency_matrix', 17), ('adjacency_matrix', 8)), start=1):
        cut = cut_by_hand(cell, network, matrix, index)
        assert torch.allclose(found[:, row], run(cut, features, start), atol=1e-5)
        assert not torch.allclose(found[:, row], found[:, 0], atol=1e-4)


def cut_by_hand(cell, network, matrix, index):
    """Return a network of a wiring that lacks one synapse, with the values of all others."""
    cut = new_policy(cell, 'small', seed=4).network
    source, target = (int(end[index]) for end in getattr(network.wiring, matrix).nonzero())
    getattr(cut.wiring, matrix)[source, target] = 0
    smaller = type(network)(cut.wiring, input_mapping=None, output_mapping=None) if cell == 'ltc' else type(network)(
        None, cut.wiring)
    prefix = 'sensory_' if matrix.startswith('sensory') else ''
    own = [prefix + name for name in ('mu', 'sigma', 'w', 'erev')] if cell == 'ltc' else [prefix + 'weight']
    values = dict(network.state_dict())
    for name in own:
        columns = [column for column in range(values[name].shape[-1]) if column != index]
        values[name] = values[name][..., columns]
    smaller.load_state_dict(values)
    return smaller


@pytest.mark.parametrize('cell', ('ltc', 'cfc'))
@pytest.mark.parametrize('hold', (0.0, -0.4))
def test_a_silenced_neuron_does_not_move_and_others_hear_its_value(cell, hold):
    network = new_policy(cell, 'small', seed=4).network
    features = torch.randn(3, 2, 32, generator=torch.Generator().manual_seed(0))
    found = run_lesioned(network, [INTACT, Lesion('neuron at 0' if hold == 0.0 else 'neuron at its mean', 5, hold)],
                         features)
    assert found[:, 1, :, 5].numpy() == pytest.approx(np.full((3, 2), hold), abs=1e-5)
    downstream = network.wiring.adjacency_matrix[5].nonzero()[0]
    changed = (found[:, 1] - found[:, 0]).abs().amax((0, 1))
    assert changed[[neuron for neuron in downstream if neuron != 5]].min() > 1e-5


def test_every_neuron_and_every_synapse_has_a_lesion():
    network = new_policy('ltc', 'small', seed=4).network
    lesions = all_lesions(network, 19 * [0.1])
    assert len(lesions) == 1 + 2 * 19 + 252 and len(set(lesions)) == len(lesions)
    assert len(synapses(network)) == 252 and can_be_lesioned(network)
    assert not can_be_lesioned(new_policy('gru', 'small', seed=4).network)


@pytest.fixture(scope='module')
def shipped():
    return load_policy(share_path('models/ncp19.safetensors'))


def test_a_held_motor_neuron_leaves_the_road_and_a_small_lesion_does_not(shipped):
    course = Course([load_track('random:1000003')])
    seen = []
    motor = Lesion('neuron at 0', 0)
    weakest = int(shipped.network.w.abs().argmin())
    intact, held, cut = drive_lesions(shipped, course, [motor, Lesion('synapse', weakest)], seen.append)
    assert (intact.lesion, held.lesion, cut.lesion.index) == (INTACT, motor, weakest)
    assert intact.completed == cut.completed == 1 and intact.change_m == 0.0 and intact.mean_abs_lateral_m < 0.1
    assert held.completed == 0 and held.progress < 0.5 and held.change_m > 10.0 * max(cut.change_m, 0.001)
    assert seen[-1] == 1.0 and seen == sorted(seen)


def test_an_untrained_network_leaves_the_road():
    course = Course([load_track('random:3')])
    effect, = drive_lesions(new_policy('cfc', 'small', seed=1), course, [])
    assert effect.completed == 0 and effect.progress < 1.0


@pytest.mark.parametrize('kind', TWINS)
def test_a_twin_of_a_network_whose_time_constants_are_fixed_is_that_network(kind):
    cell = new_policy('ltc', 'small', seed=6).network
    with torch.no_grad():
        cell.sensory_sigma.zero_()
        cell.sigma.zero_()
    features = torch.randn(3, 2, 32, generator=torch.Generator().manual_seed(1))
    tau = cell.system_time_constant(features[0, :1], torch.zeros(1, 19))[0].detach().numpy()
    start = torch.zeros(2, 19)
    expected = run(cell, features, start)
    assert torch.allclose(run(FixedTimeConstants(cell, tau, kind), features, start), expected, atol=1e-4)
    assert not torch.allclose(run(FixedTimeConstants(cell, 2.0 * tau, kind), features, start), expected, atol=1e-2)


def test_a_twin_of_a_liquid_network_is_another_network(shipped):
    features = torch.randn(3, 1, 32, generator=torch.Generator().manual_seed(1))
    start = torch.zeros(1, 19)
    liquid = run(shipped.network, features, start)
    tau = shipped.network.system_time_constant(features[0], start)[0].detach().numpy()
    for kind in TWINS:
        assert not torch.allclose(run(FixedTimeConstants(shipped.network, tau, kind), features, start), liquid,
                                  atol=1e-3)


def test_less_light_makes_darker_pictures():
    tracks = [load_track('random:5')]
    assert Course(tracks, 0.3).looks[0] == replace(
        tracks[0].appearance, light=0.3 * tracks[0].appearance.light)
