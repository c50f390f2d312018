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
"""A teacher that notices what a car does with its commands: steering offset and grip, found from odometry alone."""

import math

import numpy as np

from liquid_control.learning.expert import lookahead_m, pure_pursuit
from liquid_control.learning.wide_line import offset_m
from liquid_control.simulation.track import Track

RATE_PER_S = 1.0
GENTLE_MPS2 = 1.0
SLOWEST_MPS = 0.5
LARGEST_RAD = 0.3
SERVO_S = 0.05
SLIDING_MPS2, SLIDING_SHARE, SLIDING_S = 1.5, 0.8, 0.2
"""Tyres slide where a car that is asked for so much turns less than this share of it for so long."""
LEAST_GRIP_MPS2, GRIP_STEP_MPS2 = 1.5, 0.1
HARD, FOLLOWED, REGAINED_PER_S = 0.95, 0.92, 0.1
"""Tyres that hold a turn this close to their grip, and follow so much of what is asked for, are thought to hold so much
more for each second of it. At their limit they follow less before they slide."""
SHARE_OF_GRIP, HARDEST = 0.85, 1.15
"""How hard the line to drive asks the tyres to turn, what is left holds the car on it; and how hard to steer at all."""


class Handling:
    """Estimates how far the wheels stand from the commanded angle, and how hard the car can turn at all.

    A single-track car turns at ``yaw rate = v tan(steering) / L``. What it turns more than commanded is the offset (a
    servo mounted askew, a bent steering rod), averaged over the last seconds of driving nearly straight on: in bends
    the tyres slip, which is no offset. What it turns much less than commanded in a bend tells where the tyres slide.

    :ivar offset_rad: the offset, left positive.
    :ivar grip_mps2: the largest lateral acceleration before the tyres slide; infinite until they have.
    """

    def __init__(self, wheelbase_m: float, speed_mps: float) -> None:
        """Know nothing yet of a car that is to drive at a speed."""
        self._wheelbase, self._cruise = wheelbase_m, speed_mps
        self._servo = self._slid_s = self._most = 0.0
        self.offset_rad = 0.0
        self.grip_mps2 = math.inf

    def see(self, steering_rad: float, speed_mps: float, yaw_rate_radps: float, elapsed_s: float) -> None:
        """Take what was commanded in the last ``elapsed_s`` and how the car moves now."""
        self._servo += (1.0 - math.exp(-elapsed_s / SERVO_S)) * (steering_rad - self._servo)
        if speed_mps < SLOWEST_MPS:
            return
        self._see_sliding(speed_mps, speed_mps * yaw_rate_radps, elapsed_s)
        if abs(speed_mps * yaw_rate_radps) <= GENTLE_MPS2:
            turned = math.atan(self._wheelbase * yaw_rate_radps / speed_mps)
            self.offset_rad += min(1.0, RATE_PER_S * elapsed_s) * (turned - self._servo - self.offset_rad)
            self.offset_rad = min(max(self.offset_rad, -LARGEST_RAD), LARGEST_RAD)

    def steering_rad(self, track: Track, s: float, pose: tuple[float, float, float], speed_mps: float) -> float:
        """Return what to command so that the car follows its line, left positive; not cut to what the servo can.

        That is pure pursuit, no harder than the tyres hold, less the offset.

        :param s: arc length of the car, m; ``pose``: its rear axle, x and y in m and yaw in rad.
        """
        (x, y, yaw), (target_x, target_y) = pose, self.aim(track, s, speed_mps)
        dx, dy, cos, sin = target_x - x, target_y - y, np.cos(yaw), np.sin(yaw)
        pursuit = float(pure_pursuit(dx * cos + dy * sin, dy * cos - dx * sin, self._wheelbase))
        return self.held(pursuit, speed_mps) - self.offset_rad

    def aim(self, track: Track, s: float, speed_mps: float) -> tuple[float, float]:
        """Return the point (x, y) of the road to aim at from arc length s: of its middle, or of a line that tyres hold.

        Where tyres slide in bends, that is the line nearest to the middle with bends wide enough (``wide_line``).
        """
        ahead = s + float(lookahead_m(speed_mps))
        if math.isinf(self.grip_mps2):
            return track.pose(ahead)[:2]
        grip = GRIP_STEP_MPS2 * math.floor(self.grip_mps2 / GRIP_STEP_MPS2)
        return track.pose(ahead, offset_m(track, SHARE_OF_GRIP * grip / self._cruise ** 2, ahead))[:2]

    def held(self, steering_rad: float, speed_mps: float) -> float:
        """Return a wheel angle cut to what turns the car as hard as its tyres hold: more of it only slides."""
        most = math.atan(self._wheelbase * HARDEST * self.grip_mps2 / max(speed_mps, SLOWEST_MPS) ** 2)
        return min(max(steering_rad, -most), most)

    def _see_sliding(self, speed_mps: float, turned_mps2: float, elapsed_s: float) -> None:
        asked = speed_mps ** 2 * math.tan(self._servo + self.offset_rad) / self._wheelbase
        # What turns less than gently, or the other way, is a servo askew rather than tyres at their limit.
        sliding = abs(asked) > SLIDING_MPS2 and GENTLE_MPS2 / abs(asked) < turned_mps2 / asked < SLIDING_SHARE
        self._slid_s = self._slid_s + elapsed_s if sliding else 0.0
        self._most = max(self._most, abs(turned_mps2)) if sliding else 0.0
        if self._slid_s >= SLIDING_S:
            self.grip_mps2 = max(LEAST_GRIP_MPS2, self._most)
        elif abs(turned_mps2) > max(HARD * self.grip_mps2, FOLLOWED * abs(asked)):
            self.grip_mps2 = max(self.grip_mps2 * (1.0 + REGAINED_PER_S * elapsed_s), abs(turned_mps2))
