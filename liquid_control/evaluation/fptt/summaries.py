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
"""What the rows of the experiments say together; each summary is a list of rows with the same keys."""

import numpy as np

from liquid_control.evaluation.fptt.adding import SOLVED
from liquid_control.evaluation.statistics import wilson_interval
from liquid_control.evaluation.study.paired import bootstrap_mean


def summarise_adding(rows: list[dict]) -> list[dict]:
    """Return the errors of all seeds, and how many solved the task."""
    summary = []
    for (steps, cell, method), some in _groups(rows, 'T', 'cell', 'method').items():
        errors = [row['error'] for row in some]
        solved = sum(error < SOLVED for error in errors)
        summary.append({
            'T': steps, 'cell': cell, 'method': method, 'errors of the seeds': errors,
            'solved': f'{solved} of {len(errors)}', 'ci95': list(wilson_interval(solved, len(errors))),
            'median cpu s': float(np.median([row['cpu_s'] for row in some]))})
    return summary


def summarise_digits(rows: list[dict]) -> list[dict]:
    """Return accuracies in percent, and that of FPTT less that of BPTT in points on the same seeds and pictures."""
    summary = []
    for (order, cell), some in _groups(rows, 'order', 'cell').items():
        right = {method: np.array([row['right'] for row in some if row['method'] == method], float)
                 for method in ('fptt', 'bptt')}
        line = {'order': order, 'cell': cell}
        for method, values in right.items():
            line[method] = [100.0 * value for value in bootstrap_mean(values)] if len(values) else []
        paired = len(right['fptt']) == len(right['bptt'])
        line['fptt less bptt'] = [
            100.0 * value for value in bootstrap_mean(right['fptt'] - right['bptt'])] if paired else []
        line['seeds'] = len({row['seed'] for row in some})
        summary.append(line)
    return summary


def summarise_memory(rows: list[dict]) -> list[dict]:
    """Return bytes for each length, and those of the longest as a multiple of the shortest."""
    summary = []
    for (cell, method), some in _groups(rows, 'cell', 'method').items():
        some = sorted(some, key=lambda row: row['T'])
        saved = [row['saved_bytes'] for row in some]
        summary.append({
            'cell': cell, 'method': method, 'T': [row['T'] for row in some], 'saved kB': [n // 1000 for n in saved],
            'longest to shortest': saved[-1] / saved[0],
            'process grew MB': [round(row['grown_bytes'] / 1e6, 1) for row in some]})
    return summary


def summarise_adapt(rows: list[dict]) -> list[dict]:
    """Return how often each left its road on the way, and the laps that each completed afterwards.

    Differences are paired: departures per seed, laps in points and distances in mm on the same tracks, with the
    bootstrap's 95 %.
    """
    summary = []
    for (engine, condition), some in _groups(rows, 'engine', 'condition').items():
        line = {'engine': engine, 'condition': condition, 'seeds': len(some)}
        off = {name: np.array([[row['on_the_way'][name]['off_road']] for row in some], float)
               for name in ('teacher', 'frozen', 'adapting')}
        for name, counts in off.items():
            line[f'{name}: off road on the way'] = counts[:, 0].astype(int).tolist()
        line['adapting less frozen: off road'] = _mean(off['adapting'] - off['frozen'])
        line['swaps, returns'] = [sum(row[key] for row in some) for key in ('swaps', 'returns')]
        for name in ('frozen', 'adapted'):
            laps = [lap for row in some for lap in row['afterwards'][name]]
            completed = sum(lap['completed'] for lap in laps)
            low, high = wilson_interval(completed, len(laps))
            line[f'{name}: laps'] = f'{completed} of {len(laps)} ({100 * low:.0f}-{100 * high:.0f} %)'
            line[f'{name}: mm'] = round(1000.0 * float(np.mean([lap['mean_abs_lateral_m'] for lap in laps])))
        for label, field, scale in (('laps, points', 'completed', 100.0), ('mm', 'mean_abs_lateral_m', 1000.0)):
            frozen, adapted = (np.array([[lap[field] for lap in row['afterwards'][name]] for row in some], float)
                               for name in ('frozen', 'adapted'))
            line[f'adapted less frozen: {label}'] = _mean(scale * (adapted - frozen))
        summary.append(line)
    return summary


SUMMARIES = {'adding': summarise_adding, 'digits': summarise_digits, 'memory': summarise_memory,
             'adapt': summarise_adapt}


def _mean(values: np.ndarray) -> list[float]:
    return [round(value, 2) for value in bootstrap_mean(values)]


def _groups(rows: list[dict], *keys: str) -> dict[tuple, list[dict]]:
    groups: dict[tuple, list[dict]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return groups
