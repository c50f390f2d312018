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

"""The command line: ``liquid-control VERB``. One file a verb; what is slow to import is imported when a verb runs."""
import argparse
import importlib
import os
import signal
import sys
from collections.abc import Sequence

from liquid_control import __version__
from liquid_control.errors import InputError
from liquid_control.nodes.ros_refusal import from_ros, refusal_of_ros

VERBS = {
    'drive': 'liquid_control.cli.drive',
    'train': 'liquid_control.cli.train',
    'evaluate': 'liquid_control.cli.evaluate',
    'study': 'liquid_control.cli.study',
    'tune': 'liquid_control.cli.tune',
    'fptt': 'liquid_control.cli.fptt',
    'bench': 'liquid_control.cli.bench',
    'faults': 'liquid_control.cli.faults',
    'soak': 'liquid_control.cli.soak',
    'fuzz': 'liquid_control.cli.fuzz',
    'compare-drives': 'liquid_control.cli.compare_drives',
    'import-tub': 'liquid_control.cli.import_tub',
    'replay': 'liquid_control.cli.replay',
    'replay-black-box': 'liquid_control.cli.replay_black_box',
    'audit': 'liquid_control.cli.audit',
    'inspect': 'liquid_control.cli.inspect',
    'export': 'liquid_control.cli.export',
    'world': 'liquid_control.cli.world',
    'view': 'liquid_control.cli.view',
    'doctor': 'liquid_control.cli.doctor',
}
"""Verb -> module with ``HELP``, ``add_arguments(parser)`` and ``run(args) -> exit code``."""

BAD_INPUT = 2
INTERRUPTED = 130
BROKEN_PIPE = 141


class OneLineParser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> None:
        """Print what is wrong and where help is; exit with code 2."""
        self.exit(BAD_INPUT, f'error: {message}; see {self.prog} --help\n')


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all verbs."""
    parser = OneLineParser(
        prog='liquid-control', description='Drive a car from its camera with liquid neural networks.')
    parser.add_argument('--version', action='version', version=f'%(prog)s {__version__}')
    verbs = parser.add_subparsers(title='verbs', metavar='VERB', dest='verb', required=True)
    for verb, name in VERBS.items():
        module = importlib.import_module(name)
        verb_parser = verbs.add_parser(verb, help=module.HELP, description=module.HELP, allow_abbrev=False)
        module.add_arguments(verb_parser)
        verb_parser.set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a verb and return its exit code: 2 for bad input, 130 when interrupted."""
    args = build_parser().parse_args(argv)
    for number in signal.SIGTERM, signal.SIGHUP:
        signal.signal(number, signal.default_int_handler)  # what a verb started is stopped as on Ctrl-C
    try:
        return args.run(args)
    except InputError as error:
        print(f'error: {error}', file=sys.stderr)
        return BAD_INPUT
    except RuntimeError as error:
        if not from_ros(error):
            raise
        print(f'error: {refusal_of_ros(error)}', file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains again at exit
        return BROKEN_PIPE
