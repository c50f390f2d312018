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

"""A simulated car that drives, for faults to be injected into."""
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from subprocess import Popen
from typing import Any

import rclpy
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import SetParameters
from rclpy.executors import ExternalShutdownException, ShutdownException, SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions
from std_srvs.srv import Trigger

from liquid_control.errors import InputError
from liquid_control.nodes.faults.relay import SOURCE, Listener, Relay
from liquid_control.nodes.processes import last_line, node_process, resident_mb, stop_process

TRACK = 'random:1000000'
PATIENCE_S = 60.0
POLL_S = 0.005
MOVING_MPS = 1.0
SETTINGS = {'autostart': True, 'use_sim_time': True}


class Bench:
    """Simulator, relay and drive node. Use as a context.

    :ivar held_s: the longest time for which this process did not run while it waited; whoever measures sets it to 0.
    :param folder: takes logs and whatever the faults need.
    :param policy: file of the policy that drives.
    :param settings: parameters of the drive node.
    :param real_time_factor: of the simulator; without 1, there is no relay between it and the drive node.
    """

    def __init__(self, folder: Path, policy: Path, settings: dict[str, object] | None = None,
                 real_time_factor: float = 1.0) -> None:
        self.folder, self.policy = folder, policy
        self._settings = SETTINGS | (settings or {})
        self._factor = real_time_factor
        self._stack = ExitStack()
        self._started = 0
        self.memory_before_mb = 0.0
        self.held_s = 0.0
        self.drive: Popen | None = None

    def __enter__(self) -> 'Bench':
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        self._stack.callback(rclpy.try_shutdown)
        self.relay = Relay() if self._factor == 1.0 else Listener('listener', '')
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(self.relay)
        spinner = threading.Thread(target=self._spin, daemon=True)
        spinner.start()
        self._stack.callback(spinner.join, 5.0)
        self._stack.callback(self._executor.shutdown, 5.0)
        world = {'track': TRACK, 'real_time_factor': self._factor}
        if self._factor == 1.0:
            self.simulator = self.start('simulator', world, SOURCE, {'/clock': f'/{SOURCE}/clock'})
        else:
            self.simulator = self.start('simulator', world)
        return self

    def _spin(self) -> None:
        """Serve the relay; a publisher that a fault takes away under its hands is no reason to stop."""
        while rclpy.ok():
            try:
                self._executor.spin_once(0.1)
            except (ExternalShutdownException, ShutdownException):
                return
            except Exception as error:  # noqa: B902 see above
                self.relay.get_logger().warning(str(error), throttle_duration_sec=1.0)

    def __exit__(self, *error: Any) -> None:
        self._stack.close()

    def start(self, name: str, parameters: dict[str, object], namespace: str = '', remaps: dict[str, str] | None = None,
              before: tuple[str, ...] = ()) -> Popen:
        """Start a node; it ends with this bench."""
        self._started += 1
        log = self.folder / f'{self._started:02d}_{name}.log'
        process = self._stack.enter_context(node_process(name, namespace, log, parameters, remaps, before))
        process.log = log
        return process

    def start_drive(self, name: str = 'drive') -> None:
        """Start a drive node if none runs; wait for nothing."""
        if self.drive is None or self.drive.poll() is not None:
            self.relay.status.pop('drive', None)
            self.drive = self.start(name, self._settings | {'policy': self.policy})

    def stop_drive(self) -> None:
        """Stop the drive node as Ctrl-C would."""
        if self.drive is not None:
            stop_process(self.drive)

    @property
    def memory_mb(self) -> float:
        """Resident memory of the drive node."""
        return resident_mb(self.drive.pid)

    # Waiting

    def until(self, true: Callable[[], Any], what: str, patience_s: float = PATIENCE_S) -> None:
        """Wait until something holds.

        :raises InputError: if it does not in time: the fault cannot be tried.
        """
        if not self.waits(true, patience_s):
            raise InputError(f'{what} did not come within {patience_s:g} s; the drive node says: '
                             f'{self.said("drive") or (last_line(self.drive.log) if self.drive else "")}')

    def waits(self, true: Callable[[], Any], patience_s: float) -> bool:
        """Wait until something holds; tell whether it did in time."""
        polled = time.monotonic()
        end = polled + patience_s
        while not true():
            now = time.monotonic()
            self.held_s = max(self.held_s, now - polled)
            polled = now
            if now > end:
                return False
            time.sleep(POLL_S)
        return True

    def ready(self) -> None:
        """Have a drive node that drives, on the road and at speed."""
        self.start_drive()
        self.reset()
        begin = time.monotonic()
        self.until(lambda: time.monotonic() > begin + 0.5 and self._at_speed(), 'a moving car')

    def reset(self) -> None:
        """Put the car back to the start of the track."""
        place = f'/{SOURCE}' if self._factor == 1.0 else ''
        self.call(Trigger, f'{place}/simulator/reset', Trigger.Request())

    def _at_speed(self) -> bool:
        driving = self.said('drive').startswith('driving')
        return driving and self.relay.odometry[-1][3] > MOVING_MPS and self.relay.commands[-1][1] > 0.0

    def moves_since(self, begin_s: float) -> float | None:
        """Return when, after ``begin_s``, the first command to move came, if one has."""
        return next((now for now, speed, _ in list(self.relay.commands) if now > begin_s and speed != 0.0), None)

    def zero_s(self, begin_s: float, end_s: float) -> float | None:
        """Return how long after ``begin_s`` a zero command came that only zero commands followed until ``end_s``."""
        window = [(now, speed) for now, speed, _ in list(self.relay.commands) if begin_s < now <= end_s]
        moving = max((index for index, (_, speed) in enumerate(window) if speed != 0.0), default=-1)
        return window[moving + 1][0] - begin_s if moving + 1 < len(window) else None

    # Asking

    def said(self, name: str) -> str:
        """Return the newest message of a node's diagnostics."""
        return self.relay.status.get(name, ('', {}))[0]

    def value(self, key: str, name: str = 'drive') -> str:
        """Return one of the values of a node's diagnostics."""
        return self.relay.status.get(name, ('', {}))[1].get(key, '')

    def call(self, kind: type, name: str, request: Any) -> Any:
        """Call a service and return its response."""
        client = self.relay.create_client(kind, name)
        try:
            self.until(client.service_is_ready, name)
            future = client.call_async(request)
            self.until(future.done, f'an answer of {name}')
            return future.result()
        finally:
            self.relay.destroy_client(client)

    def set(self, values: dict[str, Any], node: str = 'drive') -> list[str]:
        """Set parameters one by one; return why each was refused, empty texts where it was taken."""
        request = SetParameters.Request(
            parameters=[Parameter(name, value=value).to_parameter_msg() for name, value in values.items()])
        results = self.call(SetParameters, f'/{node}/set_parameters', request).results
        return ['' if result.successful else result.reason or 'no reason' for result in results]

    def change(self, transition: int, node: str) -> bool:
        """Ask a lifecycle node for a transition; tell whether it succeeded."""
        request = ChangeState.Request()
        request.transition.id = transition
        return self.call(ChangeState, f'/{node}/change_state', request).success

    def state(self, node: str) -> str:
        """Return the name of the state that a lifecycle node is in."""
        return self.call(GetState, f'/{node}/get_state', GetState.Request()).current_state.label
