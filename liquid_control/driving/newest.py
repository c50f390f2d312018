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

"""The newest message of a topic and how old the newest good one is."""
import math
from typing import Any


class Newest:
    """A slot for one message: what is not taken before the next comes is dropped.

    :param noun: what a reader calls the sender, such as 'camera'.
    :param topic: where it should come from; named when nothing comes.
    :param remedy: what to look at when nothing good comes.
    """

    def __init__(self, noun: str, topic: str, timeout_s: float, timeout_parameter: str) -> None:
        self.noun, self.topic, self.timeout_s, self._parameter = noun, topic, timeout_s, timeout_parameter
        self.received = self.dropped = self.rejected = 0
        self.forget()

    def forget(self) -> None:
        """Return to the state before the first message; the counts stay."""
        self._waiting: tuple[Any, float] | None = None
        self._good_s = -math.inf
        self._heard = False
        self._rejection = ''

    def put(self, message: Any, taken_s: float) -> None:
        """Store a message that was measured at ``taken_s`` of the tick's clock."""
        self.received += 1
        self.dropped += self._waiting is not None
        self._heard = True
        self._waiting = message, taken_s

    def take(self) -> tuple[Any, float] | None:
        """Return the message that nobody took yet and when it was measured, or None."""
        waiting, self._waiting = self._waiting, None
        return waiting

    def accept(self, taken_s: float) -> None:
        """Note that the message taken last was good."""
        self._good_s = taken_s
        self._rejection = ''

    def reject(self, reason: str) -> None:
        """Note that the message taken last was bad: it does not count as heard of."""
        self.rejected += 1
        self._rejection = reason

    def age_s(self, now: float) -> float:
        """Return how long ago the newest good message was measured; infinite before the first."""
        return now - self._good_s

    def problem(self, now: float) -> str:
        """Return why there is no fresh message, or an empty text."""
        if self.age_s(now) <= self.timeout_s:
            return ''
        if self._rejection:
            return self._rejection
        if not self._heard:
            return f'no {self.noun} message on {self.topic} yet'
        if math.isinf(self._good_s):
            return f'no usable {self.noun} message on {self.topic} yet'
        return f'{self.noun} is stale: nothing newer than {self._parameter} = {self.timeout_s:g} s on {self.topic}'
