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

"""A ROS domain that nobody else uses."""
import errno
import os
import socket

from liquid_control.errors import InputError
from liquid_control.nodes.transport import RANGE, use_udp

DOMAINS = range(1, 102)


def discovery_port(domain: int) -> int:
    """Return the UDP port on which participants of a domain listen for each other (RTPS 2.2, 9.6.1.1)."""
    return 7400 + 250 * domain


def free_domain(start: int) -> int:
    """Return a domain id on whose discovery port no process of this machine listens, from ``start`` on.

    :raises InputError: if all 101 that Linux leaves room for are taken.
    """
    for offset in range(len(DOMAINS)):
        domain = DOMAINS[(start + offset) % len(DOMAINS)]
        if _is_free(discovery_port(domain)):
            return domain
    raise InputError('all ROS domains from 1 to 101 are in use on this machine; stop a ROS process')


def use_private_domain() -> int:
    """Give this process and its children a free ROS domain that is not seen outside this machine; return its id.

    Keys hold for the domain that they were made for, so there are none in it.
    """
    domain = free_domain(os.getpid())
    for name in ('ROS_LOCALHOST_ONLY', 'ROS_STATIC_PEERS', 'ROS_DISCOVERY_SERVER', 'ROS_SECURITY_ENABLE'):
        os.environ.pop(name, None)
    os.environ |= {'ROS_DOMAIN_ID': str(domain), RANGE: 'LOCALHOST'}
    use_udp()
    return domain


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        try:
            listener.bind(('', port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise
    return True
