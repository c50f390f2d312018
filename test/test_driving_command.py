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

"""Commands, twists and limits."""
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from liquid_control.driving.command import STAND, Command, from_twist, yaw_rate_radps
from liquid_control.driving.limits import Limiter, Limits

LIMITS = Limits(max_speed_mps=2.0, max_steering_rad=0.4, max_steering_rate_radps=3.0)
ANY = st.floats(-100.0, 100.0)


def test_a_twist_is_what_an_ackermann_car_does():
    assert yaw_rate_radps(Command(0.3, 2.0), 0.33) == pytest.approx(2.0 * math.tan(0.3) / 0.33)
    assert yaw_rate_radps(Command(-0.3, 2.0), 0.33) < 0.0 < yaw_rate_radps(Command(-0.3, -2.0), 0.33)


@pytest.mark.parametrize('command', [Command(0.3, 2.0), Command(-0.4, 0.5), Command(0.2, -1.0), Command(0.0, 0.0)])
def test_a_twist_gives_its_command_back(command):
    back = from_twist(command.speed_mps, yaw_rate_radps(command, 0.33), 0.33)
    assert back == pytest.approx(command)


def test_a_car_cannot_turn_on_the_spot():
    assert from_twist(0.0, 1.0, 0.33) == pytest.approx((math.pi / 2, 0.0))
    assert from_twist(0.0, -1.0, 0.33) == pytest.approx((-math.pi / 2, 0.0))


def test_values_that_are_not_finite_are_noticed():
    assert not from_twist(math.nan, 0.0, 0.33).finite and not from_twist(1.0, math.nan, 0.33).finite
    assert not Command(0.0, math.inf).finite and Command(0.0, 1.0).finite


@given(st.lists(st.tuples(ANY, ANY, st.floats(-0.1, 0.5))))
def test_no_sequence_of_commands_passes_a_limit(commands):
    limiter, last = Limiter(LIMITS), 0.0
    for steering, speed, elapsed in commands:
        allowed = limiter.apply(Command(steering, speed), elapsed)
        assert abs(allowed.speed_mps) <= 2.0 and abs(allowed.steering_rad) <= 0.4
        assert abs(allowed.steering_rad - last) <= 3.0 * max(elapsed, 0.0) + 1e-12
        last = allowed.steering_rad


def test_what_is_cut_is_counted():
    limiter = Limiter(LIMITS)
    assert limiter.apply(Command(0.1, 1.0), 1.0) == (0.1, 1.0)
    assert (limiter.clamps, limiter.slews) == (0, 0)
    assert limiter.apply(Command(-0.4, 5.0), 0.1) == pytest.approx((-0.2, 2.0))
    assert (limiter.clamps, limiter.slews) == (1, 1)


def test_standing_passes_at_once_and_steering_starts_from_there():
    limiter = Limiter(LIMITS)
    limiter.apply(Command(0.4, 2.0), 1.0)
    assert limiter.stand() == STAND
    assert limiter.apply(Command(0.4, 2.0), 0.1).steering_rad == pytest.approx(0.3)
