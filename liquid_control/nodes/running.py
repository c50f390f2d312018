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

"""Running one node as a process that ends well."""
import signal
import sys
from collections.abc import Callable
from typing import Any, Protocol

import rclpy
from rclpy.signals import SignalHandlerOptions

from liquid_control.errors import InputError
from liquid_control.nodes.ros_refusal import from_ros, refusal_of_ros
from liquid_control.nodes.transport import use_udp

try:
    from rclpy.experimental import EventsExecutor as Executor
except ImportError:  # Early Jazzy has the slower one only.
    from rclpy.executors import SingleThreadedExecutor as Executor

WAKE_S = 0.5


class Ending(Protocol):
    """A node that knows how to go: an rclpy Node with these two methods."""

    def fail(self, error: Exception) -> None:
        """Take note of an exception in a callback and go on safely."""

    def close(self) -> None:
        """Leave everything safe; the node is destroyed next."""


def _wait(_: Ending) -> float:
    return WAKE_S


def run(make_node: Callable[[], Ending], work: Callable[[Any], float] = _wait) -> int:
    """Spin a node until SIGINT, SIGTERM or SIGHUP; return the exit code.

    It is 0, or 2 when the node cannot be made from its input. rclpy's own signal handlers would end all
    communication before the node's last command.

    :param work: what the node does between callbacks; returns after how many seconds it wants to be called again at
        the latest. Its turn and those of the callbacks alternate, so neither keeps the other away. A timer that sets
        itself does: when late, the EventsExecutor calls it twice for each reset, then four times, and so on.
    """
    stopping: list[int] = []
    numbers = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:  # nohup
        numbers.remove(signal.SIGHUP)
    for number in numbers:
        signal.signal(number, lambda received, _: stopping.append(received))
    use_udp()
    try:
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        node = make_node()
    except (InputError, RuntimeError) as error:
        if not isinstance(error, InputError) and not from_ros(error):
            raise
        said = ' '.join(str(error).split()) if isinstance(error, InputError) else refusal_of_ros(error)
        print(f'error: {said}', file=sys.stderr)
        rclpy.try_shutdown()
        return 2
    executor = Executor()
    executor.add_node(node)
    while not stopping:
        try:
            executor.spin_once(work(node))
        except Exception as error:  # noqa: B902 the car must not depend on which
            _tell(node, error)
    node.close()
    executor.shutdown(1.0)
    node.destroy_node()
    rclpy.try_shutdown()
    for number in numbers:  # Python takes its handlers away at its end, where Ctrl-C through a launch comes again
        signal.signal(number, signal.SIG_IGN)
    return 0


def _tell(node: Ending, error: Exception) -> None:
    try:
        node.fail(error)
    except Exception as another:  # noqa: B902 an executor that ends leaves the car to its last command
        print(f'error: {error}; {another}', file=sys.stderr)
