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

"""A stretch of the last minute as a rosbag2 bag: pictures, IMU, commands and neurons."""
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from liquid_control.audit.moments import History, Moment
from liquid_control.driving.command import Command, yaw_rate_radps
from liquid_control.recording.bag import BagWriter, new_bag
from liquid_control.simulation.car import default_car

BEFORE_S, AFTER_S = 10.0, 5.0
QUANTITIES = 'quantity', 'neuron'


def save_moment(history: History, moments: list[Moment], shown: Moment, folder: Path) -> tuple[Path, int]:
    """Write what surrounds a moment, ten seconds before to five after, and return the bag and its number of pictures.

    :param moments: those to take from, oldest first.
    :raises InputError: if the bag cannot be written.
    """
    first_s, last_s = shown.stamp_s - BEFORE_S, shown.stamp_s + AFTER_S
    chosen = [moment for moment in moments if first_s <= moment.stamp_s <= last_s]
    path = folder / f'moment_{datetime.now(UTC):%Y%m%d_%H%M%S_%f}'
    samples = history.imu_between(chosen[0].stamp_s - 0.1, chosen[-1].stamp_s)
    samples = samples or [(moment.stamp_s, moment.imu) for moment in chosen]
    with new_bag(path) as bag:
        for stamp_s, sample in samples:
            bag.write_imu('/imu/data_raw', round(1e9 * stamp_s), 'imu_link', sample[:3], sample[3:])
        for moment in chosen:
            _write(bag, moment)
    return path, len(chosen)


def _write(bag: BagWriter, moment: Moment) -> None:
    stamp = round(1e9 * moment.stamp_s)
    bag.write_compressed('/camera/image_raw/compressed', stamp, 'camera_optical_frame', moment.jpeg, 'jpeg')
    if np.isfinite((moment.driven_rad, moment.driven_mps)).all():
        command = Command(moment.driven_rad, moment.driven_mps)
        yaw_rate = yaw_rate_radps(command, default_car().wheelbase_m)
        bag.write_twist('/cmd_vel', stamp, 'base_link', moment.driven_mps, yaw_rate)
    rows = [moment.state, moment.time_constant_s] if len(moment.time_constant_s) else [moment.state]
    bag.write_floats('/drive/neurons', stamp, QUANTITIES, np.stack(rows))
