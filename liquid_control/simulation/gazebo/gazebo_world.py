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

"""A Gazebo simulator that is stepped from here: the car on a track, as the embedded simulator has it.

Needs the command ``gz`` (Gazebo Sim) and its Python bindings: those of ROS 2's gz_transport_vendor, or the package
gazebo-py-bindings beside a Gazebo of its version.
"""
import importlib
import math
import multiprocessing
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from liquid_control.driving.command import Command
from liquid_control.driving.command_guard import CommandGuard, gazebo_brake, gazebo_twist
from liquid_control.errors import InputError
from liquid_control.simulation.car import Car, default_car
from liquid_control.simulation.gazebo.car_sdf import car_model
from liquid_control.simulation.gazebo.names import BRAKE_TOPIC, COMMAND_TOPIC, WORLD, topic
from liquid_control.simulation.gazebo.roadside import roadside_boxes
from liquid_control.simulation.gazebo.world import STEP_S, lay_out, place_pose, write_world
from liquid_control.simulation.track import Track

BINDINGS = (('gz.transport', 'gz.msgs'), ('gz.transport15', 'gz.msgs12'), ('gz.transport13', 'gz.msgs10'))
"""Of Jetty, with and without a version, and of Harmonic."""
PATIENCE_S = 60.0
FRAME_STEPS = 20
SETTLE_FRAMES = 10


