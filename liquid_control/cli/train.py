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
from dataclasses import replace
from pathlib import Path

from liquid_control.cli.output import write_json
from liquid_control.cli.train_log import Log
from liquid_control.cli.train_options import add_arguments, complete
from liquid_control.revision import revision

__all__ = ['HELP', 'add_arguments', 'run']

HELP = 'learn a policy from simulation, or from recorded drives'
LEARNING_SHARE = 0.8


def run(args: argparse.Namespace) -> int:
    """Learn, write the policy, its log and the JSON."""
    complete(args)
    from liquid_control.learning.checkpoint import checkpoint_path

    log = args.out.with_suffix('.log.csv')
    with Log(log, append=args.checkpoint is not None, tensorboard=args.tensorboard) as report:
        learned, open_loop = _from_drives(args, report) if args.bag else (_in_simulation(args, report), [])
    _save(args, learned)
    if not args.bag:
        checkpoint_path(args.out).unlink(missing_ok=True)
    summary = _summary(args, learned, open_loop)
    write_json(args.json, summary)
    _print(summary, log)
    return 0


def _in_simulation(args: argparse.Namespace, report):
    from liquid_control.learning.checkpoint import checkpoint_path
    from liquid_control.learning.simulated import Budget, Where, learn_in_simulation, new_policy
    from liquid_control.policy.driving_policy import DrivingPolicy

    resumed = args.checkpoint
    policy = DrivingPolicy(resumed.spec) if resumed else new_policy(args.cell, args.head, args.seed)
    where = Where(args.workers, args.ray, checkpoint_path(args.out))
    return learn_in_simulation(policy, args.seed, Budget(args.seconds, args.frames), report, where, resumed)


def _from_drives(args: argparse.Namespace, report) -> tuple:
    """Return what was learned and the steering error on the parts held back."""
    from liquid_control.evaluation.open_loop import always_the_mean, open_loop, previous_command
    from liquid_control.learning.recorded import drive_policy, learn_from_drives
    from liquid_control.learning.simulated import Budget
    from liquid_control.recording.recorded_drive import load_drive, training_split

    splits = [training_split(load_drive(bag), LEARNING_SHARE) for bag in args.bag]
    drives = [first for first, _ in splits]
    policy = drive_policy(args.cell, args.head, args.seed, drives, not args.no_imu)
    learned = learn_from_drives(policy, drives, args.seed, Budget(args.seconds, args.frames), report)
    rows = []
    for bag, (first, rest) in zip(args.bag, splits):
        mean = float(first.steering.mean())
        for name, result in (
            (str(args.out), open_loop(policy.eval(), rest)),
            ('always the mean', always_the_mean(rest, mean)),
            ('the previous command', previous_command(rest)),
        ):
            rows.append({'policy': name, 'bag': f'{bag} (last 20 %)', **vars(result)})
    return learned, rows


def _save(args: argparse.Namespace, learned) -> None:
    from liquid_control.policy.policy_file import save_policy

    given = {
        'cell': args.cell,
        'head': args.head,
        'seed': args.seed,
        'bags': [Path(bag).name for bag in args.bag],
        'frames_limit': args.frames,
        'seconds_limit': args.seconds,
        'resumed': args.checkpoint is not None,
    }
    learned.policy.spec = replace(
        learned.policy.spec,
        score=learned.score,
        training={
            'command': 'liquid-control train',
            **given,
            'revision': revision(),
            'frames': learned.frames,
            'seconds': round(learned.seconds, 1),
            **learned.how,
        },
    )
    save_policy(learned.policy, args.out)


def _summary(args: argparse.Namespace, learned, open_loop: list[dict]) -> dict:
    policy = learned.policy
    network = policy.spec.wiring or {}
    return {
        'cell': args.cell,
        'seed': args.seed,
        'frames': learned.frames,
        'seconds': round(learned.seconds, 1),
        'neurons': network.get('units', getattr(policy.network, 'units', policy.network.state_size)),
        'synapses': sum(len(network.get(key, [])) for key in ('sensory_synapses', 'synapses')),
        'parameters': sum(p.numel() for p in policy.network.parameters()),
        'out': str(args.out),
        'score': learned.score,
        **({'open_loop': open_loop, 'not_learned_from': learned.how['not_learned_from']} if open_loop else {}),
    }


def _print(summary: dict, log: Path) -> None:
    print(
        f'{summary["out"]}: {summary["cell"]}, {summary["neurons"]} neurons, {summary["synapses"]} synapses, '
        f'{summary["parameters"]} parameters behind the head; {summary["frames"]} frames '
        f'in {summary["seconds"]} s; log in {log}'
    )
    if summary['score']:
        print(f'closed loop: {summary["score"]["rate"]:.0%} of {summary["score"]["episodes"]} development tracks')
    for reason, count in summary.get('not_learned_from', {}).items():
        print(f'not learned from: {count} pictures: {reason}')
    for row in summary.get('open_loop', []):
        print(
            f'{row["bag"]}: {row["policy"]}: steering error {row["steering_mae"]:.3f}, '
            f'R2 {row["steering_r2"]:.2f} on {row["samples"]} pictures'
        )
