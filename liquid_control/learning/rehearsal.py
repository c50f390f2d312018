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
"""What a car saw in the last minutes, drawn again for learning: a road driven once is too little to learn from."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

TRIES = 20
FRESH_STEPS = 2
"""Steps after which a network that began at zero is held to its answers."""


@dataclass(frozen=True)
class Moment:
    """A picture and what goes with it, as ``Adaptation.step`` takes them; ``stretch`` counts uninterrupted drives."""

    small: Tensor
    imu: Tensor
    elapsed: float
    label: float | None
    stretch: int


@dataclass(frozen=True)
class Windows:
    """Steps that follow one another, in each of B streams.

    :ivar inputs: what ``DrivingPolicy.sequence`` takes: (B, K, 3, height, width), (B, K, 6), (B, K, 1).
    :ivar labels: (B, K); ``counted``: bool (B, K), those that there are.
    :ivar fresh: bool (B,), streams that begin anew here, with a state of zero; the others go on.
    """

    inputs: tuple[Tensor, Tensor, Tensor]
    labels: Tensor
    counted: Tensor
    fresh: Tensor


class Rehearsal:
    """Keeps the newest moments and plays windows of them in B streams, each from a place that is drawn now and then.

    :param streams: B; ``window``: K, the steps of a window.
    :param room: moments kept; the oldest are forgotten.
    :param stay: windows that a stream goes on for, in the mean, before another place is drawn.
    :ivar count: moments that were added in all.
    """

    def __init__(self, streams: int, window: int, room: int, stay: float) -> None:
        self._window, self._room, self._leave = window, room, 1.0 / stay
        self._moments: list[Moment] = []
        self.count = 0
        self._places: list[int | None] = [None] * streams
        self._rng = np.random.default_rng(0)

    def add(self, moment: Moment) -> None:
        """Keep a moment, the newest."""
        if len(self._moments) < self._room:
            self._moments.append(moment)
        else:
            self._moments[self.count % self._room] = moment
        self.count += 1

    def draw(self) -> Windows | None:
        """Return the next windows; None if there are none, as in the first moments, or nothing in them counts."""
        if len(self._moments) < self._window:
            return None
        fresh = [not self._goes_on(place) for place in self._places]
        places = [self._somewhere() if anew else place for anew, place in zip(fresh, self._places, strict=True)]
        if None in places:
            return None
        rows = [[self._moments[i % self._room] for i in range(place, place + self._window)] for place in places]
        windows = _windows(rows, fresh)
        if not windows.counted.any():
            return None
        self._places = [place + self._window for place in places]
        return windows

    def _goes_on(self, place: int | None) -> bool:
        return place is not None and self._whole(place) and self._rng.random() > self._leave

    def _somewhere(self) -> int | None:
        """Return a place with a whole window after it; None if none was found, as where all stretches are short."""
        guesses = (int(self._rng.integers(self.count - len(self._moments), self.count)) for _ in range(TRIES))
        return next(filter(self._whole, guesses), None)

    def _whole(self, place: int) -> bool:
        """Return whether a window from a place, counted from the first moment ever, is kept and uninterrupted."""
        last = place + self._window - 1
        if place < self.count - len(self._moments) or last >= self.count:
            return False
        return self._moments[place % self._room].stretch == self._moments[last % self._room].stretch


def _windows(rows: list[list[Moment]], fresh: list[bool]) -> Windows:
    labels = [[moment.label for moment in row] for row in rows]
    counted, beginning = torch.tensor([[label is not None for label in row] for row in labels]), torch.tensor(fresh)
    counted[beginning, :FRESH_STEPS] = False
    return Windows(
        (torch.stack([torch.stack([moment.small for moment in row]) for row in rows]),
         torch.stack([torch.stack([moment.imu for moment in row]) for row in rows]),
         torch.tensor([[[moment.elapsed] for moment in row] for row in rows])),
        torch.tensor([[0.0 if label is None else label for label in row] for row in labels]), counted, beginning)
