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

"""The options of ``liquid-control train`` and what is wrong with them."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from liquid_control.cli.output import check_writable
from liquid_control.errors import InputError

CELLS = ('ltc', 'cfc', 'spiking', 'lstm', 'gru', 'cnn', 'linear')
HEADS = ('small', 'paper', 'donkey')
DEFAULT_OUT = Path('runs/policy.safetensors')
DEFAULTS = {'cell': 'ltc', 'head': 'small', 'seed': 0, 'seconds': 60.0, 'out': DEFAULT_OUT}
MAX_WORKERS = 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; those that a resumed run brings with it have no default here."""
    parser.add_argument('--cell', choices=CELLS, help='the network behind the vision head (default: ltc)')
    parser.add_argument('--head', choices=HEADS, help='the vision head (default: small)')
    parser.add_argument('--seed', type=int, help='seed of everything drawn at random (default: 0)')
    parser.add_argument('--seconds', type=float, help='time to learn (default: 60)')
    parser.add_argument('--frames', type=int, help='learn from this many frames instead; a seed then repeats exactly')
    parser.add_argument(
        '--bag',
        action='append',
        default=[],
        metavar='BAG',
        help='learn from the first 80 %% of this recorded drive and test on the rest; may be repeated',
    )
    parser.add_argument(
        '--no-imu',
        action='store_true',
        help='with --bag: do without the IMU, whose gyro follows the command and invites to repeat it',
    )
    parser.add_argument(
        '--workers',
        type=int,
        metavar='N',
        help='processes that drive while one learns; to repeat a run on another machine (default: half of the cores)',
    )
    parser.add_argument(
        '--ray', metavar='ADDRESS', help='drive on this Ray cluster; local starts one here (default: without Ray)'
    )
    parser.add_argument(
        '--resume',
        type=Path,
        metavar='FILE',
        help='go on with a run that was killed, from its .checkpoint.safetensors; --seconds or --frames extend it',
    )
    parser.add_argument(
        '--out', type=Path, help=f'the policy file to write, log and checkpoint beside it (default: {DEFAULT_OUT})'
    )
    parser.add_argument('--tensorboard', type=Path, metavar='DIR', help='write TensorBoard logs there too')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write what was learned as JSON')


def complete(args: argparse.Namespace) -> None:
    """Fill in defaults, or what the run that is resumed brings with it, and check everything.

    :raises InputError: if an option is unusable.
    """
    args.checkpoint = None
    if args.resume:
        _take_from_checkpoint(args)
    for name, value in DEFAULTS.items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    for limit in LIMITS:
        limit.check(getattr(args, limit.name))
    if args.out.suffix != '.safetensors':
        raise InputError(f"--out '{args.out}' does not end in .safetensors; policy files do")
    for name in 'ray', 'workers':
        if args.bag and getattr(args, name) is not None:
            raise InputError(f'--{name} {getattr(args, name)} is about driving in simulation; leave it out with --bag')
    if args.no_imu and not args.bag:
        raise InputError('--no-imu is about recorded drives; give --bag too')
    check_writable(args.out)
    check_writable(args.json)


def _take_from_checkpoint(args: argparse.Namespace) -> None:
    from liquid_control.learning.checkpoint import load_checkpoint, policy_path

    for name in 'cell', 'head', 'seed', 'workers', 'bag':
        if getattr(args, name) not in (None, []):
            raise InputError(f'--{name} {getattr(args, name)} does not go with --resume: the run brings its own; '
                             f'leave --{name} out')
    args.checkpoint = load_checkpoint(args.resume)
    spec, position = args.checkpoint.spec, args.checkpoint.position
    args.cell, args.head, args.seed, args.workers = spec.cell, spec.head, position.seed, position.workers
    if args.seconds is None and args.frames is None:
        args.seconds, args.frames = position.seconds_limit, position.frames_limit
    args.out = args.out or policy_path(args.resume)


@dataclass(frozen=True)
class Limit:
    """The range of an option that is a number; it may be left out."""

    name: str
    low: float
    high: float
    what: str

    def check(self, value: float | None) -> None:
        """Raise InputError unless the value is within the limits."""
        if value is not None and not self.low <= value <= self.high:
            raise InputError(f'--{self.name} {value:.10g} is outside {self.low:.10g} to {self.high:.10g}; '
                             f'give {self.what}')


LIMITS = (
    Limit('seconds', 1.0, 1e6, 'a time to learn'),
    Limit('frames', 1, 10**9, 'a number of frames'),
    Limit('seed', 0, 2**31 - 1, 'another seed'),
    Limit('workers', 1, MAX_WORKERS, 'a number of processes'),
)
