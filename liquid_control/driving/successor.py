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

"""Loading another policy while one drives."""
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from liquid_control.driving.load_runner import load_runner

NICE = -10


@dataclass(frozen=True)
class Wish:
    """A policy that shall drive, as ``load_runner`` takes it."""

    policy: str
    sha256: str


class Successor:
    """Compiles and warms up a policy in a thread of its own; of several wishes the newest counts.

    The thread gives Python's lock back at the interpreter's switch interval, so ticks go on; but for one call that
    keeps it while the policy is frozen.

    :param height, width: size of the camera's pictures.
    """

    def __init__(self, height: int, width: int) -> None:
        self._size = height, width
        self._lock = threading.Lock()
        self._wish: Wish | None = None
        self._done: Callable[[], Any] | None = None
        self._busy = False

    def ask(self, wish: Wish) -> None:
        """Begin to load; whatever was being loaded is dropped."""
        with self._lock:
            self._wish, self._done = wish, None
            if not self._busy:
                self._busy = True
                threading.Thread(target=self._work, name='successor', daemon=True).start()

    def take(self) -> tuple[Wish, Any] | None:
        """Return the wish and its runner, once, as soon as it is ready, else None.

        :raises InputError: if the policy cannot be used; the wish is then forgotten.
        """
        with self._lock:
            done, self._done = self._done, None
        return None if done is None else done()

    def _work(self) -> None:
        _make_way()
        while True:
            with self._lock:
                wish, self._wish = self._wish, None
                if wish is None:
                    self._busy = False
                    return
            done = self._load(wish)
            with self._lock:
                if self._wish is None:
                    self._done = done

    def _load(self, wish: Wish) -> Callable[[], Any]:
        try:
            runner = load_runner(wish.policy, wish.sha256, *self._size)
        except Exception as error:  # noqa: B902 raised again where it can be told
            return _raiser(error)
        return lambda: (wish, runner)


def _make_way() -> None:
    """Take this thread out of real time, where the system has it, to just before the processes that are not.

    It inherits SCHED_FIFO from a node that drives, and would keep a camera driver that has none from a core for as long
    as it compiles. It must not run after others either: while it waits for a core it may hold Python's lock, and then
    the node waits with it.
    """
    thread = threading.get_native_id()
    if not hasattr(os, 'sched_getscheduler') or os.sched_getscheduler(thread) not in (os.SCHED_FIFO, os.SCHED_RR):
        return
    try:
        os.setpriority(os.PRIO_PROCESS, thread, NICE)
        os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))
    except PermissionError:
        pass  # real time without the right to be nice to oneself: it stays there


def _raiser(error: Exception) -> Callable[[], Any]:
    def fail() -> None:
        raise error
    return fail
