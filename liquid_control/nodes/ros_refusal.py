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

"""What ROS itself refuses: parameter files that it cannot read, keys that it cannot find or use."""


def from_ros(error: Exception) -> bool:
    """Tell whether rclpy raised it."""
    return type(error).__module__.startswith('rclpy')


def refusal_of_ros(error: Exception) -> str:
    """Return one line that says what ROS said and where to look."""
    said = ' '.join(str(error).split())[:400]
    return f'ROS refuses to start: {said}; see the ROS arguments, and for keys docs/security.md'
