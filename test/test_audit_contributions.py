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

from liquid_control.audit.contributions import Circuit
from liquid_control.audit.effects import (
    covered_features, feature_effects, neuron_effects, region_effects, synapse_effects)
from liquid_control.audit.fleet_drive import Course
from liquid_control.audit.lesions import Lesion
from liquid_control.audit.silencing import drive_lesions
from liquid_control.errors import InputError
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
    circuit = Circuit(shipped)
    for features, before, decision in drive[0]:
        tick = circuit.tick(features, before, 1.0)
        assert circuit.shares(tick).total == pytest.approx(decision.steering_rad, abs=1e-5)
        np.testing.assert_allclose(tick.state[0], decision.neurons, atol=1e-5)
        np.testing.assert_allclose(tick.time_constant[0] * shipped.spec.period_s, decision.time_constants, rtol=1e-4)


@pytest.mark.parametrize('seed', range(3))
def test_shares_add_up_for_any_state_feature_and_time(seed):
    rng = np.random.default_rng(seed)
    policy = new_policy('ltc', 'small', seed)
    policy.gain.data.fill_(6.0)
    circuit = Circuit(policy)
    limited = 0
    for _ in range(20):
        features, before = rng.uniform(-1, 1, 32).astype(np.float32), rng.uniform(-2, 2, 19).astype(np.float32)
        elapsed = float(rng.uniform(0.1, 10.0))
        tick = circuit.tick(features, before, elapsed)
        with torch.inference_mode():
            output, state = policy.network(torch.from_numpy(features)[None], torch.from_numpy(before)[None],
                                           torch.tensor([[elapsed]]))
            steering = float(policy.command(output)[0, 0])
        shares = circuit.shares(tick)
        assert shares.total == pytest.approx(steering, abs=1e-4)
        limited += abs(shares.clamp) > 0.0
        np.testing.assert_allclose(tick.state[0], state[0], atol=1e-4)
        parts = tick.leak[0] + tick.memory[0]
        np.add.at(parts, circuit.sensory.target, tick.sensory[0])
        np.add.at(parts, circuit.inner.target, tick.inner[0])
        np.testing.assert_allclose(parts, tick.state[0], atol=1e-9)
    assert 0 < limited


def test_cutting_and_silencing_is_what_the_network_does_without(shipped, drive):
    circuit, (features, before, decision) = Circuit(shipped), drive[0][-1]
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
    cut = np.ones((1, len(circuit.sensory.w)))
    cut[0, circuit.sensory.source == silent[0]] = 0.0
    without = circuit.tick(features, before, 1.0, sensory_open=cut).steering_rad[0]
    assert decision.steering_rad - without == pytest.approx(by_feature[silent[0]], abs=1e-6)


def test_the_neuron_called_most_important_changes_the_drive_more_than_the_least(shipped, drive):
    circuit = Circuit(shipped)
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
    circuit, (features, before, _) = Circuit(shipped), ticks[-1]
    seen, covered = covered_features(shipped, picture, imu)
    np.testing.assert_allclose(seen, features, atol=1e-5)
    effects = region_effects(circuit, seen, covered, before, 1.0)
    assert effects.shape == (6, 12) and np.abs(effects).max() > 0.002
    grey = np.full_like(picture, 90)
    seen, covered = covered_features(shipped, grey, imu)
    assert np.abs(region_effects(circuit, seen, covered, before, 1.0)).max() < 1e-6


@pytest.mark.parametrize('cell', ['cfc', 'spiking', 'lstm'])
def test_other_cells_are_refused_with_the_reason(cell):
    with pytest.raises(InputError, match=f"not defined for the cell '{cell}'"):
        Circuit(new_policy(cell, 'small', 0))
