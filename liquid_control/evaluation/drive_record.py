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

"""What was seen of a drive, and its figures."""
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Sighting:
    """Where base_link truly was at ``time_s`` of the simulation; lateral offset in metres, positive to the left."""

    time_s: float
    x_m: float
    y_m: float
    speed_mps: float
    lateral_m: float


@dataclass(frozen=True)
class SeenCommand:
    """A command as it was published: at ``published_s`` of the system clock, for the picture of ``stamp_s``."""

    stamp_s: float
    published_s: float
    steering_rad: float
    speed_mps: float


@dataclass
class DriveRecord:
    """Everything that a spectator kept of a drive, in the order of receipt.

    ``pictures`` are (stamp in s of the simulation, JPEG); ``latencies_s`` run from the camera's stamp to the
    publication of the command.
    """

    sightings: list[Sighting] = field(default_factory=list)
    commands: list[SeenCommand] = field(default_factory=list)
    pictures: list[tuple[float, bytes]] = field(default_factory=list)
    latencies_s: list[float] = field(default_factory=list)

    def seconds(self) -> float:
        """Return how long the drive took in simulated time."""
        return self.sightings[-1].time_s - self.sightings[0].time_s if self.sightings else 0.0

    def control_rate_hz(self) -> dict[str, float | None]:
        """Return the mean rate of the commands and the 1st percentile of the rates from one to the next."""
        published = np.sort([command.published_s for command in self.commands])
        intervals = np.diff(published)
        if len(intervals) == 0 or published[-1] <= published[0]:
            return {'mean': None, 'p1': None}
        slowest = float(np.percentile(intervals, 99))
        return {'mean': round(len(intervals) / float(published[-1] - published[0]), 2), 'p1': round(1.0 / slowest, 2)}

    def latency_ms(self) -> dict[str, float | None]:
        """Return the median and the 99th percentile of the latency in milliseconds."""
        if not self.latencies_s:
            return {'p50': None, 'p99': None}
        p50, p99 = np.percentile(self.latencies_s, (50, 99))
        return {'p50': round(1000.0 * float(p50), 2), 'p99': round(1000.0 * float(p99), 2)}

    def command_at(self, time_s: float) -> SeenCommand | None:
        """Return the newest command whose picture was not taken after ``time_s``."""
        place = int(np.searchsorted([command.stamp_s for command in self.commands], time_s, side='right'))
        return self.commands[place - 1] if place else None
