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

"""``liquid-control doctor``: whether this machine, its topics and its policy are ready to drive."""
import argparse
import os
import time
from dataclasses import replace

from liquid_control.cli.output import check_writable, write_json
from liquid_control.errors import InputError

HELP = 'check that this machine, its topics and its policy are ready to drive'
NICE = 5
STEPS = 40
MARKS = {'ok': ('ok', 'green'), 'wrong': ('WRONG', 'bold red'), 'skipped': ('-', 'dim')}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the verb."""
    parser.description = (
        f'{HELP}. Start camera, IMU, joystick and chassis first; the drive node may run or not. One line each, with '
        'the remedy. Exit code 0: nothing is wrong, 1: something is.')
    parser.add_argument('--namespace', default='', help='namespace of the car')
    parser.add_argument('--image-topic', metavar='TOPIC', default='', help='(default: camera/image_raw)')
    parser.add_argument('--imu-topic', metavar='TOPIC', default='', help='(default: imu/data_raw)')
    parser.add_argument('--command-topic', metavar='TOPIC', default='',
                        help='(default: cmd_vel; drive for command_type ackermann)')
    parser.add_argument('--params', metavar='FILE', help='parameters file that the drive node will get, such as '
                                                         'config/drive.yaml; a running node is asked for its own')
    parser.add_argument('--policy', metavar='FILE', help='policy file to check (default: that of the drive node)')
    parser.add_argument('--use-sim-time', choices=('true', 'false'),
                        help='whether time is that of /clock (default: as the drive node has it, else whether anybody '
                             'publishes /clock)')
    parser.add_argument('--seconds', type=float, default=5.0, metavar='N', help='how long to listen (default: 5)')
    parser.add_argument('--json', metavar='FILE', help='write the findings as JSON too')


def run(args: argparse.Namespace) -> int:
    """Listen, check, print; 0 if nothing is wrong."""
    from liquid_control.nodes.processes import require_ros
    from liquid_control.readiness.checklist import check_all
    if not 2.0 <= args.seconds <= 600.0:
        raise InputError(f'--seconds {args.seconds:g} is outside 2 to 600; give a few seconds')
    require_ros()
    check_writable(args.json)
    seen = _observe(args)
    if args.policy:
        seen.settings = replace(seen.settings, policy=args.policy, policy_sha256='')
    _load_policy(seen)
    findings = check_all(seen)
    return _report(findings, args)


def _observe(args: argparse.Namespace):
    import rclpy
    from rclpy.signals import SignalHandlerOptions

    from liquid_control.nodes.doctor import Doctor, check_names, settings_of
    from liquid_control.nodes.keys import enclave
    check_names(args.namespace, filter(None, (args.image_topic, args.imu_topic, args.command_topic)))
    given = settings_of(args.params, args.namespace)
    topics = {
        'camera/image_raw': args.image_topic, 'imu/data_raw': args.imu_topic, 'cmd_vel': args.command_topic,
        'drive': args.command_topic,
        'camera/image_raw/compressed': args.image_topic and f'{args.image_topic}/compressed'}
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    os.nice(NICE)
    print(f'Looking for the car, then listening for {args.seconds:g} s', flush=True)
    rclpy.init(args=['--ros-args', *enclave('operator')], signal_handler_options=SignalHandlerOptions.NO)
    try:
        doctor = Doctor(args.namespace, {name: topic for name, topic in topics.items() if topic})
        simulated = None if args.use_sim_time is None else args.use_sim_time == 'true'
        seen = doctor.observe(args.seconds, given, simulated)
        doctor.destroy_node()
        return seen
    finally:
        rclpy.try_shutdown()


def _load_policy(seen) -> None:
    """Load the policy as the drive node does, and time it on a picture of the camera."""
    import numpy as np

    from liquid_control.driving.load_runner import load_runner, policy_path
    from liquid_control.policy.policy_file import sha256_of
    from liquid_control.readiness.observation import LoadedPolicy
    from liquid_control.readiness.policy_fit import car_picture
    settings = seen.settings
    picture = seen.picture if seen.picture is not None else car_picture()
    imu = seen.samples[-1] if len(seen.samples) else np.zeros(6, np.float32)
    try:
        runner = load_runner(settings.policy, settings.policy_sha256, *picture.shape[:2])
    except InputError as error:
        seen.policy_trouble = str(error)
        return
    steps = []
    for _ in range(STEPS):
        start = time.perf_counter()
        runner.step(picture, imu, runner.spec.period_s)
        steps.append(time.perf_counter() - start)
    seen.policy = LoadedPolicy(runner.spec, sha256_of(policy_path(settings.policy)), tuple(steps))


def _report(findings: list, args: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.text import Text

    console = Console(soft_wrap=True, highlight=False)
    for finding in findings:
        mark, style = MARKS[finding.level.value]
        remedy = f'. Remedy: {finding.remedy}' if finding.remedy else ''
        console.print(Text(f'{mark:<5}', style) + Text(f'  {finding.check:<18}  {finding.said}{remedy}'))
    counts = {level: sum(finding.level.value == level for finding in findings) for level in MARKS}
    ready = not counts['wrong']
    print('nothing is wrong' if ready else f'{counts["wrong"]} wrong',
          f'({counts["ok"]} ok, {counts["skipped"]} could not be checked)')
    write_json(args.json, {'ready': ready, 'checks': [
        {'check': finding.check, 'level': finding.level.value, 'said': finding.said, 'remedy': finding.remedy}
        for finding in findings]})
    return 0 if ready else 1
