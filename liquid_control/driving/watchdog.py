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

"""Acting when the thread that should act does not."""
import threading
import time
from collections.abc import Callable

GRACE_S = 0.01
REPEAT_S = 0.03


class Watchdog:
    """Calls ``expire`` from a thread of its own, again and again, while nobody has fed it for ``limit_s``.

    A process that did not run at all for a while gets a hundredth of a second to feed before that counts.

    :param limit_s: seconds of the steady clock; may be changed at any time.
    """

    def __init__(self, expire: Callable[[], None], limit_s: float) -> None:
        self.limit_s = limit_s
        self._expire = expire
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name='watchdog', daemon=True)
        self.feed()
        self._thread.start()

    def feed(self) -> None:
        """Say that all is well."""
        self._fed_s = time.monotonic()

    def close(self) -> None:
        """End the thread; ``expire`` is not called any more when this returns."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closed.wait(max(self._left_s(), 0.0) + GRACE_S):
            while self._left_s() < -GRACE_S and not self._closed.is_set():
                self._expire()
                self._closed.wait(REPEAT_S)

    def _left_s(self) -> float:
        return self._fed_s + self.limit_s - time.monotonic()
