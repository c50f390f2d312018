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

"""No node can be held by a killed reader: none shares memory, and those of one machine listen on loopback only."""
import os
from pathlib import Path

import pytest

pytest.importorskip('rclpy', reason='rclpy is not installed')

from ros_rig import Process, Rig, own_domain  # noqa: E402

from liquid_control.nodes.transport import CHOICES, PROFILES, RANGE, udp_only, use_udp  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]
LOCAL, NETWORK = (str(ROOT / 'config' / 'dds' / f'{name}.xml') for name in ('local', 'network'))
LOOPBACK = '0100007F'


@pytest.mark.parametrize('given, changed', [
    ({}, {PROFILES: NETWORK}),
    ({RANGE: 'SUBNET'}, {PROFILES: NETWORK}),
    ({RANGE: 'LOCALHOST'}, {PROFILES: LOCAL, RANGE: 'SUBNET'}),
    ({RANGE: 'LOCALHOST', 'RMW_IMPLEMENTATION': 'rmw_fastrtps_dynamic_cpp'}, {PROFILES: LOCAL, RANGE: 'SUBNET'}),
    ({RANGE: 'LOCALHOST', 'ROS_DISTRO': 'jazzy'}, {PROFILES: LOCAL, RANGE: 'SUBNET'}),
    # as a child of a process that has decided finds it, with and without a range of its own
    ({RANGE: 'SUBNET', PROFILES: LOCAL}, {}),
    ({RANGE: 'SUBNET', PROFILES: NETWORK}, {}),
    ({RANGE: 'LOCALHOST', PROFILES: NETWORK}, {PROFILES: LOCAL, RANGE: 'SUBNET'}),
    # what is not ours to change
    ({RANGE: 'LOCALHOST', 'RMW_IMPLEMENTATION': 'rmw_cyclonedds_cpp'}, {}),
    ({RANGE: 'LOCALHOST', 'ROS_DISTRO': 'kilted'}, {}),
    ({'ROS_LOCALHOST_ONLY': '1'}, {}),
    *(({RANGE: 'LOCALHOST', name: 'mine'}, {}) for name in CHOICES)])
def test_who_decides(given, changed):
    assert udp_only(given) == changed


def test_a_decision_is_one_for_the_children_too(monkeypatch):
    for name in CHOICES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(RANGE, 'LOCALHOST')
    use_udp()
    decided = dict(os.environ)
    use_udp()
    assert dict(os.environ) == decided and decided[PROFILES] == LOCAL


def test_nodes_of_one_machine_listen_on_loopback_only_and_share_no_memory():
    domain = own_domain()
    rig = Rig(domain)
    simulator = Process('liquid_control.nodes.simulator', domain, {}, {'__ns': '/elsewhere'})
    drive = Process('liquid_control.nodes.drive', domain, {
        'policy': ROOT / 'models' / 'ncp19.safetensors', 'autostart': True})
    try:
        rig.until_driving()  # the rig itself has shared memory
        rig.until(lambda: rig.said('elsewhere/simulator'))
        for pid in simulator.pid, drive.pid:
            threads = [path.read_text().strip() for path in Path(f'/proc/{pid}/task').glob('*/comm')]
            assert any(name.startswith('dds.udp') for name in threads)
            assert not any(name.startswith('dds.shm') for name in threads)
            assert 'fastrtps_port' not in Path(f'/proc/{pid}/maps').read_text()
            assert set(listening(pid)) == {LOOPBACK}
    finally:
        for process in drive, simulator:
            process.end()
        rig.close()


def listening(pid: int) -> list[str]:
    """Return the addresses of a process's UDP sockets as the system writes them."""
    files = {os.readlink(path) for path in Path(f'/proc/{pid}/fd').iterdir()}
    lines = [line.split() for line in Path(f'/proc/{pid}/net/udp').read_text().splitlines()[1:]]
    return [line[1].split(':')[0] for line in lines if f'socket:[{line[9]}]' in files]