class GazeboWorld:
    """A car on a track in a Gazebo that stands still between two calls of ``advance_to``.

    Commands are held, without a guard: who steps the world is its guard. Time goes in whole pictures (1/30 s).

    :param seed: of Gazebo's noise.
    :param friction: factor on the tyres' friction.
    :param imu_noise: factor on the IMU's noise and bias.
    :param boxes: how many boxes stand beside the road and throw shadows.
    :raises InputError: if Gazebo or its Python bindings are not there, or it does not start.
    """

    def __init__(self, track: Track, seed: int, car: Car | None = None, friction: float = 1.0,
                 imu_noise: float = 1.0, boxes: int = 0) -> None:
        self.track, self.car = track, car or default_car()
        self._bound = _Bindings()
        self._limits = CommandGuard(math.inf, self.car.max_steering_rad, self.car.max_speed_mps)
        self._folder = tempfile.TemporaryDirectory(prefix='liquid_control_gazebo_')
        plots = lay_out([track])
        model = car_model(_varied(self.car, friction, imu_noise), pose=place_pose(plots[0], 0))
        world = write_world(
            Path(self._folder.name), plots, roadside_boxes(track, boxes, seed) if boxes else [], [model])
        self._heard = threading.Condition()
        self._newest: dict[str, tuple[float, Any]] = {}
        self._steps = 0
        self._connect(f'liquid_control_{os.getpid()}_{id(self)}')
        self._start(world, seed)

    def reset(self) -> None:
        """Wait until the car stands on its wheels at the start of the track; a world begins only once.

        :raises InputError: if the world has moved on already.
        """
        if self._steps:
            raise InputError('a Gazebo world begins only once; make another')
        while 'picture' not in self._newest:
            self._step(FRAME_STEPS, wait_for_picture=False)
        self._wait_for('picture', self._now - (FRAME_STEPS - 0.5) * STEP_S)
        for _ in range(SETTLE_FRAMES):
            self._step(FRAME_STEPS)

    @property
    def time(self) -> float:
        """Seconds of simulation."""
        return self._steps / FRAME_STEPS / self.car.camera.rate_hz

    def command(self, steering_rad: float, speed_mps: float) -> None:
        """Set the steering angle (rad, left positive) and the speed (m/s), cut to the car's limits."""
        told = self._limits.hear(Command(steering_rad, speed_mps), 0.0)
        if told is None:
            raise InputError(f'command ({steering_rad} rad, {speed_mps} m/s) is not finite; send finite numbers')
        message = self._bound.twist()
        message.linear.x, message.angular.z = gazebo_twist(told, self.car.wheelbase_m)
        self._commands.publish(message)
        self._brakes.publish(self._bound.double(data=gazebo_brake(told)))

    def advance_to(self, time: float) -> None:
        """Simulate until ``time`` seconds, to the nearest picture, and wait for that picture."""
        while self.time < time - 0.5 / self.car.camera.rate_hz:
            self._step(FRAME_STEPS)

    def camera(self) -> np.ndarray:
        """Return the newest picture, uint8 (height, width, 3) RGB."""
        message = self._newest['picture'][1]
        return np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, 3).copy()

    def imu(self) -> np.ndarray:
        """Return the newest IMU sample, float32 (6,): gyro in rad/s, accelerometer in m/s^2."""
        message = self._newest['imu'][1]
        vectors = message.angular_velocity, message.linear_acceleration
        return np.array([value for vector in vectors for value in (vector.x, vector.y, vector.z)], np.float32)

    def pose(self) -> tuple[float, float, float]:
        """Return the true pose of base_link: x m, y m, yaw rad."""
        pose = self._newest['odom'][1].pose
        q = pose.orientation
        yaw = math.atan2(2.0 * (q.w * q.z + q.x * q.y), 1.0 - 2.0 * (q.y ** 2 + q.z ** 2))
        return pose.position.x, pose.position.y, yaw

    def twist(self) -> tuple[float, float]:
        """Return forward speed in m/s and yaw rate in rad/s of base_link."""
        twist = self._newest['odom'][1].twist
        return twist.linear.x, twist.angular.z

    @property
    def log(self) -> str:
        """What Gazebo has said."""
        return Path(self._log.name).read_text(errors='replace')

    def close(self) -> None:
        """End Gazebo."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._control.end()
        self._folder.cleanup()

    def _connect(self, partition: str) -> None:
        self._partition = partition
        self._control = _Control(partition)
        self._node = self._bound.node(partition)
        self._commands = self._node.advertise(topic('', COMMAND_TOPIC), self._bound.twist)
        self._brakes = self._node.advertise(topic('', BRAKE_TOPIC), self._bound.double)
        for name, kind, where in (('picture', self._bound.image, 'camera/image_raw'),
                                  ('imu', self._bound.imu, 'imu/data_raw'), ('odom', self._bound.odometry, 'odom')):
            self._node.subscribe(kind, topic('', where), lambda message, name=name: self._hear(name, message))

    def _start(self, world: Path, seed: int) -> None:
        self._log = (Path(self._folder.name) / 'gazebo.log').open('w')
        self._process = subprocess.Popen(
            ['gz', 'sim', '-s', '--headless-rendering', '--seed', str(seed + 1), str(world)], stdout=self._log,
            stderr=subprocess.STDOUT, start_new_session=True,
            env=os.environ | {'GZ_PARTITION': self._partition, 'GZ_IP': '127.0.0.1'})
        self._control.outlive(self._process.pid)
        for _ in range(int(PATIENCE_S)):
            if self._process.poll() is not None:
                break
            if self._control.ask(1.0, pause=True):
                return
        said = self.log.strip().splitlines()[-1:] or ['nothing']
        self.close()
        raise InputError(f'Gazebo did not start and said: {said[0]}; try gz sim -s --headless-rendering on a world')

    def _hear(self, name: str, message: Any) -> None:
        stamp = message.header.stamp
        with self._heard:
            self._newest[name] = stamp.sec + 1e-9 * stamp.nsec, message
            self._heard.notify_all()

    @property
    def _now(self) -> float:
        return self._steps * STEP_S

    def _step(self, steps: int, wait_for_picture: bool = True) -> None:
        """Compute steps, and wait for what they bring: Gazebo says yes before it has computed them."""
        picture_s = self._newest.get('picture', (0.0,))[0]
        if not self._control.ask(PATIENCE_S, pause=True, multi_step=steps):
            raise InputError('Gazebo does not answer any more; look at its log')
        self._steps += steps
        self._wait_for('odom', self._now - 1.5 * STEP_S)
        if wait_for_picture:
            self._wait_for('picture', picture_s + (FRAME_STEPS - 2.5) * STEP_S)

    def _wait_for(self, name: str, stamp_s: float) -> None:
        """Wait for a message that is not older than a time of simulation.

        In short waits: a process that was held for longer (Ctrl-Z) finds its time over before it can hear anything.
        """
        with self._heard:
            if not any(self._heard.wait_for(lambda: self._newest.get(name, (-1.0,))[0] >= stamp_s, 1.0)
                       for _ in range(int(PATIENCE_S))):
                raise InputError(f'Gazebo brings no {name} after {stamp_s:.2f} s; does it have the Sensors system?')


class _Control:
    """Asks Gazebo in a process of its own.

    While the bindings wait for an answer they hold Python's lock: a message that comes then keeps the answer away.
    It also ends Gazebo when this process is killed.
    """

    def __init__(self, partition: str) -> None:
        context = multiprocessing.get_context('spawn')
        self._pipe, end = context.Pipe()
        self._process = context.Process(target=_serve_control, args=(partition, end), daemon=True)
        self._process.start()

    def ask(self, timeout_s: float, **control: Any) -> bool:
        """Control the world and return whether it was done."""
        self._pipe.send((timeout_s, control))
        return self._pipe.recv()

    def outlive(self, group: int) -> None:
        """Tell which process group is to end with this process, however that ends."""
        self._pipe.send(group)
        self._pipe.recv()

    def end(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()


def _serve_control(partition: str, pipe: Any) -> None:
    bound = node = group = None
    for number in signal.SIGTERM, signal.SIGHUP:  # both come to a whole process group, where a terminal closes
        signal.signal(number, signal.default_int_handler)
    try:
        while True:
            asked = pipe.recv()
            if isinstance(asked, int):
                group = asked
                pipe.send(group)
                continue
            if bound is None:
                bound = _Bindings()
                node = bound.node(partition)
            timeout_s, control = asked
            pipe.send(bound.ask(node, f'/world/{WORLD}/control', timeout_s, **control))
    except (EOFError, OSError, KeyboardInterrupt):
        if group is not None:
            os.killpg(group, signal.SIGKILL)


class _Bindings:
    """Gazebo's Python bindings, imported where Gazebo is used."""

    def __init__(self) -> None:
        if shutil.which('gz') is None:
            raise InputError("the command 'gz' is not there; install Gazebo (ros-jazzy-ros-gz) or take another engine")
        transport, messages = _modules()
        self.image, self.imu, self.odometry, self.twist, self.double, self._control, self._boolean = (
            getattr(importlib.import_module(f'{messages}.{file}_pb2'), name) for file, name in (
                ('image', 'Image'), ('imu', 'IMU'), ('odometry', 'Odometry'), ('twist', 'Twist'), ('double', 'Double'),
                ('world_control', 'WorldControl'), ('boolean', 'Boolean')))
        self._node, self._options = transport.Node, transport.NodeOptions

    def node(self, partition: str) -> Any:
        options = self._options()
        options.partition = partition
        return self._node(options)

    def ask(self, node: Any, service: str, timeout_s: float, **control: Any) -> bool:
        """Control a world and return whether it was done."""
        done, answer = node.request(
            service, self._control(**control), self._control, self._boolean, round(1000 * timeout_s))
        return bool(done and answer.data)


def _modules() -> tuple[ModuleType, str]:
    """Return Gazebo's transport and the name of its messages: they carry the version of their Gazebo in their names."""
    for transport, messages in BINDINGS:
        try:
            return importlib.import_module(transport), messages
        except ImportError as error:
            reason = error
    raise InputError(f"Gazebo's Python bindings cannot be imported ({reason}); install python3-gz-transport13 or take "
                     'another engine')


def _varied(car: Car, friction: float, imu_noise: float) -> Car:
    noise = {name: imu_noise * getattr(car.imu, name) for name in (
        'gyro_noise_radps', 'gyro_bias_radps', 'accel_noise_mps2', 'accel_bias_mps2')}
    return replace(car, tyre_friction=friction * car.tyre_friction, imu=replace(car.imu, **noise))
