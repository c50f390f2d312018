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

"""A drive as it is seen from outside: laps, the road's edge, and everything worth keeping."""
from bisect import bisect_right
from collections import deque

from liquid_control.driving.command import from_twist
from liquid_control.evaluation.drive_record import DriveRecord, SeenCommand, Sighting
from liquid_control.evaluation.episode import Drive, Lap
from liquid_control.simulation.track import Track

CLOCKS_KEPT = 1000


class Watch:
    """Takes what a spectator sees, in the order of receipt, until the drive has ended.

    The drive starts with the first command to move. Simulated times are seconds of the simulator's clock, system times
    seconds of the system clock.

    :param wheelbase_m: to tell the steering angle from a twist.
    """

    def __init__(self, track: Track, laps: int, wheelbase_m: float) -> None:
        self.laps = laps
        self.record = DriveRecord()
        self.neurons: list[float] = []
        self.diagnosis = ''
        self.started = False
        self._lap = Lap(track, laps)
        self._start_s = 0.0
        self._wheelbase_m = wheelbase_m
        self._clocks: deque[tuple[float, float]] = deque(maxlen=CLOCKS_KEPT)
        self._answered_s = float('-inf')

    @property
    def ended(self) -> str | None:
        """Why the drive is over: 'completed', 'off road', 'stuck', 'backwards'; None while it is not."""
        return self._lap.ended

    @property
    def laps_done(self) -> int:
        """How many laps are completed."""
        return self._lap.laps_done

    @property
    def lap_progress(self) -> float:
        """How much of the present lap is driven, 0..1; 1 after the last."""
        return 1.0 if self.laps_done >= self.laps else self._lap.lap_progress

    def result(self) -> Drive:
        """Return how it went until now; call it after ``started``."""
        return self._lap.drive()

    def see_clock(self, simulated_s: float, published_s: float) -> None:
        """Take the simulator's time and the system time at which it was published."""
        self._clocks.append((simulated_s, published_s))

    def see_odometry(self, simulated_s: float, x_m: float, y_m: float, speed_mps: float) -> None:
        """Take where base_link truly is."""
        if not self.started or self.ended:
            return
        if not self.record.sightings:
            self._start_s = simulated_s
        self._lap.update(x_m, y_m, simulated_s - self._start_s)
        self.record.sightings.append(Sighting(simulated_s, x_m, y_m, speed_mps, self._lap.lateral_m))

    def see_command(self, stamp_s: float, published_s: float, speed_mps: float, yaw_rate_radps: float) -> None:
        """Take a command; its stamp is that of the picture that it answers."""
        if self.ended:
            return
        self.started = self.started or speed_mps != 0.0
        if not self.started:
            return
        command = from_twist(speed_mps, yaw_rate_radps, self._wheelbase_m)
        self.record.commands.append(SeenCommand(stamp_s, published_s, command.steering_rad, speed_mps))
        taken_s = self._system_time(stamp_s)
        if taken_s is not None and stamp_s > self._answered_s:
            self._answered_s = stamp_s
            self.record.latencies_s.append(published_s - taken_s)

    def see_picture(self, stamp_s: float, jpeg: bytes) -> None:
        """Take a camera picture."""
        if self.started and not self.ended:
            self.record.pictures.append((stamp_s, jpeg))

    def _system_time(self, simulated_s: float) -> float | None:
        """Return when the simulator's clock showed a time, None if that was not seen.

        Between two clock messages the simulator keeps pace with the system clock.
        """
        place = bisect_right(self._clocks, simulated_s + 1e-6, key=lambda clock: clock[0])
        if place == 0:
            return None
        shown_s, published_s = self._clocks[place - 1]
        return published_s + (simulated_s - shown_s)
