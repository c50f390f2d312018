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

"""Simulated time against a fake steady clock."""
import pytest

from liquid_control.simulation.pacing import Pace


def test_simulated_time_keeps_the_pace_of_real_time():
    pace = Pace(100.0)
    assert pace.due(2.5) == 102.5
    pace.keep(102.55, 2.5)
    assert pace.due(3.0) == 103.0 and pace.lost_s == 0.0


def test_what_is_lost_is_not_made_up_for():
    pace = Pace(100.0)
    pace.keep(103.0, 2.5)
    assert pace.due(2.5) == pytest.approx(103.0) and pace.lost_s == pytest.approx(0.5)


def test_ten_times_real_time():
    pace = Pace(100.0, 10.0)
    assert pace.due(25.0) == pytest.approx(102.5)
    pace.restart(200.0, 25.0)
    assert pace.due(35.0) == pytest.approx(201.0)
