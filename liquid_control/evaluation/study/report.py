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

"""What a study leaves: results as JSON and CSV, tables as Markdown, plots."""

import csv
import io
from pathlib import Path

from liquid_control.evaluation.study import tables
from liquid_control.evaluation.study.folder import write_json_whole
from liquid_control.evaluation.study.paired import Grid
from liquid_control.evaluation.study.plan import LIQUID, NETWORKS
from liquid_control.evaluation.study.plots import plot_completion, plot_error
from liquid_control.whole_file import write_whole


def write_report(results: dict, folder: Path) -> str:
    """Write results.json, summary.csv, differences.csv, tables.md, completion.png and error.png; return the tables."""
    grids = {'fast': Grid(results['driven'])}
    if results['mujoco']:
        grids['mujoco'] = Grid(results['mujoco'])
    completion = {engine: tables.completion_rows(grid, engine) for engine, grid in grids.items()}
    differences = {engine: tables.difference_rows(grid, engine) for engine, grid in grids.items()}
    write_json_whole(folder / 'results.json', results)
    _write_csv(folder / 'summary.csv', [row for rows in completion.values() for row in rows])
    _write_csv(folder / 'differences.csv', [row for rows in differences.values() for row in rows])
    text = _markdown(results, completion, differences)
    write_whole(folder / 'tables.md', text.encode())
    plot_completion(completion['fast'], folder / 'completion.png')
    plot_error(completion['fast'], folder / 'error.png')
    return text


def _markdown(results: dict, completion: dict[str, list[dict]], differences: dict[str, list[dict]]) -> str:
    plan = results['plan']
    fast = completion['fast']
    sections = [
        ('What a step costs', tables.cost_table(results['costs'])),
        ('Learning', tables.learning_table(results)),
        ('Laps completed, % [95 % interval, Wilson]', tables.completion_table(fast)),
        *_difference_sections(differences['fast']),
        ('Paired differences counted over the conditions', tables.verdict_table(differences['fast'])),
        ('Mean distance from the middle, mm [95 % interval, bootstrap]', tables.error_table(fast)),
    ]
    if 'mujoco' in completion:
        sections += [
            ('In MuJoCo: laps completed, % [95 % interval, Wilson]', tables.completion_table(completion['mujoco'])),
            ('In MuJoCo: mean distance from the middle, mm', tables.error_table(completion['mujoco'])),
        ]
    head = (
        f'{plan["seeds"]} seeds, {plan["tracks"]} unseen tracks each; {plan["stretches"]} x 1024 pictures and '
        f'{plan["steps"]} gradient steps for each network.'
    )
    return '\n\n'.join([head, *(f'### {title}\n\n{tables.markdown(table)}' for title, table in sections)]) + '\n'


def _difference_sections(rows: list[dict]) -> list[tuple[str, tables.Table]]:
    return [
        (
            f'{NETWORKS[liquid]}: laps completed beyond other networks, percentage points [95 % interval, bootstrap]',
            tables.difference_table(rows, liquid),
        )
        for liquid in LIQUID
    ]


def _write_csv(path: Path, rows: list[dict]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys())
    writer.writeheader()
    writer.writerows(rows)
    write_whole(path, text.getvalue().encode())
