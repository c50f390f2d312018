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

"""What tuning brought: the tuned policy beside the one it came from, on the same unseen tracks in MuJoCo."""

from collections.abc import Callable

import numpy as np

from liquid_control.evaluation.closed_loop import evaluate_policies, unseen_tracks
from liquid_control.evaluation.statistics import wilson_interval
from liquid_control.evaluation.study.paired import bootstrap_mean


def compare(
    start: str,
    tuned: str,
    conditions: list[str],
    tracks: int,
    faster: float = 1.0,
    on_episode: Callable[[dict], None] | None = None,
) -> list[dict]:
    """Return a row for each condition: laps of both, and paired differences tuned minus start with 95 % intervals.

    Lap time and distance from the middle are compared on the tracks that both completed.

    :param faster: speed of the tuned policy in speeds of the start. When it is not 1, a last row compares the tuned
        policy with the start at the tuned speed, which tells what more than the speed was learned.
    """
    places = unseen_tracks(tracks)
    driven = evaluate_policies([start, tuned], places, conditions, on_episode=on_episode)['episodes']
    of = {
        policy: {name: [row for row in driven if (row['policy'], row['condition']) == (policy, name)]
                 for name in conditions}
        for policy in (start, tuned)
    }  # fmt: skip
    rows = [compare_episodes(name, of[start][name], of[tuned][name]) for name in conditions]
    if abs(faster - 1.0) > 1e-3:
        hurried = evaluate_policies([start], places, [f'speed={faster:g}'], on_episode=on_episode)['episodes']
        rows.append(compare_episodes(f'{conditions[0]}, both at the tuned speed', hurried, of[tuned][conditions[0]]))
    return rows


def compare_episodes(condition: str, before: list[dict], after: list[dict]) -> dict:
    """Return a row of ``compare`` from the episodes of start and tuned policy on the same tracks."""
    both = [(a, b) for a, b in zip(before, after, strict=True) if a['completed'] and b['completed']]
    row = {'condition': condition, 'episodes': len(before)}
    for name, rows in (('start', before), ('tuned', after)):
        completed = sum(one['completed'] for one in rows)
        row |= {f'{name}_completed': completed, f'{name}_ci95': list(wilson_interval(completed, len(rows)))}
    row['completed_difference'] = _difference([(a, b) for a, b in zip(before, after, strict=True)], 'completed')
    for field in ('lap_s', 'mean_abs_lateral_m'):
        row[f'start_{field}'] = float(np.mean([a[field] for a, _ in both])) if both else None
        row[f'tuned_{field}'] = float(np.mean([b[field] for _, b in both])) if both else None
        row[f'{field}_difference'] = _difference(both, field) if both else None
    return row


def _difference(pairs: list[tuple[dict, dict]], field: str) -> list[float]:
    """Return the mean of tuned minus start and its interval."""
    return list(bootstrap_mean(np.array([[float(after[field]) - float(before[field]) for before, after in pairs]])))
