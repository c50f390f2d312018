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

"""What was seen of a car's topics in a few seconds, as plain data."""
import math
from dataclasses import dataclass, field
from statistics import median

import numpy as np

from liquid_control.policy.spec import PolicySpec


@dataclass(frozen=True)
class Endpoint:
    """A publisher or a subscription of another node.

    :param node: its fully qualified name.
    :param kind: type of its messages, such as ``sensor_msgs/msg/Image``.
    :param mismatch: why its QoS keeps it from talking to the drive node; empty if nothing does.
    """

    node: str
    kind: str
    mismatch: str = ''


@dataclass(frozen=True)
class Topic:
    """A topic and who is on it; the observer itself is left out.

    :param kind: type of the messages that the drive node sends or takes there.
    :param alike: other topics on which that type is published.
    """

    name: str
    kind: str
    publishers: tuple[Endpoint, ...] = ()
    subscribers: tuple[Endpoint, ...] = ()
    alike: tuple[str, ...] = ()


@dataclass
class Stream:
    """Times of the messages of a topic, in seconds.

    :ivar sent_s: published, on the system clock of the sender.
    :ivar received_s: received, on the system clock here.
    :ivar clock_s: newest time of /clock on receipt, NaN before the first.
    :ivar stamp_s: in the header; NaN where messages have none.
    """

    sent_s: list[float] = field(default_factory=list)
    received_s: list[float] = field(default_factory=list)
    clock_s: list[float] = field(default_factory=list)
    stamp_s: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.sent_s)

    def add(self, sent_s: float, received_s: float, clock_s: float, stamp_s: float) -> None:
        """Take note of a message."""
        for values, value in zip((self.sent_s, self.received_s, self.clock_s, self.stamp_s),
                                 (sent_s, received_s, clock_s, stamp_s)):
            values.append(value)

    def periods_s(self, simulated: bool) -> np.ndarray:
        """Return the times between messages: of their stamps in simulation, of their publication otherwise."""
        return np.diff(self.stamp_s if simulated else self.sent_s)

    def rate_hz(self, simulated: bool) -> float:
        """Return one over the median period: messages that got lost on the way here do not count. NaN if unknown."""
        periods = self.periods_s(simulated)
        middle = median(periods) if len(periods) else math.nan
        return 1.0 / middle if middle > 0.0 else math.nan

    def delays_s(self, simulated: bool) -> np.ndarray:
        """Return how old each message was on receipt, by its stamp and the clock that the drive node reads."""
        return np.subtract(self.clock_s if simulated else self.received_s, self.stamp_s)


@dataclass(frozen=True)
class Settings:
    """Those parameters of the drive node that decide what fits."""

    policy: str
    policy_sha256: str
    control_rate_hz: float
    camera_timeout_s: float
    imu_timeout_s: float
    command_type: str


@dataclass(frozen=True)
class DriveNode:
    """What the drive node says of itself; empty texts until it has.

    :param values: of its diagnostics.
    """

    name: str
    state: str = ''
    reason: str = ''
    values: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LoadedPolicy:
    """A policy that was loaded on this machine.

    :param step_s: how long it took for each of some pictures of the camera's size.
    """

    spec: PolicySpec
    sha256: str
    step_s: tuple[float, ...] = ()


@dataclass
class Observation:
    """What was seen.

    :param simulated: whether the drive node takes, or will take, its time from /clock.
    :param drive: None where no drive node is.
    :param policy: None where it cannot be loaded; ``policy_trouble`` then says why.
    :param picture: the newest picture, uint8 (H, W, 3) RGB; None where none could be read.
    :param encoding: of the newest picture.
    :param picture_troubles: why pictures could not be read, one for each reason.
    :param samples: (N, 6) of the IMU, rad/s and m/s^2; ``imu_troubles`` as those of pictures.
    :param clock: (received, time) in seconds of each /clock message.
    :param speeds_mps: of each command heard.
    """

    simulated: bool
    settings: Settings
    camera_topic: Topic
    imu_topic: Topic
    command_topic: Topic
    teleop_topic: Topic
    clock_topic: Topic
    drive: DriveNode | None = None
    policy: LoadedPolicy | None = None
    policy_trouble: str = ''
    camera: Stream = field(default_factory=Stream)
    picture: np.ndarray | None = None
    encoding: str = ''
    picture_troubles: tuple[str, ...] = ()
    imu: Stream = field(default_factory=Stream)
    samples: np.ndarray = field(default_factory=lambda: np.zeros((0, 6)))
    imu_troubles: tuple[str, ...] = ()
    clock: list[tuple[float, float]] = field(default_factory=list)
    commands: Stream = field(default_factory=Stream)
    speeds_mps: list[float] = field(default_factory=list)

    @property
    def standing(self) -> bool:
        """Whether nobody told the car to move."""
        return not any(self.speeds_mps)
