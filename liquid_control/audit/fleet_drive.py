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

"""Closed-loop driving of many variants of a network in the fast simulator, all cars at once."""
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.simulation.car import default_car
from liquid_control.simulation.fast_camera import FastCamera
from liquid_control.simulation.fast_fleet import FastFleet, Handling
from liquid_control.simulation.ground_map import ground_map
from liquid_control.simulation.track import Track

CELL_M = 0.25
ALLOWANCE_S = 3.0


class Networks(Protocol):
    """V variants of a network that run at once."""

    def initial_state(self, cars: int) -> Tensor:
        """Return states (V, cars, S)."""

    def step(self, features: Tensor, state: Tensor, elapsed: Tensor) -> tuple[Tensor, Tensor]:
        """Step from states (V, B, S): outputs (V, B, 1) and states."""


@dataclass(frozen=True)
class FleetDrive:
    """How V variants drove a lap of each of K tracks.

    :param completed: (V, K); ``progress``: (V, K) part of the lap driven, 0..1.
    :param lateral_m: (V, K, C) mean distance to the left of the centre line in each 0.25 m of the lap; NaN where the
        car never came, and beyond the end of a track that is shorter than the longest.
    :param cells: (K,) how many 0.25 m each lap has.
    """

    completed: np.ndarray
    progress: np.ndarray
    lateral_m: np.ndarray
    cells: np.ndarray

    def mean_abs_lateral_m(self) -> np.ndarray:
        """Return the mean distance from the centre line over all tracks where the car drove, (V,)."""
        return np.nanmean(np.abs(self.lateral_m), axis=(1, 2))


class Course:
    """Tracks to drive on.

    :param light: factor on the light of every track.
    """

    def __init__(self, tracks: list[Track], light: float = 1.0) -> None:
        self.tracks = tracks
        self.car = default_car()
        self.maps = [ground_map(track) for track in tracks]
        self.looks = [replace(track.appearance, light=light * track.appearance.light) for track in tracks]

    def drive(self, policy: DrivingPolicy, networks: Networks, variants: int,
              on_tick: Callable[[float], None] = lambda _part: None) -> FleetDrive:
        """Drive a lap from a standing start with each variant in place of the policy's network.

        :param on_tick: called with the part of the time limit that is over, 0..1.
        """
        lap = _Lap(self, policy, variants)
        camera = FastCamera(self.car.camera, policy.retina.height, policy.retina.width, policy.spec.crop)
        count = len(self.tracks)
        state, features = networks.initial_state(count), torch.zeros(variants * count, policy.spec.inputs)
        elapsed = torch.ones(variants, count, 1)
        mount = np.full(1, self.car.camera.pitch_rad), np.full(1, self.car.camera.z_m)
        ground = camera.ground_points(*mount)
        with torch.inference_mode():
            for tick in range(lap.limit):
                active = np.flatnonzero(lap.under_way)
                if not len(active):
                    break
                features[active] = self._see(policy, camera, ground, lap.fleet, active)
                output, state = networks.step(features.view(variants, count, -1), state, elapsed)
                share = (output * policy.gain + policy.bias).clamp(-1.0, 1.0).flatten().numpy()
                lap.advance(share * policy.max_steering)
                on_tick((tick + 1) / lap.limit)
        return lap.result()

    def _see(self, policy: DrivingPolicy, camera: FastCamera, ground: tuple[np.ndarray, np.ndarray], fleet: FastFleet,
             active: np.ndarray) -> Tensor:
        own = active % len(self.tracks)
        forward, left = (np.broadcast_to(part, (len(active), *part.shape[1:])) for part in ground)
        small = camera.render([self.maps[i] for i in own], [self.looks[i] for i in own], fleet.poses[active], forward,
                              left)
        visual = policy.head(policy.retina.whiten(torch.from_numpy(small)))
        return torch.cat((visual, policy.imu_features(torch.from_numpy(fleet.imu()[active]))), 1)


class _Lap:
    """Where the cars of V variants x K tracks are, and where they have been; car v K + k is variant v on track k."""

    def __init__(self, course: Course, policy: DrivingPolicy, variants: int) -> None:
        tracks = course.tracks * variants
        self._shape = variants, len(course.tracks)
        self._period, self._speed = policy.spec.period_s, np.full(len(tracks), policy.spec.speed_mps)
        self._lengths = np.array([track.length for track in tracks])
        self.limit = int((1.5 * self._lengths.max() / max(policy.spec.speed_mps, 0.1) + ALLOWANCE_S) / self._period)
        self.fleet = FastFleet(course.car, tracks, Handling.nominal(course.car, len(tracks)))
        nothing = np.zeros(len(tracks))
        self.fleet.place(np.arange(len(tracks)), nothing, nothing, nothing, nothing)
        self.under_way = np.ones(len(tracks), bool)
        self._driven, self._completed = np.zeros(len(tracks)), np.zeros(len(tracks), bool)
        self._before = self.fleet.road()[0]
        self._cells = np.ceil(self._lengths / CELL_M).astype(int)
        self._sum = np.zeros((len(tracks), self._cells.max()))
        self._count = np.zeros_like(self._sum)

    def advance(self, steering_rad: np.ndarray) -> None:
        """Drive on for one period with steering (V K,)."""
        self.fleet.step(steering_rad, self._speed, self._period)
        arc, lateral, _ = self.fleet.road()
        half = 0.5 * self._lengths
        self._driven += self.under_way * ((arc - self._before + half) % self._lengths - half)
        self._before = arc
        cell = np.clip(self._driven / CELL_M, 0, self._cells - 1).astype(int)
        cars = np.flatnonzero(self.under_way)
        self._sum[cars, cell[cars]] += lateral[cars]
        self._count[cars, cell[cars]] += 1.0
        off_road = self.fleet.overrun() > 0.0
        self._completed |= self.under_way & ~off_road & (self._driven >= self._lengths)
        self.under_way &= ~off_road & (self._driven < self._lengths)

    def result(self) -> FleetDrive:
        """Return how it went."""
        lateral = np.where(self._count > 0.0, self._sum / np.maximum(self._count, 1.0), np.nan)
        progress = np.clip(self._driven / self._lengths, 0.0, 1.0)
        return FleetDrive(self._completed.reshape(self._shape), progress.reshape(self._shape),
                          lateral.reshape(*self._shape, -1), self._cells[:self._shape[1]])
