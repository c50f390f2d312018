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

"""ROS 2 node that listens to a car for ``liquid-control doctor``; it publishes nothing."""
import math
import os
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.srv import GetParameters
from rclpy.duration import Infinite
from rclpy.exceptions import InvalidNamespaceException, InvalidTopicNameException
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter, parameter_value_to_python
from rclpy.qos import LivelinessPolicy, QoSCompatibility, QoSProfile, ReliabilityPolicy, qos_check_compatible
from rclpy.validate_namespace import validate_namespace
from rclpy.validate_topic_name import validate_topic_name
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage, Image, Imu

from liquid_control.errors import InputError
from liquid_control.nodes.camera_input import COMPRESSED_TOPIC, IMAGE_TOPIC
from liquid_control.nodes.command_message import CommandMessage
from liquid_control.nodes.drive import COMMAND, IMU_TOPIC, NEWEST, TELEOP_TOPIC
from liquid_control.nodes.drive_settings import drive_settings
from liquid_control.readiness.observation import DriveNode, Endpoint, Observation, Settings, Topic
from liquid_control.readiness.params_file import read_params
from liquid_control.sensing.imu import imu_vector
from liquid_control.sensing.picture import picture_of

FEW = QoSProfile(depth=20, reliability=ReliabilityPolicy.BEST_EFFORT)
MANY = QoSProfile(depth=200, reliability=ReliabilityPolicy.BEST_EFFORT)
RAW_FIRST_S = 1.0
LOOK_S = 0.1
MAX_TROUBLES = 3
LISTENERS = {'view', 'spectator', 'trainer', 'rosbag2_recorder'}
"""Nodes that take commands without being a chassis."""
DRIVE_TYPES = {'twist_stamped': 'geometry_msgs/msg/TwistStamped', 'twist': 'geometry_msgs/msg/Twist',
               'ackermann': 'ackermann_msgs/msg/AckermannDriveStamped'}
ASKED = (*Settings.__dataclass_fields__, 'use_sim_time')


