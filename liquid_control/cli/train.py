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

"""``liquid-control train``: learn a policy from simulation or from recorded drives."""

import argparse
import csv
import subprocess
from pathlib import Path

from liquid_control.cli.output import check_writable, write_json
from liquid_control.cli.progress import progress
from liquid_control.errors import InputError

HELP = 'learn a policy from simulation, or from recorded drives'
CELLS = ('ltc', 'cfc', 'lstm', 'gru', 'cnn')
LEARNING_SHARE = 0.8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the verb."""
    parser.add_argument(
        '--cell', choices=CELLS, default='ltc', help='the network behind the vision head (default: %(default)s)'
    )
    parser.add_argument(
        '--head', choices=('small', 'paper'), default='small', help='the vision head (default: %(default)s)'
    )
    parser.add_argument('--seed', type=int, default=0, help='seed of everything drawn at random (default: %(default)s)')
    parser.add_argument('--seconds', type=float, default=60.0, help='time to learn (default: %(default)s)')
    parser.add_argument('--frames', type=int, help='learn from this many frames instead; a seed then repeats exactly')
    parser.add_argument(
        '--bag',
        action='append',
        default=[],
        metavar='BAG',
        help='learn from the first 80 %% of this recorded drive and test on the rest; may be repeated',
    )
    parser.add_argument(
        '--out',
        type=Path,
        default=Path('runs/policy.safetensors'),
        help='the policy file to write, its log beside it (default: %(default)s)',
    )
    parser.add_argument('--json', type=Path, metavar='FILE', help='write what was learned as JSON')


def run(args: argparse.Namespace) -> int:
    """Learn, write the policy, its log and the JSON."""
    _check(args)
    from liquid_control.learning.simulated import Budget, new_policy

    policy = new_policy(args.cell, args.head, args.seed)
    budget = Budget(args.seconds, args.frames)
    log = args.out.with_suffix('.log.csv')
    with Log(log) as report:
        learned, open_loop = _learn(args, policy, budget, report)
    _save(args, learned)
    network = policy.spec.wiring or {}
    synapses = sum(len(network.get(key, [])) for key in ('sensory_synapses', 'synapses'))
    summary = {
        'cell': args.cell,
        'seed': args.seed,
        'frames': learned.frames,
        'seconds': round(learned.seconds, 1),
        'neurons': network.get('units', policy.network.state_size),
        'synapses': synapses,
        'parameters': sum(p.numel() for p in policy.network.parameters()),
        'out': str(args.out),
        'score': learned.score,
        **({'open_loop': open_loop} if open_loop else {}),
    }
    write_json(args.json, summary)
    _print(summary, log)
    return 0


class Log:
    """A progress bar and a CSV file of what learning reports."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> 'Log':
        self._bar = progress(1.0, 'Learning').__enter__()
        self._file = self._path.open('w', newline='')
        self._writer = None
        return self

    def __call__(self, report) -> None:
        """Take one report of learning (learning.simulated.Progress)."""
        row = vars(report)
        if self._writer is None:
            self._writer = csv.DictWriter(self._file, row.keys())
            self._writer.writeheader()
        self._writer.writerow(
            {name: round(value, 5) if isinstance(value, float) else value for name, value in row.items()}
        )
        trial = '' if report.trial_completed is None else f'  completes {report.trial_completed:.0%} of laps'
        self._bar.update(report.spent, f'{report.frames} frames  error {report.loss:.4f}{trial}')

    def __exit__(self, *error) -> None:
        self._bar.__exit__(*error)
        self._file.close()


def _check(args: argparse.Namespace) -> None:
    if not 1.0 <= args.seconds <= 1e6:
        raise InputError(f'--seconds {args.seconds:g} is outside 1 to 1000000; give a time to learn')
    if args.frames is not None and not 1 <= args.frames <= 10**9:
        raise InputError(f'--frames {args.frames} is outside 1 to 1000000000; give a number of frames')
    if not 0 <= args.seed < 2**31:
        raise InputError(f'--seed {args.seed} is outside 0 to 2147483647; give another seed')
    if args.out.suffix != '.safetensors':
        raise InputError(f"--out '{args.out}' does not end in .safetensors; policy files do")
    check_writable(args.out)
    check_writable(args.json)


def _learn(args: argparse.Namespace, policy, budget, report) -> tuple:
    """Return what was learned and, for recorded drives, the steering error on the parts held back."""
    if not args.bag:
        from liquid_control.learning.simulated import learn_in_simulation

        return learn_in_simulation(policy, args.seed, budget, report), []
    from liquid_control.evaluation.open_loop import always_the_mean, open_loop
    from liquid_control.learning.recorded import learn_from_drives
    from liquid_control.recording.recorded_drive import load_drive, training_split

    splits = [training_split(load_drive(bag), LEARNING_SHARE) for bag in args.bag]
    learned = learn_from_drives(policy, [first for first, _ in splits], args.seed, budget, report)
    rows = []
    for bag, (first, rest) in zip(args.bag, splits):
        mean = float(first.steering.mean())
        for name, result in (
            (str(args.out), open_loop(policy.eval(), rest)),
            ('always the mean', always_the_mean(rest, mean)),
        ):
            rows.append({'policy': name, 'bag': f'{bag} (last 20 %)', **vars(result)})
    return learned, rows


def _save(args: argparse.Namespace, learned) -> None:
    from dataclasses import replace

    from liquid_control.policy.policy_file import save_policy

    given = {
        'cell': args.cell,
        'head': args.head,
        'seed': args.seed,
        'bags': [Path(bag).name for bag in args.bag],
        'frames_limit': args.frames,
        'seconds_limit': args.seconds,
    }
    learned.policy.spec = replace(
        learned.policy.spec,
        score=learned.score,
        training={
            'command': 'liquid-control train',
            **given,
            'revision': _revision(),
            'frames': learned.frames,
            'seconds': round(learned.seconds, 1),
        },
    )
    save_policy(learned.policy, args.out)


def _revision() -> str:
    """Return the revision of the source tree, or the version of the installed package."""
    from liquid_control import __version__

    try:
        answer = subprocess.run(
            ['git', 'describe', '--always', '--dirty'],
            cwd=Path(__file__).parent,
            text=True,
            capture_output=True,
            timeout=5.0,
            check=True,
        )
        return answer.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return __version__


def _print(summary: dict, log: Path) -> None:
    print(
        f'{summary["out"]}: {summary["cell"]}, {summary["neurons"]} neurons, {summary["synapses"]} synapses, '
        f'{summary["parameters"]} parameters behind the head; {summary["frames"]} frames '
        f'in {summary["seconds"]} s; log in {log}'
    )
    if summary['score']:
        print(f'closed loop: {summary["score"]["rate"]:.0%} of {summary["score"]["episodes"]} development tracks')
    for row in summary.get('open_loop', []):
        print(
            f'{row["bag"]}: {row["policy"]}: steering error {row["steering_mae"]:.3f}, '
            f'R2 {row["steering_r2"]:.2f} on {row["samples"]} pictures'
        )
