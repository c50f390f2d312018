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

"""One control tick: newest picture and IMU in, a command that the supervisor allows out."""
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from liquid_control.driving.command import Command
from liquid_control.driving.frozen import FrozenCamera
from liquid_control.driving.health import PolicyHealth
from liquid_control.driving.limits import Limiter, Limits
from liquid_control.driving.newest import Newest
from liquid_control.driving.stamps import Stamps
from liquid_control.driving.supervisor import State, Supervisor
from liquid_control.errors import InputError
from liquid_control.sensing.imu import imu_vector
from liquid_control.sensing.picture import picture_of


class PolicyRunner(Protocol):
    """What drives: ``policy.compiling.Runner`` or anything that steps like it."""

    def reset(self) -> None:
        """Forget everything seen."""

    def step(self, picture: np.ndarray, imu: np.ndarray, elapsed_s: float) -> Any:
        """Return a decision with ``steering_rad``, ``speed_mps``, ``neurons`` and ``time_constants``."""


@dataclass(frozen=True)
class Picture:
    """A picture message with its times in seconds.

    :param received_s: of the tick's clock.
    :param stamp_s: of the message's header.
    :param timely: whether the stamp is of the clock that this node reads.
    :param steady_ns: time of receipt on the steady clock.
    """

    message: Any
    received_s: float
    stamp_s: float
    timely: bool
    steady_ns: int


@dataclass(frozen=True)
class Answer:
    """The policy's own answer to a picture, whoever drives: a command as it was, and the network's state (S,).

    :param time_constants: of each neuron in seconds (S,); empty where the policy has none.
    :param pixels: what the policy was shown, uint8 (H, W, 3) RGB; ``imu``: float32 (6,); ``elapsed_s``: since the last.
    :param fresh: whether it started from its initial state.
    """

    picture: Picture
    command: Command
    neurons: np.ndarray
    time_constants: np.ndarray
    pixels: np.ndarray
    imu: np.ndarray
    elapsed_s: float
    fresh: bool


@dataclass(frozen=True)
class Tick:
    """What a tick decided.

    :param picture: the picture that ``command`` answers, None when it answers none.
    :param answer: what the network said when it ran in this tick, else None.
    """

    command: Command
    state: State
    reason: str
    picture: Picture | None
    answer: Answer | None


