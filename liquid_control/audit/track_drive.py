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

"""A recorded drive on a track, in this process."""
from collections.abc import Callable

import numpy as np

from liquid_control.audit.neuron_record import About, NeuronRecord
from liquid_control.audit.recorder import Decision, Recorder
from liquid_control.evaluation.conditions import Condition
from liquid_control.evaluation.episode import Drive, World, run_episode
from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.simulation.track import Track

SHORTEST_TICKS = 30


class _Spectated:
    """A recorder that notes where the car is at each tick."""

    def __init__(self, recorder: Recorder, world: World, track: Track, on_tick: Callable[[float], None]) -> None:
        self._recorder, self._world, self._track, self._on_tick = recorder, world, track, on_tick
        self.places: list[tuple[float, float, float, float]] = []
        self._s = 0.0

    def reset(self) -> None:
        """Start anew; the recorder already has."""

    def step(self, picture: np.ndarray, imu: np.ndarray, elapsed_s: float) -> Decision:
        """Note time, place and lateral offset; then decide."""
        x, y, _yaw = self._world.pose()
        self._s, lateral = self._track.project(x, y, near=self._s)
        self.places.append((self._world.time, x, y, lateral))
        self._on_tick(self._s / self._track.length)
        return self._recorder.step(picture, imu, elapsed_s)


def drive_track(policy: DrivingPolicy, about: About, world: World, track: Track, condition: Condition,
                seed: int, on_tick: Callable[[float], None] = lambda _part: None,
                ) -> tuple[NeuronRecord, np.ndarray, Drive]:
    """Drive one lap from a standing start, or until the car leaves the road.

    :param on_tick: called at each tick with the part of the lap that is behind the car, 0..1.
    :return: the record, the pictures uint8 (T, H, W, 3) and how the drive went.
    """
    recorder = Recorder(policy)
    driver = _Spectated(recorder, world, track, on_tick)
    result = run_episode(driver, world, track, condition, np.random.default_rng(seed))
    time, x, y, lateral = np.array(driver.places).T
    unknown = np.full(len(time), np.nan)
    return recorder.record(about, time - time[0], x, y, lateral, unknown), np.stack(recorder.pictures), result
