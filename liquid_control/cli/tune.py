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

"""``liquid-control tune``: make a policy better by a reward, with an evolution strategy."""

import argparse
import csv
import importlib.util
from dataclasses import asdict
from pathlib import Path

from liquid_control.cli.output import check_writable, write_json
from liquid_control.cli.progress import progress
from liquid_control.errors import InputError

HELP = 'fine-tune a policy from a reward by an evolution strategy in the fast simulator'
CONDITIONS = {
    'laptime': ('clean', 'friction=0.7', 'delay=2', 'clean'),
    'robust': ('clean', 'drop=0.7', 'blackout=0.08', 'delay=5', 'friction=0.25', 'speed=1.7'),
}
"""What the rides of a reward meet, in turns."""
VERIFYING_RIDES = 96
OTHER_SEEDS = 2**31
"""Added to the seed for the rides on which what was found has to prove better than the start."""
CHECKED = {
    'laptime': ('clean', 'friction=0.7', 'delay=2'),
    'robust': ('clean', 'drop=0.75', 'blackout=0.1', 'delay=6', 'friction=0.2', 'speed=1.9'),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the verb."""
    parser.add_argument('policy', metavar='POLICY', help='policy file to start from, learned by imitation')
    parser.add_argument(
        '--reward', choices=tuple(CONDITIONS), default='laptime',
        help='laptime: fast laps, the speed evolves too; robust: stay in the middle of the road under faults, at the '
        'same speed (default: %(default)s)',
    )  # fmt: skip
    parser.add_argument(
        '--out', type=Path, default=Path('runs/tuned.safetensors'),
        help='the policy file to write, its log beside it (default: %(default)s)',
    )  # fmt: skip
    parser.add_argument('--generations', type=int, default=30, help='steps of the search (default: %(default)s)')
    parser.add_argument('--population', type=int, default=12, help='candidates a generation (default: %(default)s)')
    parser.add_argument('--rides', type=int, default=16, help='rides of a candidate, 6 s each (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='seed of everything drawn at random (default: %(default)s)')
    parser.add_argument(
        '--check', type=int, default=20, metavar='N',
        help='then drive both policies on N unseen tracks in MuJoCo; 0: do not (default: %(default)s)',
    )  # fmt: skip
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the figures as JSON')


def run(args: argparse.Namespace) -> int:
    """Tune, write the policy and its log, compare it with the one it came from."""
    _check(args)
    from liquid_control.policy.policy_file import load_policy, save_policy, sha256_of

    start = load_policy(args.policy)
    log = args.out.with_suffix('.log.csv')
    tuned = _evolve(args, start, log, sha256_of(args.policy))
    if tuned is None:
        print(f'no better policy than {args.policy} was found; nothing was written but {log}')
        return 1
    save_policy(tuned, args.out)
    print(f'{args.out}: speed {start.spec.speed_mps:.2f} -> {tuned.spec.speed_mps:.2f} m/s; log in {log}')
    rows = _compare(args, tuned.spec.speed_mps / start.spec.speed_mps) if args.check else []
    write_json(args.json, {
        'policy': str(args.policy), 'out': str(args.out), 'reward': args.reward, 'seed': args.seed,
        'speed_mps': {'start': start.spec.speed_mps, 'tuned': tuned.spec.speed_mps}, 'mujoco': rows,
    })  # fmt: skip
    return 0


def _check(args: argparse.Namespace) -> None:
    for name, low, high in (
        ('generations', 1, 100_000), ('population', 4, 1000), ('rides', 1, 1000), ('seed', 0, 2**31 - 2),
        ('check', 0, 1000),
    ):  # fmt: skip
        value = getattr(args, name)
        if not low <= value <= high:
            raise InputError(f'--{name} {value} is outside {low} to {high}; give a number within these limits')
    if importlib.util.find_spec('cma') is None:
        raise InputError("tune needs the library cma, which is not installed; pip install 'cma>=4,<5'")
    if args.out.suffix != '.safetensors':
        raise InputError(f"--out '{args.out}' does not end in .safetensors; policy files do")
    check_writable(args.out)
    check_writable(args.json)


def _evolve(args: argparse.Namespace, start, log: Path, sha256: str):
    """Return the tuned policy, or None when the start drives better on rides that the search has not met."""
    import torch

    from liquid_control.learning.evolution import Genome, evolve, verified
    from liquid_control.learning.reward_rollouts import Rollouts
    from liquid_control.simulation.car import default_car
    from liquid_control.simulation.reward import reward_of

    torch.set_num_threads(1)
    genome = Genome(start, args.reward == 'laptime', default_car().max_speed_mps)
    rollouts = Rollouts(start, reward_of(args.reward), CONDITIONS[args.reward], args.rides, args.seed)
    with log.open('w', newline='') as file, progress(args.generations, 'Tuning') as bar:
        writer = None

        def report(generation) -> None:
            nonlocal writer
            row = asdict(generation)
            if writer is None:
                writer = csv.DictWriter(file, row.keys())
                writer.writeheader()
            writer.writerow({key: round(value, 4) for key, value in row.items()})
            file.flush()
            bar.advance(1, f'reward {generation.centre:.2f} m  speed {generation.speed_mps:.2f} m/s')

        best = evolve(genome, rollouts.worth, args.generations, args.population, args.seed, report)
    others = Rollouts(start, reward_of(args.reward), CONDITIONS[args.reward], VERIFYING_RIDES, args.seed + OTHER_SEEDS)
    best = verified(genome, others.worth, best)
    if not best.any():
        return None
    training = {
        'command': 'liquid-control tune', 'reward': args.reward, 'generations': args.generations,
        'population': args.population, 'rides': args.rides, 'seed': args.seed, 'from_sha256': sha256,
    }  # fmt: skip
    return genome.policy(best, training)


def _compare(args: argparse.Namespace, faster: float) -> list[dict]:
    """Drive both in MuJoCo and print the paired differences."""
    from liquid_control.evaluation.tuning import compare

    conditions = list(CHECKED[args.reward])
    total = args.check * (2 * len(conditions) + (args.reward == 'laptime'))
    with progress(total, 'Driving in MuJoCo') as bar:
        rows = compare(str(args.policy), str(args.out), conditions, args.check, faster, lambda row: bar.advance())
    _print(rows)
    return rows


def _print(rows: list[dict]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(
        'condition', 'completed, start', 'tuned', 'lap, start', 'tuned', 'difference [95 %]', 'from the middle, start',
        'tuned', 'difference [95 %]', title='On the same unseen tracks in MuJoCo', title_justify='left',
    )  # fmt: skip
    for row in rows:
        laps, offsets = row['lap_s_difference'], row['mean_abs_lateral_m_difference']
        table.add_row(
            row['condition'], f'{row["start_completed"]} of {row["episodes"]}',
            f'{row["tuned_completed"]} of {row["episodes"]}',
            *((f'{row["start_lap_s"]:.2f} s', f'{row["tuned_lap_s"]:.2f} s', _interval(laps, 1.0, 's', 2),
               f'{1e3 * row["start_mean_abs_lateral_m"]:.0f} mm', f'{1e3 * row["tuned_mean_abs_lateral_m"]:.0f} mm',
               _interval(offsets, 1e3, 'mm', 0)) if laps else ('-',) * 6),
        )  # fmt: skip
    Console().print(table)


def _interval(difference: list[float], scale: float, unit: str, digits: int) -> str:
    mean, low, high = (f'{scale * value:+.{digits}f}' for value in difference)
    return f'{mean} {unit} [{low}, {high}]'
