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

"""What a driving policy is, apart from its weights."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any

from liquid_control.errors import InputError
from liquid_control.policy.heads import PICTURE_SIZES

FORMAT_VERSION = 1
CELLS = ('ltc', 'cfc', 'spiking', 'lstm', 'lstm100k', 'gru', 'cnn', 'linear')
IMU_CHANNELS = ('gyro_x', 'gyro_y', 'gyro_z', 'accel_x', 'accel_y', 'accel_z')


@dataclass(frozen=True)
class PolicySpec:
    """Everything but the weights: stored as metadata of the policy file.

    :param cell: one of CELLS.
    :param wiring: synapses of an LTC or CfC as data (see policy/wiring_data.py); None for the other cells.
    :param head: 'small', 'paper' or 'donkey'.
    :param crop: fractions of the camera picture cut off at top, bottom, left, right.
    :param imu_channels: names out of IMU_CHANNELS that the network sees, after the visual features.
    :param imu_scales: what each channel is multiplied by before a tanh; s/rad and s^2/m.
    :param inputs: sensory features in all, visual and IMU.
    :param period_s: nominal control period: the unit of elapsed time.
    :param max_steering_rad: the steering that an output of 1 means.
    :param speed_mps: the speed that the policy asks for.
    :param training: how it was trained: command, seed, revision, frames, seconds.
    :param score: its closed-loop score: what, how many, how many completed.
    """

    cell: str
    wiring: dict[str, Any] | None
    head: str = 'small'
    crop: tuple[float, float, float, float] = (1.0 / 3.0, 0.0, 0.0, 0.0)
    imu_channels: tuple[str, ...] = ('gyro_z', 'accel_x', 'accel_y')
    imu_scales: tuple[float, ...] = (0.5, 0.2, 0.2)
    inputs: int = 32
    period_s: float = 1.0 / 30.0
    max_steering_rad: float = 0.42
    speed_mps: float = 2.1
    training: dict[str, Any] = field(default_factory=dict)
    score: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require(self.cell in CELLS, f"cell '{self.cell}' is not one of {', '.join(CELLS)}")
        _require(self.head in PICTURE_SIZES, f"head '{self.head}' is not one of {', '.join(PICTURE_SIZES)}")
        _require(
            (self.wiring is not None) == (self.cell in ('ltc', 'cfc')), f"cell '{self.cell}' and its wiring do not fit"
        )
        _require(
            len(self.crop) == 4
            and all(_within(cut, 0.0, 0.9) for cut in self.crop)
            and self.crop[0] + self.crop[1] < 0.95
            and self.crop[2] + self.crop[3] < 0.95,
            f'crop {self.crop} does not leave a picture; each part must be in 0..0.9',
        )
        _require(
            set(self.imu_channels) <= set(IMU_CHANNELS),
            f'IMU channels {self.imu_channels} are not all of {", ".join(IMU_CHANNELS)}',
        )
        _require(
            len(self.imu_scales) == len(self.imu_channels) and all(_within(s, -1e3, 1e3) for s in self.imu_scales),
            f'IMU scales {self.imu_scales} must be one finite number a channel',
        )
        _require(
            isinstance(self.inputs, int) and len(self.imu_channels) < self.inputs <= 1024,
            f'{self.inputs} inputs must be more than the IMU channels and at most 1024',
        )
        _require(_within(self.period_s, 1e-3, 10.0), f'period {self.period_s} s is outside 0.001 to 10 s')
        _require(
            _within(self.max_steering_rad, 0.01, 1.5),
            f'steering limit {self.max_steering_rad} rad is outside 0.01 to 1.5 rad',
        )
        _require(_within(self.speed_mps, 0.0, 30.0), f'speed {self.speed_mps} m/s is outside 0 to 30 m/s')
        _require(
            isinstance(self.training, dict) and isinstance(self.score, dict), 'training and score must be JSON objects'
        )

    @property
    def visual_features(self) -> int:
        """Number of features that the vision head gives."""
        return self.inputs - len(self.imu_channels)

    def to_json(self) -> dict[str, Any]:
        """Return the spec as a JSON object, with the format version."""
        return {'format_version': FORMAT_VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, data: Any) -> 'PolicySpec':
        """Build a spec from a JSON object.

        :raises InputError: if a field is missing, unknown, of the wrong type or out of range.
        """
        _require(isinstance(data, dict), 'policy metadata is not a JSON object')
        version = data.get('format_version')
        _require(version == FORMAT_VERSION, f'policy format version {version} is not {FORMAT_VERSION}')
        names = {f.name for f in fields(cls)}
        given = {key: value for key, value in data.items() if key != 'format_version'}
        _require(set(given) == names, f'policy metadata fields differ: {", ".join(sorted(set(given) ^ names))[:200]}')
        for key in ('crop', 'imu_channels', 'imu_scales'):
            _require(isinstance(given[key], list), f"policy metadata '{key}' is not a list")
            given[key] = tuple(given[key])
        try:
            return cls(**given)
        except TypeError as error:
            raise InputError(
                f'policy metadata has a field of the wrong type ({error}); train or export it again'
            ) from error


def _within(value: Any, low: float, high: float) -> bool:
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and low <= value <= high
    )


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise InputError(f'{message}; use a policy file written by this version of liquid_control')
