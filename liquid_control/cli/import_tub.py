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

"""``liquid-control import-tub``: a donkeycar tub becomes a rosbag2 MCAP bag."""
import argparse

HELP = 'convert a donkeycar v4/v5 tub to a rosbag2 MCAP bag'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verb's arguments."""
    parser.add_argument('tub', metavar='TUB', help='folder, .tar or .tar.gz of a tub')
    parser.add_argument('bag', metavar='BAG', help='folder to write the bag to; must not exist')
    parser.add_argument('--rate', type=float, metavar='HZ',
                        help="pictures a second (default: by the tub's stamps, or 20 where those are not real)")
    parser.add_argument('--imu-axes', default='auto', metavar='AXES',
                        help="'auto' (from gravity and turning), 'none', or the sensor axes that point "
                             'FORWARD,LEFT,UP, such as --imu-axes=-z,-x,y (with the = sign)')
    parser.add_argument('--gyro-unit', choices=('deg', 'rad'), default='deg',
                        help="unit of the tub's gyro, a second (default: deg)")


def run(args: argparse.Namespace) -> int:
    """Convert and report what was written, decided and left out."""
    from liquid_control.cli.progress import progress
    from liquid_control.recording.tub_import import import_tub
    report = import_tub(args.tub, args.bag, args.imu_axes, args.gyro_unit, args.rate,
                        lambda records: progress(records, 'Writing'))
    for line in report.decisions:
        print(line)
    for line in report.warnings:
        print(f'WARNING: {line}')
    left_out = '; '.join(f'{count}: {reason}' for reason, count in report.losses.most_common())
    print(f'left out: {left_out or "nothing"}')
    print(f'{args.bag}: {report.pictures} pictures, {report.imu_samples} IMU samples, {report.commands} commands, '
          f'{report.seconds:.1f} s')
    return 0
