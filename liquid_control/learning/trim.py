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
"""A teacher that notices what a car does with its commands: the steering offset, found from odometry alone."""

import math

RATE_PER_S = 1.0
GENTLE_MPS2 = 1.0
SLOWEST_MPS = 0.5
LARGEST_RAD = 0.3
SERVO_S = 0.05


class Trim:
    """Estimates how far the wheels stand from the commanded angle: a servo mounted askew, a bent steering rod.

    A single-track car turns at ``yaw rate = v tan(steering) / L``; what it turns more than commanded is the offset,
    averaged over the last seconds of driving nearly straight on: in bends the tyres slip, which is no offset.

    :ivar rad: the offset, left positive.
    """

    def __init__(self, wheelbase_m: float) -> None:
        self._wheelbase = wheelbase_m
        self._servo = 0.0
        self.rad = 0.0

    def see(self, steering_rad: float, speed_mps: float, yaw_rate_radps: float, elapsed_s: float) -> None:
        """Take what was commanded in the last ``elapsed_s`` and how the car moves now."""
        self._servo += (1.0 - math.exp(-elapsed_s / SERVO_S)) * (steering_rad - self._servo)
        if speed_mps < SLOWEST_MPS or abs(speed_mps * yaw_rate_radps) > GENTLE_MPS2:
            return
        turned = math.atan(self._wheelbase * yaw_rate_radps / speed_mps)
        self.rad += min(1.0, RATE_PER_S * elapsed_s) * (turned - self._servo - self.rad)
        self.rad = min(max(self.rad, -LARGEST_RAD), LARGEST_RAD)
