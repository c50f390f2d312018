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

"""Real nodes in processes of their own, and a node here that plays camera, IMU, human and car to them."""
import array
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import Twist, TwistStamped
from rcl_interfaces.srv import DescribeParameters, SetParameters
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import CompressedImage, Image, Imu

from liquid_control.cli.ros_domain import free_domain

ROOT = Path(__file__).resolve().parents[1]
PERIOD_S = 1.0 / 30.0
PATIENCE_S = 60.0
HEIGHT, WIDTH = 48, 64
_starts = itertools.count(os.getpid())


def own_domain() -> int:
    """Return a ROS domain that no other test and no process of this machine uses: another car must not be heard."""
    return free_domain(next(_starts))


class Process:
    """A node process; its output is in ``log``."""

    def __init__(self, module: str, domain: int, parameters: dict[str, object],
                 remaps: dict[str, str] | None = None) -> None:
        arguments = [item for name, value in parameters.items() for item in ('-p', f'{name}:={value}')]
        arguments += [item for name, value in (remaps or {}).items() for item in ('-r', f'{name}:={value}')]
        self._home = tempfile.TemporaryDirectory(prefix='ros_home_', ignore_cleanup_errors=True)
        environment = os.environ | {
            'ROS_DOMAIN_ID': str(domain), 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST', 'OMP_NUM_THREADS': '1',
            'ROS_HOME': self._home.name,
            'PYTHONPATH': os.pathsep.join((str(ROOT), os.environ.get('PYTHONPATH', '')))}
        self._output = tempfile.TemporaryFile('w+')
        self._process = subprocess.Popen([sys.executable, '-m', module, '--ros-args', *arguments], env=environment,
                                         stdout=self._output, stderr=subprocess.STDOUT)

    @property
    def log(self) -> str:
        self._output.seek(0)
        return self._output.read()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def end(self, how: int = signal.SIGINT) -> int:
        """Send a signal and return the exit code."""
        if self.running:
            self._process.send_signal(how)
        return self.wait()

    def wait(self) -> int:
        try:
            return self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise


class Rig:
    """Publishes a new picture every period and an IMU sample every 10 ms while it waits for something to become true.

    :ivar commands: (stamp in ns, speed, yaw rate) of every command received.
    :ivar status: message and values of the newest diagnostics by node name.
    """

    def __init__(self, domain: int, command_type: type = TwistStamped) -> None:
        # Discovery is settled by the environment when a context is made.
        os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
        self._context = rclpy.Context()
        rclpy.init(context=self._context, domain_id=domain)
        self.node = rclpy.create_node('rig', context=self._context)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self.node)
        self.images = self.node.create_publisher(Image, 'camera/image_raw', qos_profile_sensor_data)
        self.compressed = None
        self.imus = self.node.create_publisher(Imu, 'imu/data_raw', qos_profile_sensor_data)
        self.human = self.node.create_publisher(TwistStamped, 'cmd_vel_teleop', 1)
        self.node.create_subscription(command_type, 'cmd_vel', self._command, QoSProfile(depth=100))
        self.node.create_subscription(DiagnosticArray, '/diagnostics', self._diagnosis, 10)
        self.commands: list[tuple[int, float, float]] = []
        self.last: TwistStamped | Twist | None = None
        self.status: dict[str, tuple[str, dict[str, str]]] = {}
        self.stamps: list[int] = []
        self._rng = np.random.default_rng(0)
        self._next_picture = self._next_imu = time.monotonic()

    def close(self) -> None:
        self._executor.shutdown()
        self.node.destroy_node()
        rclpy.shutdown(context=self._context)

    def until(self, true: Callable[[], object], picture: Callable[[], object] | None = None, imu: bool = True,
              what: str = '') -> None:
        """Play until something is true; fail when it does not become so.

        :param picture: gives each message to publish; rgb8 noise by default.
        """
        deadline = time.monotonic() + PATIENCE_S
        while not true():
            assert time.monotonic() < deadline, f'waited in vain for {what or "it"}; {self.status}'
            self.play(picture or self.picture, imu)

    def play(self, picture: Callable[[], object], imu: bool = True) -> None:
        """Publish what is due and receive for a moment."""
        now = time.monotonic()
        if now >= self._next_picture:
            self._next_picture = now + PERIOD_S
            message = picture()
            if message is not None:
                self.publish(message)
        if now >= self._next_imu:
            self._next_imu = now + 0.01
            if imu:
                sample = Imu()
                sample.linear_acceleration.z = 9.81
                self.imus.publish(sample)
        self._executor.spin_once(timeout_sec=0.002)

    def publish(self, message: Image | CompressedImage) -> None:
        nanoseconds = time.time_ns()
        message.header.stamp.sec, message.header.stamp.nanosec = divmod(nanoseconds, 10 ** 9)
        self.stamps.append(nanoseconds)
        (self.images if isinstance(message, Image) else self.compressed).publish(message)

    def picture(self, encoding: str = 'rgb8', bytes_per_pixel: int = 3, rows: int = HEIGHT) -> Image:
        """Return a picture of noise."""
        message = Image(height=HEIGHT, width=WIDTH, encoding=encoding, step=bytes_per_pixel * WIDTH)
        message.data = array.array('B', self._rng.integers(0, 256, rows * message.step, dtype=np.uint8).tobytes())
        return message

    def until_driving(self) -> None:
        """Play good input until the car is told to move as the answer to a picture that comes now."""
        self.until_answered(lambda: self.picture())

    def until_answered(self, picture: Callable[[], object]) -> None:
        """Play until one of the pictures published from now on is answered with a command to move."""
        begin = len(self.stamps)
        self.until(lambda: any(speed > 0.0 and stamp in self.stamps[begin:] for stamp, speed, _ in self.commands[-5:]),
                   picture, what='an answer')

    def until_standing(self, reason: str, picture: Callable[[], object] | None = None, imu: bool = True) -> None:
        """Play until the car is told to stand and diagnostics give the reason."""
        self.until(lambda: self.commands and self.commands[-1][1:] == (0.0, 0.0) and reason in self.said('drive'),
                   picture, imu, what=reason)

    def said(self, name: str) -> str:
        return self.status.get(name, ('', {}))[0]

    def value(self, name: str, key: str) -> str:
        return self.status.get(name, ('', {}))[1].get(key, '')

    def call(self, kind: type, name: str, request: object) -> object:
        """Call a service while input goes on, and return its response."""
        client = self.node.create_client(kind, name)
        self.until(client.service_is_ready, what=name)
        future = client.call_async(request)
        self.until(future.done, what=name)
        self.node.destroy_client(client)
        return future.result()

    def set_parameter(self, name: str, value: object, node: str = 'drive') -> tuple[bool, str]:
        request = SetParameters.Request(parameters=[Parameter(name, value=value).to_parameter_msg()])
        result = self.call(SetParameters, f'/{node}/set_parameters', request).results[0]
        return result.successful, result.reason

    def describe(self, node: str, names: list[str]) -> list:
        request = DescribeParameters.Request(names=names)
        return self.call(DescribeParameters, f'/{node}/describe_parameters', request).descriptors

    def _command(self, message: TwistStamped | Twist) -> None:
        stamped = isinstance(message, TwistStamped)
        twist = message.twist if stamped else message
        stamp = message.header.stamp.sec * 10 ** 9 + message.header.stamp.nanosec if stamped else 0
        self.last = message
        self.commands.append((stamp, twist.linear.x, twist.angular.z))

    def _diagnosis(self, message: DiagnosticArray) -> None:
        for status in message.status:
            self.status[status.name] = status.message, {value.key: value.value for value in status.values}
