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

"""Timing of calls against each other on a machine whose speed drifts."""
import gc
import time
from collections.abc import Callable
from typing import Any

from liquid_control.evaluation.statistics import median_and_p99

WARM_UP_CALLS = 30
CALLS = 40


def interleave(
        calls: dict[str, Callable[[], Any]], rounds: int,
        on_round: Callable[[], None] | None = None) -> dict[str, list[float]]:
    """Time calls in turns, so that a machine that slows down slows all of them.

    Each round times 40 calls of the first, then of the second and so on; garbage collection waits meanwhile.

    :param on_round: called after each round.
    :returns: microseconds of every call of every name.
    """
    samples: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        for _ in range(WARM_UP_CALLS):
            call()
    collecting = gc.isenabled()
    for _ in range(rounds):
        gc.collect()
        gc.disable()
        try:
            for name, call in calls.items():
                samples[name] += _time(call)
        finally:
            if collecting:
                gc.enable()
        if on_round is not None:
            on_round()
    return samples


def rows_of(samples: dict[str, list[float]]) -> list[dict]:
    """Return a row with name, median_us and p99_us for each name."""
    rows = []
    for name, values in samples.items():
        median, p99 = median_and_p99(values)
        rows.append({'name': name, 'median_us': median, 'p99_us': p99})
    return rows


def ratio(rows: list[dict], name: str, peer: str, field: str = 'median_us') -> float:
    """Return what ``name`` needs for each one of ``peer``."""
    values = {row['name']: row[field] for row in rows}
    return values[name] / values[peer]


def _time(call: Callable[[], Any]) -> list[float]:
    samples = []
    for _ in range(CALLS):
        start = time.perf_counter_ns()
        call()
        samples.append((time.perf_counter_ns() - start) / 1000.0)
    return samples
