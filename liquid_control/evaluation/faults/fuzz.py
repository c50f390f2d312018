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

"""Messages at random into the pilot that drives the car, as fast as they are drawn.

Phases follow each other in which messages are good, of any kind, bad, or do not come. Three things must hold at every
tick: the command is within its limits; it is zero whenever no good picture or no good IMU sample can be younger than
its timeout; and nothing in the program went wrong.
"""
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from liquid_control.driving.command import STAND
from liquid_control.driving.limits import Limits
from liquid_control.driving.newest import Newest
from liquid_control.driving.pilot import Pilot, PolicyRunner
from liquid_control.driving.supervisor import State
from liquid_control.evaluation.faults.random_messages import RandomMessages

PERIOD_S = 1.0 / 30.0
TIMEOUT_S = 0.1
LIMITS = Limits(2.0, 0.3, 6.0)
PHASES = ('good', 'good', 'any', 'bad', 'nothing')
TICKS = 12
"""Longer than the timeouts, so that the end of a phase without anything good must see a car that stands."""
PER_TICK = 4
TELL_EVERY = 1000


@dataclass
class FuzzResult:
    """What a run found.

    :ivar states: ticks by state of the supervisor.
    :ivar stops: phases at whose end the car had to stand.
    :ivar problems: what was wrong, with the number of the message; the first hundred.
    """

    messages: int = 0
    ticks: int = 0
    stops: int = 0
    rejected: int = 0
    states: dict[str, int] = field(default_factory=lambda: {state.value: 0 for state in State})
    problems: list[str] = field(default_factory=list)


def fuzz(runner: PolicyRunner, messages: int, seed: int, tell: Callable[[int], None] = lambda _: None) -> FuzzResult:
    """Send at least so many messages; ``tell`` hears how many were sent."""
    run = _Run(runner, seed)
    told = 0
    while run.result.messages < messages:
        run.phase()
        if run.result.messages >= told + TELL_EVERY:
            told = run.result.messages
            tell(told)
    run.result.rejected = run.pilot.camera.rejected + run.pilot.imu.rejected
    return run.result


class _Run:
    def __init__(self, runner: PolicyRunner, seed: int) -> None:
        self.result = FuzzResult()
        self._now = 1000.0
        self._rng = np.random.default_rng((seed, 1))
        self._draw = RandomMessages(seed, lambda: self._now)
        camera = Newest('camera', '/camera', TIMEOUT_S, 'camera_timeout_s')
        imu = Newest('IMU', '/imu', TIMEOUT_S, 'imu_timeout_s')
        self.pilot = Pilot(runner, camera, imu, LIMITS, PERIOD_S, lambda _: None, lambda: 0.0)

    def phase(self) -> None:
        """Run one phase for pictures and one for the IMU, side by side."""
        pictures, samples = (PHASES[int(self._rng.integers(0, len(PHASES)))] for _ in range(2))
        state = None
        for _ in range(TICKS):
            self._now += PERIOD_S * float(self._rng.uniform(0.5, 1.5))
            for _ in range(int(self._rng.integers(1, PER_TICK))):
                self._send_imu(samples)
                self._send_picture(pictures)
            state = self._tick()
        if {pictures, samples} & {'bad', 'nothing'}:
            self.result.stops += 1
            if state is State.DRIVING:
                self._wrong(f'the car drives after {TICKS} ticks of pictures: {pictures}, IMU: {samples}')

    def _send_picture(self, phase: str) -> None:
        if phase == 'nothing':
            return
        draw = {'good': self._draw.good_image, 'bad': self._draw.bad_image}.get(phase) or (
            self._draw.image if self._rng.random() < 0.5 else self._draw.compressed)
        message = draw()
        self._try(lambda: self.pilot.hear_picture(message, self._now, _seconds(message), self._now, 0))

    def _send_imu(self, phase: str) -> None:
        if phase == 'nothing':
            return
        message = {'good': self._draw.good_imu, 'bad': self._draw.bad_imu}.get(phase, self._draw.imu)()
        self._try(lambda: self.pilot.hear_imu(message, self._now, _seconds(message), self._now))

    def _try(self, send: Callable[[], None]) -> None:
        self.result.messages += 1
        try:
            send()
        except Exception as error:  # noqa: B902 whatever it is, it is what is looked for
            self._wrong(f'{type(error).__name__}: {error}')

    def _tick(self) -> State:
        tick = self.pilot.tick(self._now)
        self.result.ticks += 1
        self.result.states[tick.state.value] += 1
        if not (tick.command.finite and self.pilot.supervisor.limiter.allows(tick.command)):
            self._wrong(f'command {tick.command} is outside its limits')
        if tick.state is not State.DRIVING and tick.command != STAND:
            self._wrong(f'command {tick.command} while {tick.state.value}')
        if tick.state is State.ERROR:
            self._wrong(tick.reason)
            self.pilot.engage(True)
        return tick.state

    def _wrong(self, what: str) -> None:
        if len(self.result.problems) < 100:
            self.result.problems.append(f'message {self.result.messages}: {" ".join(what.split())[:300]}')


def _seconds(message) -> float:
    return message.header.stamp.sec + 1e-9 * message.header.stamp.nanosec
