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

"""Whether time runs and the drive node drives."""
import math

import numpy as np

from liquid_control.readiness.finding import Finding, ok, skipped, wrong
from liquid_control.readiness.observation import Observation

MIN_RATE_SHARE = 0.8
MIN_COMMANDS = 5


def check_clock(seen: Observation) -> Finding:
    """Check that the clock that the drive node reads runs, forwards, and is one."""
    publishers = ', '.join(sorted({end.node for end in seen.clock_topic.publishers}))
    if not seen.simulated:
        return ok('clock', 'system clock' + (f'; /clock of {publishers} is not used' if publishers else ''))
    if not publishers:
        return wrong('clock', 'use_sim_time is true, but nobody publishes /clock',
                     'start the simulator or the bag, or set use_sim_time to false')
    if len(seen.clock_topic.publishers) > 1:
        return wrong('clock', f'{len(seen.clock_topic.publishers)} publishers on /clock: {publishers}',
                     'stop all but one simulator, or give them different ROS_DOMAIN_ID')
    times = np.array(seen.clock).reshape(-1, 2)
    if len(times) < 2 or times[0, 1] == times[-1, 1]:
        return wrong('clock', f'use_sim_time is true, but /clock of {publishers} does not run',
                     'let the simulation go on (it may be paused), or set use_sim_time to false')
    if float(np.diff(times[:, 1]).min()) < 0.0:
        return wrong('clock', f'/clock of {publishers} steps back', 'stop a looping bag')
    spent, passed = times[-1] - times[0]
    return ok('clock', f'/clock of {publishers} runs at {passed / spent:.2f} of real time')


def check_drive_node(seen: Observation) -> Finding:
    """Check what the drive node says of itself, if there is one."""
    check, drive = 'drive node', seen.drive
    if drive is None:
        return skipped(check, 'not started yet')
    said = f'{drive.name}: {drive.state}' + (f', {drive.reason}' if drive.reason else '')
    if not drive.state:
        return wrong(check, f'{drive.name} gives no diagnostics', 'look at its log; it may hang')
    if drive.state in ('driving', 'takeover'):
        return ok(check, said)
    if drive.state in ('inactive', 'disengaged') or (drive.state == 'unconfigured' and not drive.reason):
        return skipped(check, said)
    return wrong(check, said, 'look at the other lines and at its log; after an internal error, call ~/engage'
                 if drive.state == 'error' else 'set right what it names')


def check_commands(seen: Observation) -> Finding:
    """Check that commands arrive at the control rate while the drive node is active."""
    check, topic = 'commands', seen.command_topic.name
    if seen.drive is None or seen.drive.state in ('', 'unconfigured', 'inactive'):
        return skipped(check, 'the drive node is not active')
    if len(seen.commands) < MIN_COMMANDS:
        return wrong(check, f'the drive node is {seen.drive.state}, but {len(seen.commands)} commands came on {topic}',
                     'check command_type and the remapping of the command topic')
    times = np.array(seen.commands.clock_s if seen.simulated else seen.commands.sent_s)
    times = times[~np.isnan(times)]
    if len(times) < MIN_COMMANDS:
        return skipped(check, '/clock does not run')
    spent = float(times[-1] - times[0])
    rate = (len(times) - 1) / spent if spent > 0.0 else math.nan
    if not rate >= MIN_RATE_SHARE * seen.settings.control_rate_hz:
        return wrong(check, f'{rate:.1f} Hz on {topic}, the control rate is {seen.settings.control_rate_hz:g} Hz',
                     'free the processor: the drive node does not get to its ticks')
    return ok(check, f'{rate:.1f} Hz on {topic}')
