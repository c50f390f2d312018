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

"""The traces that the page shows are true: shares add up, and what is called important is."""
import copy

import numpy as np
import pytest
import torch

from liquid_control.audit.contributions import circuit_of, shares_of
from liquid_control.audit.effects import (
    covered_features, feature_effects, neuron_effects, region_effects, synapse_effects)
from liquid_control.audit.fleet_drive import Course
from liquid_control.audit.lesions import INTACT, Lesion, LesionedNetworks
from liquid_control.audit.silencing import drive_lesions
from liquid_control.learning.simulated import new_policy
from liquid_control.policy.compiling import Runner
from liquid_control.policy.policy_file import load_policy
from liquid_control.share import share_path
from liquid_control.simulation.fast_world import FastWorld
from liquid_control.simulation.track_spec import load_track

TRACK = 'random:1000003'
TICKS = 150


@pytest.fixture(scope='module')
def shipped():
    return load_policy(share_path('models/ncp19.safetensors'))


@pytest.fixture(scope='module')
def drive(shipped):
    """Features, state before, decision of each tick of a drive, and the last picture and IMU sample."""
    world, runner = FastWorld(load_track(TRACK), 0), Runner(shipped)
    world.reset(speed=2.0)
    before, ticks = shipped.initial_state()[0].numpy(), []
    for tick in range(TICKS):
        picture, imu = world.camera(), world.imu()
        with torch.inference_mode():
            features = shipped.features(torch.from_numpy(picture)[None], torch.from_numpy(imu)[None])[0].numpy()
        decision = runner.step(picture, imu, shipped.spec.period_s)
        ticks.append((features, before, decision))
        before = decision.neurons.copy()
        world.command(decision.steering_rad, decision.speed_mps)
        world.advance_to((tick + 1) * shipped.spec.period_s)
    return ticks, picture, imu


def test_shares_add_up_to_every_command_of_a_drive(shipped, drive):
    circuit = circuit_of(shipped)
    for features, before, decision in drive[0]:
        tick = circuit.tick(features, before, 1.0)
        assert shares_of(circuit, tick).total == pytest.approx(decision.steering_rad, abs=1e-5)
        np.testing.assert_allclose(tick.state[0], decision.neurons, atol=1e-5)
        np.testing.assert_allclose(tick.time_constant * shipped.spec.period_s, decision.time_constants, rtol=1e-4)


@pytest.mark.parametrize('cell', ['ltc', 'cfc'])
def test_shares_add_up_for_any_state_feature_and_time(cell):
    rng = np.random.default_rng(3)
    policy = new_policy(cell, 'small', 3)
    policy.gain.data.fill_(6.0)
    if cell == 'cfc':  # a trained CfC has far larger gates than a new one
        policy.network.weight.data.mul_(8.0)
        policy.network.sensory_weight.data.mul_(8.0)
    circuit = circuit_of(policy)
    limited = 0
    for _ in range(40):
        features, before = rng.uniform(-1, 1, 32).astype(np.float32), rng.uniform(-2, 2, 19).astype(np.float32)
        elapsed = float(rng.uniform(0.1, 10.0))
        tick = circuit.tick(features, before, elapsed)
        with torch.inference_mode():
            output, state = policy.network(torch.from_numpy(features)[None], torch.from_numpy(before)[None],
                                           torch.tensor([[elapsed]]))
            steering = float(policy.command(output)[0, 0])
        shares = shares_of(circuit, tick)
        assert shares.total == pytest.approx(steering, abs=1e-4)
        limited += abs(shares.clamp) > 0.0
        np.testing.assert_allclose(tick.state[0], state[0], atol=1e-4)
        parts = tick.rest + tick.memory
        np.add.at(parts, circuit.sensory.target, tick.sensory)
        np.add.at(parts, circuit.inner.target, tick.inner)
        np.testing.assert_allclose(parts, tick.state[0], atol=1e-7)
    assert 0 < limited


def test_cutting_and_silencing_is_what_the_network_does_without(shipped, drive):
    circuit, (features, before, decision) = circuit_of(shipped), drive[0][-1]
    sensory, inner = synapse_effects(circuit, features, before, 1.0)
    for name, effects in ('sensory_w', sensory), ('w', inner):
        strongest = int(np.abs(effects).argmax())
        other = copy.deepcopy(shipped)
        getattr(other.network, name).data[strongest] = 0.0
        with torch.inference_mode():
            output, _ = other.network(torch.from_numpy(features)[None], torch.from_numpy(before)[None],
                                      torch.ones(1, 1))
            without = float(other.command(output)[0, 0])
        assert decision.steering_rad - without == pytest.approx(effects[strongest], abs=1e-5)
        assert abs(effects[strongest]) > 0.001
    by_feature = feature_effects(circuit, features, before, 1.0)
    silent = np.flatnonzero(np.abs(by_feature) > 1e-3)
    assert len(silent) > 0
    cut = np.ones((1, len(circuit.sensory.source)))
    cut[0, circuit.sensory.source == silent[0]] = 0.0
    without = circuit.tick(features, before, 1.0, sensory_open=cut).steering_rad[0]
    assert decision.steering_rad - without == pytest.approx(by_feature[silent[0]], abs=1e-6)


