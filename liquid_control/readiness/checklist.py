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

"""All checks before a drive, in the order in which causes come before effects."""
from liquid_control.readiness.connections import check_chassis, check_command_publishers, check_teleop
from liquid_control.readiness.driving import check_clock, check_commands, check_drive_node
from liquid_control.readiness.finding import Finding
from liquid_control.readiness.observation import Observation
from liquid_control.readiness.policy_fit import (
    check_picture_fit, check_policy_file, check_policy_period, check_step_time)
from liquid_control.readiness.sensors import (
    check_camera, check_camera_rate, check_camera_stamps, check_gravity, check_imu, check_imu_rate, check_imu_stamps,
    check_picture)

CHECKS = (
    check_clock, check_camera, check_picture, check_camera_rate, check_camera_stamps, check_imu, check_imu_rate,
    check_imu_stamps, check_gravity, check_policy_file, check_picture_fit, check_policy_period, check_step_time,
    check_chassis, check_command_publishers, check_teleop, check_drive_node, check_commands)


def check_all(seen: Observation) -> list[Finding]:
    """Return what each check found."""
    return [check(seen) for check in CHECKS]
