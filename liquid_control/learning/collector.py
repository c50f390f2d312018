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

"""Drives a fleet to collect what a policy learns from: pictures, IMU and the expert's answers."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from liquid_control.learning.expert import expert_steering
from liquid_control.learning.variation import (
    MAX_DELAY_FRAMES,
    PictureFaults,
    learning_track,
    random_handling,
    random_look,
)
from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.simulation.car import Car
from liquid_control.simulation.fast_camera import FastCamera
from liquid_control.simulation.fast_fleet import FastFleet
from liquid_control.simulation.ground_map import ground_map

LOST_M = 0.3
RESTART_RATE = 0.12
POLICY_SHARE = 0.75


@dataclass(frozen=True)
class Sequences:
    """Stretches of driving: pictures uint8 (B, T, 3, H, W), imu (B, T, 6), elapsed (B, T, 1), steering (B, T).

    Steering is the expert's, a fraction of the car's limit, left positive. No stretch contains a jump of the car.
    Where some labels count more than others, or not at all, ``weight`` (B, T) says so.
    """

    pictures: torch.Tensor
    imu: torch.Tensor
    elapsed: torch.Tensor
    steering: torch.Tensor
    weight: torch.Tensor | None = None


class Collector:
    """Drives ``count`` cars, each on a road of its own, partly by the expert and partly by the policy itself.

    Steering noise pushes cars off the middle and the expert says how to come back (DART, Laskey et al. 2017); cars
    that the policy drives visit the places where it errs, and the expert labels them (DAgger, Ross et al. 2011).
    """

    def __init__(self, policy: DrivingPolicy, car: Car, count: int, seed: int) -> None:
        self._policy, self._car = policy, car
        self._rng = np.random.default_rng((seed, 0xC011))
        seeds = self._rng.choice(1_000_000, count, replace=False)
        tracks = [learning_track(int(track_seed), self._rng) for track_seed in seeds]
        self._maps = [ground_map(track) for track in tracks]
        self._lengths = np.array([track.length for track in tracks])
        self._half_widths = np.array([track.half_width_left[0] for track in tracks])
        self._fleet = FastFleet(car, tracks, random_handling(car, count, self._rng))
        self._camera = FastCamera(car.camera, policy.retina.height, policy.retina.width, policy.spec.crop)
        self._faults = PictureFaults(count, self._rng)
        self._looks = [random_look(self._rng) for _ in range(count)]
        self._speed = np.zeros(count)
        self._ground = np.zeros((2, count, policy.retina.height, policy.retina.width), np.float32)
        self._push, self._by_policy = np.zeros(count), np.zeros(count, bool)
        self._recent = np.zeros((MAX_DELAY_FRAMES + 1, count, 3, policy.retina.height, policy.retina.width), np.uint8)
        self._newest = 0
        self._imu_bias = np.zeros((count, 6))
        self._state = policy.initial_state(count)
        self._restart(np.arange(count), 0.0)
        cv2.setNumThreads(1)

    def collect(self, steps: int, progress: float) -> Sequences:
        """Drive on for a number of steps; ``progress`` in 0..1 says how far learning has come."""
        lost = self._fleet.overrun() > LOST_M
        self._restart(np.flatnonzero(lost | (self._rng.random(len(self._fleet)) < RESTART_RATE)), progress)
        frames = [self._tick() for _ in range(steps)]
        pictures, imu, elapsed, steering = (torch.from_numpy(np.stack(part, axis=1)) for part in zip(*frames))
        return Sequences(pictures, imu, elapsed, steering)

    def _tick(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        fleet, rng, limit = self._fleet, self._rng, self._car.max_steering_rad
        pictures, imu = self._see(), self._feel()
        expert = expert_steering(fleet)
        elapsed = 1.0 if rng.random() < 0.8 else rng.uniform(0.5, 2.0)
        own = self._ask(pictures, imu, elapsed) * limit
        self._push += -0.12 * self._push + 0.045 * rng.standard_normal(len(fleet))
        fleet.step(
            np.where(self._by_policy, own, expert) + self._push, self._speed, elapsed * self._policy.spec.period_s
        )
        return pictures, imu, np.full((len(fleet), 1), elapsed, np.float32), (expert / limit).astype(np.float32)

    def _see(self) -> np.ndarray:
        fresh = self._camera.render(self._maps, self._looks, self._fleet.poses, *self._ground)
        self._newest = (self._newest + 1) % len(self._recent)
        self._recent[self._newest] = self._faults.apply(fresh)
        return self._recent[(self._newest - self._faults.delay) % len(self._recent), np.arange(len(self._fleet))]

    def _feel(self) -> np.ndarray:
        noise = np.repeat((self._car.imu.gyro_noise_radps, self._car.imu.accel_noise_mps2), 3)
        grain = 2.0 * noise * self._rng.standard_normal((len(self._fleet), 6))
        return (self._fleet.imu() + self._imu_bias + grain).astype(np.float32)

    def _ask(self, pictures: np.ndarray, imu: np.ndarray, elapsed: float) -> np.ndarray:
        with torch.no_grad():
            steering, self._state = self._policy.sequence(
                torch.from_numpy(pictures).unsqueeze(1),
                torch.from_numpy(imu).unsqueeze(1),
                torch.full((len(self._fleet), 1, 1), elapsed),
                self._state,
            )
        return steering[:, 0].clamp(-1.0, 1.0).numpy()

    def _restart(self, cars: np.ndarray, progress: float) -> None:
        """Begin new drives: other places, looks, cameras, speeds and faults."""
        rng, count = self._rng, len(cars)
        if count == 0:
            return
        spread = 0.5 * self._half_widths[cars]
        self._speed[cars] = np.where(rng.random(count) < 0.5, self._policy.spec.speed_mps, rng.uniform(1.0, 2.8, count))
        self._fleet.place(
            cars,
            rng.uniform(0.0, self._lengths[cars]),
            spread * rng.uniform(-1.0, 1.0, count),
            rng.normal(0.0, 0.15, count),
            self._speed[cars] * rng.uniform(0.0, 1.0, count) ** 0.3,
        )
        camera, imu = self._car.camera, self._car.imu
        pitch, height = camera.pitch_rad + rng.normal(0.0, 0.02, count), camera.z_m * rng.uniform(0.93, 1.07, count)
        self._ground[:, cars] = self._camera.ground_points(pitch, height)
        bias = np.repeat((imu.gyro_bias_radps, imu.accel_bias_mps2), 3)
        self._imu_bias[cars] = 2.0 * bias * rng.standard_normal((count, 6))
        self._by_policy[cars] = rng.random(count) < POLICY_SHARE * min(1.0, 2.0 * progress)
        self._push[cars] = 0.0
        self._state[cars] = 0.0
        self._faults.redraw(cars)
        for car in cars:
            self._looks[car] = random_look(rng)
        maps, looks = [self._maps[car] for car in cars], [self._looks[car] for car in cars]
        self._recent[:, cars] = self._camera.render(maps, looks, self._fleet.poses[cars], *self._ground[:, cars])
