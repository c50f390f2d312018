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

"""The parameters of the drive node."""
from liquid_control.nodes.real_time import DRIVE_PRIORITY
from liquid_control.nodes.settings import Setting
from liquid_control.simulation.car import default_car

COMMAND_TYPES = ('twist_stamped', 'twist', 'ackermann')
CONTROL_RATES_HZ = 1.5 / default_car().command_timeout_s, 100.0
"""Lowest and highest. A car stands when no command comes for its timeout: slower, it would stutter."""


def drive_settings() -> tuple[Setting, ...]:
    """Return the parameters with their defaults, which are those of the car of config/car.yaml."""
    car = default_car()
    return (
        Setting('policy', 'models/ncp19.safetensors',
                'Policy file: a path, or one below the share directory of liquid_control. '
                'Set while driving, it is compiled beside and takes over between two ticks.'),
        Setting('policy_sha256', '',
                'SHA-256 that the policy file must have, in hexadecimal digits. '
                'Needed for an exported TorchScript file.'),
        Setting('control_rate_hz', 30.0, 'Rate of the control tick in Hz.', *CONTROL_RATES_HZ),
        Setting('max_speed_mps', car.max_speed_mps, 'Bound of the speed command in m/s, both ways.', 0.0, 30.0),
        Setting('max_steering_rad', car.max_steering_rad, 'Bound of the steering angle in rad, both ways.', 0.01, 1.2),
        Setting('max_steering_rate_radps', car.max_steering_rate_radps,
                'Bound of the rate of change of the steering angle in rad/s.', 0.1, 100.0),
        Setting('camera_timeout_s', 0.1,
                'The car stops when the newest good picture is older, in s. Three frame periods are a good value.',
                0.02, 5.0),
        Setting('imu_timeout_s', 0.1, 'The car stops when the newest good IMU sample is older, in s.', 0.01, 5.0),
        Setting('command_type', 'twist_stamped',
                'Commands as geometry_msgs/TwistStamped or Twist on cmd_vel, '
                'or as ackermann_msgs/AckermannDriveStamped on drive.',
                choices=COMMAND_TYPES, fixed=True),
        Setting('wheelbase_m', car.wheelbase_m,
                'Distance of the axles in m, which turns steering angles into yaw rates.', 0.05, 5.0),
        Setting('black_box_mib', 64,
                'Memory for the pictures of the last minute in MiB, which are saved with IMU, neurons and commands '
                'when the car is stopped; 0 for none.', 0, 4096, fixed=True),
        Setting('black_box_folder', '',
                'Folder of the newest ten black boxes; empty for liquid_control/black_box in ROS_HOME or ~/.ros.',
                fixed=True),
        Setting('real_time_priority', DRIVE_PRIORITY,
                'Priority of SCHED_FIFO that is taken when driving begins, where the system permits it; 0 for none.',
                0, 99, fixed=True),
        Setting('autostart', False, 'Configure and activate by itself at start.', fixed=True),
    )
