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

"""Who says what is right: an expert that knows where the car is, or a human."""
from enum import Enum

import numpy as np

from liquid_control.driving.command import Command
from liquid_control.driving.supervisor import TAKEOVER_S
from liquid_control.learning.handling import Handling
from liquid_control.learning.loop.commands import Commands
from liquid_control.learning.loop.plan import Plan
from liquid_control.learning.loop.road import Follower, Gate, Odometry, Place
from liquid_control.simulation.car import Car
from liquid_control.simulation.track import Track, wrap_angle

PUSH_DECAY = 0.12
PUSH_GAIN = (2.0 * PUSH_DECAY - PUSH_DECAY ** 2) ** 0.5
TAKEOVER_NS = round(1e9 * TAKEOVER_S)
HUMAN_AHEAD_NS = 20_000_000
HUMAN_AGE_NS = 250_000_000
MOVING_MPS = 0.05
POSES_APART_NS = 100_000_000
"""Farthest apart that poses may be for what is right between them to be told."""
LONGEST_S = 0.1
"""Longest time between two poses that tell the rate at which a car turns."""


class Role(Enum):
    """What the expert does with the car."""

    DRIVE = 'drive'
    """Drives, pushed about, so that it shows how to come back."""
    GUARD = 'guard'
    """Takes over where the policy would leave the road, until the car is back in the middle."""
    WATCH = 'watch'
    """Never touches the car."""


class ExpertTeacher:
    """Pure pursuit on the true pose.

    While it drives, an Ornstein-Uhlenbeck process pushes its steering, and what counts is its answer without the push
    (DART, Laskey et al. 2017); while the policy drives, it says what it would do (DAgger, Ross et al. 2011).

    Where the policy learns online, it also notices what the car does with commands (``learning.handling``).

    :ivar place: where the car is, None while no road is known.
    """

    name = 'expert'

    def __init__(self, plan: Plan, car: Car, rng: np.random.Generator) -> None:
        self._plan, self._car, self._rng = plan, car, rng
        self._gate = Gate()
        self.role = Role.WATCH
        self.place: Place | None = None
        self._follower: Follower | None = None
        self._answers, self._given = Commands(), Commands()
        self._push = 0.0
        self._handling = Handling(car.wheelbase_m, plan.speed_mps)
        self._driven, self._last = Command(0.0, 0.0), None

    @property
    def takeovers(self) -> int:
        """How often it helped a policy."""
        return self._gate.takeovers

    def enter(self, track: Track) -> None:
        """Expect the car on a road from now on."""
        self._follower, self.place, self._last = Follower(track), None, None
        self._gate.forget()

    def leave(self) -> None:
        """Know no road: say nothing until the next one."""
        self._follower = self.place = None

    def act(self, role: Role) -> None:
        """Take a role from now on."""
        if role is not self.role:
            self.role, self._push = role, 0.0
            self._gate.forget()

    def see(self, odometry: Odometry) -> Command | None:
        """Look where the car is; return what to command, None to leave the car to the policy."""
        if self._follower is None:
            return None
        self.place = self._follower.see(odometry)
        self._notice(odometry)
        answer = self._answer(odometry)
        self._answers.put(odometry.stamp_ns, answer)
        command = self._command(answer)
        if command is not None:
            self._given.put(odometry.stamp_ns, command)
        return command

    def driven(self, command: Command) -> None:
        """Take what the car was told, by whomever."""
        self._driven = command

    def label(self, stamp_ns: int) -> Command | None:
        """Return what is right at the time of a picture, None if no pose of before and of after is known.

        Odometry need not be stamped as pictures are: Gazebo publishes each at phases of its own.
        """
        return self._answers.between(stamp_ns, POSES_APART_NS)

    def drove(self, stamp_ns: int) -> bool:
        """Tell whether a picture was taken while the drive node obeyed this teacher."""
        return self._given.until(stamp_ns - 1, TAKEOVER_NS) is not None

    def _notice(self, odometry: Odometry) -> None:
        last, self._last = self._last, odometry
        if self._plan.learn != 'fptt' or last is None:
            return
        elapsed_s = 1e-9 * (odometry.stamp_ns - last.stamp_ns)
        if 0.0 < elapsed_s < LONGEST_S:
            yaw_rate = float(wrap_angle(odometry.yaw - last.yaw)) / elapsed_s
            self._handling.see(self._driven.steering_rad, odometry.speed, yaw_rate, elapsed_s)

    def _answer(self, odometry: Odometry) -> Command:
        pose = odometry.x, odometry.y, odometry.yaw
        steering = self._handling.steering_rad(self._follower.track, self.place.s, pose, odometry.speed)
        return Command(self._cut(steering), self._plan.speed_mps)

    def _command(self, answer: Command) -> Command | None:
        if self.role is Role.WATCH:
            return None
        helping = self._gate.judge(self.place, self._plan.takeover_margin_m) if self.role is Role.GUARD else False
        if self.role is Role.GUARD:
            return answer if helping else None
        self._push += -PUSH_DECAY * self._push + PUSH_GAIN * self._plan.push_rad * float(self._rng.standard_normal())
        if self.place.room < 0.0:
            self._push = 0.0
        return Command(self._cut(answer.steering_rad + self._push), answer.speed_mps)

    def _cut(self, steering: float) -> float:
        return min(max(steering, -self._car.max_steering_rad), self._car.max_steering_rad)


class HumanTeacher:
    """Whoever publishes commands: the newest one up to a picture is what is right there.

    Where the human says nothing the policy drives and nothing is known (human-gated DAgger, Kelly et al. 2019).
    """

    name = 'human'

    def __init__(self, car: Car) -> None:
        self._car = car
        self._given = Commands()
        self._last_ns: int | None = None
        self.takeovers = 0

    def hear(self, stamp_ns: int, command: Command) -> None:
        """Take a command; after half a second of silence it is a new takeover."""
        fresh = self._last_ns is None or not 0 <= stamp_ns - self._last_ns <= TAKEOVER_NS
        self.takeovers += fresh
        self._last_ns = stamp_ns
        self._given.put(stamp_ns, command)

    def label(self, stamp_ns: int) -> Command | None:
        """Return the human's command at the time of a picture; None while silent or standing: no steering is known."""
        command = self._given.until(stamp_ns + HUMAN_AHEAD_NS, HUMAN_AGE_NS)
        if command is None or abs(command.speed_mps) < MOVING_MPS:
            return None
        lock = self._car.max_steering_rad
        return Command(min(max(command.steering_rad, -lock), lock), command.speed_mps)

    def drove(self, stamp_ns: int) -> bool:
        """Tell whether a picture was taken while the drive node obeyed the human."""
        return self._given.until(stamp_ns - 1, TAKEOVER_NS) is not None
