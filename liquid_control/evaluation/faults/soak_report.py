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

"""What hours of driving with stops in between came to."""
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

STOP_S = 0.5
"""A stop that takes longer, in real time, was missed."""
KINDS = {'disengaged': 5, 'deactivated': 3, 'simulator held': 3, 'takeover to a stand': 5, 'random parameters': 3,
         'killed': 1}
"""How a car is stopped, and how often each. A kill costs the start of a process, in which nothing drives."""
MAX_GROWTH = 0.05
MAX_SLOWER = 1.5


@dataclass(frozen=True)
class Sample:
    """The state of the nodes at one moment of the soak.

    :param wall_s: since the beginning, real; ``simulated_s``: on the simulator's clock.
    :param life: number of the drive node's process.
    """

    wall_s: float
    simulated_s: float
    life: int
    drive_mb: float
    simulator_mb: float
    latency_p50_ms: float
    latency_p99_ms: float


@dataclass(frozen=True)
class Stop:
    """One stop that was asked for.

    :param kind: how.
    :param zero_s: real time until the zero command that no other followed; None if it was missed.
    :param drove_on_s: real time until the car was told to move again; None if it was not.
    """

    kind: str
    zero_s: float | None
    drove_on_s: float | None

    @property
    def missed(self) -> bool:
        """Whether the car was not stopped in time."""
        return self.zero_s is None or self.zero_s > STOP_S


def report(samples: Sequence[Sample], stops: Sequence[Stop], ended: str = '') -> dict[str, Any]:
    """Return the figures of a soak; memory and latency of the second quarter of the time beside those of the last.

    :param ended: what ended it before its time, if it was not a person.
    """
    count = len(samples)
    early, late = samples[count // 4:count // 2], samples[3 * count // 4:]
    first, last = ({name: median(asdict(sample)[name] for sample in part) for name in MEASURED}
                   for part in (early, late))
    simulated_s = samples[-1].simulated_s - samples[0].simulated_s
    kinds = {kind: [stop for stop in stops if stop.kind == kind] for kind in sorted({stop.kind for stop in stops})}
    return {
        'simulated_hours': simulated_s / 3600.0,
        'times_real_time': simulated_s / (samples[-1].wall_s - samples[0].wall_s),
        'early': first, 'late': last,
        'stops': {kind: {'asked': len(of), 'missed': sum(stop.missed for stop in of),
                         'longest_s': max((stop.zero_s or 0.0) for stop in of),
                         'did_not_drive_on': sum(stop.drove_on_s is None for stop in of)}
                  for kind, of in kinds.items()},
        'problems': _problems(first, last, stops) + ([f'it ended early: {ended}'] if ended else [])}


MEASURED = 'drive_mb', 'simulator_mb', 'latency_p50_ms', 'latency_p99_ms'


def _problems(first: dict[str, float], last: dict[str, float], stops: Sequence[Stop]) -> list[str]:
    found = [f'{kind} was missed' for kind in {stop.kind for stop in stops if stop.missed}]
    found += [f'the car did not drive on after {kind}' for kind in {s.kind for s in stops if s.drove_on_s is None}]
    for name, most in ('drive_mb', MAX_GROWTH), ('simulator_mb', MAX_GROWTH), ('latency_p50_ms', MAX_SLOWER - 1.0):
        if last[name] > (1.0 + most) * first[name]:
            found.append(f'{name} grew from {first[name]:.4g} to {last[name]:.4g}')
    return found
