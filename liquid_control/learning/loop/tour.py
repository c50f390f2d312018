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

"""Which road the car is on, and how it comes to the next."""
import math
from collections.abc import Callable
from enum import Enum

from liquid_control.learning.loop.road import Odometry
from liquid_control.learning.loop.teachers import ExpertTeacher
from liquid_control.simulation.track import Track

NEAR_START_M = 0.5
ANSWER_S = 15.0
PRESENCE_S = 10.0
SETTLE_NS = 500_000_000


class Leg(Enum):
    """How far the car has come to its road."""

    NOWHERE = 'nowhere'
    ASKED = 'asked'
    COMING = 'coming'
    THERE = 'there'


class Tour:
    """Takes the car from road to road where the simulator can do that, and tells the expert where it is.

    :param go_to: asks the simulator for a track and tells whether there was one to ask; its answer comes back through
        ``placed`` or ``stays``.
    :param say: takes a line that people should read.
    :ivar spec: the road the car is on or comes to.
    :ivar fixed: whether the car has to stay on the road where it is.
    """

    def __init__(self, roads: dict[str, Track], expert: ExpertTeacher, go_to: Callable[[str], bool],
                 say: Callable[[str], None]) -> None:
        self._roads, self._expert, self._go_to, self._say = roads, expert, go_to, say
        self._leg = Leg.NOWHERE
        self._since_s = 0.0
        self._arrived_ns = self._visit_ns = self._newest_ns = 0
        self._asked = False
        self.spec = ''
        self.fixed = False
        self.visits = 0

    def go(self, spec: str, now_s: float) -> None:
        """Bring the car to the start of a road; on a fixed road it stays where it is."""
        self.visits += 1
        self._visit_ns = self._newest_ns
        if self.fixed:
            return
        self._expert.leave()
        self.spec, self._leg, self._since_s = spec, Leg.ASKED, now_s
        self._asked = self._go_to(spec)

    def placed(self, spec: str) -> None:
        """Take the simulator's word that the car is at the start of a road."""
        if spec == self.spec and self._leg is Leg.ASKED:
            self._leg = Leg.COMING

    def stays(self, reason: str) -> None:
        """Take note that the car cannot be brought elsewhere: it is taken to be on the first road."""
        self.fixed = True
        self.spec = next(iter(self._roads))
        self._leg = Leg.COMING
        self._say(f'the car stays on its track, which is taken for {self.spec}: {reason}')

    def see(self, odometry: Odometry) -> None:
        """Take where the car is."""
        self._newest_ns = odometry.stamp_ns
        if self._leg is not Leg.COMING:
            return
        track = self._roads[self.spec]
        x, y, _ = track.pose(0.0)
        if self.fixed or math.hypot(odometry.x - x, odometry.y - y) < NEAR_START_M:
            self._expert.enter(track)
            self._leg = Leg.THERE
            self._arrived_ns = self._visit_ns = odometry.stamp_ns

    def visited_s(self, stamp_ns: int) -> float:
        """Return for how long the car has been on its road, or since it should have gone to another."""
        return 1e-9 * (stamp_ns - self._visit_ns) if self._leg is Leg.THERE else 0.0

    def ready(self, stamp_ns: int) -> bool:
        """Tell whether what the car saw at a time is of its road, and no longer of the jump to it."""
        return self._leg is Leg.THERE and stamp_ns - self._arrived_ns >= SETTLE_NS

    def tick(self, now_s: float) -> None:
        """Ask again when the simulator does not answer; stay where there is none."""
        if self.fixed or self._leg not in (Leg.ASKED, Leg.COMING):
            return
        if not self._asked and now_s - self._since_s > PRESENCE_S:
            self.stays('no simulator takes a track')
        elif not self._asked or now_s - self._since_s > ANSWER_S:
            self._leg = Leg.ASKED
            if self._asked:
                self._since_s = now_s
            self._asked = self._go_to(self.spec)
