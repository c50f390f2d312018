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

"""The trainer node: drives by a teacher, records, lets a policy be learned and puts it into the drive node.

Everything that decides is in ``learning/loop/``; here are topics, services, parameters and the clock.
"""
import math
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import Quaternion, TwistStamped
from nav_msgs.msg import Odometry as OdometryMessage
from rcl_interfaces.msg import SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import CompressedImage, Image, Imu
from std_msgs.msg import String
from std_srvs.srv import Trigger

from liquid_control.driving.command import Command, from_twist
from liquid_control.errors import InputError
from liquid_control.learning.loop.champion import first_champion
from liquid_control.learning.loop.journal import Journal
from liquid_control.learning.loop.loop import ClosedLoop
from liquid_control.learning.loop.plan import Plan, load_roads
from liquid_control.learning.loop.recorder import Recorder
from liquid_control.learning.loop.road import Odometry
from liquid_control.learning.loop.states import State
from liquid_control.learning.loop.supervision import LearnerProcess
from liquid_control.learning.loop.swap import Swap
from liquid_control.learning.loop.teachers import ExpertTeacher, HumanTeacher
from liquid_control.learning.loop.tour import Tour
from liquid_control.learning.loop.ways import Way
from liquid_control.learning.loop.with_expert import WithExpert
from liquid_control.learning.loop.with_human import WithHuman
from liquid_control.learning.loop.with_recordings import WithRecordings
from liquid_control.learning.loop.work_folder import open_folder
from liquid_control.nodes.camera_input import CameraInput
from liquid_control.nodes.command_message import CommandMessage
from liquid_control.nodes.diagnostics import diagnostics
from liquid_control.nodes.remote_node import RemoteParameters
from liquid_control.nodes.running import run
from liquid_control.nodes.settings import declare, refusal_of
from liquid_control.nodes.trainer_settings import plan_of, trainer_settings
from liquid_control.sensing.imu import imu_vector
from liquid_control.simulation.car import default_car

