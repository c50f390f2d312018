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

"""What differs between the ways to close the loop: with an expert, with a human, with recordings."""
from typing import Any, Protocol

from liquid_control.driving.command import Command
from liquid_control.learning.loop.champion import Contender
from liquid_control.learning.loop.road import Odometry
from liquid_control.learning.loop.sampler import Taken, Teacher


class Way(Protocol):
    """What differs between the ways.

    :ivar teacher: whose word is recorded; None where nothing is.
    :ivar labels_all: whether a picture without the teacher's word is worth nothing.
    :ivar labels_trials: whether trials are learned from as well.
    :ivar trial_over: whether the trial that was begun has come to its end.
    """

    teacher: Teacher | None
    labels_all: bool
    labels_trials: bool
    trial_over: bool

    def drive(self, standing: Contender, first: bool, now_s: float) -> None:
        """Collect from now on; ``first`` tells that nothing was learned yet."""

    def learn(self) -> None:
        """Take note that everything recorded until now is being learned from; collecting goes on."""

    def rest(self) -> None:
        """Command nothing from now on."""

    def see(self, odometry: Odometry, now_s: float, able: bool) -> Command | None:
        """Take where the car is; return what to command.

        :param able: whether the policy that shall drive is in a position to.
        """

    def took(self, taken: Taken, trying: bool) -> None:
        """Take note of a sample."""

    def obstacle(self, stamp_ns: int) -> str:
        """Return why a picture of that time must not be recorded, or an empty text."""

    def helps(self, standing: Contender) -> bool:
        """Tell whether a teacher that drives does so instead of a policy that could."""

    def enough(self) -> bool:
        """Tell whether there is enough new to learn from."""

    def standing_score(self) -> float | None:
        """Return how well the standing policy has driven while collecting, None if that does not tell."""

    def left_alone(self) -> bool:
        """Tell whether the standing policy has driven so long without help that there is nothing to learn."""

    def tried_by_driving(self, now_s: float) -> bool:
        """Tell whether a policy has to be in the drive node to be tried."""

    def begin_trial(self, beat: float, learned: dict[str, Any], now_s: float) -> None:
        """Try the policy that drives now; only whether its score is at least ``beat`` matters."""

    def result(self) -> tuple[float, str]:
        """Return the score of the trial, 0..1, and how it went in words."""
