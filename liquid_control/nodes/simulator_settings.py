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

"""The parameters of the simulator node."""
from liquid_control.nodes.real_time import SIMULATOR_PRIORITY
from liquid_control.nodes.settings import Setting
from liquid_control.simulation.appearance import CENTRE_LINES
from liquid_control.simulation.car import default_car
from liquid_control.simulation.track import ROAD_WIDTH_LIMITS_M


def simulator_settings() -> tuple[Setting, ...]:
    """Return the parameters with their defaults. Those not fixed are the world's."""
    return (
        Setting('track', 'random:1000000', 'Track: random:SEED, or the path of a centre-line CSV file.'),
        Setting('seed', 0, 'Seed of the noise of camera and IMU.', 0, 2 ** 31 - 1),
        Setting('centre_line', '', "Centre line, empty for the track's own.", choices=('', *CENTRE_LINES)),
        Setting('road_width_m', 0.0,
                f"Width of the road in m, {ROAD_WIDTH_LIMITS_M[0]:g} or more; 0 for the track's own.",
                0.0, ROAD_WIDTH_LIMITS_M[1]),
        Setting('friction', 1.0, "Factor on the tyres' friction.", 0.01, 10.0),
        Setting('imu_noise', 1.0, 'Factor on the noise and bias of the IMU.', 0.0, 1000.0),
        Setting('camera_noise', 1.0, 'Factor on the noise of the camera.', 0.0, 100.0),
        Setting('camera_rate_hz', default_car().camera.rate_hz, 'Rate of the camera in Hz.', 1.0, 120.0, fixed=True),
        Setting('real_time_factor', 1.0, 'Simulated seconds for each real one, as far as the machine keeps up.',
                0.1, 100.0, fixed=True),
        Setting('real_time_priority', SIMULATOR_PRIORITY,
                'Priority of SCHED_FIFO, where the system permits it, at real time or slower; 0 for none.', 0, 99,
                fixed=True),
        Setting('command_type', 'twist_stamped', 'Type of cmd_vel: geometry_msgs/TwistStamped or Twist.',
                choices=('twist_stamped', 'twist'), fixed=True),
    )
