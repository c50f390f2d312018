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

"""How a node's process ends."""
import os
import signal
import subprocess
import sys
import time

import pytest

from liquid_control.nodes.outlasting import GRACE_S

NODE = """
import os, signal, sys
from rclpy.node import Node
from liquid_control.nodes.running import run

class Last:
    def __init__(self, write=os.write, read=os.read):
        self.calls = write, read
    def __del__(self):  # while the interpreter ends
        self.calls[0](1, b'ending\\n')
        self.calls[1](0, 1)

class Idle(Node):
    def __init__(self):
        super().__init__('idle')
        os.kill(os.getpid(), signal.SIGINT)
    def close(self):
        pass
    def fail(self, error):
        raise error

last = Last()
sys.exit(run(Idle))
"""


@pytest.mark.parametrize('again', [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_does_not_spoil_the_exit_code(again):
    pytest.importorskip('rclpy')
    import ros_rig
    process = subprocess.Popen([sys.executable, '-c', NODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               env=os.environ | {'ROS_DOMAIN_ID': str(ros_rig.own_domain())})
    assert process.stdout.readline() == b'ending\n'
    process.send_signal(again)
    process.communicate(b'.', timeout=60.0)
    assert process.returncode == 0


BUSY = """
import os, signal, sys, time
from rclpy.node import Node
from std_msgs.msg import Int64
from liquid_control.nodes.running import run

class Busy(Node):  # has work to do at every turn, more than there is time for
    def __init__(self):
        super().__init__('busy')
        self.turns = self.heard = 0
        self.said = self.create_publisher(Int64, 'said', 10)
        self.create_subscription(Int64, 'said', self.hear, 10)
    def work(self):
        self.turns += 1
        self.said.publish(Int64(data=self.turns))
        time.sleep(0.002)
        if self.heard >= 200 or self.turns >= 2000:
            os.kill(os.getpid(), signal.SIGINT)
        return 0.0
    def hear(self, message):
        self.heard += 1
    def close(self):
        print(self.turns, self.heard)
    def fail(self, error):
        raise error

sys.exit(run(Busy, Busy.work))
"""


def test_a_node_that_is_never_done_hears_what_it_is_told_nevertheless():
    pytest.importorskip('rclpy')
    import ros_rig
    done = subprocess.run([sys.executable, '-c', BUSY], capture_output=True, text=True, timeout=60.0,
                          env=os.environ | {'ROS_DOMAIN_ID': str(ros_rig.own_domain())})
    turns, heard = map(int, done.stdout.split())
    assert done.returncode == 0 and heard >= 200 and turns < 2 * heard


BRIDGE = """
import signal, sys, time
received = []
signal.signal(signal.SIGINT, lambda *_: received.append(time.monotonic()))
print('up', flush=True)
while not received:
    time.sleep(0.01)
print(received[0], flush=True)
sys.exit(7)
"""


def test_who_carries_the_last_word_hears_ctrl_c_after_all_others():
    process = subprocess.Popen([sys.executable, '-m', 'liquid_control.nodes.outlasting', sys.executable, '-c', BRIDGE],
                               stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout.readline() == b'up\n'
    sent_s = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    told, _ = process.communicate(timeout=60.0)
    assert float(told) >= sent_s + GRACE_S and process.returncode == 7
