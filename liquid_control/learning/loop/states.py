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

"""The closed loop as a table: in which state it is, what may happen there, and where that leads."""
from enum import Enum

from liquid_control.errors import InputError


class State(Enum):
    """What the trainer does."""

    IDLE = 'idle'
    """Waits to be started."""
    COLLECT = 'collect'
    """Drives and records until there is enough new to learn from."""
    LEARN = 'learn'
    """Learns a candidate in another process while driving and recording go on."""
    TRY = 'try'
    """Lets the candidate drive, and keeps it if it drives at least as well as the best one."""
    PAUSED = 'paused'
    """Was told to pause: commands nothing, records nothing; the best policy stays in the drive node."""
    DONE = 'done'
    """Has reached what it was asked for; the best policy drives."""
    ERROR = 'error'
    """Cannot go on; commands nothing, records nothing until it is started again."""


class Event(Enum):
    """What makes the trainer change its state."""

    START = 'start'
    PAUSE = 'pause'
    COLLECTED = 'collected'
    LEARNED = 'learned'
    NOTHING_LEARNED = 'nothing learned'
    JUDGED = 'judged'
    FINISHED = 'finished'
    FAILED = 'failed'


TABLE: dict[tuple[State, Event], State] = {
    (State.IDLE, Event.START): State.COLLECT,
    (State.COLLECT, Event.COLLECTED): State.LEARN,
    (State.LEARN, Event.LEARNED): State.TRY,
    (State.LEARN, Event.NOTHING_LEARNED): State.COLLECT,
    (State.TRY, Event.JUDGED): State.COLLECT,
    (State.TRY, Event.FINISHED): State.DONE,
    (State.COLLECT, Event.FINISHED): State.DONE,
    (State.COLLECT, Event.PAUSE): State.PAUSED,
    (State.LEARN, Event.PAUSE): State.PAUSED,
    (State.TRY, Event.PAUSE): State.PAUSED,
    (State.PAUSED, Event.START): State.COLLECT,
    (State.DONE, Event.START): State.COLLECT,
    (State.ERROR, Event.START): State.COLLECT,
    (State.IDLE, Event.FAILED): State.ERROR,
    (State.COLLECT, Event.FAILED): State.ERROR,
    (State.LEARN, Event.FAILED): State.ERROR,
    (State.TRY, Event.FAILED): State.ERROR,
}

DRIVING = frozenset((State.COLLECT, State.LEARN, State.TRY))
"""The states in which the trainer records, and in which its teacher may command."""


def follow(state: State, event: Event) -> State:
    """Return the state that an event leads to.

    :raises InputError: if the event means nothing in that state.
    """
    if (state, event) not in TABLE:
        possible = ', '.join(known.value for where, known in TABLE if where is state and known is not Event.FAILED)
        raise InputError(f"'{event.value}' means nothing in state '{state.value}'; possible: {possible or 'nothing'}")
    return TABLE[state, event]
