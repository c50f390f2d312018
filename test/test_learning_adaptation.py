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
from liquid_control.learning.wide_line import EDGE_M, wide_line
from liquid_control.policy.policy_file import load_policy
from liquid_control.share import share_path
from liquid_control.simulation.track_spec import load_track

OFFSET = 0.3
COUNT = 360
QUICK = Limits(judged_ticks=60)


@pytest.fixture(scope='module')
def drive():
    """Return pictures of a road that bends, IMU samples, and what the shipped policy answers to them less an offset."""
    from liquid_control.evaluation.job import make_world
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
    first, second = (Adaptation(drive[0], QUICK) for _ in range(2))
    steering = np.array(live(first, drive, labels))
    assert np.array_equal(steering, live(second, drive, labels))
    error = np.abs(steering - np.array(labels))
    assert error[:30].mean() == pytest.approx(OFFSET, abs=0.03) and error[-30:].mean() < 0.2 * OFFSET
    assert first.swaps >= 3


def until_a_swap(drive, stumble_every=None):
    """Return an adaptation whose newest policy has just taken over, and what to show it next."""
    _, pictures, imu, labels = drive
    adaptation = Adaptation(drive[0], QUICK)
    for i in range(COUNT):
        adaptation.step(pictures[i], imu[i], 1.0, labels[i])
        if adaptation.swaps:
            return adaptation, i + 1
        if stumble_every and i % stumble_every == stumble_every - 1:
            adaptation.stumble()
    raise AssertionError('no candidate took over')


def weights(policy):
    return torch.cat([value.flatten() for value in policy.state_dict().values()])


def test_a_policy_that_leaves_the_road_where_none_did_before_is_taken_back(drive):
    adaptation, _ = until_a_swap(drive)
    assert not torch.equal(weights(adaptation.policy), weights(drive[0]))
    adaptation.stumble()
    assert adaptation.returns == 1 and torch.equal(weights(adaptation.policy), weights(drive[0]))


@pytest.mark.parametrize(('ticks', 'returns'), [(2, 1), (10, 0)])
def test_a_policy_may_leave_the_road_where_the_one_before_did_but_not_sooner(drive, ticks, returns):
    adaptation, start = until_a_swap(drive, stumble_every=20)
    _, pictures, imu, labels = drive
    for i in range(start, start + ticks):
        adaptation.step(pictures[i], imu[i], 1.0, labels[i])
    adaptation.stumble()
    assert adaptation.returns == returns


def test_a_policy_that_answers_worse_than_the_one_before_would_have_is_taken_back(drive):
    adaptation, start = until_a_swap(drive)
    _, pictures, imu, labels = drive
    for i in range(start, start + QUICK.judged_ticks):
        assert adaptation.returns == 0
        adaptation.step(pictures[i], imu[i], 1.0, labels[i] + OFFSET)
    assert adaptation.returns == 1 and torch.equal(weights(adaptation.policy), weights(drive[0]))


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
    handling, wheelbase, speed = Handling(0.33, 2.0), 0.33, 2.0
    for tick in range(300):
        steering = 0.2 * math.sin(0.05 * tick) - 0.15
        handling.see(steering, speed, speed * math.tan(steering + 0.15) / wheelbase, 1.0 / 30.0)
    assert handling.offset_rad == pytest.approx(0.15, abs=0.02)
    before = handling.offset_rad
    handling.see(0.2, 0.1, 0.0, 1.0 / 30.0)
    assert handling.offset_rad == before


def test_tyres_that_slide_are_found_and_a_wider_line_is_driven_until_they_hold_again():
    handling, wheelbase, speed, grip = Handling(0.33, 2.0), 0.33, 2.0, 2.2
    track = load_track('random:620004')
    s = track.spacing * int(np.abs(track.curvature).argmax())
    tightest = 1.0 / np.abs(track.curvature).max()
    assert tightest < speed ** 2 / grip

    def drive(ticks, limit):
        for tick in range(ticks):
            steering = 0.3 * math.sin(0.05 * tick)
            turned = max(-limit, min(limit, speed ** 2 * math.tan(steering) / wheelbase))
            handling.see(steering, speed, turned / speed, 1.0 / 30.0)
        return math.dist(handling.aim(track, s - 0.7, speed), track.pose(s)[:2])

    assert drive(300, limit=9.0) == 0.0 and handling.grip_mps2 == math.inf and handling.held(-0.6, speed) == -0.6
    assert drive(300, grip) > 0.03 and handling.grip_mps2 == pytest.approx(grip, rel=0.05)
    assert handling.held(0.1, speed) == 0.1 and handling.held(-0.6, speed) == pytest.approx(-0.206, abs=0.01)
    assert drive(300, limit=9.0) < 0.01 and handling.grip_mps2 > 3.0


def test_a_slow_servo_is_not_taken_for_sliding():
    handling, wheelbase, speed, servo = Handling(0.33, 2.0), 0.33, 2.0, 0.0
    for tick in range(300):
        steering = 0.3 if tick // 45 % 2 else -0.3
        servo += (1.0 - math.exp(-1.0 / 30.0 / 0.1)) * (steering - servo)
        handling.see(steering, speed, speed * math.tan(servo) / wheelbase, 1.0 / 30.0)
    assert handling.grip_mps2 == math.inf


@pytest.mark.parametrize('asked', [1.3, 1.9])
def test_bends_that_tyres_hold_or_nearly_hold_are_no_sign_of_more_grip(asked):
    """A line within the grip that was found, and one a little beyond it: tyres turn 0.84 of what they are asked to."""
    handling, wheelbase, speed, grip = Handling(0.33, 2.0), 0.33, 2.0, 1.6
    for tick in range(600):
        steering = math.atan((3.0 if tick < 60 else asked) * wheelbase / speed ** 2)
        turned = min(grip, speed ** 2 * math.tan(steering) / wheelbase)
        handling.see(steering, speed, turned / speed, 1.0 / 30.0)
    assert handling.grip_mps2 == pytest.approx(grip, rel=0.02)


@pytest.mark.parametrize('seed', [620_000, 620_005, 620_007, 620_010])
def test_the_wide_line_is_on_the_road_and_bends_no_more_than_it_may(seed):
    track, most = load_track(f'random:{seed}'), 0.4
    offsets = wide_line(track, most)
    edge = track.half_width_left.min() - EDGE_M
    assert np.abs(offsets).max() <= edge + 1e-9 and np.abs(offsets).mean() < 0.3 * edge
    places = np.arange(len(offsets)) * track.length / len(offsets)
    points = np.array([track.pose(s, offset)[:2] for s, offset in zip(places, offsets, strict=True)])
    before, after = np.roll(points, 1, 0), np.roll(points, -1, 0)
    sides = [np.hypot(*(one - other).T) for one, other in ((points, before), (after, points), (after, before))]
    (x1, y1), (x2, y2) = (points - before).T, (after - before).T
    circles = 2.0 * np.abs(x1 * y2 - x2 * y1) / np.prod(sides, axis=0)
    assert np.abs(track.curvature).max() > 0.6 and circles.max() < 1.1 * most
    assert not wide_line(track, 1.0).any()
