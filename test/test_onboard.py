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

"""What onboard.launch.py and its files give to a car, and the node for servo and motor on a PCA9685."""
import math
import os
import signal
import subprocess
import sys
import tempfile
import time

import pytest
import yaml

from liquid_control.driving.command import STAND, Command, from_twist, yaw_rate_radps
from liquid_control.driving.pulses import Pulses
from liquid_control.readiness.params_file import read_params
from liquid_control.share import share_path

CHASSIS = ('f1tenth', 'pwm', 'ros2_control')


class Bus:
    """An I2C bus with a PCA9685 that keeps its registers; it does not answer while ``broken``."""

    def __init__(self) -> None:
        self.registers = bytearray(256)
        self.broken = False
        self.prescale_awake = False
        self._file = tempfile.TemporaryFile()

    def fileno(self) -> int:
        return self._file.fileno()

    def write(self, message: bytes) -> None:
        if self.broken:
            raise OSError(121, 'Remote I/O error')
        register, values = message[0], message[1:]
        if register == 0xFE and not self.registers[0x00] & 0x10:
            self.prescale_awake = True
        self.registers[register:register + len(values)] = values

    def pulse(self, output: int) -> int:
        start = 6 + 4 * output
        assert self.registers[start:start + 2] == b'\0\0'  # pulses begin with the period
        return int.from_bytes(self.registers[start + 2:start + 4], 'little')


def pulses() -> Pulses:
    given = read_params(share_path('config/chassis_pwm.yaml'), '/pwm')
    return Pulses(**{name: given[name] for name in Pulses.__dataclass_fields__})


@pytest.mark.parametrize('chassis', CHASSIS)
def test_a_chassis_gives_the_drive_node_what_it_takes(chassis):
    drive_settings = pytest.importorskip('liquid_control.nodes.drive_settings').drive_settings
    path = share_path(f'config/chassis_{chassis}.yaml')
    given = read_params(share_path('config/onboard.yaml'), '/car1/drive') | read_params(path, '/car1/drive')
    settings = {setting.name: setting for setting in drive_settings()}
    assert set(given) <= set(settings)
    assert not [refusal for name, value in given.items() if (refusal := settings[name].refusal(value))]
    assert given['command_type'] == ('ackermann' if chassis == 'f1tenth' else 'twist_stamped')
    assert '*' not in path.read_text().split('ros__parameters', 1)[1].replace('/**/', '')  # rcl reads no YAML aliases


def test_every_node_of_a_chassis_agrees_on_the_car():
    pwm, drive = (read_params(share_path('config/chassis_pwm.yaml'), f'/{node}') for node in ('pwm', 'drive'))
    assert (pwm['wheelbase_m'], pwm['max_steering_rad']) == (drive['wheelbase_m'], drive['max_steering_rad'])
    path = share_path('config/chassis_ros2_control.yaml')
    controller, drive = read_params(path, '/ackermann_steering_controller'), read_params(path, '/drive')
    onboard = read_params(share_path('config/onboard.yaml'), '/drive')
    assert controller['wheelbase'] == drive['wheelbase_m']
    assert controller['reference_timeout'] > onboard['camera_timeout_s'] + 1.0 / onboard['control_rate_hz']
    car = yaml.safe_load(share_path('config/car.yaml').read_text())
    assert (controller['wheelbase'], controller['traction_wheels_radius'], controller['traction_track_width']) == (
        car['wheelbase_m'], car['wheel_radius_m'], car['track_width_m'])
    f1tenth = share_path('config/chassis_f1tenth.yaml')
    servo, limits = read_params(f1tenth, '/ackermann_to_vesc'), read_params(f1tenth, '/vesc_driver')
    lock = read_params(f1tenth, '/drive')['max_steering_rad']
    ends = [servo['steering_angle_to_servo_offset'] + side * lock * servo['steering_angle_to_servo_gain']
            for side in (1, -1)]
    assert limits['servo_min'] - 0.05 < min(ends) and max(ends) < limits['servo_max'] + 0.1


def test_pulses_go_from_end_to_end():
    made = pulses()
    ends = {Command(0.35, 4.0): (460, 500), Command(-0.35, -4.0): (290, 220), STAND: (375, 370),
            Command(0.9, 9.0): (460, 500), Command(0.175, 2.0): (418, 435)}
    assert {command: (made.steering(command), made.throttle(command)) for command in ends} == ends


