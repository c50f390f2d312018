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

"""Where a road's dashes are: shared by every renderer."""
from dataclasses import dataclass

from liquid_control.simulation.track import Track


@dataclass(frozen=True)
class Dashes:
    """Dashes of equal length along the centre line; the first starts at arc length 0.

    :param count: number of dashes on the loop.
    :param period_m: arc length from the start of one dash to the start of the next.
    :param dash_m: arc length of a dash.
    """

    count: int
    period_m: float
    dash_m: float


def dashes_of(track: Track) -> Dashes:
    """Return the dashes of a track, stretched so that a whole number closes the loop."""
    look = track.appearance
    wanted = look.dash_m + look.gap_m
    count = max(1, round(track.length / wanted))
    period = track.length / count
    return Dashes(count, period, period * look.dash_m / wanted)
