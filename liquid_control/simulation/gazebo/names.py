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

"""Names that worlds, cars, bridges and launch files share."""

WORLD = 'liquid_control'
"""Name of every world: its services are /world/liquid_control/control and so on."""
CAR = 'car'
"""Name of a car without a namespace; with one it has the namespace's name."""

PLUGINS = {
    'Physics': 'physics', 'UserCommands': 'user-commands', 'SceneBroadcaster': 'scene-broadcaster',
    'Sensors': 'sensors', 'Imu': 'imu', 'Contact': 'contact', 'AckermannSteering': 'ackermann-steering',
    'JointController': 'joint-controller', 'OdometryPublisher': 'odometry-publisher',
    'JointStatePublisher': 'joint-state-publisher'}
"""Class below gz::sim::systems -> middle of the file name; a name that Gazebo does not know is only logged."""

COMMAND_TOPIC, BRAKE_TOPIC = 'cmd_vel', 'brake'
CONTACT_TOPIC = 'contacts'
JOINT_STATE_TOPIC = 'joint_states'
TF_TOPIC = 'tf'
WHEEL_ODOMETRY_TOPIC = 'wheel_odometry'


def plugin(system: str, inside: str = '') -> str:
    """Return the SDF of a system's plugin.

    :param system: a key of ``PLUGINS``.
    """
    return (f'<plugin filename="gz-sim-{PLUGINS[system]}-system" name="gz::sim::systems::{system}">'
            f'{inside}</plugin>')


def car_name(namespace: str) -> str:
    """Return the name of a namespace's car in Gazebo."""
    return namespace.strip('/').replace('/', '_') or CAR


def topic(namespace: str, name: str) -> str:
    """Return a car's Gazebo topic, as a bridge of that namespace expands it."""
    return '/' + '/'.join(filter(None, (namespace.strip('/'), name)))
