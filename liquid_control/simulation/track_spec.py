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

"""Track SPEC, as the command line and the nodes take it."""

from liquid_control.errors import InputError
from liquid_control.simulation.centre_line_file import read_centre_line
from liquid_control.simulation.random_track import random_track
from liquid_control.simulation.track import Track

EVALUATION_SEEDS_FROM = 1_000_000
"""Seeds of tracks from this one on are for evaluation and are never trained on."""


def load_track(spec: str, centre_line: str | None = None, road_width: float | None = None) -> Track:
    """Return the track of ``random:SEED`` or of a centre-line CSV file.

    :param centre_line: 'dashed', 'solid' or 'none' instead of the track's own.
    :param road_width: metres instead of the track's own.
    :raises InputError: if the spec or the file is unusable.
    """
    if spec.startswith('random:'):
        track = random_track(_seed(spec))
    else:
        track = read_centre_line(spec)
    return track.with_options(centre_line, road_width)


def _seed(spec: str) -> int:
    seed = spec.removeprefix('random:')
    if not seed.isdecimal() or int(seed) >= 2**63:
        raise InputError(
            f"track '{spec}' needs a whole number from 0 to 2^63 - 1 after 'random:', for example random:1000000"
        )
    return int(seed)
