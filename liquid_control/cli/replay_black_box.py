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
"""``liquid-control replay-black-box``: the decisions before a stop, taken again."""
import argparse
from itertools import groupby
from pathlib import Path

from liquid_control.errors import InputError

HELP = 'take the decisions of a black box again and compare them bit for bit'
SHOWN = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument('box', metavar='BOX', help='bag that the black box of a drive node wrote')
    parser.add_argument('--policy', metavar='FILE',
                        help='policy file, where the box holds no copy (default: the copy in the box)')
    parser.add_argument('--policy-sha256', metavar='HEX', default='',
                        help='needed for an exported TorchScript file, which is code')
    parser.add_argument('--json', metavar='FILE', help='write what was found as JSON too')


def run(args: argparse.Namespace) -> int:
    """Replay; return 0 if every bit is the same, 1 if not."""
    from liquid_control.cli.output import check_writable, write_json
    from liquid_control.recording.black_box_bag import open_black_box
    check_writable(args.json)
    with open_black_box(args.box) as file:
        about, ticks = file.about, file.ticks()
    if not any(tick.step is not None for tick in ticks):
        raise InputError(f"black box '{args.box}' holds no step of a policy; give one of a car that drove")
    again = _take_again(args, about, ticks)
    different = [step for step in again if step.difference]
    compared = sum(step.decision is not None for step in again)
    _show(about, ticks, again)
    print(_conclusion(about, compared, different))
    write_json(args.json, {
        'box': args.box, 'about': about, 'ticks': len(ticks), 'steps': len(again), 'compared': compared,
        'different': [{'tick': step.tick.number, 'difference': step.difference} for step in different]})
    return 1 if different or not compared else 0


def _take_again(args: argparse.Namespace, about: dict[str, str], ticks: list) -> list:
    from liquid_control.audit.black_box import take_again
    from liquid_control.cli.progress import progress
    from liquid_control.driving.load_runner import load_runner
    from liquid_control.recording.black_box_bag import policy_name
    size = _size(about)
    steps = [tick.step for tick in ticks if tick.step is not None]
    runners = {}
    for sha256 in dict.fromkeys(step.policy for step in steps):
        copy = Path(args.box) / policy_name(sha256)
        path = args.policy or (copy if copy.is_file() else None)
        if path is None:
            raise InputError(f"black box '{args.box}' holds no copy of the policy "
                             f"'{about.get(f'policy {sha256}', sha256)}'; give its file with --policy")
        runners[sha256] = load_runner(str(path), args.policy_sha256 or sha256, *size)
    with progress(len(steps), 'Replay') as bar:
        return take_again(ticks, runners, lambda done: bar.update(done + 1))


def _size(about: dict[str, str]) -> tuple[int, int]:
    try:
        height, width = map(int, about['warm_up'].split(' x '))
    except (KeyError, ValueError) as error:
        raise InputError('the black box does not say with what size of picture its policy was warmed up; '
                         'give one as the drive node wrote it') from error
    if not (0 < height <= 4096 and 0 < width <= 4096):
        raise InputError(f'the black box says a size of {height} x {width} pixels; give one as the drive node wrote it')
    return height, width


def _show(about: dict[str, str], ticks: list, again: list) -> None:
    print(f"saved      {about.get('reason', 'for no known reason')}")
    for key, value in about.items():
        if key.startswith('policy '):
            print(f'policy     {value}, SHA-256 {key.removeprefix("policy ")}')
    print(f'recorded   {ticks[-1].steady_s - ticks[0].steady_s:.1f} s, {len(ticks)} ticks, {len(again)} answers')
    for (state, reason), group in groupby(ticks, lambda tick: (tick.state, tick.reason)):
        of = list(group)
        print(f'{of[0].steady_s - ticks[-1].steady_s:+9.2f} s {state}{": " + reason if reason else ""} '
              f'({len(of)} ticks)')
    print(f'the last {min(SHOWN, len(again))} answers: steering then and now, in rad; what the car was told')
    for step in again[-SHOWN:]:
        tick, now = step.tick, step.decision
        said = 'not taken again' if now is None else f'{now.steering_rad:+.9f}'
        print(f'{tick.steady_s - ticks[-1].steady_s:+9.2f} s {tick.step.command.steering_rad:+.9f} {said} '
              f'{tick.command.steering_rad:+.4f} {tick.command.speed_mps:.2f} m/s')


def _conclusion(about: dict[str, str], compared: int, different: list) -> str:
    if not different:
        return f'{compared} decisions taken again, all the same bit for bit' if compared else 'nothing to compare'
    first = different[0]
    found = f'{len(different)} of {compared} decisions differ, first in tick {first.tick.number}: {first.difference}'
    import torch
    here = torch.__version__, torch.backends.cpu.get_cpu_capability()
    there = about.get('torch'), about.get('cpu')
    if here == there:
        return found
    return f'{found} (recorded with torch {there[0]} on {there[1]}, here {here[0]} on {here[1]})'
