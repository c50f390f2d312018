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

"""When a picture was taken, from stamps that may be wrong."""
from collections.abc import Callable

MAX_DELAY_S = 10.0
MAX_FUTURE_S = 0.1
MAX_ELAPSED_S = 1.0
MIN_ELAPSED_S = 1e-3


class Stamps:
    """Holds message stamps against the time of receipt.

    A stamp up to 10 s old, or 0.1 s ahead for clocks that differ a little, is believed. Any other is of a clock that
    this node does not share, or none at all: then the time of receipt counts. Differences between two stamps need no
    shared clock and are believed when they are above 0, at most 1 s and within half a second of the difference in
    receipt.

    :param say: called with a line the first time that a kind of stamp is not believed.
    :param noun: what is stamped.
    """

    def __init__(self, say: Callable[[str], None], noun: str = 'picture') -> None:
        self._say, self._noun = say, noun
        self._said: dict[str, str] = {}
        self.forget()

    @property
    def notes(self) -> str:
        """What is not believed, in words; empty when all is well."""
        return '; '.join(self._said.values())

    def forget(self) -> None:
        """Start a new sequence: the next picture has no predecessor."""
        self._last: tuple[float, float] | None = None

    def delay_s(self, stamp_s: float, clock_s: float) -> float | None:
        """Return how old a message was on receipt, or None if its stamp is not of this clock.

        :param clock_s: the clock that stamps should be of, at the time of receipt.
        """
        delay = clock_s - stamp_s
        if stamp_s <= 0.0:
            self._once('zero', f'{self._noun} stamps are zero; the time of receipt is used, '
                               'set header.stamp in its driver')
        elif delay < -MAX_FUTURE_S:
            self._once('future', f'{self._noun} stamps are {-delay:.3g} s in the future; the time of receipt is used, '
                                 'synchronise the clocks')
        elif delay > MAX_DELAY_S:
            self._once('old', f'{self._noun} stamps are {delay:.3g} s old; the time of receipt is used, '
                              'synchronise the clocks')
        else:
            return max(delay, 0.0)
        return None

    def elapsed_s(self, stamp_s: float, received_s: float, nominal_s: float) -> float:
        """Return the time since the last picture, ``nominal_s`` for the first, within 0.001 to 1 s."""
        last, self._last = self._last, (stamp_s, received_s)
        if last is None:
            return nominal_s
        by_stamp, by_receipt = stamp_s - last[0], received_s - last[1]
        if stamp_s > 0.0 and not (0.0 < by_stamp <= MAX_ELAPSED_S and abs(by_stamp - by_receipt) <= 0.5):
            self._once('step', f'{self._noun} stamps step by {by_stamp:.3g} s where {by_receipt:.3g} s passed; '
                               'the time of receipt is used')
            by_stamp = by_receipt
        elif stamp_s <= 0.0:
            by_stamp = by_receipt
        return min(max(by_stamp, MIN_ELAPSED_S), MAX_ELAPSED_S)

    def _once(self, kind: str, line: str) -> None:
        if kind not in self._said:
            self._said[kind] = line
            self._say(line)