def test_the_chip_is_set_up_asleep_and_keeps_pulses():
    pca9685 = pytest.importorskip('liquid_control.nodes.pca9685')
    bus = Bus()
    chip = pca9685.Pca9685(bus, 60.0)
    assert bus.registers[0xFE] == 101 and not bus.prescale_awake  # data sheet 7.3.5: round(25 MHz / (4096 * 60)) - 1
    assert not bus.registers[0x00] & 0x10 and bus.registers[0x01] == 0x04
    chip.set_pulse(0, 370)
    chip.set_pulse(15, 4095)
    assert (bus.pulse(0), bus.pulse(15)) == (370, 4095)


@pytest.fixture
def pwm_node(monkeypatch):
    """Return the node, its bus and a node that commands it."""
    rclpy = pytest.importorskip('rclpy')
    import ros_rig
    from geometry_msgs.msg import TwistStamped
    from rclpy.executors import SingleThreadedExecutor

    from liquid_control.nodes import pwm
    bus = Bus()
    monkeypatch.setattr(pwm, 'open_bus', lambda *_: bus)
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    rclpy.init(domain_id=ros_rig.own_domain())
    node, human = pwm.PwmNode(), rclpy.create_node('human')
    publisher = human.create_publisher(TwistStamped, 'cmd_vel', 1)
    executor = SingleThreadedExecutor()
    executor.add_node(node)

    def until(true, speed: float | None = None, yaw_rate: float = 0.0) -> None:
        limit = time.monotonic() + ros_rig.PATIENCE_S
        while not true():
            assert time.monotonic() < limit
            if speed is not None:
                message = TwistStamped()
                message.twist.linear.x, message.twist.angular.z = speed, yaw_rate
                publisher.publish(message)
            try:
                executor.spin_once(timeout_sec=0.02)
            except OSError as error:
                node.fail(error)
    yield node, bus, until
    for ended in node, human:
        ended.destroy_node()
    rclpy.shutdown()


def test_a_pwm_car_drives_by_commands_and_stands_without(pwm_node):
    node, bus, until = pwm_node
    assert (bus.pulse(0), bus.pulse(1)) == (370, 375)
    command = Command(0.2, 2.0)
    yaw_rate = yaw_rate_radps(command, 0.33)
    assert from_twist(2.0, yaw_rate, 0.33).steering_rad == pytest.approx(0.2)
    until(lambda: bus.pulse(0) > 370, 2.0, yaw_rate)
    assert (bus.pulse(0), bus.pulse(1)) == (435, round(375 + 0.2 / 0.42 * 85))
    until(lambda: bus.pulse(0) == 370)  # commands have stopped
    until(lambda: bus.pulse(0) > 370, 2.0)
    bus.broken = True
    until(lambda: node._silent)
    bus.broken = False
    until(lambda: bus.pulse(0) == 370)  # as soon as the chip answers again
    until(lambda: bus.pulse(0) > 370, 2.0)
    node.close()
    assert bus.pulse(0) == 370
    until(lambda: True, math.nan)


BEATING = """
import sys, time
from liquid_control.nodes.deadman import Deadman
deadman = Deadman(int(sys.argv[1]), float(sys.argv[2]), b'stand')
for beat in range(10**6):
    deadman.beat()
    if beat == 20:
        print('well', flush=True)
    time.sleep(0.01)
"""


@pytest.mark.parametrize('sent, silence_s', [(signal.SIGKILL, 30.0), (signal.SIGSTOP, 0.2)])
def test_hardware_is_told_to_stand_when_its_process_is_killed_or_held(sent, silence_s):
    reading, writing = os.pipe()
    process = subprocess.Popen([sys.executable, '-c', BEATING, str(writing), str(silence_s)], stdout=subprocess.PIPE,
                               pass_fds=[writing], start_new_session=True)
    os.close(writing)
    assert process.stdout.readline() == b'well\n'
    if sent == signal.SIGKILL:
        os.set_blocking(reading, False)
        with pytest.raises(BlockingIOError):  # nothing was written while it was well
            os.read(reading, 5)
        os.set_blocking(reading, True)
    os.killpg(process.pid, sent)
    assert os.read(reading, 5) == b'stand'
    process.kill()
    process.wait()
    while os.read(reading, 4096):  # until the watching process has ended, too
        pass
    os.close(reading)


def test_a_missing_chip_is_named(monkeypatch):
    pwm = pytest.importorskip('liquid_control.nodes.pwm')
    with pytest.raises(pwm.InputError, match=r'no PCA9685 at address 0x41 of /dev/i2c-250'):
        pwm._chip(250, 0x41, 60.0)
