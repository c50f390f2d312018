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

"""``liquid-control study``: liquid networks beside others on the same data, seeds and tracks."""

import argparse
import importlib.util
import os
from pathlib import Path

from liquid_control.cli.progress import progress
from liquid_control.errors import InputError

HELP = 'train and drive liquid and other networks on the same data, seeds and tracks; write tables and plots'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the verb."""
    parser.add_argument(
        '--out', type=Path, default=Path('runs/study'), help='folder; a study that was killed goes on there '
        '(default: %(default)s)'
    )
    parser.add_argument('--seeds', type=int, default=5, help='how often all is learned anew (default: %(default)s)')
    parser.add_argument(
        '--tracks', type=int, default=10, help='unseen tracks, other ones for each seed (default: %(default)s)'
    )
    parser.add_argument(
        '--stretches', type=int, default=40, help='times 1024 pictures of data for a seed (default: %(default)s)'
    )
    parser.add_argument('--steps', type=int, default=300, help='gradient steps of a network (default: %(default)s)')
    parser.add_argument(
        '--mujoco-tracks', type=int, default=3, help='tracks of a seed to drive in MuJoCo too (default: %(default)s)'
    )
    parser.add_argument('--workers', type=int, help='processes (default: one for each core)')


def run(args: argparse.Namespace) -> int:
    """Do what is left of the study, write and print its tables."""
    from liquid_control.evaluation.study.folder import Folder
    from liquid_control.evaluation.study.plan import Plan
    from liquid_control.evaluation.study.report import write_report
    from liquid_control.evaluation.study.study import parts_of, run_study

    if args.workers is not None and not 1 <= args.workers <= 1024:
        raise InputError(f'--workers {args.workers} is outside 1 to 1024; give a number of processes')
    if importlib.util.find_spec('matplotlib') is None:
        raise InputError("study draws with matplotlib, which is not installed; pip install 'matplotlib>=3.6,<4'")
    plan = Plan(args.seeds, args.tracks, args.stretches, args.steps, args.mujoco_tracks)
    folder = Folder(args.out)
    total = sum(part.weight for part in parts_of(folder, plan))
    with progress(total, 'Study') as bar:
        results = run_study(
            folder, plan, args.workers or os.cpu_count() or 1, lambda part: bar.advance(part.weight, part.name)
        )
    print(write_report(results, args.out))
    return 0
