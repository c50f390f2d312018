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

"""Loading another policy beside the one that drives."""
import os
import threading
import time

import numpy as np
import pytest

from liquid_control.driving.successor import Successor, Wish
from liquid_control.errors import InputError
from liquid_control.learning.simulated import new_policy
from liquid_control.policy.policy_file import save_policy


def taken(successor, patience_s=60.0):
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        ready = successor.take()
        if ready is not None:
            return ready
        time.sleep(0.01)
    raise AssertionError('nothing became ready')


@pytest.fixture(scope='module')
def policies(tmp_path_factory):
    folder = tmp_path_factory.mktemp('policies')
    paths = [folder / f'{seed}.safetensors' for seed in (1, 2)]
    for seed, path in enumerate(paths, 1):
        save_policy(new_policy('ltc', 'small', seed), path)
    return [str(path) for path in paths]


def test_what_is_ready_is_given_once_and_drives(policies):
    successor = Successor(48, 64)
    successor.ask(Wish(policies[0], ''))
    wish, runner = taken(successor)
    assert wish == Wish(policies[0], '') and successor.take() is None
    decision = runner.step(np.zeros((48, 64, 3), np.uint8), np.zeros(6, np.float32), 1.0 / 30.0)
    assert np.isfinite(decision.steering_rad)


def test_of_several_wishes_the_newest_counts(policies):
    successor = Successor(48, 64)
    for policy in (*policies, *policies):
        successor.ask(Wish(policy, ''))
    assert taken(successor)[0].policy == policies[1]
    time.sleep(0.2)
    assert successor.take() is None


def test_a_file_that_went_bad_in_the_meantime_is_told(policies, tmp_path):
    bad = tmp_path / 'bad.safetensors'
    bad.write_bytes(b'nothing')
    successor = Successor(48, 64)
    successor.ask(Wish(str(bad), ''))
    with pytest.raises(InputError, match='bad.safetensors'):
        taken(successor)
    successor.ask(Wish(policies[0], ''))
    assert taken(successor)[0].policy == policies[0]


def test_it_takes_no_core_from_a_camera_driver_and_waits_for_none(policies):
    permitted, seen = threading.Event(), set()

    def drive() -> None:
        """Ask as a node that drives in real time does; the thread that then works inherits its scheduling."""
        try:
            os.sched_setscheduler(threading.get_native_id(), os.SCHED_FIFO, os.sched_param(1))
        except PermissionError:
            return
        permitted.set()
        successor = Successor(48, 64)
        successor.ask(Wish(policies[0], ''))
        while successor.take() is None:
            thread = next((one for one in threading.enumerate() if one.name == 'successor'), None)
            if thread is not None and thread.native_id:
                number = thread.native_id
                seen.add((os.sched_getscheduler(number), os.getpriority(os.PRIO_PROCESS, number)))
            time.sleep(0.001)
    driver = threading.Thread(target=drive)
    driver.start()
    driver.join()
    if not permitted.is_set():
        pytest.skip('SCHED_FIFO is not permitted here')
    assert (os.SCHED_OTHER, -10) in seen
