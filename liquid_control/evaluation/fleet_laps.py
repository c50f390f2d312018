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

"""Where many cars are on their laps, and what ends each episode: ``episode.Lap`` for a whole fleet."""

import numpy as np

from liquid_control.evaluation.episode import BACKWARDS_M, STUCK_M, STUCK_S, Drive
from liquid_control.simulation.fast_fleet import FastFleet


class FleetLaps:
    """Follows the cars of a fleet from where they stand now, one lap each. Call ``update`` once for each frame."""

    def __init__(self, fleet: FastFleet) -> None:
        self._fleet = fleet
        self._lengths = np.array([track.length for track in fleet.tracks])
        count = len(fleet)
        self._arc = fleet.road()[0]
        self._distance, self._farthest = np.zeros(count), np.zeros(count)
        self._mark_m, self._mark_s = np.zeros(count), np.zeros(count)
        self._sum_lateral, self._max_lateral, self._frames = np.zeros(count), np.zeros(count), np.zeros(count)
        self._end_s = np.zeros(count)
        self._ended = np.full(count, '', dtype='U9')

    def under_way(self) -> np.ndarray:
        """Return the cars whose episode has not ended, (K,)."""
        return np.flatnonzero(self._ended == '')

    def update(self, cars: np.ndarray, seconds: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Take where the fleet is ``seconds`` after the start.

        :param cars: those that are under way, (K,).
        :return: of each of these the arc length gained (m), the lateral offset (m), and whether it left the road.
        """
        arc, lateral, _ = self._fleet.road()
        length = self._lengths
        gained = (arc - self._arc + 0.5 * length) % length - 0.5 * length
        self._arc = arc
        off_road = (self._fleet.overrun() > 0.0)[cars]
        self._distance[cars] += gained[cars]
        self._farthest[cars] = np.maximum(self._farthest[cars], self._distance[cars])
        self._sum_lateral[cars] += np.abs(lateral[cars])
        self._max_lateral[cars] = np.maximum(self._max_lateral[cars], np.abs(lateral[cars]))
        self._frames[cars] += 1
        self._end(cars, off_road, seconds)
        return gained[cars], lateral[cars], off_road

    def drives(self) -> list[Drive]:
        """Return how each car's episode went."""
        progress = np.clip(self._farthest / self._lengths, 0.0, 1.0)
        mean = self._sum_lateral / np.maximum(self._frames, 1)
        return [
            Drive(
                completed=bool(ended == 'completed'),
                progress=float(progress[car]),
                mean_abs_lateral_m=float(mean[car]),
                max_abs_lateral_m=float(self._max_lateral[car]),
                lap_s=float(self._end_s[car]) if ended == 'completed' else None,
                ended=str(ended) or 'stopped',
            )
            for car, ended in enumerate(self._ended)
        ]

    def _end(self, cars: np.ndarray, off_road: np.ndarray, seconds: float) -> None:
        """End what has to end: the road's edge counts before the finish, as in ``episode.Lap``."""
        distance, farthest = self._distance[cars], self._farthest[cars]
        on = farthest >= self._mark_m[cars] + STUCK_M
        self._mark_m[cars[on]], self._mark_s[cars[on]] = farthest[on], seconds
        stuck = seconds - self._mark_s[cars] > STUCK_S
        reasons = np.select(
            [off_road, distance >= self._lengths[cars], distance < farthest - BACKWARDS_M, stuck],
            ['off road', 'completed', 'backwards', 'stuck'],
            '',
        )
        self._ended[cars] = reasons
        self._end_s[cars[reasons != '']] = seconds
