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

"""Learning: the expert drives, the data are whole, gradient steps reduce the error, a seed repeats."""
import numpy as np
import pytest
import torch

from liquid_control.learning.collector import Collector
from liquid_control.learning.expert import expert_steering, pure_pursuit
from liquid_control.learning.imitation import Imitation
from liquid_control.learning.recorded import mirrored
from liquid_control.learning.simulated import new_policy
from liquid_control.learning.trial import Trial
from liquid_control.simulation.car import default_car
from liquid_control.simulation.fast_fleet import FastFleet, Handling
from liquid_control.simulation.track_spec import load_track

CAR = default_car()


def test_pure_pursuit_steers_the_circle_through_the_point():
    radius = 2.0
    angle = np.linspace(0.1, 1.0, 5)
    forward, left = radius * np.sin(angle), radius * (1.0 - np.cos(angle))
    np.testing.assert_allclose(np.tan(pure_pursuit(forward, left, 0.33)), 0.33 / radius, rtol=1e-9)
    np.testing.assert_allclose(np.tan(pure_pursuit(forward, -left, 0.33)), -0.33 / radius, rtol=1e-9)


def test_the_expert_comes_back_to_the_middle_and_stays():
    tracks = [load_track(f'random:{seed}') for seed in range(6)]
    fleet = FastFleet(CAR, tracks, Handling.nominal(CAR, len(tracks)))
    everyone = np.arange(len(tracks))
    fleet.place(everyone, np.zeros(6), np.linspace(-0.25, 0.25, 6), np.linspace(0.3, -0.3, 6), np.full(6, 2.0))
    offsets = []
    for _ in range(300):
        fleet.step(expert_steering(fleet), np.full(6, 2.0), 1.0 / 30.0)
        offsets.append(np.abs(fleet.road()[1]))
    assert np.max(offsets[60:]) < 0.1


def test_collected_sequences_are_whole():
    policy = new_policy('ltc', 'small', 0)
    stretch = Collector(policy, CAR, 6, seed=1).collect(16, 0.0)
    assert stretch.pictures.shape == (6, 16, 3, 48, 96) and stretch.pictures.dtype == torch.uint8
    assert stretch.imu.shape == (6, 16, 6) and stretch.elapsed.shape == (6, 16, 1) and stretch.steering.shape == (6, 16)
    assert (stretch.elapsed >= 0.5).all() and (stretch.steering.abs() <= 1.0).all()
    assert stretch.pictures.float().std(dim=(2, 3, 4)).mean() > 5.0


def test_gradient_steps_reduce_the_error():
    policy = new_policy('ltc', 'small', 0)
    imitation = Imitation(policy, 0)
    imitation.remember(Collector(policy, CAR, 16, seed=1).collect(16, 0.0))
    losses = [imitation.learn(16, 0.0) for _ in range(60)]
    assert np.mean(losses[-10:]) < 0.5 * np.mean(losses[:5])


@pytest.mark.parametrize('seed', range(3))
def test_no_feature_of_a_fresh_head_is_saturated(seed):
    policy = new_policy('ltc', 'small', seed)
    stretch = Collector(policy, CAR, 8, seed).collect(8, 0.0)
    features = policy.head(policy.retina.whiten(stretch.pictures.flatten(0, 1)))
    assert (features.abs() > 0.99).float().mean() < 0.02
    assert features.std(dim=0).mean() > 0.1


def test_a_fresh_policy_fails_its_trial():
    trial = Trial(CAR, [load_track(f'random:{seed}') for seed in (2, 5, 8)])
    result = trial.drive(new_policy('ltc', 'small', 0))
    assert not result.completed.all()
    assert (result.progress <= 1.0).all()


def test_a_mirrored_drive_swaps_left_and_right():
    pictures = torch.arange(2 * 3 * 2 * 4).reshape(2, 3, 2, 4)
    imu, steering = torch.ones(2, 6), torch.tensor([0.5, -0.25])
    seen, felt, steered = mirrored(pictures, imu, steering)
    assert torch.equal(seen[..., 0], pictures[..., 3])
    assert felt[0].tolist() == [-1.0, 1.0, -1.0, 1.0, -1.0, 1.0]
    assert steered.tolist() == [-0.5, 0.25]
    for again, original in zip(mirrored(seen, felt, steered), (pictures, imu, steering)):
        assert torch.equal(again, original)
