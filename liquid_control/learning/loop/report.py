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

"""What a loop has come to: ``report.json`` and one line for people."""
import json
from pathlib import Path
from typing import Any

from liquid_control.learning.loop.journal import Journal
from liquid_control.whole_file import write_whole

ROUND_KEYS = ('round', 'score', 'best_score', 'kept', 'summary', 'policy', 'sha256', 'samples', 'interventions',
              'driven_s', 'learned')


def make_report(journal: Journal, values: dict[str, Any]) -> dict[str, Any]:
    """Return the summary: what holds now, and a row for each round that was judged, of all sessions."""
    rounds = [{key: line[key] for key in ROUND_KEYS if key in line} for line in journal.all('judged')]
    return values | {'rounds': rounds, 'sessions': len(journal.all('session'))}


def write_report(path: Path, report: dict[str, Any]) -> None:
    """Write the summary whole.

    :raises InputError: if the disk does not take it.
    """
    write_whole(path, json.dumps(report, indent=2).encode() + b'\n')


def in_words(report: dict[str, Any]) -> str:
    """Return the summary as one line."""
    best = report['best']
    score = 'no score yet' if best['score'] is None else f'score {best["score"]:.2f}'
    left_out = sum(report['left_out'].values())
    return (f"{report['state']}: {len(report['rounds'])} rounds, {report['samples']} samples in {report['bags']} "
            f"({report['driven_s']:.0f} s driven), {report['interventions']} interventions, {left_out} pictures left "
            f"out; best policy of round {best['round']}, {score}: {best['policy']}")
