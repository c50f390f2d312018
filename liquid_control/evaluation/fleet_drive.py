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

"""Many closed-loop episodes at once in the fast simulator, with the conditions and the ends of ``episode``."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from zlib import crc32

import numpy as np
import torch

from liquid_control.evaluation.conditions import Condition
from liquid_control.evaluation.episode import Drive
from liquid_control.evaluation.fleet_eyes import FleetEyes
from liquid_control.evaluation.fleet_laps import FleetLaps
from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.simulation.car import default_car
from liquid_control.simulation.fast_fleet import FastFleet, Handling
from liquid_control.simulation.fast_world import STEP_S
from liquid_control.simulation.ground_map import GroundMap, ground_map
from liquid_control.simulation.imu_noise import ImuNoise
from liquid_control.simulation.reward import Reward
from liquid_control.simulation.track import Track

STEPS_PER_FRAME = 2
PICTURES_AT_ONCE = 32
"""Pictures that go through a head together; more no longer fit the caches of a core."""
IMU_STREAM = 0x1A5
CAMERA_PIXEL_FAULTS = ('noise', 'shadow')
"""Faults of the camera's own pixels, which are not the same after the retina has resized the picture."""


@dataclass(frozen=True)
class Ride:
    """One episode to drive.

    :param seed: draws the noise of the IMU and, with the condition, the faults of the camera, as in ``closed_loop``.
    :param start_m: arc length of the start.
    """

    track: Track
    condition: Condition
    seed: int
    start_m: float = 0.0


class Pilot(Protocol):
    """What drives the cars of a fleet by what their cameras see after the retina."""

    policy: DrivingPolicy

    def start(self, count: int) -> None:
        """Begin ``count`` episodes."""

    def decide(
        self, cars: np.ndarray, pictures: torch.Tensor, imu: torch.Tensor, elapsed: torch.Tensor
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return steering in rad and speed in m/s, (K,) each, of the cars (K,) that got a picture.

        :param pictures: uint8 (K, 3, height, width); ``imu``: (K, 6); ``elapsed``: (K, 1) in nominal periods.
        """


class PolicyPilot:
    """A policy that drives every car of a fleet, each with a state of its own."""

    def __init__(self, policy: DrivingPolicy) -> None:
        self.policy = policy

    def start(self, count: int) -> None:
        """Begin ``count`` episodes: nothing seen yet."""
        self._state = self.policy.initial_state(count)

    def decide(
        self, cars: np.ndarray, pictures: torch.Tensor, imu: torch.Tensor, elapsed: torch.Tensor
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return steering in rad and speed in m/s, (K,) each."""
        parts = (part.split(PICTURES_AT_ONCE) for part in (torch.from_numpy(cars), pictures, imu, elapsed))
        answers = [self._step(*some) for some in zip(*parts)]
        return torch.cat(answers).numpy(), np.full(len(cars), self.policy.spec.speed_mps)

    def _step(
        self, cars: torch.Tensor, pictures: torch.Tensor, imu: torch.Tensor, elapsed: torch.Tensor
    ) -> torch.Tensor:
        steering, self._state[cars] = self.policy.sequence(
            pictures.unsqueeze(1), imu.unsqueeze(1), elapsed.unsqueeze(1), self._state[cars]
        )
        return steering[:, 0].clamp(-1.0, 1.0) * self.policy.spec.max_steering_rad


class FleetDrive:
    """A set of rides, all driven at once; driven again, it starts from the same places with the same faults."""

    def __init__(
        self,
        rides: Sequence[Ride],
        reward: Reward | None = None,
        handling: Handling | None = None,
        time_limit_s: float = math.inf,
        maps: dict[Track, GroundMap] | None = None,
    ) -> None:
        """Prepare the rides.

        :param reward: what ``rewards`` adds up; metres gained unless told.
        :param handling: of the cars, before a condition's friction; as described unless told.
        :param time_limit_s: end rides after this long, as 'stopped'.
        :param maps: ground maps of tracks that are known already; the missing ones are added.
        """
        self._car, self._rides = default_car(), list(rides)
        self._reward, self._time_limit_s = reward or Reward(), time_limit_s
        maps = {} if maps is None else maps
        for ride in self._rides:
            if ride.track not in maps:
                maps[ride.track] = ground_map(ride.track)
        self._maps = [maps[ride.track] for ride in self._rides]
        handling = handling or Handling.nominal(self._car, len(self._rides))
        grip = handling.friction * np.array([ride.condition.friction for ride in self._rides])
        self._speed_factor = np.array([ride.condition.speed for ride in self._rides])
        self._offset = np.array([ride.condition.steering_offset_rad for ride in self._rides])
        self._fleet = FastFleet(self._car, [ride.track for ride in self._rides], replace(handling, friction=grip))
        self.rewards = np.zeros(len(self._rides))

    def drive(self, pilot: Pilot) -> list[Drive]:
        """Drive every ride to its end and return how each went; ``rewards`` (B,) then holds what each was worth."""
        fleet, rate_hz = self._fleet, self._car.camera.rate_hz
        eyes, noise, laps = self._start(pilot)
        steering, speed, last_seen = np.zeros(len(fleet)), np.zeros(len(fleet)), np.full(len(fleet), -1)
        frame = 0
        with torch.inference_mode():
            while len(active := laps.under_way()) and frame < self._time_limit_s * rate_hz:
                cars, pictures = eyes.see(fleet.poses, active)
                if len(cars):
                    truth = fleet.imu()
                    imu = torch.from_numpy(np.stack([noise[car].sample(truth[car]) for car in cars]))
                    elapsed = torch.from_numpy((frame - last_seen[cars]).astype(np.float32)).unsqueeze(1)
                    steering[cars], speed[cars] = pilot.decide(cars, pictures, imu, elapsed)
                    speed[cars] *= self._speed_factor[cars]
                    last_seen[cars] = frame
                for _ in range(STEPS_PER_FRAME):
                    fleet.step(steering + self._offset, speed, STEP_S)
                frame += 1
                gained, lateral, off_road = laps.update(active, frame / rate_hz)
                self.rewards[active] += self._reward(gained, lateral, off_road, 1.0 / rate_hz)
        return laps.drives()

    def _start(self, pilot: Pilot) -> tuple[FleetEyes, list[ImuNoise], FleetLaps]:
        nothing = np.zeros(len(self._rides))
        starts = np.array([ride.start_m for ride in self._rides])
        self._fleet.place(np.arange(len(self._rides)), starts, nothing, nothing, nothing)
        self.rewards = np.zeros(len(self._rides))
        pilot.start(len(self._rides))
        faults = [ride.condition.camera_fault(_fault_rng(ride), self._car.camera.rate_hz) for ride in self._rides]
        whole = [ride.condition.name in CAMERA_PIXEL_FAULTS for ride in self._rides]
        looks = [ride.track.appearance for ride in self._rides]
        noise = [
            ImuNoise(self._car.imu, ride.condition.imu_noise, np.random.default_rng((ride.seed, IMU_STREAM)))
            for ride in self._rides
        ]
        heights = np.array([ride.condition.car(self._car).camera.z_m for ride in self._rides])
        return FleetEyes(pilot.policy, self._maps, looks, faults, whole, heights), noise, FleetLaps(self._fleet)


def _fault_rng(ride: Ride) -> np.random.Generator:
    return np.random.default_rng((ride.seed, crc32(str(ride.condition).encode())))
