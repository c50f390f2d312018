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

"""``liquid-control bench``: how fast it is, beside its peers in the same run."""
import argparse
import sys
from pathlib import Path

from liquid_control.cli.output import check_writable, write_json
from liquid_control.cli.progress import progress
from liquid_control.errors import InputError
from liquid_control.share import share_path

HELP = 'benchmarks, peers measured in the same run'
SHIPPED = 'models/ncp19.safetensors'
SHIPPED_SPIKING = 'models/spiking.safetensors'
COLUMNS = {
    'median_us': ('median us', '.0f'), 'p99_us': ('p99 us', '.0f'), 'max_us': ('max us', '.0f'),
    'p99_pct': ('p99 %', '.1f'), 'rate_hz': ('rate Hz', '.2f'), 'per_s': ('frames a second', '.0f'),
    'times_real_time': ('x real time', '.1f'), 'answered': ('answered', '.1%'),
    'period_error_p99_pct': ('period error p99 %', '.1f'), 'memory_mb': ('memory MB', '.0f'),
    'multiply_adds': ('multiply-adds', ',.0f'), 'additions': ('additions', ',.0f'),
    'neurons': ('neurons', ',.0f'), 'parameters': ('parameters', ',.0f'), 'cpu_us': ('processor us', ',.0f'),
    'mj': ('mJ above idle', '.2f'),
    'exponentials': ('exponentials', ',.0f'), 'energy_nj': ('nJ, estimated', ',.2f'),
    'rounds': ('rounds', 'd'), 'driven_s': ('driven s', '.0f'), 'samples': ('samples', 'd'),
    'interventions': ('interventions', 'd'), 'score': ('score', '.2f'), 'completed': ('completed', '.0%'),
    'watchers_cores': ('cores of those who watch', '.2f')}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the verb."""
    parser.add_argument('benchmark', choices=(*BENCHMARKS, 'spiking', *LOOPS), help=(
        'policy: a policy step and its LTC cell against ncps; node: the drive node against an empty one; '
        'jitter: the control period; train: learning; simulator: frames a second; '
        'board: what a decision costs beside networks of 100,000 neurons; '
        'view: the drive node with and without an open page; '
        'spiking: spikes and operations of a decision, on 20 unseen tracks; loop: the trainer and an expert, from '
        'nothing to a policy, in real time; human: the trainer and a scripted human who corrects an untrained policy'))
    parser.add_argument('--policy', metavar='FILE', nargs='+', help=(
        f'policy file (default: the shipped {SHIPPED}, for spiking {SHIPPED_SPIKING}); spiking takes several'))
    parser.add_argument('--seed', type=int, default=0, metavar='S',
                        help='of what loop and human learn (default: %(default)s)')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the results as JSON')


def run(args: argparse.Namespace) -> int:
    """Measure, print a table and write the JSON."""
    check_writable(args.json)
    if args.benchmark == 'spiking':
        result = _spiking(args.policy or [str(share_path(SHIPPED_SPIKING))])
    elif args.benchmark in LOOPS:
        result = _closed_loop(args.benchmark, args.seed)
    else:
        result = BENCHMARKS[args.benchmark](_one(args.policy or [str(share_path(SHIPPED))]))
    _print(result)
    write_json(args.json, result)
    return 0


def _one(paths: list[str]) -> str:
    if len(paths) > 1:
        raise InputError(f'--policy has {len(paths)} files; give one, only bench spiking takes several')
    return paths[0]


def _spiking(paths: list[str]) -> dict:
    from liquid_control.benchmarks.spiking import TRACKS, bench_spiking
    from liquid_control.policy.policy_file import load_policy
    policies = [load_policy(path) for path in paths]
    with progress(TRACKS * len(policies), 'Driving') as bar:
        result = bench_spiking(policies, on_track=bar.advance)
    spikes, laps = result['spikes'], result['completed']
    print(f"spikes a decision: {spikes['mean']:.2f} of {spikes['neurons']} neurons, 95 % interval "
          f"{spikes['low']:.2f} to {spikes['high']:.2f}, {spikes['policies']} policies on {spikes['tracks']} tracks, "
          f"{spikes['decisions']} decisions; {laps['laps']} of {laps['of']} laps completed")
    return result


def _closed_loop(name: str, seed: int) -> dict:
    from liquid_control.benchmarks import loop
    from liquid_control.cli.ros_domain import use_private_domain
    use_private_domain()
    return {'loop': loop.bench_loop, 'human': loop.bench_human}[name](
        seed, lambda line: print(line, file=sys.stderr, flush=True))


def _policy(path: str) -> dict:
    from liquid_control.benchmarks.policy import ROUNDS, bench_policy
    from liquid_control.policy.policy_file import load_policy
    policy = load_policy(path)
    with progress(ROUNDS, 'Timing') as bar:
        return bench_policy(policy, on_round=bar.advance)


def _node(path: str) -> dict:
    from liquid_control.benchmarks.node import ROUNDS, bench_node
    _prepare_nodes(path)
    with progress(ROUNDS, 'Rounds') as bar:
        return bench_node(path, on_round=bar.advance)


def _jitter(path: str) -> dict:
    from liquid_control.benchmarks.jitter import CASES, bench_jitter
    _prepare_nodes(path)
    with progress(CASES, 'Cases') as bar:
        return bench_jitter(path, on_round=bar.advance)


def _view(path: str) -> dict:
    from liquid_control.benchmarks.view import ROUNDS, bench_view
    _prepare_nodes(path)
    with progress(ROUNDS, 'Rounds') as bar:
        return bench_view(path, on_round=bar.advance)


def _prepare_nodes(path: str) -> None:
    """Refuse a bad policy before any node starts, and keep the nodes' domain apart."""
    from liquid_control.cli.ros_domain import use_private_domain
    from liquid_control.policy.policy_file import load_policy
    load_policy(path)
    use_private_domain()


def _train(_path: str) -> dict:
    from liquid_control.benchmarks.train import ROUNDS, bench_train
    with progress(ROUNDS, 'Timing') as bar:
        return bench_train(on_round=bar.advance)


def _simulator(_path: str) -> dict:
    from liquid_control.benchmarks.simulator import CASES, bench_simulator
    with progress(CASES, 'Counting') as bar:
        return bench_simulator(on_round=bar.advance)


def _board(path: str) -> dict:
    from liquid_control.benchmarks.board import CASES, bench_board
    from liquid_control.policy.policy_file import load_policy
    load_policy(path)
    with progress(CASES, 'Networks') as bar:
        result = bench_board(path, on_round=bar.advance)
    print(f"one thread, {result['cores']} cores to run on; energy: {result['energy']}")
    return result


LOOPS = ('loop', 'human')
BENCHMARKS = {'policy': _policy, 'node': _node, 'jitter': _jitter, 'train': _train, 'simulator': _simulator,
              'board': _board, 'view': _view}


def _print(result: dict) -> None:
    from rich.console import Console
    from rich.table import Table
    fields = [field for field in COLUMNS if field in result['rows'][0]]
    title = f"bench {result['benchmark']}"
    table = Table('', *(COLUMNS[field][0] for field in fields), title=title, title_justify='left')
    for row in result['rows']:
        table.add_row(row['name'], *(format(row[field], COLUMNS[field][1]) for field in fields))
    Console().print(table)
    for name, value in result['ratios'].items():
        low, high = result.get('ci95', {}).get(name, (None, None))
        print(f'{name}: {value:.3f}' + ('' if low is None else f' (95 % interval {low:.3f} to {high:.3f})'))
