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

"""ROS 2 node that listens to a drive for the page of ``liquid-control view``; it publishes nothing."""
import math
import threading
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import TwistStamped
from nav_msgs.msg import Odometry
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image, Imu
from std_msgs.msg import Float32MultiArray

from liquid_control.audit.explaining import Explainer
from liquid_control.audit.observer import Driven, Observer
from liquid_control.audit.session import Source
from liquid_control.driving.command import Command, from_twist
from liquid_control.errors import InputError
from liquid_control.nodes.between_ticks import BetweenTicks
from liquid_control.nodes.camera_input import CameraInput
from liquid_control.nodes.neurons_message import rows_of
from liquid_control.policy.policy_file import load_policy
from liquid_control.sensing.imu import imu_vector
from liquid_control.sensing.picture import picture_of
from liquid_control.share import share_path
from liquid_control.simulation.car import default_car

FEW = QoSProfile(depth=8, reliability=ReliabilityPolicy.BEST_EFFORT)
MANY = QoSProfile(depth=50, reliability=ReliabilityPolicy.BEST_EFFORT)
KEPT, SAMPLES, CANDIDATES = 16, 64, 12
SAME_TICK_NS = 20_000_000
PATIENCE_S = 0.15
"""How long a tick waits for its picture, which is larger and so may come later."""
UNKNOWN = Command(math.nan, math.nan)
QUIET_S = 3.0
LOOK_S = 1.0


