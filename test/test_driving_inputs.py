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

"""Freshness, stamps, frozen cameras and the policy's health."""
import math

import numpy as np
import pytest

from liquid_control.driving.command import Command
from liquid_control.driving.frozen import IDENTICAL_PICTURES, FrozenCamera
from liquid_control.driving.health import OVERRUNS, RECOVERY_STEPS, PolicyHealth
from liquid_control.driving.newest import Newest
from liquid_control.driving.stamps import Stamps

PICTURE = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)


def camera():
    return Newest('camera', '/car/camera/image_raw', 0.1, 'camera_timeout_s')


def take(newest, message, taken_s):
    newest.put(message, taken_s)
    assert newest.take() == (message, taken_s)
    newest.accept(taken_s)


def test_only_the_newest_message_is_kept_and_given_once():
    newest = camera()
    for i in range(10):
        newest.put(i, 0.01 * i)
    assert newest.take() == (9, 0.09) and newest.take() is None
    assert (newest.received, newest.dropped) == (10, 9)


def test_what_never_came_is_named_by_its_topic():
    assert camera().problem(5.0) == 'no camera message on /car/camera/image_raw yet'


def test_what_stopped_coming_is_stale_after_its_timeout_and_clears_by_itself():
    newest = camera()
    take(newest, 'a', 1.0)
    assert newest.problem(1.09) == ''
    stale = 'camera is stale: nothing newer than camera_timeout_s = 0.1 s on /car/camera/image_raw'
    assert newest.problem(1.11) == stale
    take(newest, 'b', 1.2)
    assert newest.problem(1.21) == ''


def test_rejected_messages_do_not_count_as_fresh_and_give_the_reason():
    newest = camera()
    take(newest, 'good', 1.0)
    newest.put('bad', 1.05)
    newest.take()
    newest.reject('bad picture')
    assert newest.problem(1.09) == ''
    assert newest.problem(1.2) == 'bad picture'
    assert newest.rejected == 1


def stamps():
    said = []
    return Stamps(said.append), said


@pytest.mark.parametrize(('stamp', 'clock', 'delay'), [
    (100.0, 100.02, 0.02), (100.0, 109.0, 9.0), (100.05, 100.0, 0.0),
    (0.0, 100.0, None), (-1.0, 100.0, None), (101.0, 100.0, None), (50.0, 100.0, None)])
def test_the_delay_of_a_picture_is_believed_within_bounds(stamp, clock, delay):
    rule, said = stamps()
    for _ in range(3):
        assert rule.delay_s(stamp, clock) == (None if delay is None else pytest.approx(delay))
    assert len(said) == (delay is None)


def test_elapsed_time_comes_from_stamps_also_of_a_foreign_clock():
    rule, said = stamps()
    assert rule.elapsed_s(5.0, 1000.0, 0.03) == 0.03
    assert rule.elapsed_s(5.04, 1000.05, 0.03) == pytest.approx(0.04)
    assert not said


@pytest.mark.parametrize('step', [0.0, -0.04, 3.0, 1e9])
def test_elapsed_time_falls_back_to_the_receipt_and_says_so_once(step):
    rule, said = stamps()
    stamp, received = 5.0, 1000.0
    rule.elapsed_s(stamp, received, 0.03)
    for _ in range(3):
        stamp, received = stamp + step, received + 0.05
        assert rule.elapsed_s(stamp, received, 0.03) == pytest.approx(0.05)
    assert len(said) == 1


def test_elapsed_time_is_bounded():
    rule, _ = stamps()
    rule.elapsed_s(0.0, 10.0, 0.03)
    assert rule.elapsed_s(0.0, 10.0, 0.03) == 1e-3
    assert rule.elapsed_s(0.0, 99.0, 0.03) == 1.0


def test_a_camera_is_frozen_after_many_identical_pictures_and_well_after_another():
    frozen = FrozenCamera()
    for _ in range(IDENTICAL_PICTURES):
        frozen.see(PICTURE.copy(), moving=True)
        assert not frozen.problem
    frozen.see(PICTURE.copy(), moving=True)
    assert 'frozen: 30 identical pictures' in frozen.problem
    frozen.see(PICTURE.copy(), moving=False)
    assert frozen.problem
    frozen.see(PICTURE[::-1], moving=False)
    assert not frozen.problem


def test_a_driver_that_hands_out_its_buffers_in_turn_is_frozen_too():
    frozen = FrozenCamera()
    pictures = [np.full((20, 30, 3), number, np.uint8) for number in range(5)]
    for count in range(IDENTICAL_PICTURES + 4):
        frozen.see(pictures[count % 3], True)
    assert 'frozen' in frozen.problem
    frozen.forget()
    for count in range(3 * IDENTICAL_PICTURES):
        frozen.see(pictures[count % 5], True)
    assert not frozen.problem


def test_a_standing_car_may_see_the_same_picture():
    frozen = FrozenCamera()
    for _ in range(10 * IDENTICAL_PICTURES):
        frozen.see(PICTURE, moving=False)
    assert not frozen.problem


def test_one_output_that_is_not_finite_makes_the_policy_ill_until_it_was_good_for_a_while():
    health = PolicyHealth(0.03)
    health.judge(Command(math.nan, 2.0), 0.001)
    assert 'policy output is not finite: steering nan' in health.problem and health.not_finite == 1
    for _ in range(RECOVERY_STEPS):
        assert health.problem
        health.judge(Command(0.1, 2.0), 0.001)
    assert not health.problem


def test_a_policy_that_stays_too_slow_is_ill_but_one_slow_step_is_not():
    health = PolicyHealth(0.03)
    for _ in range(20):
        health.judge(Command(0.0, 1.0), 0.04)
        health.judge(Command(0.0, 1.0), 0.01)
    assert not health.problem and health.overruns == 20
    for _ in range(OVERRUNS):
        health.judge(Command(0.0, 1.0), 0.04)
    assert 'policy is too slow: 3 steps in a row' in health.problem
    for _ in range(RECOVERY_STEPS):
        health.judge(Command(0.0, 1.0), 0.01)
    assert not health.problem
