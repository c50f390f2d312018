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

"""The privileged teacher: pure pursuit on ground truth."""
import numpy as np

from liquid_control.simulation.fast_fleet import FastFleet

MIN_LOOKAHEAD_M = 0.6
LOOKAHEAD_S = 0.35


def lookahead_m(speed: np.ndarray) -> np.ndarray:
    """Return how far ahead along the centre line the expert aims, metres, at a speed in m/s."""
    return np.maximum(MIN_LOOKAHEAD_M, LOOKAHEAD_S * speed)


def pure_pursuit(forward: np.ndarray, left: np.ndarray, wheelbase_m: float) -> np.ndarray:
    """Return the steering angle (rad) whose circle from the rear axle passes through a point of the car's frame.

    ``delta = atan(2 L y / (x^2 + y^2))`` (Coulter 1992, Implementation of the Pure Pursuit Path Tracking Algorithm).
    """
    return np.arctan(2.0 * wheelbase_m * left / np.maximum(forward ** 2 + left ** 2, 1e-4))


def expert_steering(fleet: FastFleet) -> np.ndarray:
    """Return the expert's steering (B,) in rad for each car of a fleet, within the car's limits."""
    point = fleet.ahead(lookahead_m(fleet.speed))
    limit = fleet.car.max_steering_rad
    return np.clip(pure_pursuit(point[:, 0], point[:, 1], fleet.car.wheelbase_m), -limit, limit)
