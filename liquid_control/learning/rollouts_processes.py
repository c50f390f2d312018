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

"""Rollouts as processes of this machine."""

import multiprocessing
import queue
import signal
import threading
from multiprocessing.connection import Connection

import torch

from liquid_control.learning.collector import Sequences
from liquid_control.learning.freed_memory import keep_freed_memory
from liquid_control.learning.rollout_worker import RolloutWorker, Team, Weights, joined
from liquid_control.learning.shared_pictures import SharedPictures
from liquid_control.learning.trial import TrialResult
from liquid_control.policy.heads import PICTURE_SIZES

END_S = 10.0


class ProcessRollouts:
    """One process for each worker of a team. Pictures lie in shared memory, everything else goes through pipes.

    :param kept: how many stretches learning remembers: the pictures of that many and of those under way have places.
    """

    def __init__(self, team: Team, kept: int) -> None:
        self.workers = team.workers
        shape = (team.cars, team.steps, 3, *PICTURE_SIZES[team.spec.head])
        self._taken = 0
        self._pictures, self._processes, self._pipes = [], [], []
        context = multiprocessing.get_context('spawn')
        for number in range(team.workers):
            pictures, (ours, theirs) = SharedPictures(kept + 3, shape), context.Pipe()
            process = context.Process(target=_serve, args=(theirs, pictures, team, number), daemon=True)
            process.start()
            theirs.close()
            self._pictures.append(pictures)
            self._processes.append(process)
            self._pipes.append(ours)
        for number in range(team.workers):
            self._receive(number)

    def ask_stretch(self, weights: Weights, progress: float) -> None:
        """Let every worker drive its next stretch with these weights."""
        self._ask('collect', weights, progress)

    def take_stretch(self) -> list[Sequences]:
        """Wait for the stretch asked for longest ago; one part for each worker."""
        parts = []
        for number, pictures in enumerate(self._pictures):
            rest = self._receive(number)
            parts.append(Sequences(torch.from_numpy(pictures[self._taken]), *map(torch.from_numpy, rest)))
        self._taken += 1
        return parts

    def ask_trial(self, weights: Weights) -> None:
        """Let the workers try these weights on the tracks of the trial."""
        self._ask('try_out', weights)

    def take_trial(self) -> tuple[TrialResult, float]:
        """Wait for the trial asked for; return also how many seconds it took."""
        return joined([self._receive(number) for number in range(self.workers)])

    def close(self) -> None:
        """End the workers: each ends when its pipe does."""
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(END_S)
            if process.is_alive():
                process.kill()
                process.join()

    def _ask(self, what: str, *arguments) -> None:
        for number, pipe in enumerate(self._pipes):
            try:
                pipe.send((what, arguments))
            except BrokenPipeError:
                self._ended(number)

    def _receive(self, number: int):
        try:
            return self._pipes[number].recv()
        except (EOFError, ConnectionResetError):
            self._ended(number)

    def _ended(self, number: int) -> None:
        self._processes[number].join(END_S)
        raise RuntimeError(f'rollout process {number} ended with exit code {self._processes[number].exitcode}')


def _serve(pipe: Connection, pictures: SharedPictures, team: Team, number: int) -> None:
    """Answer what comes through the pipe until it ends; Ctrl-C is left to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    keep_freed_memory()
    asked: queue.SimpleQueue = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(pipe, asked), daemon=True).start()
    pipe.send('imported')
    worker, driven = RolloutWorker(team, number), 0
    while (question := asked.get()) is not None:
        what, arguments = question
        if what == 'collect':
            stretch = worker.collect(*arguments)
            pictures[driven][:] = stretch.pictures.numpy()
            driven += 1
            answer = (stretch.imu.numpy(), stretch.elapsed.numpy(), stretch.steering.numpy())
        else:
            answer = worker.try_out(*arguments)
        try:
            pipe.send(answer)
        except (BrokenPipeError, ConnectionResetError):
            return


def _listen(pipe: Connection, asked: queue.SimpleQueue) -> None:
    """Take questions out of the pipe as they come, so that learning never waits for room in it; None at its end."""
    while True:
        try:
            asked.put(pipe.recv())
        except (EOFError, OSError):
            asked.put(None)
            return
