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

"""``liquid-control faults``: everything that goes wrong on real cars, done to the real nodes while a car drives."""
import argparse
import tempfile
from pathlib import Path

from liquid_control.cli.output import check_writable, write_json
from liquid_control.share import share_path

HELP = 'inject every known fault into the running nodes and tell whether the car stopped in time and drove on'
SHIPPED = 'models/ncp19.safetensors'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument('--row', metavar='N', type=int, nargs='+', help='rows of docs/safety.md (default: all)')
    parser.add_argument('--policy', metavar='FILE', type=Path, help=f'policy file (default: the shipped {SHIPPED})')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the results as JSON')


def run(args: argparse.Namespace) -> int:
    """Inject the faults, print a line for each; 1 when one was not survived as it must be."""
    from liquid_control.cli.ros_domain import use_private_domain
    from liquid_control.evaluation.faults.table import FAULTS
    from liquid_control.nodes.processes import require_ros
    from liquid_control.policy.policy_file import load_policy
    check_writable(args.json)
    policy = (args.policy or share_path(SHIPPED)).resolve()
    load_policy(policy)
    require_ros()
    faults = _chosen(FAULTS, args.row)
    use_private_domain()
    rows = _run(faults, policy)
    passed = all(row['passed'] for row in rows)
    write_json(args.json, {'passed': passed, 'faults': rows})
    print(f'{sum(row["passed"] for row in rows)} of {len(rows)} faults were survived as they must be')
    return 0 if passed else 1


def _chosen(faults: tuple, rows: list[int] | None) -> tuple:
    from liquid_control.errors import InputError
    known = sorted({fault.row for fault in faults})
    for row in rows or ():
        if row not in known:
            raise InputError(f'row {row} is not one of {", ".join(map(str, known))}; give one of these')
    return tuple(fault for fault in faults if not rows or fault.row in rows)


def _run(faults: tuple, policy: Path) -> list[dict]:
    from rich.console import Console

    from liquid_control.nodes.faults.suite import run_faults
    console, rows = Console(highlight=False, soft_wrap=True), []
    with tempfile.TemporaryDirectory(prefix='faults_') as folder:
        for fault, outcome, problems in run_faults(faults, Path(folder), policy):
            rows.append(_row(fault, outcome, problems))
            console.print(_line(rows[-1]), markup=False, style=None if not problems else 'bold red')
    return rows


def _row(fault, outcome, problems: list[str]) -> dict:
    return {
        'row': fault.row, 'name': fault.name, 'injected': fault.injected, 'budget_s': fault.budget_s,
        'zero_s': outcome.zero_s, 'rolled_m': outcome.rolled_m, 'recovered_s': outcome.recovered_s,
        'memory_mb': outcome.memory_mb, 'exit_code': outcome.exit_code, 'said': outcome.said[:2000],
        'notes': outcome.notes, 'problems': problems, 'passed': not problems}


def _line(row: dict) -> str:
    def seconds(value: float | None) -> str:
        return '     -' if value is None else f'{value:6.3f}'
    told = '; '.join(row['notes'] + row['problems'])
    code = '-' if row['exit_code'] is None else row['exit_code']
    return (f'{"ok  " if row["passed"] else "FAIL"} {row["row"]:2d} {row["name"]:18} zero {seconds(row["zero_s"])} s  '
            f'rolled {row["rolled_m"]:5.2f} m  drives on after {seconds(row["recovered_s"])} s  '
            f'memory {row["memory_mb"]:+5.1f} MB  exit {code!s:>3}  {row["injected"]}'
            + (f'  [{told}]' if told else ''))
