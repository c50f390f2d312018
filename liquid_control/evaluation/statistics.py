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

"""Figures for what was measured: intervals of rates, medians and tails."""
import math
from collections.abc import Iterable, Sequence

import numpy as np

Z95 = 1.959963984540054
"""Two-sided 95 % point of the normal distribution."""


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of a rate (Wilson, J. Am. Stat. Assoc. 22, 1927), 0 and 1 included.

    :raises ValueError: unless 0 <= successes <= trials and trials is at least 1.
    """
    if not 0 <= successes <= trials or trials < 1:
        raise ValueError(f'{successes} successes in {trials} trials are impossible')
    rate = successes / trials
    squared = Z95 ** 2 / trials
    middle = (rate + 0.5 * squared) / (1.0 + squared)
    half = math.sqrt(squared * (rate * (1.0 - rate) + 0.25 * squared)) / (1.0 + squared)
    low = 0.0 if successes == 0 else middle - half
    high = 1.0 if successes == trials else middle + half
    return low, high


def median_and_p99(values: Sequence[float]) -> tuple[float, float]:
    """Return the median and the 99th percentile of at least one value."""
    median, p99 = np.percentile(np.asarray(values, dtype=np.float64), (50.0, 99.0))
    return float(median), float(p99)


def summarise(episodes: Iterable[dict]) -> list[dict]:
    """Return one row for each policy and condition, in the order in which they first appear.

    :param episodes: rows with policy, condition, completed and mean_abs_lateral_m.
    :returns: rows with policy, condition, episodes, completed, rate, ci95 (of the rate) and
        mean_abs_lateral_m (mean over all episodes, those that failed included).
    """
    groups: dict[tuple[str, str], list[dict]] = {}
    for episode in episodes:
        groups.setdefault((episode['policy'], episode['condition']), []).append(episode)
    return [_summary(policy, condition, rows) for (policy, condition), rows in groups.items()]


def _summary(policy: str, condition: str, rows: list[dict]) -> dict:
    completed = sum(row['completed'] for row in rows)
    return {
        'policy': policy, 'condition': condition, 'episodes': len(rows), 'completed': completed,
        'rate': completed / len(rows), 'ci95': list(wilson_interval(completed, len(rows))),
        'mean_abs_lateral_m': float(np.mean([row['mean_abs_lateral_m'] for row in rows]))}
