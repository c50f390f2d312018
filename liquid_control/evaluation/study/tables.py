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

"""Tables of the study, as rows of text for Markdown and as rows of numbers for CSV."""

import math

import numpy as np

from liquid_control.evaluation.statistics import wilson_interval
from liquid_control.evaluation.study.paired import Grid, bootstrap_mean
from liquid_control.evaluation.study.plan import LIQUID, NETWORKS

Table = list[list[str]]
CELLS = list(NETWORKS)
ALL = 'all conditions'


def completion_rows(grid: Grid, engine: str) -> list[dict]:
    """Return how many laps each network completed under each condition, with Wilson's interval, and its error."""
    rows = []
    for condition in grid.conditions:
        errors = grid.error_where_all_completed(condition, CELLS)
        for cell in CELLS:
            completed = grid.completed(condition, cell)
            low, high = wilson_interval(int(completed.sum()), completed.size)
            error, error_low, error_high = bootstrap_mean(errors[cell])
            rows.append({
                'engine': engine,
                'condition': condition,
                'cell': cell,
                'episodes': completed.size,
                'completed': int(completed.sum()),
                'rate': float(completed.mean()),
                'low': low,
                'high': high,
                'progress': float(grid.values(condition, cell, 'progress').mean()),
                'completed_by_all': int(np.isfinite(errors[cell]).sum()),
                'error_m': error,
                'error_low_m': error_low,
                'error_high_m': error_high,
            })
    return rows


def difference_rows(grid: Grid, engine: str) -> list[dict]:
    """Return how much more often a liquid network completed a lap than each other one, paired, in fractions."""
    rows = []
    for liquid in LIQUID:
        for other in CELLS:
            if other == liquid or (liquid, other) == (LIQUID[1], LIQUID[0]):
                continue
            parts = [grid.completed(c, liquid) - grid.completed(c, other) for c in grid.conditions]
            for condition, values in [*zip(grid.conditions, parts, strict=True), (ALL, np.mean(parts, axis=0))]:
                mean, low, high = bootstrap_mean(values)
                rows.append({
                    'engine': engine,
                    'condition': condition,
                    'liquid': liquid,
                    'other': other,
                    'difference': mean,
                    'low': low,
                    'high': high,
                })
    return rows


def completion_table(rows: list[dict]) -> Table:
    """Return conditions down, networks across: completed laps in percent and the interval."""
    return _across(
        rows, ['condition (episodes each)'], lambda row: f'{row["condition"]} ({row["episodes"]})',
        lambda row: f'{100.0 * row["rate"]:.0f} [{100.0 * row["low"]:.0f}, {100.0 * row["high"]:.0f}]'
    )  # fmt: skip


def error_table(rows: list[dict]) -> Table:
    """Return conditions down, networks across: millimetres from the middle where every network completed the lap."""
    return _across(
        rows, ['condition (laps that all completed)'], lambda row: f'{row["condition"]} ({row["completed_by_all"]})',
        lambda row: 'none' if math.isnan(row['error_m']) else (
            f'{1e3 * row["error_m"]:.0f} [{1e3 * row["error_low_m"]:.0f}, {1e3 * row["error_high_m"]:.0f}]')
    )  # fmt: skip


def difference_table(rows: list[dict], liquid: str) -> Table:
    """Return conditions down, other networks across: percentage points, bold where the interval is beside 0."""
    own = [row for row in rows if row['liquid'] == liquid]
    others = list(dict.fromkeys(row['other'] for row in own))
    table = [['condition', *(f'minus {NETWORKS[other]}' for other in others)]]
    for condition in dict.fromkeys(row['condition'] for row in own):
        table.append([condition, *(_points(row) for row in own if row['condition'] == condition)])
    return table


def cost_table(costs: list[dict]) -> Table:
    """Return what each network needs for a step."""
    table = [[
        'network', 'state', 'parameters behind the head', 'parameters in all', 'multiply-adds behind the head',
        'exponentials', 'network step, us', 'whole policy step, us',
    ]]  # fmt: skip
    for row in costs:
        table.append([
            NETWORKS[row['cell']], str(row['state']), f'{row["network_parameters"]:,}', f'{row["policy_parameters"]:,}',
            f'{row["multiply_adds"]:,}', f'{row["exponentials"]:,}', f'{row["network_us"]:.0f}',
            f'{row["policy_us"]:.0f}',
        ])  # fmt: skip
    return table


def learning_table(results: dict) -> Table:
    """Return the learning rate that each network got and its steering error on held-out sequences."""
    table = [['network', 'learning rate', 'driven at each rate, development tracks', 'held-out steering error']]
    for cell in CELLS:
        errors = np.array([[row['mae']] for row in results['held_out'] if row['cell'] == cell])
        mean, low, high = bootstrap_mean(errors)
        tried = [row for row in results['rates'] if row['cell'] == cell]
        table.append([
            NETWORKS[cell], f'{results["chosen"][cell]:g}',
            ', '.join(f'{row["rate"]:g}: {100.0 * row["progress"]:.0f} %' for row in tried),
            f'{mean:.4f} [{low:.4f}, {high:.4f}]',
        ])  # fmt: skip
    return table


def verdict_table(rows: list[dict]) -> Table:
    """Return how often the interval of a difference was above 0, around 0 and below 0, over the conditions."""
    table = [['pair', 'liquid better', 'no difference seen', 'liquid worse', 'where worse']]
    pairs = dict.fromkeys((row['liquid'], row['other']) for row in rows)
    for liquid, other in pairs:
        own = [row for row in rows if (row['liquid'], row['other']) == (liquid, other) and row['condition'] != ALL]
        better = sum(row['low'] > 0.0 for row in own)
        worse = [row['condition'] for row in own if row['high'] < 0.0]
        table.append([
            f'{NETWORKS[liquid]} and {NETWORKS[other]}', str(better), str(len(own) - better - len(worse)),
            str(len(worse)), ', '.join(worse) or '-',
        ])  # fmt: skip
    return table


def markdown(table: Table) -> str:
    """Return a table as Markdown."""
    lines = ['| ' + ' | '.join(row) + ' |' for row in table]
    return '\n'.join([lines[0], '|' + '---|' * len(table[0]), *lines[1:]])


def _across(rows: list[dict], corner: list[str], name, text) -> Table:
    table = [[*corner, *NETWORKS.values()]]
    for condition in dict.fromkeys(row['condition'] for row in rows):
        own = {row['cell']: row for row in rows if row['condition'] == condition}
        table.append([name(own[CELLS[0]]), *(text(own[cell]) for cell in CELLS)])
    return table


def _points(row: dict) -> str:
    text = f'{100.0 * row["difference"]:+.0f} [{100.0 * row["low"]:+.0f}, {100.0 * row["high"]:+.0f}]'
    return f'**{text}**' if row['low'] > 0.0 or row['high'] < 0.0 else text
