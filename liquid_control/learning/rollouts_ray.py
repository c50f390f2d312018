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

"""Rollouts on a Ray cluster: each worker of the team is an actor, wherever Ray has a CPU for it."""

import contextlib
from collections import deque

from liquid_control.errors import InputError
from liquid_control.learning.collector import Sequences
from liquid_control.learning.rollout_worker import RolloutWorker, Team, Weights, joined
from liquid_control.learning.trial import TrialResult
from liquid_control.ray_cluster import cpus_of, ray_cluster


class RayRollouts:
    """One actor for each worker of a team; liquid_control must be installed on the machines of the cluster.

    :raises InputError: if there is no such cluster or it has fewer CPUs than the team has workers.
    """

    def __init__(self, team: Team, address: str) -> None:
        self.workers = team.workers
        self._pending: deque[list] = deque()
        with contextlib.ExitStack() as stack:
            self._ray = stack.enter_context(ray_cluster(address))
            cpus = cpus_of(self._ray)
            if cpus < team.workers:
                raise InputError(f'{team.workers} workers need as many CPUs, the Ray cluster has {cpus}; '
                                 f'give --workers {max(1, cpus)} or less')
            actor = self._ray.remote(num_cpus=1)(RolloutWorker)
            self._actors = [actor.remote(team, number) for number in range(team.workers)]
            self._stack = stack.pop_all()

    def ask_stretch(self, weights: Weights, progress: float) -> None:
        """Let every worker drive its next stretch with these weights."""
        shared = self._ray.put(weights)
        self._pending.append([actor.collect.remote(shared, progress) for actor in self._actors])

    def take_stretch(self) -> list[Sequences]:
        """Wait for the stretch asked for longest ago; one part for each worker."""
        return self._ray.get(self._pending.popleft())

    def ask_trial(self, weights: Weights) -> None:
        """Let the workers try these weights on the tracks of the trial."""
        shared = self._ray.put(weights)
        self._pending.append([actor.try_out.remote(shared) for actor in self._actors])

    def take_trial(self) -> tuple[TrialResult, float]:
        """Wait for the trial asked for; return also how many seconds it took."""
        return joined(self._ray.get(self._pending.popleft()))

    def close(self) -> None:
        """End the workers, and a cluster that was started for them."""
        for actor in self._actors:
            self._ray.kill(actor)
        self._stack.close()
