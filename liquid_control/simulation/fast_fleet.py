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

"""The fast simulator: many cars at once, each on its own track, for learning."""

from dataclasses import dataclass

import numpy as np

from liquid_control.simulation.car import GRAVITY_MPS2, Car
from liquid_control.simulation.track import Track, wrap_angle

SUBSTEPS = 4
SEARCH_SAMPLES = 12


@dataclass
class Handling:
    """How each of B cars differs from its description; arrays (B,).

    :param steering_gain: factor on the steering angle.
    :param steering_offset: rad added to it.
    :param steering_lag: time constant of the steering servo, s.
    :param understeer: K of ``curvature = tan(delta) / (L (1 + K v^2))``, s^2/m^2.
    :param friction: tyre friction: lateral acceleration saturates at friction times gravity.
    """

    steering_gain: np.ndarray
    steering_offset: np.ndarray
    steering_lag: np.ndarray
    understeer: np.ndarray
    friction: np.ndarray

    @classmethod
    def nominal(cls, car: Car, count: int) -> 'Handling':
        """Return the handling of ``count`` cars that are as described."""
        return cls(
            np.ones(count),
            np.zeros(count),
            np.full(count, car.steering_time_constant_s),
            np.zeros(count),
            np.full(count, car.tyre_friction),
        )


class FastFleet:
    """B cars with single-track kinematics of the rear axle, a steering servo and a speed ramp.

    Poses are (B, 3): x m, y m, yaw rad of base_link. Curvature ``tan(delta) / L`` is reduced by understeer and
    saturates where ``v^2 curvature`` reaches the tyres' grip.
    """

    def __init__(self, car: Car, tracks: list[Track], handling: Handling) -> None:
        self.car, self.tracks, self.handling = car, tracks, handling
        count, longest = len(tracks), max(len(track.centre) for track in tracks)
        self._samples = np.array([len(track.centre) for track in tracks])
        self._spacing = np.array([track.spacing for track in tracks])
        self._line = np.zeros((count, longest, 5))
        for row, track in enumerate(tracks):
            columns = (
                track.centre,
                track.heading[:, None],
                track.half_width_left[:, None],
                track.half_width_right[:, None],
            )
            self._line[row, : len(track.centre)] = np.hstack(columns)
        self._cars = np.arange(count)
        self.poses, self.speed, self.steering = np.zeros((count, 3)), np.zeros(count), np.zeros(count)
        self.yaw_rate, self.acceleration = np.zeros(count), np.zeros(count)
        self._sample = np.zeros(count, int)

    def __len__(self) -> int:
        return len(self.tracks)

    def place(
        self, cars: np.ndarray, arc: np.ndarray, lateral: np.ndarray, heading: np.ndarray, speed: np.ndarray
    ) -> None:
        """Put cars on their roads: arc length m, lateral offset m, heading error rad, speed m/s, each (K,)."""
        self._sample[cars] = (arc / self._spacing[cars]).astype(int) % self._samples[cars]
        x, y, yaw = self._line[cars, self._sample[cars], :3].T
        self.poses[cars] = np.stack((x - lateral * np.sin(yaw), y + lateral * np.cos(yaw), yaw + heading), axis=1)
        self.speed[cars], self.steering[cars], self.yaw_rate[cars], self.acceleration[cars] = speed, 0.0, 0.0, 0.0

    def step(self, steering: np.ndarray, speed: np.ndarray, duration: float) -> None:
        """Drive on for ``duration`` seconds with commanded steering (B,) rad and speed (B,) m/s."""
        before = self.speed.copy()
        for _ in range(SUBSTEPS):
            self._substep(steering, speed, duration / SUBSTEPS)
        self.acceleration = (self.speed - before) / duration
        self._follow()

    def road(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return arc length (m), lateral offset (m, left positive) and heading error (rad) of each car, (B,)."""
        x, y, yaw = self._line[self._cars, self._sample, :3].T
        dx, dy = self.poses[:, 0] - x, self.poses[:, 1] - y
        along, lateral = dx * np.cos(yaw) + dy * np.sin(yaw), dy * np.cos(yaw) - dx * np.sin(yaw)
        return self._sample * self._spacing + along, lateral, wrap_angle(self.poses[:, 2] - yaw)

    def overrun(self) -> np.ndarray:
        """Return by how many metres each car is beyond the edge of its road, negative on the road, (B,)."""
        _, lateral, _ = self.road()
        left, right = self._line[self._cars, self._sample, 3:5].T
        return np.maximum(lateral - left, -lateral - right)

    def ahead(self, distance: np.ndarray) -> np.ndarray:
        """Return the centre-line point ``distance`` metres (B,) ahead in each car's frame, (B, 2) forward and left."""
        arc, _, _ = self.road()
        sample = ((arc + distance) / self._spacing).astype(int) % self._samples
        dx, dy = (self._line[self._cars, sample, :2] - self.poses[:, :2]).T
        cos, sin = np.cos(self.poses[:, 2]), np.sin(self.poses[:, 2])
        return np.stack((dx * cos + dy * sin, dy * cos - dx * sin), axis=1)

    def imu(self) -> np.ndarray:
        """Return noiseless IMU vectors (B, 6): angular velocity rad/s, specific force m/s^2, REP-103 axes."""
        vector = np.zeros((len(self), 6), np.float32)
        vector[:, 2] = self.yaw_rate
        vector[:, 3] = self.acceleration - self.car.imu.x_m * self.yaw_rate**2
        vector[:, 4] = self.speed * self.yaw_rate
        vector[:, 5] = GRAVITY_MPS2
        return vector

    def _substep(self, steering: np.ndarray, speed: np.ndarray, duration: float) -> None:
        car, handling = self.car, self.handling
        target = np.clip(steering, -car.max_steering_rad, car.max_steering_rad)
        rate = (target - self.steering) * (1.0 - np.exp(-duration / handling.steering_lag)) / duration
        self.steering += duration * np.clip(rate, -car.max_steering_rate_radps, car.max_steering_rate_radps)
        change = np.clip(speed, 0.0, car.max_speed_mps) - self.speed
        self.speed += np.clip(change, -duration * car.max_braking_mps2, duration * car.max_acceleration_mps2)
        self.yaw_rate = self.speed * self._curvature()
        yaw = self.poses[:, 2] + 0.5 * duration * self.yaw_rate
        self.poses[:, 0] += duration * self.speed * np.cos(yaw)
        self.poses[:, 1] += duration * self.speed * np.sin(yaw)
        self.poses[:, 2] += duration * self.yaw_rate

    def _curvature(self) -> np.ndarray:
        handling, square = self.handling, self.speed**2
        angle = handling.steering_gain * self.steering + handling.steering_offset
        curvature = np.tan(angle) / (self.car.wheelbase_m * (1.0 + handling.understeer * square))
        demand = np.abs(curvature) * square / (handling.friction * GRAVITY_MPS2)
        return curvature / (1.0 + demand**8) ** 0.125

    def _follow(self) -> None:
        """Move each car's nearest centre-line sample along with it."""
        window = (self._sample[:, None] + np.arange(-SEARCH_SAMPLES, SEARCH_SAMPLES + 1)) % self._samples[:, None]
        offset = self._line[self._cars[:, None], window, :2] - self.poses[:, None, :2]
        self._sample = window[self._cars, np.argmin((offset**2).sum(axis=2), axis=1)]
