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

"""Putting a car somewhere in Gazebo, by Gazebo's own command line."""
import math
import subprocess

from liquid_control.simulation.gazebo.names import WORLD

TIMEOUT_MS = 2000


def set_pose_command(name: str, x: float, y: float, yaw: float) -> list[str]:
    """Return the command that puts a model onto the ground at a pose (m, m, rad) of the world."""
    request = (f'name: "{name}", position: {{x: {x:.6f}, y: {y:.6f}}}, '
               f'orientation: {{z: {math.sin(0.5 * yaw):.8f}, w: {math.cos(0.5 * yaw):.8f}}}')
    return ['gz', 'service', '-s', f'/world/{WORLD}/set_pose', '--reqtype', 'gz.msgs.Pose',
            '--reptype', 'gz.msgs.Boolean', '--timeout', str(TIMEOUT_MS), '--req', request]


class Placing:
    """One asking of Gazebo, in a process of its own: the command takes longer than a callback may.

    :raises FileNotFoundError: if there is no command ``gz``.
    """

    def __init__(self, name: str, x: float, y: float, yaw: float) -> None:
        self._process = subprocess.Popen(
            set_pose_command(name, x, y, yaw), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    @property
    def answer(self) -> bool | None:
        """Whether the model was put there; None while Gazebo has not answered."""
        if self._process.poll() is None:
            return None
        return 'data: true' in self._process.stdout.read()

    def end(self) -> None:
        """Ask no longer."""
        self._process.kill()
        self._process.communicate()