TELEOP_TOPIC = 'cmd_vel_teleop'
TICK_S = 0.05
REPORT_S = 1.0
FAREWELL_S = 0.2
COMMANDS = QoSProfile(depth=10)
LATEST = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class TrainerNode(Node):
    """Gives the loop what it listens to, and the teacher's commands to the drive node.

    It never publishes cmd_vel: an expert drives through cmd_vel_teleop, so that the drive node's supervisor rules.
    """

    def __init__(self) -> None:
        super().__init__('trainer', automatically_declare_parameters_from_overrides=True)
        self._settings = trainer_settings()
        refusals = declare(self, self._settings)
        if refusals:
            raise InputError('; '.join(refusals))
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._car = default_car()
        self._human: HumanTeacher | None = None
        self._expert: ExpertTeacher | None = None
        self._tour: Tour | None = None
        self._driver = RemoteParameters(self, self._value('driver'))
        self._simulator = RemoteParameters(self, self._value('simulator'))
        self._reported_s = float('-inf')
        self._drive_name = self._full_name(self._value('driver'))
        self._diagnostics = self.create_publisher(DiagnosticArray, '/diagnostics', 10)
        self._states = self.create_publisher(String, '~/state', LATEST)
        self._loop = self._make_loop()
        self._make_topics()
        self.add_on_set_parameters_callback(self._check_parameters)
        self.add_post_set_parameters_callback(self._apply_parameters)
        self._tell_change()
        if self._value('autostart'):
            self._loop.start(time.monotonic())

    def fail(self, error: Exception) -> None:
        """Stop commanding, recording and learning: a callback raised what it should not."""
        line = ' '.join(f'{type(error).__name__}: {error}'.split())
        self.get_logger().error(f'internal error: {line}', throttle_duration_sec=1.0)
        self._loop.fail(f'internal error: {line}', time.monotonic())

    def close(self) -> None:
        """Finish everything on disk; the best policy stays in the drive node."""
        self._loop.close(time.monotonic())
        time.sleep(FAREWELL_S)  # for the last request to the drive node to leave
        self._lock.close()

    # Set-up

    def _make_loop(self) -> ClosedLoop:
        plan = plan_of({setting.name: self._value(setting.name) for setting in self._settings})
        if plan.teacher == 'bag' and not plan.recordings:
            raise InputError("teacher = 'bag' needs recordings; give them, for example recordings:=['drives/one']")
        for recording in plan.recordings:
            if not Path(recording).expanduser().exists():
                raise InputError(f"recording '{recording}' does not exist; give the folder of a rosbag2 bag")
        way = self._make_way(plan)
        folder, self._lock = open_folder(self._value('folder'))
        journal = Journal(folder.journal)
        standing = first_champion(folder, journal, plan, self._value('policy'))
        if plan.learn == 'fptt' and standing.untrained:
            raise InputError("learn = 'fptt' goes on from a policy that can drive; give one, for example "
                             'policy:=models/ncp19.safetensors')
        return ClosedLoop(plan, folder, journal, Recorder(folder.bags), LearnerProcess(), Swap(self._load_policy), way,
                          standing, self._say, self._tell_change)

    def _make_way(self, plan: Plan) -> Way:
        if plan.teacher == 'human':
            self._human = HumanTeacher(self._car)
            return WithHuman(plan, self._human)
        rng = np.random.default_rng((plan.seed, 0x70A2))
        self._expert = expert = ExpertTeacher(plan, self._car, rng)
        self._tour = Tour(load_roads((*plan.tracks, *plan.trial_tracks), plan.road_width_m), expert, self._go_to,
                          self._say)
        with_expert = WithExpert(plan, expert, self._tour, rng)
        return WithRecordings(with_expert) if plan.teacher == 'bag' else with_expert

    def _make_topics(self) -> None:
        self._camera = CameraInput(self, self._see_picture, qos_profile_sensor_data)
        self.create_subscription(Imu, 'imu/data_raw', self._feel, qos_profile_sensor_data)
        self.create_subscription(OdometryMessage, 'odom', self._see_odometry, qos_profile_sensor_data)
        self.create_subscription(TwistStamped, 'cmd_vel', self._hear_driven, COMMANDS)
        self.create_subscription(TwistStamped, f"{self._value('driver')}/policy", self._hear_answer, COMMANDS)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._hear_diagnostics, COMMANDS)
        if self._human is not None:
            self.create_subscription(TwistStamped, TELEOP_TOPIC, self._hear_human, COMMANDS)
        else:
            self._teleop = self.create_publisher(TwistStamped, TELEOP_TOPIC, QoSProfile(depth=1))
        self._message = CommandMessage('twist_stamped', self._car.wheelbase_m)
        for name, action in (('start', self._start), ('pause', self._pause), ('save', self._save)):
            self.create_service(Trigger, f'~/{name}', action)
        self.create_timer(TICK_S, self._tick, clock=self._steady)

    # Inputs

    def _see_picture(self, message: Image | CompressedImage) -> None:
        self._loop.see_picture(_nanoseconds(message.header.stamp), message, time.monotonic())

    def _feel(self, message: Imu) -> None:
        stamp_ns = self._loop.clock.believed_ns(_nanoseconds(message.header.stamp), time.monotonic())
        try:
            if stamp_ns is not None:
                self._loop.pairing.feel(stamp_ns, imu_vector(message))
        except InputError as error:
            self.get_logger().warning(str(error), throttle_duration_sec=5.0)

    def _see_odometry(self, message: OdometryMessage) -> None:
        pose, stamp = message.pose.pose, message.header.stamp
        odometry = Odometry(_nanoseconds(stamp), pose.position.x, pose.position.y, _yaw(pose.orientation),
                            message.twist.twist.linear.x)
        command = self._loop.see_odometry(odometry, time.monotonic())
        if command is not None:
            self._teleop.publish(self._message.filled(command, stamp))

    def _hear_human(self, message: TwistStamped) -> None:
        stamp_ns, command = self._timed(message)
        if stamp_ns is not None and command.finite:
            self._human.hear(stamp_ns, command)

    def _hear_driven(self, message: TwistStamped) -> None:
        stamp_ns, command = self._timed(message)
        if stamp_ns is not None:
            self._loop.pairing.driven(stamp_ns, command)
            if self._expert is not None:
                self._expert.driven(command)

    def _hear_answer(self, message: TwistStamped) -> None:
        self._loop.pairing.answered(_nanoseconds(message.header.stamp), self._command(message))

    def _hear_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name == self._drive_name:
                self._loop.hear_drive({value.key: value.value for value in status.values})

    def _timed(self, message: TwistStamped) -> tuple[int | None, Command]:
        stamp_ns = self._loop.clock.believed_ns(_nanoseconds(message.header.stamp), time.monotonic())
        return stamp_ns, self._command(message)

    def _command(self, message: TwistStamped) -> Command:
        return from_twist(message.twist.linear.x, message.twist.angular.z, self._car.wheelbase_m)

    # What the loop asks of other nodes

    def _load_policy(self, path: Path, sha256: str) -> None:
        def answered(taken: bool, reason: str) -> None:
            if not taken:
                self._loop.swap.refused(sha256, reason)
        self._driver.set({'policy': str(path), 'policy_sha256': sha256}, answered)

    def _go_to(self, spec: str) -> bool:
        def answered(taken: bool, reason: str) -> None:
            if taken:
                self._tour.placed(spec)
            else:
                self._tour.stays(f"the simulator does not go to track '{spec}' ({reason})")
        return self._simulator.set({'track': spec}, answered)

    # Services

    def _start(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        return self._respond(response, lambda: self._loop.start(time.monotonic()))

    def _pause(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        return self._respond(response, lambda: self._loop.pause(time.monotonic()))

    def _save(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        return self._respond(response, self._loop.save)

    def _respond(self, response: Trigger.Response, action: Callable[[], str | None]) -> Trigger.Response:
        try:
            said = action()
        except InputError as error:
            response.success, response.message = False, str(error)
        else:
            response.success, response.message = True, said or f'{self._loop.state.value}: {self._loop.reason}'
        return response

    # Parameters

    def _value(self, name: str) -> Any:
        return self.get_parameter(name).value

    def _full_name(self, name: str) -> str:
        """Return a node's name as its diagnostics have it."""
        return (name if name.startswith('/') else f'{self.get_namespace()}/{name}').lstrip('/')

    def _check_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        refusal = refusal_of(self._settings, parameters, configured=True)
        return SetParametersResult(successful=not refusal, reason=refusal)

    def _apply_parameters(self, parameters: list[Parameter]) -> None:
        tunable = {setting.name for setting in self._settings if not setting.fixed}
        for parameter in parameters:
            if parameter.name in tunable:
                setattr(self._loop.plan, parameter.name, parameter.value)

    # Telling

    def _tick(self) -> None:
        now = time.monotonic()
        self._loop.tick(now)
        if self._tour is not None:
            self._tour.tick(now)
        self._camera.look_around()
        if now - self._reported_s >= REPORT_S:
            self._report()

    def _say(self, line: str) -> None:
        self.get_logger().info(line)

    def _tell_change(self) -> None:
        self._states.publish(String(data=self._loop.state.value))
        self._report()

    def _report(self) -> None:
        self._reported_s = now = time.monotonic()
        loop = self._loop
        problem, waiting = loop.problem, loop.waiting_for(now)
        level = (DiagnosticStatus.ERROR if problem or loop.state is State.ERROR
                 else DiagnosticStatus.WARN if waiting or self._conflict else DiagnosticStatus.OK)
        told = f'{loop.state.value}: {loop.reason}', waiting and f'waits: {waiting}', self._conflict, problem
        self._diagnostics.publish(diagnostics(
            self.get_clock().now().to_msg(), self._full_name(self.get_name()), str(self._value('folder')), level,
            '; '.join(filter(None, told)), self._report_values()))

    @property
    def _conflict(self) -> str:
        if self._human is not None:
            return ''
        others = self.count_publishers(self._teleop.topic_name) - 1
        return f'somebody else publishes {TELEOP_TOPIC}, too' if others > 0 else ''

    def _report_values(self) -> dict[str, Any]:
        loop = self._loop
        values = loop.values()
        best, learning = values.pop('best'), loop.learning
        return values | {
            'left_out': sum(values['left_out'].values()), 'missing': sum(values['missing'].values()),
            'score': loop.score, 'best_score': best['score'], 'best_policy': best['policy'],
            'best_round': best['round'], 'track': self._tour.spec if self._tour else '',
            'recording': loop.recorder.problem or loop.recorder.bag or 'no',
            'learner': ', '.join(f'{name} {learning[name]:.3g}' for name in ('progress', 'loss', 'left_s')
                                 if name in learning) or 'idle'}


def _nanoseconds(stamp: Time) -> int:
    return stamp.sec * 10 ** 9 + stamp.nanosec


def _yaw(orientation: Quaternion) -> float:
    x, y, z, w = orientation.x, orientation.y, orientation.z, orientation.w
    return math.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))


def main() -> int:
    """Run the trainer."""
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    return run(TrainerNode)


if __name__ == '__main__':
    sys.exit(main())
