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

"""``liquid-control evaluate``: how well policies drive, or how close their steering is to a human's."""
import argparse
from pathlib import Path

from liquid_control.cli.output import check_writable, write_json
from liquid_control.cli.progress import progress
from liquid_control.errors import InputError

HELP = 'closed-loop driving of policies on the same tracks and seeds, or with --bag their open-loop error'
DEFAULT_EPISODES = 20
FAILURES_SHOWN = 12
HELD_OUT = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the verb."""
    parser.add_argument('policy', nargs='+', metavar='POLICY', help='policy file, such as models/ncp19.safetensors')
    parser.add_argument('--track', nargs='+', action='extend', metavar='SPEC', default=[],
                        help='random:SEED or a centre-line CSV (default: --episodes tracks from random:1000000 on)')
    parser.add_argument('--condition', nargs='+', action='extend', metavar='NAME[=VALUE]', default=[],
                        help='clean, noise=S, drop=P, blackout=P, delay=FRAMES, brightness=F, shadow, friction=F, '
                             'speed=F, imu_noise=F, steering_offset=RAD, camera_height=F, slippery (friction 0.5, slow '
                             'steering) or, in Gazebo, boxes=N with shadows (default: clean)')
    parser.add_argument('--episodes', type=int, metavar='N',
                        help='number of unseen tracks (default: 20), or with --track drives on each (default: 1)')
    parser.add_argument('--engine', choices=('mujoco', 'fast', 'gazebo'), default='mujoco',
                        help='simulator; gazebo needs Gazebo and its Python bindings (default: %(default)s)')
    parser.add_argument('--centre-line', choices=('dashed', 'solid', 'none'), help="instead of the track's own")
    parser.add_argument('--road-width', type=float, metavar='M', help="metres, instead of the track's own")
    parser.add_argument('--laps', type=int, default=1, metavar='N', help='laps of an episode (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0, help='seed of the first episode (default: %(default)s)')
    parser.add_argument('--bag', nargs='+', action='extend', metavar='BAG', default=[],
                        help='compare with the human of these recorded drives instead')
    parser.add_argument('--held-out', action='store_true',
                        help='of each bag, only the last 20 %%, which train --bag does not learn from')
    parser.add_argument('--ray', metavar='ADDRESS',
                        help='drive on this Ray cluster; local starts one on this machine (default: without Ray)')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the results as JSON')


def run(args: argparse.Namespace) -> int:
    """Evaluate, print a table and write the JSON."""
    check_writable(args.json)
    if args.held_out and not args.bag:
        raise InputError('--held-out is about recorded drives; give --bag too')
    if args.ray and args.bag:
        raise InputError(f'--ray {args.ray} is about episodes; leave it out with --bag')
    result = _open_loop(args) if args.bag else _closed_loop(args)
    write_json(args.json, result)
    return 0


def _closed_loop(args: argparse.Namespace) -> dict:
    from liquid_control.evaluation.closed_loop import check_between, evaluate_policies, unseen_tracks
    check_between('seed', args.seed, 0, 2 ** 31 - 1)
    if args.track:
        tracks, rounds = args.track, 1 if args.episodes is None else args.episodes
    else:
        tracks, rounds = unseen_tracks(DEFAULT_EPISODES if args.episodes is None else args.episodes), 1
    conditions = args.condition or ['clean']
    total = len(args.policy) * len(conditions) * len(tracks) * rounds
    with progress(total, 'Driving') as bar:
        result = evaluate_policies(
            args.policy, tracks, conditions, engine=args.engine, laps=args.laps, rounds=rounds, seed=args.seed,
            centre_line=args.centre_line, road_width=args.road_width, ray=args.ray,
            on_episode=lambda row: bar.advance(1, f"{row['track']} {row['ended']}"))
    _print_summary(result['summary'])
    _print_failures([row for row in result['episodes'] if not row['completed']])
    return result


def _open_loop(args: argparse.Namespace) -> dict:
    from liquid_control.evaluation.open_loop import always_the_mean, open_loop, previous_command
    from liquid_control.recording.recorded_drive import load_drive, training_split
    from liquid_control.policy.policy_file import load_policy
    policies = {path: load_policy(path) for path in args.policy}
    rows = []
    for bag in progress(args.bag, 'Reading drives'):
        drive, name, mean = load_drive(bag), bag, None
        if args.held_out:
            first, drive = training_split(drive, 1.0 - HELD_OUT)
            name, mean = f'{bag} (last 20 %)', float(first.steering.mean())
        results = {path: open_loop(policy, drive) for path, policy in policies.items()}
        results['always the mean'] = always_the_mean(drive, mean)
        results['the previous command'] = previous_command(drive)
        rows += [{'policy': path, 'bag': name, **vars(result)} for path, result in results.items()]
    _print_table('Open loop, steering in -1..1', ('policy', 'bag', 'samples', 'mean abs error', 'R2'), [
        (Path(row['policy']).stem, row['bag'], str(row['samples']), f"{row['steering_mae']:.4f}",
         f"{row['steering_r2']:.3f}") for row in rows])
    return {'open_loop': rows}


def _print_summary(rows: list[dict]) -> None:
    _print_table('Closed loop', ('policy', 'condition', 'completed', 'rate', '95 % interval', 'mean error'), [
        (Path(row['policy']).stem, row['condition'], f"{row['completed']} of {row['episodes']}", f"{row['rate']:.0%}",
         f"{row['ci95'][0]:.0%} to {row['ci95'][1]:.0%}", f"{row['mean_abs_lateral_m']:.3f} m") for row in rows])


def _print_failures(rows: list[dict]) -> None:
    for row in rows[:FAILURES_SHOWN]:
        print(f"{Path(row['policy']).stem} {row['condition']} {row['track']}: "
              f"{row['ended']} after {row['progress']:.0%} of the way")
    if len(rows) > FAILURES_SHOWN:
        print(f'and {len(rows) - FAILURES_SHOWN} more; --json lists them all')


def _print_table(title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table
    table = Table(*columns, title=title, title_justify='left')
    for row in rows:
        table.add_row(*row)
    Console().print(table)
