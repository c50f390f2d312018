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

"""Which way messages go between processes: with Fast DDS over UDP, never through shared memory.

A process that is killed while it holds the lock of a Fast DDS 2.14 shared-memory port keeps it for ever; whoever
publishes to that process next stands still in ``publish``, a drive node or a simulator too, until a new process takes
the port over. On one machine UDP is as fast, and its buffer takes pictures that the shared memory is too small for.
Figures: docs/realtime.md.
"""
import os
from collections.abc import Mapping

from liquid_control.share import share_path

PROFILES = 'FASTRTPS_DEFAULT_PROFILES_FILE'
CHOICES = PROFILES, 'FASTDDS_DEFAULT_PROFILES_FILE', 'FASTDDS_BUILTIN_TRANSPORTS', 'ROS_DISCOVERY_SERVER'
"""By which users choose the way themselves."""
RANGE = 'ROS_AUTOMATIC_DISCOVERY_RANGE'


def udp_only(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what to change in an environment so that ROS nodes that start in it use no shared memory.

    Nothing when another middleware or another ROS than Jazzy is in use, or when the user has chosen already. Under
    LOCALHOST the middleware takes shared memory whatever it is told, so a profile that knows no interface but loopback
    takes the place of that range.
    """
    local, network = (str(share_path(f'config/dds/{name}.xml')) for name in ('local', 'network'))
    given = [environment[name] for name in CHOICES if environment.get(name)]
    if set(given) - {local, network} or environment.get('ROS_LOCALHOST_ONLY') == '1':
        return {}
    if environment.get('ROS_DISTRO', 'jazzy') != 'jazzy':
        return {}
    if not environment.get('RMW_IMPLEMENTATION', 'rmw_fastrtps_cpp').startswith('rmw_fastrtps'):
        return {}
    if environment.get(RANGE) == 'LOCALHOST':
        return {PROFILES: local, RANGE: 'SUBNET'}
    return {} if given else {PROFILES: network}


def use_udp() -> None:
    """Have this process and those that it starts use no shared memory; to be called before ``rclpy.init``."""
    os.environ |= udp_only(os.environ)