class Doctor(Node):
    """Takes note of a car's topics, and of its drive node if there is one.

    Every subscription is best effort: nobody waits for this node or sends anything to it again.

    :param remappings: of topics, name -> topic.
    """

    def __init__(self, namespace: str, remappings: dict[str, str]) -> None:
        rules = [item for name, topic in remappings.items() for item in ('-r', f'{name}:={topic}')]
        super().__init__(
            f'doctor_{os.getpid()}', namespace=namespace, use_global_arguments=False,
            cli_args=['--ros-args', *rules] if rules else None, start_parameter_services=False,
            parameter_overrides=[Parameter(name, value=False) for name in (
                'use_sim_time', 'start_type_description_service')])
        self._drive_name = f'{self.get_namespace().rstrip("/")}/drive'
        self._drive: DriveNode | None = None
        self._asked: dict[str, Any] | None = None
        self._clock_s = math.nan
        self._samples: list[np.ndarray] = []
        self._troubles: dict[str, list[str]] = {'picture': [], 'imu': []}
        self._picture: Any = None
        self._compressed = None

    def observe(self, seconds: float, given: Settings, simulated: bool | None,
                patience_s: float = 10.0) -> Observation:
        """Listen until everything has been found, then for some seconds, and return what was seen.

        :param given: parameters that a drive node will have; one that runs already is asked for its own.
        :param simulated: whether it takes its time from /clock; None asks it, or else sees whether anybody publishes
            that.
        :param patience_s: how long at most to wait for what has not been found.
        """
        self._seen = seen = self._blank(given)
        self._subscribe(seen)
        executor = SingleThreadedExecutor(context=self.context)
        executor.add_node(self)
        start = now = looked = time.monotonic()
        found = False
        end = start + patience_s + seconds
        while now < end:
            executor.spin_once(timeout_sec=0.1)
            now = time.monotonic()
            if now >= looked + LOOK_S:
                looked = now
                self._look_around(now - start)
                if not found and self._found():
                    found, end = True, now + seconds
        executor.remove_node(self)
        return self._complete(given, simulated)

    # Subscriptions

    def _blank(self, given: Settings) -> Observation:
        nothing = Topic('', '')
        return Observation(False, given, nothing, nothing, nothing, nothing, nothing)

    def _subscribe(self, seen: Observation) -> None:
        self.create_subscription(Clock, '/clock', self._hear_clock, MANY)
        self.create_subscription(Image, IMAGE_TOPIC, self._hear_picture, FEW)
        self.create_subscription(Imu, IMU_TOPIC, self._hear_imu, MANY)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._hear_diagnostics, FEW)
        self._command_kind = seen.settings.command_type
        self._listen_to_commands()

    def _listen_to_commands(self) -> None:
        try:
            message = CommandMessage(self._command_kind, 1.0)
        except InputError:
            self._commands = None
            return
        self._commands = self.create_subscription(message.type, message.topic, self._hear_command, FEW)

    def _look_around(self, passed_s: float) -> None:
        """Ask the drive node when it is found, and take compressed pictures where there are no raw ones."""
        if self._asked is None and self._running():
            self._drive = self._drive or DriveNode(self._drive_name)
            self._ask()
        if self._compressed is None and passed_s > RAW_FIRST_S and not self._count(IMAGE_TOPIC) and self._count(
                COMPRESSED_TOPIC):
            self._compressed = self.create_subscription(
                CompressedImage, COMPRESSED_TOPIC, self._hear_picture, FEW)

    def _found(self) -> bool:
        """Tell whether camera, IMU, chassis and, if there is one, the drive node have been found."""
        told = self._drive is None or (self._drive.state and self._asked)
        chassis = self._commands is not None and self._listeners(self._commands.topic_name)
        return bool(len(self._seen.camera) and len(self._seen.imu) and chassis and told)

    def _count(self, topic: str) -> int:
        return self.count_publishers(self.resolve_topic_name(topic))

    def _running(self) -> bool:
        return any(f'{place.rstrip("/")}/{name}' == self._drive_name
                   for name, place in self.get_node_names_and_namespaces())

    def _ask(self) -> None:
        client = self.create_client(GetParameters, f'{self._drive_name}/get_parameters')
        if not client.service_is_ready():
            self.destroy_client(client)
            return
        self._asked = {}
        future = client.call_async(GetParameters.Request(names=list(ASKED)))
        future.add_done_callback(self._hear_parameters)

    def _hear_parameters(self, future: Any) -> None:
        values = [parameter_value_to_python(value) for value in future.result().values]
        self._asked = dict(zip(ASKED, values))
        kind = self._asked.get('command_type', self._command_kind)
        if kind != self._command_kind:
            if self._commands is not None:
                self.destroy_subscription(self._commands)
            self._command_kind = kind
            self._listen_to_commands()

    # Messages

    def _hear_clock(self, message: Clock, info: dict) -> None:
        self._clock_s = _seconds(message.clock)
        self._seen.clock.append((_times(info)[1], self._clock_s))

    def _hear_picture(self, message: Image | CompressedImage, info: dict) -> None:
        self._seen.camera.add(*_times(info), self._clock_s, _seconds(message.header.stamp))
        self._picture = message

    def _hear_imu(self, message: Imu, info: dict) -> None:
        self._seen.imu.add(*_times(info), self._clock_s, _seconds(message.header.stamp))
        try:
            self._samples.append(imu_vector(message))
        except InputError as error:
            self._note('imu', str(error))

    def _hear_command(self, message: Any, info: dict) -> None:
        stamp = _seconds(message.header.stamp) if hasattr(message, 'header') else math.nan
        self._seen.commands.add(*_times(info), self._clock_s, stamp)
        self._seen.speeds_mps.append(_speed_mps(message))

    def _hear_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if f'/{status.name}' == self._drive_name:
                values = {value.key: value.value for value in status.values}
                self._drive = DriveNode(self._drive_name, values.get('state', ''), values.get('reason', ''), values)

    def _note(self, what: str, trouble: str) -> None:
        if trouble not in self._troubles[what] and len(self._troubles[what]) < MAX_TROUBLES:
            self._troubles[what].append(trouble)

    # What was seen

    def _complete(self, given: Settings, simulated: bool | None) -> Observation:
        seen, asked = self._seen, self._asked or {}
        seen.settings = replace(given, **{name: asked[name] for name in Settings.__dataclass_fields__ if name in asked})
        seen.drive = self._drive if self._running() else None
        if self._picture is not None:
            self._read_picture(seen)
        seen.samples = np.array(self._samples).reshape(-1, 6)
        seen.imu_troubles = tuple(self._troubles['imu'])
        raw = self._count(IMAGE_TOPIC) or not self._count(COMPRESSED_TOPIC)
        seen.camera_topic = (self._topic(IMAGE_TOPIC, 'sensor_msgs/msg/Image', sub=NEWEST) if raw else
                             self._topic(COMPRESSED_TOPIC, 'sensor_msgs/msg/CompressedImage', sub=NEWEST))
        seen.imu_topic = self._topic(IMU_TOPIC, 'sensor_msgs/msg/Imu', sub=NEWEST)
        commands = 'drive' if seen.settings.command_type == 'ackermann' else 'cmd_vel'
        seen.command_topic = self._topic(commands, DRIVE_TYPES[seen.settings.command_type], pub=COMMAND)
        seen.teleop_topic = self._topic(TELEOP_TOPIC, DRIVE_TYPES['twist_stamped'], sub=COMMAND)
        seen.clock_topic = self._topic('/clock', 'rosgraph_msgs/msg/Clock', sub=MANY)
        if simulated is None:
            simulated = asked.get('use_sim_time')
        seen.simulated = bool(seen.clock_topic.publishers) if simulated is None else simulated
        return seen

    def _read_picture(self, seen: Observation) -> None:
        try:
            seen.picture = picture_of(self._picture)
            seen.encoding = getattr(self._picture, 'encoding', '') or self._picture.format
        except InputError as error:
            self._note('picture', str(error))
        seen.picture_troubles = tuple(self._troubles['picture'])

    def _topic(self, topic: str, kind: str, sub: QoSProfile | None = None, pub: QoSProfile | None = None) -> Topic:
        """Return who is on a topic; the drive node has the QoS ``sub`` where it listens, ``pub`` where it publishes."""
        name = self.resolve_topic_name(topic)
        asked, offered = (profile and _spelt_out(profile) for profile in (sub, pub))
        publishers = [Endpoint(node, info.topic_type, _mismatch(info.qos_profile, asked) if asked else '')
                      for node, info in self._others(self.get_publishers_info_by_topic(name))]
        subscribers = [Endpoint(node, info.topic_type, _mismatch(offered, info.qos_profile) if offered else '')
                       for node, info in self._listeners(name)]
        alike = [other for other, kinds in self.get_topic_names_and_types()
                 if kind in kinds and other != name and self.count_publishers(other)]
        return Topic(name, kind, tuple(publishers), tuple(subscribers), tuple(alike))

    def _listeners(self, topic: str) -> list[tuple[str, Any]]:
        return [(node, info) for node, info in self._others(self.get_subscriptions_info_by_topic(topic))
                if node.rsplit('/', 1)[-1] not in LISTENERS]

    def _others(self, infos: list) -> list[tuple[str, Any]]:
        named = [(f'{info.node_namespace.rstrip("/")}/{info.node_name}', info) for info in infos]
        return [(node, info) for node, info in named if not node.rsplit('/', 1)[-1].startswith('doctor_')]


