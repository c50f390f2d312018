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
"""A policy that goes on learning while it drives: what it may do, what it may not."""

import math

import numpy as np
import pytest
import torch

from liquid_control.learning.adaptation import Adaptation, Limits
from liquid_control.learning.handling import Handling
from liquid_control.learning.loop.dataset import Stretch
from liquid_control.learning.loop.online_lesson import learn_online
from liquid_control.policy.policy_file import load_policy
from liquid_control.share import share_path

OFFSET = 0.3
COUNT = 360


@pytest.fixture(scope='module')
def drive():
    """Return pictures of a road that bends, IMU samples, and what the shipped policy answers to them less an offset."""
    from liquid_control.evaluation.job import make_world
    from liquid_control.simulation.track_spec import load_track
    policy, track = load_policy(share_path('models/ncp19.safetensors')).eval(), load_track('random:300007')
    world, pictures, answers, state = make_world('fast', track, 0), [], [], policy.initial_state()
    for tick in range(COUNT):
        world.reset(0.07 * tick, 0.1 * math.sin(0.1 * tick))
        small = policy.retina.resize(torch.from_numpy(world.camera()[None]))[0]
        with torch.no_grad():
            steering, state = policy.sequence(small[None, None], torch.zeros(1, 1, 6), torch.ones(1, 1, 1), state)
        pictures.append(small)
        answers.append(float(steering) - OFFSET)
    return policy, torch.stack(pictures), torch.zeros(COUNT, 6), answers


def live(adaptation, drive, labels):
    _, pictures, imu, _ = drive
    return [adaptation.step(pictures[i], imu[i], 1.0, labels[i]) for i in range(COUNT)]


def test_it_learns_what_the_teacher_says_and_repeats_it(drive):
    labels = drive[3]
    first, second = (Adaptation(drive[0], Limits(judged_ticks=60)) for _ in range(2))
    steering = np.array(live(first, drive, labels))
    assert np.array_equal(steering, live(second, drive, labels))
    error = np.abs(steering - np.array(labels))
    assert error[:30].mean() == pytest.approx(OFFSET, abs=0.03) and error[-30:].mean() < 0.2 * OFFSET
    assert first.swaps >= 3


def test_without_a_word_of_the_teacher_nothing_changes(drive):
    adaptation = Adaptation(drive[0])
    live(adaptation, drive, [None] * COUNT)
    assert adaptation.swaps == 0
    assert all(torch.equal(value, adaptation.policy.state_dict()[name])
               for name, value in drive[0].state_dict().items())


def test_nonsense_is_hardly_followed_and_weights_stay_near(drive):
    """A teacher that says full left one second and full right the next: what is learned of it cannot get far."""
    limits = Limits(radius=0.05, judged_ticks=30)
    adaptation = Adaptation(drive[0], limits)
    live(adaptation, drive, [1.0 if i // 30 % 2 else -1.0 for i in range(COUNT)])
    assert adaptation.returns > 0 or adaptation.swaps < COUNT / limits.judged_ticks / 2
    for part in 'head', 'network':
        before, after = (torch.cat([value.detach().flatten() for value in getattr(policy, part).parameters()])
                         for policy in (drive[0], adaptation.policy))
        assert float((after - before).norm() / before.norm()) <= limits.radius * (adaptation.swaps + 1)
        assert torch.isfinite(after).all()


def test_a_lesson_goes_through_the_new_pictures_once(drive):
    policy, pictures, imu, answers = drive
    stretch = Stretch(pictures, imu.numpy(), np.arange(COUNT) / 30.0, np.array(answers, np.float32),
                      np.ones(COUNT, np.float32), np.full(COUNT, 2.0, np.float32))
    pupil, shares = load_policy(share_path('models/ncp19.safetensors')).eval(), []
    error, labelled = learn_online(pupil, [stretch], lambda share, *_: shares.append(share))
    assert labelled == COUNT and len(shares) == COUNT // 30 and shares[-1] == 1.0 and error < OFFSET ** 2
    assert pupil.bias.item() < policy.bias.item()


def test_a_servo_that_is_askew_is_found_from_how_the_car_turns():
    handling, wheelbase, speed = Handling(0.33), 0.33, 2.0
    for tick in range(300):
        steering = 0.2 * math.sin(0.05 * tick) - 0.15
        handling.see(steering, speed, speed * math.tan(steering + 0.15) / wheelbase, 1.0 / 30.0)
    assert handling.offset_rad == pytest.approx(0.15, abs=0.02)
    before = handling.offset_rad
    handling.see(0.2, 0.1, 0.0, 1.0 / 30.0)
    assert handling.offset_rad == before


def test_tyres_that_slide_are_found_and_looked_farther_ahead_for_until_they_hold_again():
    handling, wheelbase, speed, grip = Handling(0.33), 0.33, 2.0, 2.2

    def drive(ticks, limit):
        for tick in range(ticks):
            steering = 0.3 * math.sin(0.05 * tick)
            turned = max(-limit, min(limit, speed ** 2 * math.tan(steering) / wheelbase))
            handling.see(steering, speed, turned / speed, 1.0 / 30.0)

    drive(300, limit=9.0)
    assert handling.grip_mps2 == math.inf and handling.lookahead_m(speed) == pytest.approx(0.7)
    drive(300, grip)
    assert handling.grip_mps2 == pytest.approx(grip) and handling.lookahead_m(speed) == pytest.approx(1.0)
    drive(300, limit=9.0)
    assert handling.grip_mps2 > 3.0 and handling.lookahead_m(speed) < 0.75


def test_a_slow_servo_is_not_taken_for_sliding():
    handling, wheelbase, speed, servo = Handling(0.33), 0.33, 2.0, 0.0
    for tick in range(300):
        steering = 0.3 if tick // 45 % 2 else -0.3
        servo += (1.0 - math.exp(-1.0 / 30.0 / 0.1)) * (steering - servo)
        handling.see(steering, speed, speed * math.tan(servo) / wheelbase, 1.0 / 30.0)
    assert handling.lookahead_m(speed) == pytest.approx(0.7)
