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

"""Getting a policy into the running drive node."""
from collections.abc import Callable
from pathlib import Path

from liquid_control.learning.loop.champion import Contender

ASK_AGAIN_S = 5.0


class Swap:
    """Wants one policy to drive, asks for it until the drive node says that it does, and again if it does not any more.

    :param ask: asks the drive node for a path with its SHA-256; a refusal comes back through ``refused``.
    :ivar loaded: whether it drives by that policy now; ``arrived``: whether it has since that was wanted.
    :ivar seen: whether there is a drive node at all.
    """

    def __init__(self, ask: Callable[[Path, str], None]) -> None:
        self._ask = ask
        self._asked_s = float('-inf')
        self.wanted: Contender | None = None
        self.loaded = self.arrived = False
        self.refusal = ''
        self.seen = False

    def want(self, contender: Contender, now_s: float) -> None:
        """Want another policy from now on."""
        if self.wanted is None or contender.sha256 != self.wanted.sha256:
            self.loaded = self.arrived = False
        self.wanted, self.refusal = contender, ''
        if not self.loaded:
            self._ask_now(now_s)

    def hear(self, sha256: str) -> None:
        """Take the SHA-256 of the policy that the drive node drives by."""
        self.seen = True
        self.loaded = self.wanted is not None and sha256 == self.wanted.sha256
        self.arrived |= self.loaded

    def refused(self, sha256: str, reason: str) -> None:
        """Take the reason why the drive node did not take a policy."""
        if self.wanted is not None and sha256 == self.wanted.sha256:
            self.refusal = reason

    def tick(self, now_s: float, insist: bool) -> None:
        """Ask again where that may help; unless told to ``insist``, only until the policy has arrived once."""
        if self.arrived and not insist:
            return
        if self.wanted is not None and not self.loaded and now_s - self._asked_s > ASK_AGAIN_S:
            self._ask_now(now_s)

    def _ask_now(self, now_s: float) -> None:
        self._asked_s = now_s
        self._ask(self.wanted.path, self.wanted.sha256)
