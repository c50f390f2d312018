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

"""The seam between learning and driving: who drives the stretches that learning asks for, and where."""

import os
from typing import Protocol

from liquid_control.learning.collector import Sequences
from liquid_control.learning.rollout_worker import Team, Weights
from liquid_control.learning.trial import TrialResult


class Rollouts(Protocol):
    """A team of workers that drives while learning goes on. What is asked first is answered first."""

    workers: int

    def ask_stretch(self, weights: Weights, progress: float) -> None:
        """Let every worker drive its next stretch with these weights."""

    def take_stretch(self) -> list[Sequences]:
        """Wait for the stretch asked for longest ago; one part for each worker, valid for ``kept`` stretches more."""

    def ask_trial(self, weights: Weights) -> None:
        """Let the workers try these weights on the tracks of the trial."""

    def take_trial(self) -> tuple[TrialResult, float]:
        """Wait for the trial asked for; return also how many seconds it took."""

    def close(self) -> None:
        """End the workers."""


def default_workers() -> int:
    """Return how many processes drive here: half of the cores, learning has the others."""
    return max(1, _cores() // 2)


def learning_threads(workers: int) -> int:
    """Return how many torch threads learn beside that many workers on this machine."""
    return max(1, _cores() - workers)


def _cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def open_rollouts(team: Team, kept: int, ray: str | None) -> Rollouts:
    """Start a team as processes of this machine, or on the Ray cluster of an address.

    :param kept: how many stretches learning remembers.
    """
    if ray is not None:
        from liquid_control.learning.rollouts_ray import RayRollouts

        return RayRollouts(team, ray)
    from liquid_control.learning.rollouts_processes import ProcessRollouts

    return ProcessRollouts(team, kept)
