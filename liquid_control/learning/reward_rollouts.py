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

"""What individuals of an evolution are worth: the reward of many rides in the fast simulator, all at once."""

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import torch

from liquid_control.evaluation.conditions import parse_condition
from liquid_control.evaluation.fleet_drive import PICTURES_AT_ONCE, FleetDrive, Ride
from liquid_control.learning.evolution import Individual
from liquid_control.learning.variation import random_handling
from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.simulation.car import default_car
from liquid_control.simulation.fast_fleet import Handling
from liquid_control.simulation.random_track import random_track
from liquid_control.simulation.reward import Reward

RIDE_S = 6.0
TRACK_POOL = 64
TRACKS_BELOW = 900_000


class PopulationPilot:
    """Drives the same rides by several individuals that share one head: car = individual * rides + ride."""

    def __init__(self, policy: DrivingPolicy, individuals: Sequence[Individual]) -> None:
        self.policy, self._individuals = policy, list(individuals)

    def start(self, count: int) -> None:
        """Begin ``count`` episodes: nothing seen yet."""
        self._rides = count // len(self._individuals)
        self._state = self.policy.initial_state(count)

    def decide(
        self, cars: np.ndarray, pictures: torch.Tensor, imu: torch.Tensor, elapsed: torch.Tensor
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return steering in rad and speed in m/s, (K,) each; see ``fleet_drive.Pilot``."""
        visual = [self.policy.head(self.policy.retina.whiten(some)) for some in pictures.split(PICTURES_AT_ONCE)]
        features = torch.cat((torch.cat(visual), self.policy.imu_features(imu)), dim=1)
        steering, speed = np.zeros(len(cars)), np.zeros(len(cars))
        for place, individual in enumerate(self._individuals):
            rows = np.flatnonzero(cars // self._rides == place)
            if len(rows):
                output, state = individual.network(features[rows], self._state[cars[rows]], elapsed[rows])
                self._state[cars[rows]] = state
                angle = (output[:, 0] * individual.gain + individual.bias).clamp(-1.0, 1.0)
                steering[rows] = angle.numpy() * self.policy.spec.max_steering_rad
                speed[rows] = individual.speed_mps
        return steering, speed


class Rollouts:
    """Rides on roads for learning, with cars that differ, under a mix of conditions; other ones each generation."""

    def __init__(
        self, policy: DrivingPolicy, reward: Reward, conditions: Sequence[str], rides: int, seed: int
    ) -> None:
        self._policy, self._reward, self._rides, self._seed = policy, reward, rides, seed
        self._conditions = [parse_condition(condition) for condition in conditions]
        numbers = np.random.default_rng((seed, 0xE70)).choice(TRACKS_BELOW, TRACK_POOL, replace=False)
        self._tracks = [random_track(int(number)) for number in numbers]
        self._maps: dict = {}

    def worth(self, individuals: Sequence[Individual], generation: int) -> np.ndarray:
        """Return the mean reward of a ride of each individual, in metres; all meet the same rides and faults."""
        rng = np.random.default_rng((self._seed, 0xE71, generation))
        tracks = [self._tracks[i] for i in rng.choice(len(self._tracks), self._rides)]
        rides = [
            Ride(track, self._conditions[i % len(self._conditions)], int(rng.integers(2**31)),
                 float(rng.uniform(0.0, track.length)))
            for i, track in enumerate(tracks)
        ]  # fmt: skip
        handling = _repeated(random_handling(default_car(), self._rides, rng), len(individuals))
        drive = FleetDrive(rides * len(individuals), self._reward, handling, RIDE_S, self._maps)
        drive.drive(PopulationPilot(self._policy, individuals))
        return drive.rewards.reshape(len(individuals), self._rides).mean(axis=1)


def _repeated(handling: Handling, times: int) -> Handling:
    return Handling(*(np.tile(getattr(handling, field.name), times) for field in fields(handling)))
