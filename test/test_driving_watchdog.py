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

"""The watchdog acts while nobody feeds it, and only then."""
import threading
import time

from liquid_control.driving.watchdog import Watchdog


def test_it_acts_again_and_again_until_it_is_fed_and_never_after_it_is_closed():
    acted = threading.Semaphore(0)
    watchdog = Watchdog(acted.release, 0.05)
    for _ in range(3):
        assert acted.acquire(timeout=60.0)
    watchdog.limit_s = 1000.0
    watchdog.feed()
    time.sleep(0.1)  # whatever had begun is over
    while acted.acquire(blocking=False):
        pass
    assert not acted.acquire(timeout=0.2)
    watchdog.limit_s = 0.0
    watchdog.close()
    while acted.acquire(blocking=False):
        pass
    assert not acted.acquire(timeout=0.1)