def check_names(namespace: str, topics: Iterable[str]) -> None:
    """Check names before a node is made.

    :raises InputError: if one cannot be used.
    """
    try:
        validate_namespace(f'/{namespace.strip("/")}')
        for topic in topics:
            validate_topic_name(topic)
    except (InvalidNamespaceException, InvalidTopicNameException) as error:
        raise InputError(f"namespace '{namespace}' or a topic cannot be used ({str(error).splitlines()[0]}); "
                         'give names such as car1') from error


def settings_of(params: str | None, namespace: str) -> Settings:
    """Return the parameters that a drive node will have with this parameters file; None is no file.

    :raises InputError: if the file cannot be read or holds a value that the node would refuse.
    """
    given = read_params(params, f'/{namespace.strip("/")}/drive'.replace('//', '/')) if params else {}
    values = {}
    for setting in drive_settings():
        value = given.get(setting.name, setting.default)
        refusal = setting.refusal(value)
        if refusal:
            raise InputError(f"parameters file '{params}': {refusal}")
        values[setting.name] = value
    return Settings(**{name: values[name] for name in Settings.__dataclass_fields__})


def _spelt_out(profile: QoSProfile) -> QoSProfile:
    """Return a profile of this package with the values that others see in place of defaults."""
    return QoSProfile(
        depth=profile.depth, reliability=profile.reliability, durability=profile.durability,
        deadline=Infinite, liveliness_lease_duration=Infinite, liveliness=LivelinessPolicy.AUTOMATIC)


def _mismatch(offered: QoSProfile, asked: QoSProfile) -> str:
    compatibility, reason = qos_check_compatible(offered, asked)
    return reason.replace('ERROR: ', '').strip('; ') if compatibility == QoSCompatibility.ERROR else ''


def _times(info: dict) -> tuple[float, float]:
    """Return when a message was published and received; now where the middleware does not tell."""
    now = time.time_ns()
    return 1e-9 * (info['source_timestamp'] or now), 1e-9 * (info['received_timestamp'] or now)


def _seconds(stamp: Any) -> float:
    return stamp.sec + 1e-9 * stamp.nanosec


def _speed_mps(message: Any) -> float:
    if hasattr(message, 'drive'):
        return message.drive.speed
    return (message.twist if hasattr(message, 'twist') else message).linear.x
