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

"""A recorded bag shown to a policy at the pace of its recording, for the page."""
import threading
import time
from pathlib import Path

import numpy as np

from liquid_control.audit.observer import Driven, Observer
from liquid_control.audit.session import Source
from liquid_control.errors import InputError
from liquid_control.recording.bag import open_bag
from liquid_control.recording.playback import MAX_GAP_S, timeline
from liquid_control.recording.recorded_drive import camera_topic, imu_topic
from liquid_control.sensing.imu import imu_vector
from liquid_control.sensing.picture import picture_of

AT_REST = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 9.81], np.float32)


def check_bag(path: Path) -> None:
    """Find out whether a bag can be played.

    :raises InputError: if it cannot.
    """
    with open_bag(path) as bag:
        camera_topic(bag)


def play_bag(path: Path, source: Source, stopped: threading.Event) -> None:
    """Play a bag once into the source's history; the policy answers each picture with the newest IMU sample.

    A gap above one second starts the policy afresh. Without an IMU the car is taken to be at rest.
    """
    observer, sample, last_s = Observer(source.explainer.policy), AT_REST, None
    start, shown = time.monotonic(), 0
    with open_bag(path) as bag:
        camera, imu = camera_topic(bag), imu_topic(bag)
        for due in timeline(bag):
            if stopped.wait(max(0.0, start + due.due_s - time.monotonic())):
                return
            stamp_s = 1e-9 * due.recorded_ns
            try:
                message = bag.decode(camera if due.camera else imu, due.data)
                if not due.camera:
                    sample = imu_vector(message)
                    source.history.add_imu(stamp_s, sample)
                    continue
                picture = np.array(picture_of(message))  # what the library gives cannot be written to
            except InputError:
                continue
            if last_s is not None and not 0.0 < stamp_s - last_s <= MAX_GAP_S:
                observer.forget()
            last_s = stamp_s
            source.history.add(observer.run(picture, sample, stamp_s, Driven()))
            shown += 1
            source.status = source.status | {'progress': f'{shown} pictures, {due.due_s:.1f} s'}
    source.status = source.status | {'waiting': 'the bag is at its end'}
