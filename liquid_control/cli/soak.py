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

"""``liquid-control soak``: hours of driving at a multiple of real time, with stops in between."""
import argparse
import tempfile
from dataclasses import asdict
from pathlib import Path

from liquid_control.cli.output import check_writable, write_json
from liquid_control.cli.progress import progress
from liquid_control.errors import InputError
from liquid_control.evaluation.faults.soak_report import KINDS, Sample
from liquid_control.share import share_path

HELP = 'drive for hours at a multiple of real time, stop the car in many ways, and watch memory and latency'
SHIPPED = 'models/ncp19.safetensors'
MAX_HOURS = 1000.0
FEWEST = 20
"""Samples and stops from which on an interrupted soak is reported."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument('--hours', metavar='H', type=float, default=8.0, help=(
        'simulated hours; Ctrl-C ends earlier and reports (default: %(default)g)'))
    parser.add_argument('--factor', metavar='F', type=float, default=10.0,
                        help='times real time, as far as the machine keeps up (default: %(default)g)')
    parser.add_argument('--seed', metavar='S', type=int, default=0, help='of the order of stops (default: %(default)s)')
    parser.add_argument('--only', choices=list(KINDS), help='stop the car in this way each time (default: in all ways)')
    parser.add_argument('--policy', metavar='FILE', type=Path, help=f'policy file (default: the shipped {SHIPPED})')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the results as JSON')


def run(args: argparse.Namespace) -> int:
    """Drive, print the figures; 1 when a stop was missed, memory grew or answers became slower."""
    from liquid_control.cli.ros_domain import use_private_domain
    from liquid_control.evaluation.faults.soak_report import report
    from liquid_control.nodes.processes import require_ros
    from liquid_control.policy.policy_file import load_policy
    _check(args)
    check_writable(args.json)
    require_ros()
    policy = (args.policy or share_path(SHIPPED)).resolve()
    load_policy(policy)
    use_private_domain()
    found, ended = _run(args, policy)
    samples = [item for item in found if isinstance(item, Sample)]
    result = report(samples, [item for item in found if not isinstance(item, Sample)], ended)
    write_json(args.json, result | {'samples': [asdict(sample) for sample in samples]})
    _print(result)
    return 1 if result['problems'] else 0


def _check(args: argparse.Namespace) -> None:
    for name, value, low, high in ('hours', args.hours, 0.05, MAX_HOURS), ('factor', args.factor, 1.1, 100.0):
        if not low <= value <= high:
            raise InputError(f'{name} {value:g} is outside {low:g} to {high:g}; give a number within these limits')


def _run(args: argparse.Namespace, policy: Path) -> tuple[list, str]:
    """Return samples and stops, and what ended the soak early, unless it was a person."""
    from liquid_control.nodes.faults.soak import soak
    found: list = []
    ended = ''
    kinds = [args.only] if args.only else list(KINDS)
    with tempfile.TemporaryDirectory(prefix='soak_') as folder, progress(3600.0 * args.hours, 'Driving') as bar:
        try:
            for item in soak(Path(folder), policy, args.hours, args.factor, args.seed, kinds):
                found.append(item)
                if isinstance(item, Sample):
                    begun = next(sample for sample in found if isinstance(sample, Sample))
                    bar.update(item.simulated_s - begun.simulated_s,
                               f'{item.drive_mb:.0f} MB, p99 {item.latency_p99_ms:.1f} ms')
        except (KeyboardInterrupt, InputError) as error:
            if len(found) < FEWEST:
                raise
            ended = str(error)
    return found, ended


def _print(result: dict) -> None:
    print(f'{result["simulated_hours"]:.2f} simulated hours at {result["times_real_time"]:.1f} times real time')
    for name in result['early']:
        print(f'{name}: {result["early"][name]:.1f} in the second quarter, {result["late"][name]:.1f} in the last')
    for kind, of in result['stops'].items():
        print(f'{kind}: {of["asked"]} asked, {of["missed"]} missed, longest {of["longest_s"]:.3f} s, '
              f'{of["did_not_drive_on"]} times it did not drive on')
    print('; '.join(result['problems']) or 'memory and latency are flat, no stop was missed')
