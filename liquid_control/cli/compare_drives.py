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

"""``liquid-control compare-drives``: small networks beside the usual large one on recorded drives."""
import argparse
import os
from pathlib import Path

from liquid_control.cli.output import check_writable, write_json
from liquid_control.cli.progress import progress
from liquid_control.errors import InputError

HELP = 'train liquid networks and the usual large one on recorded drives and compare their steering'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the verb."""
    parser.add_argument('bag', nargs='+', metavar='BAG', help='recorded drive')
    parser.add_argument('--policies', metavar='NAME,...',
                        help='who takes part (default: ltc,cfc,donkey and, on drives with an IMU, ltc-imu; '
                             'there are cfc-imu and lstm too)')
    parser.add_argument('--seeds', type=int, default=3, metavar='N',
                        help='how often each learns anew (default: %(default)s)')
    parser.add_argument('--frames', type=int, metavar='N',
                        help='pictures that each learns from, repetitions counted (default: as many as its kind needs)')
    parser.add_argument('--out', type=Path, default=Path('runs/compare_drives'), metavar='DIR',
                        help='folder of the policies; a comparison that was killed goes on there '
                             '(default: %(default)s)')
    parser.add_argument('--workers', type=int, metavar='N', help='processes (default: one for each core)')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the results as JSON')


def run(args: argparse.Namespace) -> int:
    """Do what is left of the comparison, print a table and write the JSON."""
    from liquid_control.evaluation.drives.comparison import Drives, compare_drives
    from liquid_control.evaluation.drives.plan import USUAL, DrivesPlan
    check_writable(args.json)
    if args.workers is not None and not 1 <= args.workers <= 1024:
        raise InputError(f'--workers {args.workers} is outside 1 to 1024; give a number of processes')
    names = tuple(args.policies.split(',')) if args.policies else USUAL
    drives = Drives(args.bag, args.out, DrivesPlan(args.seeds, names, args.frames))
    with progress(sum(part.weight for part in drives.parts()), 'Comparing') as bar:
        result = compare_drives(
            drives, args.workers or os.cpu_count() or 1, lambda part: bar.advance(part.weight, part.name))
    for about in result['drives']:
        _print_drive(about, [row for row in result['rows'] if row['drive'] == about['drive']])
    write_json(args.json, result)
    return 0


def _print_drive(about: dict, rows: list[dict]) -> None:
    from rich.console import Console
    from rich.table import Table
    left_out = ', '.join(f'{count} {reason}' for reason, count in about['not_learned_from'].items())
    print(f"{about['drive']}: {about['pictures']} pictures, the last {about['tested_on']} to test with; "
          f"not learned from: {left_out or 'none'}")
    columns = ('policy', 'parameters', 'mean abs error (95 %)', 'R2 (each seed)', 'of the large one', 'less it (95 %)')
    table = Table(*columns, title=f"{about['drive']}, steering in -1..1", title_justify='left')
    for row in rows:
        table.add_row(*_cells(row))
    Console().print(table)


def _cells(row: dict) -> tuple[str, ...]:
    """Return the cells of a row of the table; what was not learned has no parameters, what is compared no ratio."""
    error = row['mae']
    spread = '' if len(row['mae_of_seeds']) == 1 else f" ({error['low']:.3f} to {error['high']:.3f})"
    r2 = ', '.join(f'{value:.2f}' for value in row['r2_of_seeds'])
    difference = row.get('difference')
    return (
        row['title'], str(row.get('parameters', '')), f"{error['mean']:.3f}{spread}", r2,
        f"{row['ratio']:.2f}" if difference else '',
        f"{difference['mean']:+.3f} ({difference['low']:+.3f} to {difference['high']:+.3f})" if difference else '')
