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

"""Where a car is on a road, and when somebody must help it."""
import math
from dataclasses import dataclass
from typing import NamedTuple

from liquid_control.simulation.track import Track, wrap_angle

LOOK_AHEAD_S = 0.25
RELEASE_SHARE = 0.35
RELEASE_RAD = 0.25
LOST_M = 0.3
"""A car this far beyond the road's edge is lost."""


class Odometry(NamedTuple):
    """True pose of base_link (m, m, rad) and forward speed (m/s) at a time in ns."""

    stamp_ns: int
    x: float
    y: float
    yaw: float
    speed: float


@dataclass(frozen=True)
class Place:
    """Where a car is.

    :param s: arc length in m.
    :param lateral: distance from the centre line in m, positive to the left.
    :param heading: angle to the centre line in rad, positive to the left.
    :param soon: ``lateral`` a quarter of a second from now if the car goes straight on, in m.
    :param half_left, half_right: widths of the road from its centre line in m.
    :param driven: how far the car has come along the road since it was first seen, in m.
    """

    s: float
    lateral: float
    heading: float
    soon: float
    half_left: float
    half_right: float
    driven: float

    @property
    def overrun(self) -> float:
        """How far beyond the road's edge the car is, in m; negative on the road."""
        return max(self.lateral - self.half_left, -self.half_right - self.lateral)

    @property
    def room(self) -> float:
        """How far from the road's edge the car will be a quarter of a second from now, in m."""
        return min(self.half_left - self.soon, self.half_right + self.soon)

    @property
    def settled(self) -> bool:
        """Whether the car is near the middle of the road and along it."""
        return (abs(self.lateral) < RELEASE_SHARE * min(self.half_left, self.half_right)
                and abs(self.heading) < RELEASE_RAD)


class Follower:
    """Keeps track of one car on one road."""

    def __init__(self, track: Track) -> None:
        self.track = track
        self._s: float | None = None
        self._driven = 0.0

    def see(self, odometry: Odometry) -> Place:
        """Return where the car is now."""
        track = self.track
        s, lateral = track.project(odometry.x, odometry.y, near=self._s)
        if self._s is not None:
            self._driven += (s - self._s + 0.5 * track.length) % track.length - 0.5 * track.length
        self._s = s
        i = int(s / track.spacing) % len(track.centre)
        heading = float(wrap_angle(odometry.yaw - track.heading[i]))
        soon = lateral + LOOK_AHEAD_S * odometry.speed * math.sin(heading)
        return Place(s, lateral, heading, soon, float(track.half_width_left[i]), float(track.half_width_right[i]),
                     self._driven)


class Gate:
    """Says whether the car needs help: from when it would come too near to the edge until it is back in the middle."""

    def __init__(self) -> None:
        self.helping = False
        self.takeovers = 0

    def judge(self, place: Place, margin_m: float) -> bool:
        """Take note of a place and return whether to help."""
        if self.helping:
            self.helping = not place.settled
        elif place.room < min(margin_m, 0.5 * min(place.half_left, place.half_right)):
            self.helping = True
            self.takeovers += 1
        return self.helping

    def forget(self) -> None:
        """Begin anew, on another road or with another driver; the count stays."""
        self.helping = False
