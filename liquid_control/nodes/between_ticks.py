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

"""When to look at what a drive node said: between two of its ticks, when it has nothing to do."""
import time

from rclpy.node import Node
from rclpy.subscription import Subscription

REST_S = 0.006
"""How long after a tick the next look is: by then the command has arrived and everybody sleeps."""
LEAST_S = 0.02
USUAL_S = 1.0 / 30.0
LONGEST_S = 0.1


class BetweenTicks:
    """Takes all messages that have arrived in one go, in the pause after a tick.

    A listener that wakes for each message works at the very moment at which the picture wakes the drive node, and for
    each message pays for waiting anew. This one sleeps until the tick is over, so it costs the drive node nothing and
    itself half.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._ticked_s = 0.0
        self._period_s = USUAL_S

    def ticked(self, published_ns: int) -> None:
        """Take note of when a tick was reported, ns of the system clock."""
        seconds = 1e-9 * published_ns
        apart = seconds - self._ticked_s
        if 0.0 < apart < LONGEST_S:
            self._period_s = apart
        self._ticked_s = seconds

    def pause_s(self) -> float:
        """Return how long to sleep until the next pause of the drive node, at least 20 ms."""
        since = time.time() - self._ticked_s - REST_S
        wait = self._period_s - since % self._period_s
        while wait < LEAST_S:
            wait += self._period_s
        return wait

    def take(self) -> None:
        """Call the callbacks for everything that has arrived."""
        for subscription in list(self._node.subscriptions):
            with subscription.handle:
                while (taken := subscription.handle.take_message(subscription.msg_type, subscription.raw)) is not None:
                    _call(subscription, *taken)


def _call(subscription: Subscription, message: object, info: dict) -> None:
    if subscription._callback_type is Subscription.CallbackType.WithMessageInfo:
        subscription.callback(message, info)
    else:
        subscription.callback(message)
