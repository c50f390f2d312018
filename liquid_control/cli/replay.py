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

"""``liquid-control replay``: a bag's camera and IMU played to a drive node, which answers every picture."""
import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from liquid_control.errors import InputError

HELP = "play a bag's camera and IMU to a drive node and compare its steering with the human's"
MIN_RATE, MAX_RATE = 0.1, 10.0
TIMEOUT_PERIODS, MIN_TIMEOUT_S, MAX_TIMEOUT_S = 3.0, 0.1, 5.0
TICKS_PER_PICTURE = 4.0
NAMESPACE = 'replay'
NO_DRIVE_NODE = 3  # exit code of nodes/replay.py


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument('bag', metavar='BAG', help='folder of a rosbag2 bag with camera pictures')
    parser.add_argument('--rate', type=float, default=1.0, metavar='X',
                        help='times the recorded speed (default 1); the policy sees the times as played')
    parser.add_argument('--policy', metavar='FILE',
                        help='start a drive node with this policy (default: play to the one that is running)')


def run(args: argparse.Namespace) -> int:
    """Play, show progress and print what came back; 1 if no drive node answered."""
    from liquid_control.nodes.processes import require_ros
    from liquid_control.cli.ros_domain import use_private_domain
    from liquid_control.recording.bag import open_bag
    from liquid_control.recording.playback import assess, pace
    from liquid_control.recording.recorded_drive import camera_topic, imu_topic
    if not MIN_RATE <= args.rate <= MAX_RATE:
        raise InputError(f'rate {args.rate:g} is outside {MIN_RATE:g} to {MAX_RATE:g}; give 1 for the recorded speed')
    with open_bag(args.bag) as bag:
        camera_topic(bag)
        if imu_topic(bag) is None:
            print('the bag has no IMU: the IMU of a car at rest is played with each picture')
        seconds, period = pace(bag, args.rate)
    require_ros()
    if args.policy:
        use_private_domain()
    with tempfile.TemporaryDirectory() as folder, _drive_node(args.policy, period, Path(folder)) as drive_node:
        out = Path(folder) / 'replay.json'
        command = [sys.executable, '-m', 'liquid_control.nodes.replay', args.bag, str(out), '--rate', str(args.rate)]
        remap = ['--ros-args', '-r', f'__ns:=/{NAMESPACE}'] if args.policy else []
        if not _follow([*command, *remap], seconds, drive_node, Path(folder)):
            where = f"on ROS_DOMAIN_ID {os.environ.get('ROS_DOMAIN_ID', '0')}; start one, or give --policy FILE"
            print(f'no drive node takes the camera and offers cmd_vel {where}', file=sys.stderr)
            return 1
        recorded = json.loads(out.read_text())
    return _report(assess(args.bag, recorded['pictures'], recorded['commands']))


@contextmanager
def _drive_node(policy: str | None, period_s: float, folder: Path) -> Iterator[subprocess.Popen | None]:
    """Run a drive node for pictures of this period; None without a policy.

    Recorded pictures come unevenly. Several ticks a period let it answer also those that come close together.
    """
    if policy is None:
        yield None
        return
    from liquid_control.nodes.drive_settings import CONTROL_RATES_HZ
    from liquid_control.nodes.processes import node_process
    from liquid_control.policy.policy_file import load_policy
    load_policy(policy)
    timeout = min(max(TIMEOUT_PERIODS * period_s, MIN_TIMEOUT_S), MAX_TIMEOUT_S)
    slowest, fastest = CONTROL_RATES_HZ
    rate = min(max(TICKS_PER_PICTURE / period_s, slowest), fastest)
    parameters = {'policy': str(Path(policy).resolve()), 'autostart': 'true', 'control_rate_hz': f'{rate:.3f}',
                  'camera_timeout_s': f'{timeout:.3f}', 'imu_timeout_s': f'{timeout:.3f}',
                  'black_box_folder': str(folder / 'black_box')}
    with node_process('drive', NAMESPACE, folder / 'drive.log', parameters) as process:
        yield process


def _follow(command: list[str], seconds: float, drive_node: subprocess.Popen | None, folder: Path) -> bool:
    """Run the player and show how far it is; tell whether it found a drive node.

    :raises InputError: if the drive node that was started for it ends.
    """
    from liquid_control.cli.progress import progress
    from liquid_control.nodes.processes import stop_process
    player = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        with progress(seconds, 'Replay') as bar:
            for line in player.stdout:
                _show(bar, json.loads(line))
                if drive_node is not None and drive_node.poll() is not None:
                    said = (folder / 'drive.log').read_text().strip().splitlines()[-1:] or ['nothing said']
                    raise InputError(f'the drive node ended with code {drive_node.returncode}: {said[0][:300]}')
        code = player.wait()
        if code not in (0, NO_DRIVE_NODE):
            raise RuntimeError(f'the player ended with code {code}')
        return code == 0
    finally:
        stop_process(player)
        player.stdout.close()


def _show(bar, told: dict[str, float]) -> None:
    from liquid_control.recording.recorded_drive import steering_of_twist
    if 'waiting' in told:
        bar.update(0.0, 'waiting for a drive node')
        return
    steering = steering_of_twist(told['speed'], told['yaw_rate'])
    shown = 'standing' if math.isnan(steering) else f'steering {steering:+.2f}, {told["speed"]:.1f} m/s'
    bar.update(told['seconds'], f'{told["pictures"]:.0f} pictures, {told["commands"]:.0f} commands, {shown}')


def _report(replay) -> int:
    share = 100.0 * replay.answered / max(replay.pictures, 1)
    print(f'pictures played     {replay.pictures}')
    print(f'pictures answered   {replay.answered} ({share:.1f} %), {replay.driven} of them with a command to drive')
    print(f'commands received   {replay.commands}, of them {replay.standing} to stand')
    if replay.compared:
        print(f'steering error      {replay.steering_mae:.3f} against the human on -1..1, {replay.compared} pictures '
              f'(always the mean: {replay.mean_mae:.3f})')
    else:
        print('steering error      unknown: no picture has both a human command and a moving answer')
    return 0 if replay.commands else 1