class Viewer(Node):
    """Makes moments of what the drive node ``drive`` of this namespace sees, thinks and commands.

    Every subscription is best effort: nobody waits for this node or sends anything to it again.

    :param policy: file of the policy that drives; None takes the one that diagnostics name.
    """

    def __init__(self, source: Source, policy: Path | None, namespace: str = '') -> None:
        super().__init__('view', namespace=namespace, start_parameter_services=False, parameter_overrides=[
            Parameter(name, value=False) for name in ('use_sim_time', 'start_type_description_service')])
        self._source, self._given = source, policy
        self._observer = Observer(None if source.explainer is None else source.explainer.policy)
        self._pictures: dict[int, Any] = {}
        self._samples: deque[tuple[int, np.ndarray]] = deque(maxlen=SAMPLES)
        self._commands: dict[int, Command] = {}
        self._reports: deque[tuple[int, Float32MultiArray]] = deque(maxlen=KEPT)
        self._answers: deque[tuple[int, int, float]] = deque(maxlen=KEPT)
        self._measured_mps = math.nan
        self._condition = '', ''
        self._loaded, self._trouble = '', ''
        self._heard_s = self._looked_s = -math.inf
        self._wheelbase_m = default_car().wheelbase_m
        self._camera = CameraInput(self, self._take_picture, FEW)
        self.create_subscription(Imu, 'imu/data_raw', self._see_imu, MANY)
        self.create_subscription(TwistStamped, 'cmd_vel', self._see_command, FEW)
        self.create_subscription(Odometry, 'odom', self._see_odometry, FEW)
        self.create_subscription(Float32MultiArray, 'drive/neurons', self._see_neurons, MANY)
        self.create_subscription(TwistStamped, 'drive/policy', self._see_answer, MANY)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._see_diagnostics, FEW)
        self._between_ticks = BetweenTicks(self)

    def attend(self, stopped: threading.Event) -> None:
        """Listen until stopped; nothing that goes wrong ends it."""
        while not stopped.wait(self._between_ticks.pause_s()):
            try:
                self._between_ticks.take()
                if self._now() > self._looked_s + LOOK_S:
                    self._look_around()
            except Exception as error:  # noqa: B902 the page goes on
                self._fail(error)

    def _fail(self, error: Exception) -> None:
        """Say what went wrong and go on."""
        self.get_logger().error(f'internal error: {type(error).__name__}: {error}', throttle_duration_sec=5.0)

    def _take_picture(self, message: Image | CompressedImage) -> None:
        _keep(self._pictures, message, message)
        self._settle()

    def _see_imu(self, message: Imu, info: dict) -> None:
        try:
            sample = imu_vector(message)
        except InputError:
            return
        self._samples.append((info['source_timestamp'], sample))
        self._source.history.add_imu(1e-9 * _nanoseconds(message.header.stamp), sample)

    def _see_command(self, message: TwistStamped) -> None:
        twist = message.twist
        command = from_twist(twist.linear.x, twist.angular.z, self._wheelbase_m)
        _keep(self._commands, message, command)

    def _see_odometry(self, message: Odometry) -> None:
        self._measured_mps = message.twist.twist.linear.x

    def _see_neurons(self, message: Float32MultiArray, info: dict) -> None:
        self._heard_s = self._now()
        self._between_ticks.ticked(info['source_timestamp'])
        self._reports.append((info['source_timestamp'], message))
        self._settle()

    def _see_answer(self, message: TwistStamped, info: dict) -> None:
        self._answers.append((info['source_timestamp'], _nanoseconds(message.header.stamp), self._heard_s))
        self._settle()

    def _settle(self) -> None:
        """Bring together the neurons of a tick, the answer that follows them and the picture whose stamp this carries.

        Each may be lost, and the picture, which is larger, may come last.
        """
        while self._reports and self._answers:
            (reported_ns, message), (answered_ns, taken_ns, heard_s) = self._reports[0], self._answers[0]
            if answered_ns < reported_ns:
                self._answers.popleft()
            elif answered_ns > reported_ns + SAME_TICK_NS:
                self._reports.popleft()
                self._observer.skip(rows_of(message)[0])
            elif taken_ns not in self._pictures and self._now() < heard_s + PATIENCE_S:
                return
            else:
                self._answers.popleft()
                self._reports.popleft()
                self._make_moment(taken_ns, reported_ns, *rows_of(message))

    def _make_moment(self, taken_ns: int, reported_ns: int, state: np.ndarray, time_constants: np.ndarray) -> None:
        try:
            picture = picture_of(self._pictures[taken_ns])
        except (KeyError, InputError):
            self._observer.skip(state, 1e-9 * taken_ns)
            return
        newest = next(reversed(self._commands.values()), UNKNOWN)
        command = self._commands.get(taken_ns, newest)
        driven = Driven(command.steering_rad, command.speed_mps, self._measured_mps, *self._condition)
        self._source.history.add(self._observer.match(
            picture, 1e-9 * taken_ns, self._samples_until(reported_ns), state, time_constants, driven))

    def _samples_until(self, reported_ns: int) -> list[np.ndarray]:
        """Return the IMU samples of which the drive node may have taken one: the newest published before its report.

        Where the clocks of two machines disagree so much that there are none, the newest of all.
        """
        before = [sample for published_ns, sample in self._samples if published_ns <= reported_ns]
        return (before or [sample for _, sample in self._samples])[-CANDIDATES:]

    def _see_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            values = {value.key: value.value for value in status.values}
            if status.name.rsplit('/', 1)[-1] == 'drive':
                self._condition = values.get('state', status.message), values.get('reason', '')
                self._follow_policy(values.get('policy_loaded', status.hardware_id))
                level = {DiagnosticStatus.OK: 'ok', DiagnosticStatus.WARN: 'warning'}.get(status.level, 'error')
                self._tell(drive=values, level=level, message=status.message)
            elif 'picture_to_command_p50_ms' in values:
                self._tell(simulator=values)

    def _look_around(self) -> None:
        self._looked_s = self._now()
        self._camera.look_around()
        waiting = self._now() > self._heard_s + QUIET_S
        self._tell(policy=self._loaded, trouble=self._trouble, waiting='the drive node is silent' if waiting else '')

    def _tell(self, **status: Any) -> None:
        self._source.status = self._source.status | status

    def _follow_policy(self, name: str) -> None:
        """Load the policy that the drive node says it has, when it is another than before."""
        name = str(self._given or name)
        if name == self._loaded:
            return
        self._loaded, self._trouble = name, ''
        try:
            self._source.explainer = Explainer(load_policy(_find(name)))
        except InputError as error:
            self._source.explainer = None
            self._trouble = f'{error}; without it there is no tracing (give the file with --policy)'
        self._observer = Observer(None if self._source.explainer is None else self._source.explainer.policy)
        self._source.history.clear()

    def _now(self) -> float:
        return 1e-9 * self.get_clock().now().nanoseconds


def _find(name: str) -> Path:
    path = Path(name)
    if path.exists() or path.is_absolute():
        return path
    try:
        return share_path(name)
    except FileNotFoundError:
        return path


def _keep(kept: dict[int, Any], message: Any, value: Any) -> None:
    """Keep what belongs to a stamp; the oldest goes."""
    kept[_nanoseconds(message.header.stamp)] = value
    while len(kept) > KEPT:
        del kept[next(iter(kept))]


def _nanoseconds(stamp: Any) -> int:
    return stamp.sec * 10 ** 9 + stamp.nanosec
