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

import pytest

from liquid_control.errors import InputError
from liquid_control.learning.loop.states import DRIVING, TABLE, Event, State, follow


def test_one_round_goes_through_collect_learn_and_try():
    state, passed = State.IDLE, []
    for event in Event.START, Event.COLLECTED, Event.LEARNED, Event.JUDGED, Event.COLLECTED, Event.NOTHING_LEARNED:
        state = follow(state, event)
        passed.append(state.value)
    assert passed == ['collect', 'learn', 'try', 'collect', 'learn', 'collect']


def test_every_state_is_reached_and_left():
    assert set(TABLE.values()) | {State.IDLE} == set(State)
    assert {state for state, _ in TABLE} == set(State)


@pytest.mark.parametrize('state', DRIVING)
def test_driving_can_always_be_paused_and_can_always_fail(state):
    assert follow(state, Event.PAUSE) is State.PAUSED and follow(state, Event.FAILED) is State.ERROR


@pytest.mark.parametrize('state', [State.IDLE, State.PAUSED, State.DONE, State.ERROR])
def test_what_stands_still_can_be_started_but_not_paused(state):
    assert follow(state, Event.START) is State.COLLECT
    with pytest.raises(InputError, match=f"'pause' means nothing in state '{state.value}'; possible: start"):
        follow(state, Event.PAUSE)
