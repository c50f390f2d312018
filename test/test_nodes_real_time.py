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

"""Processes that ask for real-time priority."""
import json
import subprocess
import sys

import pytest

ASKS = """
import json, os, sys, threading
from liquid_control.nodes.real_time import take_priority
go = threading.Event()
kinds = lambda: [[os.sched_getscheduler(int(t)), os.sched_getparam(int(t)).sched_priority]
                 for t in os.listdir('/proc/self/task')]
before = threading.Thread(target=go.wait, daemon=True)
before.start()
said = take_priority(int(sys.argv[1]))
threading.Thread(target=go.wait, daemon=True).start()
print(json.dumps([said, kinds()]))
"""
OTHER, FIFO = [0, 0], [1, 7]


def asked(priority, *before):
    done = subprocess.run([*before, sys.executable, '-c', ASKS, str(priority)], capture_output=True, text=True,
                          check=True)
    return json.loads(done.stdout)


def may():
    return subprocess.run(['chrt', '-f', '7', 'true'], capture_output=True, check=False).returncode == 0


def test_every_thread_is_real_time_or_none_and_the_reason_said():
    said, threads = asked(7)
    if may():
        assert said == '' and threads == [FIFO] * 3
    else:
        assert 'SCHED_FIFO 7 is not permitted' in said and threads == [OTHER] * 3


def test_zero_and_a_policy_that_somebody_chose_stay():
    assert asked(0) == ['', [OTHER] * 3]
    assert asked(7, 'chrt', '-b', '0') == ['', [[3, 0]] * 3]


@pytest.mark.skipif(not may(), reason='this user may not set SCHED_FIFO anyway')
def test_a_user_without_the_right_is_told():
    said, threads = asked(7, 'setpriv', '--bounding-set', '-sys_nice', '--inh-caps', '-sys_nice', '--reuid', '65534')
    assert 'SCHED_FIFO 7 is not permitted' in said and 'docs/realtime.md' in said and threads == [OTHER] * 3
