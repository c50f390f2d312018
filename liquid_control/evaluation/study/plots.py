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

"""Plots of the study."""

import io
import math
from pathlib import Path

from liquid_control.evaluation.study.plan import LIQUID, NETWORKS
from liquid_control.whole_file import write_whole

COLOURS = ('#0b6e4f', '#5bba6f', '#3d5a80', '#98a6d4', '#9a8c98', '#c8553d')
MARKERS = 'osv^Dx'


def plot_completion(rows: list[dict], path: Path) -> None:
    """Draw the rate of completed laps of each network under each condition, with Wilson's intervals."""
    _plot(rows, path, 'laps completed, %', 100.0, ('rate', 'low', 'high'))


def plot_error(rows: list[dict], path: Path) -> None:
    """Draw the mean distance from the middle where every network completed the lap, with bootstrap intervals."""
    drawn = [row for row in rows if not math.isnan(row['error_m'])]
    _plot(drawn, path, 'mean distance from the middle, mm', 1000.0, ('error_m', 'error_low_m', 'error_high_m'))


def _plot(rows: list[dict], path: Path, label: str, scale: float, fields: tuple[str, str, str]) -> None:
    from matplotlib.figure import Figure

    conditions = list(dict.fromkeys(row['condition'] for row in rows))
    figure = Figure(figsize=(9.0, 1.2 + 0.5 * len(conditions)), layout='constrained')
    axes = figure.subplots()
    for place, (cell, name) in enumerate(NETWORKS.items()):
        own = [row for row in rows if row['cell'] == cell]
        heights = [conditions.index(row['condition']) + 0.13 * (place - 2.5) for row in own]
        middle, low, high = ([scale * row[field] for row in own] for field in fields)
        below = [max(0.0, m - value) for m, value in zip(middle, low, strict=True)]
        above = [max(0.0, value - m) for m, value in zip(middle, high, strict=True)]
        axes.errorbar(
            middle, heights, xerr=(below, above), fmt=MARKERS[place], color=COLOURS[place], label=name, capsize=2,
            markersize=6 if cell in LIQUID else 5, elinewidth=1.0,
        )  # fmt: skip
    axes.set_yticks(range(len(conditions)), conditions)
    axes.invert_yaxis()
    axes.set_xlabel(label)
    axes.grid(axis='x', alpha=0.3)
    axes.legend(loc='upper center', bbox_to_anchor=(0.5, -0.06), ncols=len(NETWORKS), frameon=False, fontsize=8)
    content = io.BytesIO()
    figure.savefig(content, dpi=110, format='png')
    write_whole(path, content.getvalue())
