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

"""Playing a bag's camera and IMU: what is due when, and what came back."""
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from liquid_control.errors import InputError
from liquid_control.recording.bag import Bag
from liquid_control.recording.recorded_drive import camera_topic, human_steering, imu_topic, stamp_ns, steering_of_twist

MAX_GAP_S = 1.0


@dataclass(frozen=True)
class Due:
    """A message to publish.

    :param due_s: seconds after the start of playing.
    :param camera: a picture, not an IMU sample.
    :param data: the message in CDR, with its recorded stamp.
    :param recorded_ns: that stamp.
    """

    due_s: float
    camera: bool
    data: bytes
    recorded_ns: int


def timeline(bag: Bag, rate: float = 1.0, max_gap_s: float = MAX_GAP_S) -> Iterator[Due]:
    """Yield the camera's and the IMU's messages in the order in which they are due.

    They keep the distances of their stamps, divided by ``rate``; gaps above ``max_gap_s`` are shortened to it.
    """
    camera, imu = camera_topic(bag), imu_topic(bag)
    due, newest = 0.0, None
    for topic, log_time, data in bag.raw_messages([camera] if imu is None else [camera, imu]):
        recorded = stamp_ns(data, log_time)
        step = 0.0 if newest is None else max(0.0, 1e-9 * (recorded - newest))
        newest = recorded if newest is None else max(newest, recorded)
        due += min(step, max_gap_s) / rate
        yield Due(due, topic is camera, data, recorded)


def pace(bag: Bag, rate: float = 1.0) -> tuple[float, float]:
    """Return how long playing takes and the median time between pictures, both in seconds.

    :raises InputError: if the bag has fewer than two pictures.
    """
    last, pictures = 0.0, []
    for due in timeline(bag, rate):
        last = due.due_s
        if due.camera:
            pictures.append(last)
    if len(pictures) < 2:
        raise InputError(f"bag '{bag.path}' holds {len(pictures)} pictures; give one with at least 2")
    return last, float(np.median(np.diff(pictures)))


@dataclass(frozen=True)
class Replay:
    """What a drive node answered.

    :param pictures: pictures played.
    :param answered: of those, how many got a command; ``driven``: of those, how many one to drive.
    :param commands: commands received; ``standing``: of those, how many asked for no speed.
    :param steering_mae: mean absolute difference to the human on -1..1; NaN without a human or moving answers.
    :param mean_mae: the same for always steering the human's mean.
    :param compared: pictures in these two.
    """

    pictures: int
    answered: int
    driven: int
    commands: int
    standing: int
    steering_mae: float
    mean_mae: float
    compared: int


def assess(bag_path: str | Path, pictures: list[list[int]], commands: list[list[float]]) -> Replay:
    """Match commands to the pictures that they answer and compare them with the human.

    A command answers the picture whose stamp it carries, or else the newest picture published before it came. The last
    moving command counts for the steering: the limit of the steering's rate spreads an answer over several.

    :param pictures: (stamp as played, stamp as recorded) in ns, in the order of playing.
    :param commands: (stamp in ns, time of receipt in ns, speed in m/s, yaw rate in rad/s).
    """
    played = np.array([stamp for stamp, _ in pictures], np.int64)
    place_of = {stamp: place for place, stamp in enumerate(played.tolist())}
    answered = np.zeros(len(played), bool)
    steering = np.full(len(played), math.nan)
    for stamp, received, speed, yaw_rate in commands:
        place = place_of.get(stamp, int(np.searchsorted(played, received, 'right')) - 1)
        if place >= 0:
            answered[place] = True
            share = steering_of_twist(speed, yaw_rate)
            if math.isfinite(share):
                steering[place] = np.clip(share, -1.0, 1.0)
    human = human_steering(bag_path, np.array([recorded for _, recorded in pictures], np.int64))
    both = np.isfinite(human) & np.isfinite(steering)
    mae = mean_mae = math.nan
    if both.any():
        mae = float(np.abs(steering - human)[both].mean())
        mean_mae = float(np.abs(human[both].mean() - human[both]).mean())
    driven = int(np.isfinite(steering).sum())
    standing = sum(math.isnan(steering_of_twist(speed, yaw_rate)) for _, _, speed, yaw_rate in commands)
    return Replay(len(played), int(answered.sum()), driven, len(commands), standing, mae, mean_mae, int(both.sum()))
