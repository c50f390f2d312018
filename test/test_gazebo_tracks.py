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

"""The node that brings a car from road to road in one Gazebo world; in Gazebo's place answers a script."""
import os
import signal
import stat

import pytest

pytest.importorskip('rclpy')

import ros_rig  # noqa: E402
from nav_msgs.msg import Odometry  # noqa: E402

from liquid_control.simulation.gazebo.placing import set_pose_command  # noqa: E402
from liquid_control.simulation.gazebo.world import lay_out  # noqa: E402
from liquid_control.simulation.track_spec import load_track  # noqa: E402

SPECS = ['random:1', 'random:2']
DOMAIN = ros_rig.own_domain()


class World(ros_rig.Rig):
    """A rig that says where the car is in the world and hears where it is on its road."""

    def __init__(self) -> None:
        super().__init__(DOMAIN)
        self.place = (0.0, 0.0)
        self.heard = []
        self.truth = self.node.create_publisher(Odometry, 'world_odom', 10)
        self.node.create_subscription(Odometry, 'odom', self.heard.append, 10)

    def play(self, picture=None, imu=True) -> None:
        message = Odometry()
        message.pose.pose.position.x, message.pose.pose.position.y = self.place
        self.truth.publish(message)
        self._executor.spin_once(timeout_sec=0.02)

    def near(self, x: float, y: float) -> bool:
        position = self.heard[-1].pose.pose.position if self.heard else None
        return position is not None and abs(position.x - x) + abs(position.y - y) < 1e-3


def test_a_track_is_a_place_in_the_world(tmp_path, monkeypatch):
    gz, asked = tmp_path / 'gz', tmp_path / 'asked'
    gz.write_text(f'#!/bin/sh\necho "$@" >> {asked}\necho data: true\n')
    gz.chmod(gz.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv('PATH', str(tmp_path), prepend=os.pathsep)
    plots = lay_out([load_track(spec) for spec in SPECS])
    process = ros_rig.Process('liquid_control.nodes.gazebo_tracks', DOMAIN, {'tracks': SPECS})
    rig = World()
    try:
        rig.place = (1.5, 2.5)
        rig.until(lambda: rig.near(1.5, 2.5), what='odometry on the first road, which is where the world is')
        taken, reason = rig.set_parameter('track', 'random:9', node='simulator')
        assert not taken and "track 'random:9' is not in this world" in reason
        assert rig.set_parameter('track', SPECS[1], node='simulator')[0]
        start = plots[1].track.pose(0.0)
        rig.place = (start[0] + plots[1].x, start[1] + plots[1].y)
        rig.until(lambda: rig.near(*start[:2]), what='odometry at the start of the second road, in its own frame')
        requests = asked.read_text().splitlines()
        assert len(requests) == 2
        assert requests[1] == ' '.join(set_pose_command('car', *rig.place, start[2])[1:])
        assert process.end() == 0 and 'Traceback' not in process.log
    finally:
        process.end(signal.SIGKILL)
        rig.close()
