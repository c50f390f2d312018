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

"""The privileged driver: pure pursuit on the true pose, which shows what a world and a track allow."""
from dataclasses import dataclass

import numpy as np

from liquid_control.evaluation.episode import World
from liquid_control.learning.expert import lookahead_m, pure_pursuit
from liquid_control.simulation.car import default_car
from liquid_control.simulation.track import Track


@dataclass(frozen=True)
class Decision:
    """Steering of the virtual front wheel in rad, left positive, and speed in m/s."""

    steering_rad: float
    speed_mps: float


class Pursuer:
    """Drives a world along the centre line of its track at one speed; looks at the pose, not at the picture."""

    def __init__(self, world: World, track: Track, speed_mps: float = 2.0) -> None:
        self._world, self._track, self._speed = world, track, speed_mps
        self._wheelbase = default_car().wheelbase_m
        self.reset()

    def reset(self) -> None:
        """Expect the car near arc length 0."""
        self._s = 0.0

    def step(self, _picture: np.ndarray, _imu: np.ndarray, _elapsed_s: float) -> Decision:
        """Return the decision for the world's pose of now."""
        x, y, yaw = self._world.pose()
        self._s, _lateral = self._track.project(x, y, near=self._s)
        target_x, target_y, _yaw = self._track.pose(self._s + float(lookahead_m(np.array(self._speed))))
        dx, dy = target_x - x, target_y - y
        forward, left = dx * np.cos(yaw) + dy * np.sin(yaw), dy * np.cos(yaw) - dx * np.sin(yaw)
        return Decision(float(pure_pursuit(forward, left, self._wheelbase)), self._speed)
