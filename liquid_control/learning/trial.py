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

"""Closed-loop trial of a policy in the fast simulator: the score by which learning keeps or drops a policy."""

from dataclasses import dataclass

import numpy as np
import torch

from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.simulation.car import Car
from liquid_control.simulation.fast_camera import FastCamera
from liquid_control.simulation.fast_fleet import FastFleet, Handling
from liquid_control.simulation.ground_map import ground_map
from liquid_control.simulation.track import Track


@dataclass(frozen=True)
class TrialResult:
    """Per track: whether the lap was completed, the part of it driven (0..1), the mean distance from the middle (m)."""

    completed: np.ndarray
    progress: np.ndarray
    mean_abs_lateral_m: np.ndarray


class Trial:
    """One lap on each of a set of tracks, all cars at once, as described: no faults, no variation."""

    def __init__(self, car: Car, tracks: list[Track]) -> None:
        self._car, self._tracks = car, tracks
        self._maps = [ground_map(track) for track in tracks]
        self._lengths = np.array([track.length for track in tracks])

    def drive(self, policy: DrivingPolicy) -> TrialResult:
        """Drive a lap from a standing start in the middle of the road; a car beyond the edge has failed."""
        car, count = self._car, len(self._tracks)
        fleet = FastFleet(car, self._tracks, Handling.nominal(car, count))
        nothing = np.zeros(count)
        fleet.place(np.arange(count), nothing, nothing, nothing, nothing)
        camera = FastCamera(car.camera, policy.retina.height, policy.retina.width, policy.spec.crop)
        ground = camera.ground_points(np.full(count, car.camera.pitch_rad), np.full(count, car.camera.z_m))
        looks = [track.appearance for track in self._tracks]
        state, elapsed = policy.initial_state(count), torch.ones(count, 1, 1)
        on_road, driven, offset, ticks = np.ones(count, bool), np.zeros(count), np.zeros(count), np.zeros(count)
        before, _, _ = fleet.road()
        with torch.inference_mode():
            for _ in range(self._time_limit(policy)):
                pictures = torch.from_numpy(camera.render(self._maps, looks, fleet.poses, *ground))
                steering, state = policy.sequence(
                    pictures.unsqueeze(1), torch.from_numpy(fleet.imu()).unsqueeze(1), elapsed, state
                )
                angle = steering[:, 0].clamp(-1.0, 1.0).numpy() * car.max_steering_rad
                fleet.step(angle, np.full(count, policy.spec.speed_mps), policy.spec.period_s)
                arc, lateral, _ = fleet.road()
                under_way = on_road & (driven < self._lengths)
                driven += under_way * ((arc - before + 0.5 * self._lengths) % self._lengths - 0.5 * self._lengths)
                before = arc
                offset += under_way * np.abs(lateral)
                ticks += under_way
                on_road &= (fleet.overrun() <= 0.0) | (driven >= self._lengths)
                if not (on_road & (driven < self._lengths)).any():
                    break
        return TrialResult(
            on_road & (driven >= self._lengths),
            np.clip(driven / self._lengths, 0.0, 1.0),
            offset / np.maximum(ticks, 1),
        )

    def _time_limit(self, policy: DrivingPolicy) -> int:
        return int((1.5 * self._lengths.max() / max(policy.spec.speed_mps, 0.1) + 3.0) / policy.spec.period_s)
