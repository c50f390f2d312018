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
"""``liquid-control fuzz``: hostile input by the hundred thousand."""
import argparse
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict

from liquid_control.errors import InputError

HELP = 'hostile files by the hundred thousand, random messages by the million; tell what should not have happened'
WHAT = ('files', 'messages')
SHIPPED = 'models/ncp19.safetensors'
MAX_COUNT = 10**8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument('what', choices=WHAT, help=(
        'files: policies, exports, tracks, bags, tubs and the rest; '
        'messages: pictures and IMU samples with every field at random, to what drives the car'))
    parser.add_argument('--count', metavar='N', type=int, default=10_000, help='how many (default: %(default)s)')
    parser.add_argument('--seed', metavar='S', type=int, default=0, help='(default: %(default)s)')
    parser.add_argument('--first', metavar='N', type=int, default=0,
                        help='number of the first, to see one again (default: %(default)s)')
    parser.add_argument('--json', metavar='FILE', help='write what was found as JSON too')


def run(args: argparse.Namespace) -> int:
    """Read; return 0 if nothing happened that must not, else 1."""
    from liquid_control.cli.output import check_writable
    for name, value, low in ('count', args.count, 1), ('seed', args.seed, 0), ('first', args.first, 0):
        if not low <= value <= MAX_COUNT:
            raise InputError(f'{name} {value} is outside {low} to {MAX_COUNT}; give a number within these limits')
    check_writable(args.json)
    return _messages(args) if args.what == 'messages' else _hostile_files(args)


def _hostile_files(args: argparse.Namespace) -> int:
    from liquid_control.cli.output import write_json
    findings = _files(args)
    for outcome in findings.outcomes:
        print(f'{outcome.kind:18} {outcome.files:8} files, {outcome.refused:8} refused, '
              f'slowest {1e3 * outcome.slowest_s:.0f} ms')
    print(f'resident memory {findings.start_mib:.0f} MiB after the good files, {findings.peak_mib:.0f} MiB at most')
    for problem in findings.problems:
        print(f'PROBLEM {problem}')
    files = sum(outcome.files for outcome in findings.outcomes)
    print(f'{files} hostile files of seed {args.seed}: {len(findings.problems)} problems')
    write_json(args.json, {'count': args.count, 'seed': args.seed, **asdict(findings)})
    return 1 if findings.problems else 0


def _files(args: argparse.Namespace):
    import torch

    from liquid_control.cli.progress import progress
    from liquid_control.evaluation.hostile.files import read_hostile_files
    torch.set_num_threads(1)
    with progress(args.count, 'Files') as bar:
        return read_hostile_files(args.count, args.seed, args.first, lambda done: bar.update(done))


def _messages(args: argparse.Namespace) -> int:
    from liquid_control.cli.output import write_json
    from liquid_control.cli.progress import progress
    from liquid_control.driving.load_runner import load_runner
    from liquid_control.evaluation.faults.fuzz import fuzz
    from liquid_control.share import share_path
    with _silenced(), progress(args.count, 'Messages') as bar:
        result = fuzz(load_runner(str(share_path(SHIPPED)), '', 144, 192), args.count, args.seed, bar.update)
    write_json(args.json, asdict(result))
    states = ', '.join(f'{count} {state}' for state, count in result.states.items())
    print(f'{result.messages} messages, seed {args.seed}: {result.rejected} rejected, {result.ticks} ticks ({states}), '
          f'{result.stops} times the car had to stand, {len(result.problems)} problems')
    for problem in result.problems:
        print(problem)
    return 1 if result.problems else 0


@contextmanager
def _silenced() -> Iterator[None]:
    """Keep what the C libraries of JPEG and PNG say of a broken file off stderr; what Python says still gets there."""
    kept = os.dup(2)
    stderr, sys.stderr = sys.stderr, os.fdopen(kept, 'w', buffering=1, closefd=False)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        sys.stderr = stderr
        os.close(nowhere)
        os.close(kept)
