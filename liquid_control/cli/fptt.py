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
"""``liquid-control fptt``: what learning forward through time can do, with every seed in sight."""

import argparse
import itertools
import os
from pathlib import Path

from liquid_control.cli.output import check_writable, write_json
from liquid_control.cli.progress import progress
from liquid_control.errors import InputError
from liquid_control.share import share_path

HELP = 'learn forward through time: adding task, digits, memory, and a car that adapts while it drives'
SHIPPED = 'models/ncp19.safetensors'
WIDEST = 9
"""A table of more columns is turned on its side."""
CHANGES = ('steering_offset=0.25', 'camera_height=2.5', 'friction=0.2')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the verb."""
    parser.add_argument('experiment', choices=tuple(EXPERIMENTS), help=(
        'adding: remember and add numbers over T steps; digits: handwritten digits row by row and pixel by pixel; '
        'memory: what is kept of T steps; adapt: a changed car, the policy frozen and learning on'))
    parser.add_argument('--cell', nargs='+', metavar='CELL', help='spiking, lif, lstm, ltc or cfc')
    parser.add_argument('--method', nargs='+', choices=('fptt', 'bptt'), help='how to learn (default: both)')
    parser.add_argument('--length', nargs='+', type=int, metavar='T', help='adding, memory: steps of a sequence')
    parser.add_argument('--order', nargs='+', choices=('rows', 'pixels'), help='digits (default: both)')
    parser.add_argument('--seeds', type=int, default=5, metavar='N', help='how often to learn (default: %(default)s)')
    parser.add_argument('--steps', type=int, default=48_000, metavar='N',
                        help='adding: steps that each row of a batch learns from (default: %(default)s)')
    parser.add_argument('--policy', metavar='FILE', help=f'adapt: policy (default: the shipped {SHIPPED})')
    parser.add_argument('--condition', nargs='+', metavar='NAME=VALUE',
                        help=f"adapt: changed cars, as in evaluate (default: {' '.join(CHANGES)})")
    parser.add_argument('--engine', choices=('mujoco', 'fast'), default='mujoco', help='adapt (default: %(default)s)')
    parser.add_argument('--seconds', type=float, default=120.0, metavar='S',
                        help='adapt: time to drive and learn (default: %(default)s)')
    parser.add_argument('--laps', type=int, default=4, metavar='N',
                        help='adapt: unseen tracks of each seed afterwards (default: %(default)s)')
    parser.add_argument('--out', type=Path, default=Path('runs/fptt'), metavar='DIR',
                        help='folder; what is done there already is not done again (default: %(default)s)')
    parser.add_argument('--workers', type=int, metavar='N', help='processes (default: one for each core)')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write all rows and their summary as JSON')


def run(args: argparse.Namespace) -> int:
    """Do what is left of an experiment, print a table and write the JSON."""
    from liquid_control.evaluation.fptt.experiments import parts_of, rows_of
    from liquid_control.evaluation.fptt.summaries import SUMMARIES
    check_writable(args.json)
    for name, value, high in (('workers', args.workers, 1024), ('seeds', args.seeds, 1000), ('laps', args.laps, 1000)):
        if value is not None and not 1 <= value <= high:
            raise InputError(f'--{name} {value} is outside 1 to {high}; give a number within these limits')
    parts = parts_of(args.experiment, EXPERIMENTS[args.experiment](args), args.out)
    with progress(len(parts), args.experiment) as bar:
        rows = rows_of(parts, args.workers or os.cpu_count() or 1, lambda part: bar.advance(note=part.name))
    summary = SUMMARIES[args.experiment](rows)
    _print(args.experiment, summary)
    write_json(args.json, {'experiment': args.experiment, 'rows': rows, 'summary': summary})
    return 0


def _adding(args: argparse.Namespace) -> list[dict]:
    from liquid_control.evaluation.fptt.adding import WINDOW
    cells, lengths = _cells(args, ('spiking', 'lif', 'lstm')), args.length or [100, 500, 1000]
    for length in lengths:
        if length % WINDOW or not WINDOW <= length <= 100_000:
            raise InputError(f'--length {length} is not a multiple of {WINDOW} from {WINDOW} to 100000; give one')
    if not max(lengths) <= args.steps <= 10**9:
        raise InputError(f'--steps {args.steps} is outside {max(lengths)} to 1000000000; give a number within these')
    return [{'cell': cell, 'method': method, 'steps': length, 'seed': seed, 'total_steps': args.steps}
            for length, cell, method, seed in itertools.product(lengths, cells, _methods(args), range(args.seeds))]


def _digits(args: argparse.Namespace) -> list[dict]:
    from liquid_control.evaluation.fptt.digits import load_splits
    load_splits('rows', 0)
    cells, orders = _cells(args, ('spiking', 'lif', 'lstm', 'ltc')), args.order or ['rows', 'pixels']
    return [{'cell': cell, 'method': method, 'order': order, 'seed': seed}
            for order, cell, method, seed in itertools.product(orders, cells, _methods(args), range(args.seeds))]


def _memory(args: argparse.Namespace) -> list[dict]:
    from liquid_control.evaluation.fptt.memory import LENGTHS
    for length in args.length or ():
        if not 1 <= length <= 1_000_000:
            raise InputError(f'--length {length} is outside 1 to 1000000; give a number within these limits')
    return [{'cell': cell, 'method': method, 'steps': length} for cell, method, length in itertools.product(
        _cells(args, ('spiking', 'ltc', 'lstm')), _methods(args), args.length or LENGTHS)]


def _adapt(args: argparse.Namespace) -> list[dict]:
    from liquid_control.evaluation.conditions import parse_condition
    from liquid_control.policy.policy_file import load_policy
    policy, changes = args.policy or str(share_path(SHIPPED)), args.condition or list(CHANGES)
    load_policy(policy)
    for change in changes:
        parse_condition(change)
    if not 15.0 <= args.seconds <= 36_000.0:
        raise InputError(f'--seconds {args.seconds:g} is outside 15 to 36000; give a time within these limits')
    return [{'policy': policy, 'condition': change, 'engine': args.engine, 'seed': seed, 'seconds': args.seconds,
             'laps': args.laps} for change, seed in itertools.product(changes, range(args.seeds))]


EXPERIMENTS = {'adding': _adding, 'digits': _digits, 'memory': _memory, 'adapt': _adapt}


def _cells(args: argparse.Namespace, default: tuple[str, ...]) -> list[str]:
    from liquid_control.learning.sequence_model import CELLS
    for cell in args.cell or ():
        if cell not in CELLS:
            raise InputError(f"cell '{cell}' is not one of {', '.join(CELLS)}; give one of these")
    return args.cell or list(default)


def _methods(args: argparse.Namespace) -> list[str]:
    return args.method or ['fptt', 'bptt']


def _print(title: str, summary: list[dict]) -> None:
    from rich.console import Console
    from rich.table import Table
    lines = [list(summary[0]), *([_cell(value) for value in row.values()] for row in summary)]
    if len(summary[0]) > WIDEST:
        lines = list(zip(*lines, strict=True))
    table = Table(*lines[0], title=f'fptt {title}', title_justify='left')
    for line in lines[1:]:
        table.add_row(*line)
    Console().print(table)


def _cell(value) -> str:
    if isinstance(value, list):
        return ' '.join(_cell(each) for each in value)
    return f'{value:.4g}' if isinstance(value, float) else str(value)