def test_the_neuron_called_most_important_changes_the_drive_more_than_the_least(shipped, drive):
    circuit = circuit_of(shipped)
    effects = np.mean([np.abs(neuron_effects(circuit, features, before, 1.0)) for features, before, _ in drive[0]], 0)
    others = np.arange(1, circuit.units)  # without the motor neuron, which is the command
    most, least = others[effects[others].argmax()], others[effects[others].argmin()]
    course = Course([load_track(TRACK)])
    intact, without_most, without_least = drive_lesions(
        shipped, course, [Lesion('neuron at 0', int(most)), Lesion('neuron at 0', int(least))])
    assert intact.completed == 1
    assert without_most.change_m > 3.0 * without_least.change_m
    assert effects[most] > 10.0 * effects[least]


def test_covering_finds_the_part_of_the_picture_that_steers(shipped, drive):
    ticks, picture, imu = drive
    circuit, (features, before, _) = circuit_of(shipped), ticks[-1]
    seen, covered = covered_features(shipped, picture, imu)
    np.testing.assert_allclose(seen, features, atol=1e-5)
    effects = region_effects(circuit, seen, covered, before, 1.0)
    assert effects.shape == (6, 12) and np.abs(effects).max() > 0.002
    grey = np.full_like(picture, 90)
    seen, covered = covered_features(shipped, grey, imu)
    assert np.abs(region_effects(circuit, seen, covered, before, 1.0)).max() < 1e-6


def test_a_synapse_of_a_cfc_has_the_share_that_a_sum_would_give_it():
    policy = new_policy('cfc', 'small', 5)
    with torch.no_grad():  # without gates and close to 0 a CfC neuron is tanh(f1), which is nearly f1: a sum
        for values in policy.network.sensory_weight, policy.network.weight, policy.network.bias:
            values[1:] = 0.0
            values[0] *= 0.01
        policy.network.bias[3] = -50.0
    features = np.random.default_rng(0).uniform(-1, 1, 32)
    circuit = circuit_of(policy)
    tick = circuit.tick(features, np.zeros(19), 1.0)
    weights = policy.network.sensory_weight[0].detach().numpy()
    np.testing.assert_allclose(tick.sensory, weights * features[circuit.sensory.source], rtol=1e-3, atol=1e-9)
    np.testing.assert_array_equal(tick.sensory_sign, np.sign(weights))


@pytest.mark.parametrize('held', [None, 4])
def test_what_a_cfc_would_command_without_a_part_is_what_the_network_does_without(held):
    policy, rng = new_policy('cfc', 'small', 7), np.random.default_rng(1)
    features, before = rng.uniform(-1, 1, 32).astype(np.float32), rng.uniform(-1, 1, 19).astype(np.float32)
    circuit, kinds = circuit_of(policy), []
    if held is None:
        sensory, inner = synapse_effects(circuit, features, before, 1.0)
        kinds = [(Lesion('sensory synapse', at), sensory[at]) for at in (0, 100)]
        kinds += [(Lesion('synapse', at), inner[at]) for at in range(0, 60, 7)]
    else:
        before[held] = 0.0
        kinds = [(Lesion('neuron at 0', held), neuron_effects(circuit, features, before, 1.0)[held])]
    networks = LesionedNetworks(policy.network, [INTACT, *(lesion for lesion, _ in kinds)])
    rows = torch.from_numpy(features).expand(len(kinds) + 1, 1, -1)
    output, _ = networks.step(rows, torch.from_numpy(before).expand(len(kinds) + 1, 1, -1), torch.ones(len(rows), 1, 1))
    steering = policy.command(output.flatten(0, 1))[:, 0].detach().numpy()
    assert steering[0] - steering[1:] == pytest.approx([effect for _, effect in kinds], abs=1e-5)
    assert np.abs([effect for _, effect in kinds]).max() > 1e-4


@pytest.mark.parametrize('cell', ['spiking', 'lstm'])
def test_cells_without_synapses_from_neuron_to_neuron_have_no_shares(cell):
    assert circuit_of(new_policy(cell, 'small', 0)) is None