class Pilot:
    """Runs the policy on each new picture, once, and lets the supervisor rule on every tick.

    Between pictures the last answer is held, for as long as the picture is fresh. A message that cannot be read is
    rejected; when no good one comes within the timeout, the car stops and the reason is the last rejection.
    After every stop of the inputs the policy starts from its initial state.

    :param period_s: of the control tick.
    :param say: takes a line that people should read once.
    :param steady: seconds of the clock by which the policy's answers are timed.
    """

    def __init__(self, runner: PolicyRunner, camera: Newest, imu: Newest, limits: Limits, period_s: float,
                 say: Callable[[str], None], steady: Callable[[], float] = time.perf_counter) -> None:
        self.camera, self.imu = camera, imu
        self.supervisor = Supervisor(Limiter(limits))
        self.health = PolicyHealth(period_s)
        self.answered = 0
        self._runner, self._steady = runner, steady
        self._frozen = FrozenCamera()
        self._stamps, self._imu_stamps = Stamps(say), Stamps(say, 'IMU')
        self._vector: np.ndarray | None = None
        self._moving = False
        self.forget()

    @property
    def stamp_notes(self) -> str:
        """Which stamps are not believed, in words; empty when all are."""
        return '; '.join(filter(None, (self._stamps.notes, self._imu_stamps.notes)))

    def forget(self) -> None:
        """Start as if nothing had been seen or heard: at activation, and when the clock stood still or jumped back.

        Only a frozen camera is still one.
        """
        self.camera.forget()
        self.imu.forget()
        self.supervisor.rearm()
        self._restart_policy()
        self.health.forget()

    def swap(self, runner: PolicyRunner) -> None:
        """Let another policy answer from the next picture on; until then the last answer of the old one holds."""
        self._runner, self._fresh = runner, True
        runner.reset()
        self.health.forget()

    def engage(self, engaged: bool) -> None:
        """Let the policy drive, or not; engaging clears errors and starts the policy afresh."""
        self.supervisor.engage(engaged)
        if engaged:
            self._restart_policy()
            self._frozen.forget()
            self.health.forget()

    def hear_picture(self, message: Any, received_s: float, stamp_s: float, clock_s: float,
                     steady_ns: int) -> None:
        """Store a picture.

        :param received_s: of the tick's clock.
        :param clock_s: the clock that stamps should be of, at the time of receipt.
        :param steady_ns: the steady clock at the time of receipt.
        """
        delay = self._stamps.delay_s(stamp_s, clock_s)
        picture = Picture(message, received_s, stamp_s, delay is not None, steady_ns)
        self.camera.put(picture, received_s - (delay or 0.0))

    def hear_imu(self, message: Any, received_s: float, stamp_s: float, clock_s: float) -> None:
        """Read an IMU sample at once, so that a bad one does not hide a good one that came just before it.

        :param received_s, clock_s: as for a picture.
        """
        self.imu.put(message, received_s - (self._imu_stamps.delay_s(stamp_s, clock_s) or 0.0))
        self._read_imu()

    def tick(self, now: float, matched: bool = True) -> Tick:
        """Decide on the command for now.

        :param matched: whether anybody receives the commands; a car that nobody tells to move may see the same picture.
        """
        problem, answer = '', None
        if not self.supervisor.error:
            try:
                problem, answer = self._think(now, matched)
            except Exception as error:  # noqa: B902 whatever it is, the supervisor must rule
                self.supervisor.fail(f'{type(error).__name__}: {error}')
                self._restart_policy()
        verdict = self.supervisor.decide(self._wanted, problem, now)
        self._moving = verdict.command.speed_mps != 0.0
        by_policy = verdict.state is State.DRIVING
        return Tick(verdict.command, verdict.state, verdict.reason, self._answering if by_policy else None, answer)

    def _think(self, now: float, matched: bool) -> tuple[str, Answer | None]:
        """Read what came and run the policy on a new picture; return what keeps it from driving, and its answer."""
        start = self._steady()
        picture, pixels = self._read_picture(matched)
        problem = self.camera.problem(now) or self.imu.problem(now) or self._frozen.problem
        if problem:
            self._restart_policy()
            return problem, None
        answer = None if pixels is None else self._answer(picture, pixels)
        return self.health.problem or self._overtaken(now, self._steady() - start), answer

    def _overtaken(self, now: float, spent_s: float) -> str:
        """Return that the picture became stale while it was being answered, or an empty text."""
        if not self.camera.problem(now + spent_s):
            return ''
        return (f'policy is too slow: the answer took {1e3 * spent_s:.0f} ms, '
                f'its picture is older than camera_timeout_s = {self.camera.timeout_s:g} s by now')

    def _restart_policy(self) -> None:
        self._runner.reset()
        self._fresh = True
        self._stamps.forget()
        self._wanted: Command | None = None
        self._answering: Picture | None = None

    def _read_imu(self) -> None:
        waiting = self.imu.take()
        if waiting is None:
            return
        message, taken_s = waiting
        try:
            self._vector = imu_vector(message)
            self.imu.accept(taken_s)
        except InputError as error:
            self.imu.reject(str(error))

    def _read_picture(self, matched: bool) -> tuple[Picture | None, np.ndarray | None]:
        waiting = self.camera.take()
        if waiting is None:
            return None, None
        picture, taken_s = waiting
        try:
            pixels = picture_of(picture.message)
        except InputError as error:
            self.camera.reject(str(error))
            return None, None
        self.camera.accept(taken_s)
        self._frozen.see(pixels, self._moving and matched)
        return picture, pixels

    def _answer(self, picture: Picture, pixels: np.ndarray) -> Answer:
        elapsed = self._stamps.elapsed_s(picture.stamp_s, picture.received_s, self.health.period_s)
        start = self._steady()
        decision, fresh = self._runner.step(pixels, self._vector, elapsed), self._fresh
        command = Command(decision.steering_rad, decision.speed_mps)
        if not np.isfinite(decision.neurons).all():
            command = Command(math.nan, math.nan)
        self.health.judge(command, self._steady() - start)
        self.answered += 1
        self._fresh = False
        if command.finite:
            self._wanted, self._answering = command, picture
        else:
            self._restart_policy()
        return Answer(picture, command, decision.neurons, decision.time_constants, pixels, self._vector, elapsed, fresh)
