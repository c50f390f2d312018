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

"""What is compared on recorded drives: who, how often, and which part of a drive is for what."""

from dataclasses import asdict, dataclass

from liquid_control.errors import InputError
from liquid_control.evaluation.drives.contestants import CONTESTANTS, REFERENCE, USUAL

TRYING, LEARNING = 0.64, 0.8
"""Settings are tried with the first 64 % of a drive and chosen on what follows, up to 80 %; the rest is for testing."""
MAX_SEEDS, MAX_FRAMES = 100, 10**9


@dataclass(frozen=True)
class DrivesPlan:
    """How large a comparison is.

    :param seeds: how often each learns anew. :param names: who takes part, of CONTESTANTS.
    :param frames: pictures that each learns from, repetitions counted; None is as many as its kind needs.
    """

    seeds: int = 3
    names: tuple[str, ...] = USUAL
    frames: int | None = None

    def __post_init__(self) -> None:
        unknown = [name for name in self.names if name not in CONTESTANTS]
        if unknown:
            raise InputError(f"'{unknown[0]}' is not one of {', '.join(CONTESTANTS)}; give some of these")
        if REFERENCE not in self.names:
            raise InputError(f"'{REFERENCE}' is what the others are compared with; let it take part")
        if not 1 <= self.seeds <= MAX_SEEDS:
            raise InputError(f'{self.seeds} seeds are outside 1 to {MAX_SEEDS}; 3 are usual')
        if self.frames is not None and not 1 <= self.frames <= MAX_FRAMES:
            raise InputError(f'{self.frames} frames are outside 1 to {MAX_FRAMES}; leave it out for the usual number')

    def to_json(self) -> dict:
        """Return it as a JSON object."""
        return {**asdict(self), 'names': list(self.names)}
