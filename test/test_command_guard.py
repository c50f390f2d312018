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

"""The guard of a car that holds its last command: the rule, and real nodes over DDS."""
import math
import signal

import pytest

from liquid_control.driving.command import STAND, Command
from liquid_control.driving.command_guard import CommandGuard, gazebo_brake, gazebo_twist
from liquid_control.simulation.car import default_car

CAR = default_car()


def guard() -> CommandGuard:
    return CommandGuard(0.2, CAR.max_steering_rad, CAR.max_speed_mps)


def test_commands_pass_and_their_end_is_a_stand():
    rule = guard()
    assert rule.silent(0.0)  # before the first command
    assert rule.hear(Command(0.1, 2.0), 10.0) == Command(0.1, 2.0)
    assert not rule.silent(10.19) and rule.silent(10.21)
    rule.hear(STAND, 11.0)
    assert not rule.silent(11.1)


def test_what_is_no_number_neither_passes_nor_counts():
    rule = guard()
    rule.hear(Command(0.0, 1.0), 0.0)
    for bad in Command(math.nan, 1.0), Command(0.1, math.inf):
        assert rule.hear(bad, 0.15) is None
    assert rule.silent(0.21)


@pytest.mark.parametrize('given, passed', [
    (Command(0.3, 9.0), Command(0.3, CAR.max_speed_mps)), (Command(-1.0, -1.0), Command(-CAR.max_steering_rad, -1.0))])
def test_limits_cut_speed_and_steering_apart(given, passed):
    assert guard().hear(given, 0.0) == passed


@pytest.mark.parametrize('command', [Command(0.3, 2.0), Command(-0.2, 1.0), Command(0.3, -1.0), Command(-0.42, -0.1)])
def test_gazebo_turns_with_the_radius_that_was_asked_for(command):
    speed, yaw_rate = gazebo_twist(command, CAR.wheelbase_m)
    assert speed == command.speed_mps
    assert math.atan(CAR.wheelbase_m * yaw_rate / speed) == pytest.approx(command.steering_rad)


def test_without_speed_only_the_side_counts():
    assert gazebo_twist(STAND, CAR.wheelbase_m) == (0.0, 0.0)
    assert gazebo_twist(Command(-0.3, 0.0), CAR.wheelbase_m) == (0.0, -1.0)


def test_brakes_hold_the_front_wheels_of_a_car_that_is_to_stand_and_no_others():
    assert gazebo_brake(Command(0.3, 0.0)) == 0.0
    turns_at = CAR.max_speed_mps / CAR.wheel_radius_m / math.cos(CAR.max_steering_rad)
    assert all(gazebo_brake(Command(0.4, speed)) > 2.0 * turns_at for speed in (0.01, 4.0, -1.0))


# Over DDS

NODE = 'liquid_control.nodes.command_guard'


@pytest.fixture
def rig():
    """Return a rig that commands a car and hears what the two guards tell it."""
    pytest.importorskip('rclpy')
    import ros_rig
    from geometry_msgs.msg import Twist, TwistStamped
    from std_msgs.msg import Float64

    domain = ros_rig.own_domain()

    class Bridge(ros_rig.Rig):
        def __init__(self) -> None:
            super().__init__(domain)
            self.car = self.node.create_publisher(TwistStamped, 'cmd_vel', 1)
            self.told, self.stops, self.brakes, self.stop_brakes, self.speed = [], [], [], [], None
            self.node.create_subscription(Twist, 'gazebo/cmd_vel', self.told.append, 100)
            self.node.create_subscription(Twist, 'gazebo/stop', self.stops.append, 100)
            self.node.create_subscription(Float64, 'gazebo/brake', self.brakes.append, 100)
            self.node.create_subscription(Float64, 'gazebo/stop_brake', self.stop_brakes.append, 100)

        def play(self, picture=None, imu=True) -> None:
            if self.speed is not None:
                message = TwistStamped()
                message.twist.linear.x, message.twist.angular.z = self.speed, 0.5
                self.car.publish(message)
            self._executor.spin_once(timeout_sec=0.02)

        def until_newest(self, messages: list, speed: float, what: str) -> None:
            messages.clear()
            self.until(lambda: messages and messages[-1].linear.x == speed, what=what)

    guards = [
        ros_rig.Process(NODE, domain, {'timeout_s': 0.3},
                        {'commands': 'cmd_vel', 'guarded': 'gazebo/cmd_vel', 'brake': 'gazebo/brake'}),
        ros_rig.Process(NODE, domain, {'timeout_s': 0.3, 'stop_only': True, 'command_type': 'twist'},
                        {'__node': 'stop_guard', 'commands': 'gazebo/cmd_vel', 'guarded': 'gazebo/stop',
                         'brake': 'gazebo/stop_brake'})]
    bridge = Bridge()
    yield bridge, guards
    for process in guards:
        process.end(signal.SIGKILL)
    bridge.close()


def test_two_guards_stop_a_car_whose_commands_end_and_one_whose_guard_dies(rig):
    bridge, (first, second) = rig
    bridge.until_newest(bridge.told, 0.0, 'a stand before the first command')
    bridge.until_newest(bridge.stops, 0.0, 'the second way')
    bridge.speed = 1.5
    bridge.until_newest(bridge.told, 1.5, 'the command, passed on')
    assert bridge.told[-1].angular.z == pytest.approx(0.5)
    bridge.until(lambda: bridge.brakes[-1].data > 0.0, what='brakes that are let go')
    bridge.stops.clear()
    for _ in range(20):
        bridge.play()
    assert not bridge.stops  # a car that drives is not disturbed
    bridge.speed = None
    bridge.until_newest(bridge.told, 0.0, 'a stand after the last command')
    bridge.until(lambda: bridge.brakes[-1].data == 0.0, what='the brakes')
    bridge.until_newest(bridge.stops, 0.0, 'the stand on the second way')  # where the first bridge were dead
    bridge.speed = 1.5
    bridge.until_newest(bridge.told, 1.5, 'the command again')
    first.end(signal.SIGKILL)
    bridge.until_newest(bridge.stops, 0.0, 'a stand by the second guard')
    assert bridge.stop_brakes and all(message.data == 0.0 for message in bridge.stop_brakes)
    assert second.end() == 0 and 'Traceback' not in second.log + first.log
