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

"""One closed-loop episode: a policy drives a car round a track in a simulator."""
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from liquid_control.evaluation.conditions import Condition
from liquid_control.simulation.track import Track

STUCK_S = 5.0
STUCK_M = 0.5
BACKWARDS_M = 1.0


class Decision(Protocol):
    """What a driver wants: steering of the virtual front wheel (rad, left positive) and speed (m/s)."""

    steering_rad: float
    speed_mps: float


class Driver(Protocol):
    """What drives: ``liquid_control.policy.compiling.Runner`` or anything with its two methods."""

    def step(self, picture: np.ndarray, imu: np.ndarray, elapsed_s: float) -> Decision:
        """Return the decision for a picture uint8 (H, W, 3) and an IMU sample (6,), ``elapsed_s`` after the last."""

    def reset(self) -> None:
        """Forget what was seen."""


class World(Protocol):
    """A simulated car on a track. Time is in seconds from the reset, the pose (x m, y m, yaw rad) is base_link's."""

    time: float

    def reset(self) -> None:
        """Put the car at the start, standing still."""

    def camera(self) -> np.ndarray:
        """Return the picture of now, uint8 (H, W, 3) RGB."""

    def imu(self) -> np.ndarray:
        """Return gyro (rad/s) and accelerometer (m/s^2) of now, (6,)."""

    def pose(self) -> tuple[float, float, float]:
        """Return where base_link is."""

    def command(self, steering_rad: float, speed_mps: float) -> None:
        """Set what the car shall do."""

    def advance_to(self, t: float) -> None:
        """Simulate until time ``t``."""


@dataclass(frozen=True)
class Drive:
    """How an episode went.

    ``progress`` is the driven fraction of all laps, 0..1; ``lap_s`` the mean time of the laps that were completed,
    None when none was; ``ended`` is 'completed', 'off road', 'stuck' or 'backwards'.
    """

    completed: bool
    progress: float
    mean_abs_lateral_m: float
    max_abs_lateral_m: float
    lap_s: float | None
    ended: str


class Lap:
    """Follows base_link along a track: distance driven, lateral error, laps, and what ends an episode.

    Starts at arc length 0. Call ``update`` once for each frame.
    """

    def __init__(self, track: Track, laps: int) -> None:
        self._track = track
        self._goal = laps * track.length
        self._s = 0.0
        self._distance = 0.0
        self._farthest = 0.0
        self._mark = (0.0, 0.0)
        self._offset = 0.0
        self._lateral: list[float] = []
        self._lap_ends: list[float] = []
        self.ended: str | None = None

    def update(self, x: float, y: float, t: float) -> None:
        """Take base_link's position (m, world) at time ``t`` (s from the start)."""
        s, lateral = self._track.project(x, y, near=self._s)
        length = self._track.length
        self._distance += (s - self._s + 0.5 * length) % length - 0.5 * length
        self._s, self._offset = s, lateral
        self._lateral.append(abs(lateral))
        self._farthest = max(self._farthest, self._distance)
        if self._distance >= (len(self._lap_ends) + 1) * length:
            self._lap_ends.append(t)
        self.ended = self._end(lateral, t)

    @property
    def laps_done(self) -> int:
        """How many laps are completed."""
        return len(self._lap_ends)

    @property
    def lap_progress(self) -> float:
        """How much of the present lap is driven, 0..1."""
        return float(np.clip(self._distance / self._track.length - len(self._lap_ends), 0.0, 1.0))

    @property
    def lateral_m(self) -> float:
        """Distance of base_link to the left of the centre line at the last update."""
        return self._offset

    def drive(self) -> Drive:
        """Return how it went until now."""
        laps = len(self._lap_ends)
        return Drive(
            completed=self.ended == 'completed', progress=float(np.clip(self._farthest / self._goal, 0.0, 1.0)),
            mean_abs_lateral_m=float(np.mean(self._lateral)), max_abs_lateral_m=float(np.max(self._lateral)),
            lap_s=self._lap_ends[-1] / laps if laps else None, ended=self.ended or 'stopped')

    def _end(self, lateral: float, t: float) -> str | None:
        """Tell what ends the episode: the road's edge counts before the finish."""
        if not self._track.on_road(self._s, lateral):
            return 'off road'
        if self._distance >= self._goal:
            return 'completed'
        if self._distance < self._farthest - BACKWARDS_M:
            return 'backwards'
        if self._farthest >= self._mark[0] + STUCK_M:
            self._mark = (self._farthest, t)
        return 'stuck' if t - self._mark[1] > STUCK_S else None


def run_episode(
        driver: Driver, world: World, track: Track, condition: Condition, rng: np.random.Generator,
        laps: int = 1, rate_hz: float = 30.0) -> Drive:
    """Drive from a standstill at arc length 0 until the laps are done or the car fails.

    It fails when base_link is beyond the road's edge, when it comes less than 0.5 m farther in 5 s, and when it is
    1 m behind the farthest point it has reached. For each frame the driver sees the picture of that instant, and its
    command acts from there on; for a lost picture the last command holds.

    :param rng: draws the faults of the camera.
    :param rate_hz: pictures and commands per second.
    """
    driver.reset()
    world.reset()
    fault = condition.camera_fault(rng, rate_hz)
    lap = Lap(track, laps)
    start = world.time
    steering, speed = 0.0, 0.0
    frame, last_seen = 0, -1
    while lap.ended is None:
        picture = fault.apply(world.camera())
        if picture is not None:
            decision = driver.step(picture, world.imu(), (frame - last_seen) / rate_hz)
            steering, speed = decision.steering_rad, condition.speed * decision.speed_mps
            last_seen = frame
        world.command(steering + condition.steering_offset_rad, speed)
        frame += 1
        world.advance_to(start + frame / rate_hz)
        x, y, _yaw = world.pose()
        lap.update(x, y, frame / rate_hz)
    return lap.drive()
