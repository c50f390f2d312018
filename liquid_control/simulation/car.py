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

"""The car: dimensions, masses, limits and where its camera and IMU sit."""
import math
from dataclasses import dataclass
from functools import lru_cache

import yaml

from liquid_control.share import share_path

GRAVITY_MPS2 = 9.81


@dataclass(frozen=True)
class Camera:
    """A forward pinhole camera on the car's middle line, in the frame base_link; noise is a pixel's, of 255 levels."""

    x_m: float
    z_m: float
    pitch_rad: float
    horizontal_fov_rad: float
    width_px: int
    height_px: int
    rate_hz: float
    noise_levels: float

    @property
    def focal_px(self) -> float:
        """Focal length in pixels, the same in both directions."""
        return 0.5 * self.width_px / math.tan(0.5 * self.horizontal_fov_rad)

    @property
    def vertical_fov_rad(self) -> float:
        """Angle between the top and the bottom of the picture."""
        return 2.0 * math.atan(0.5 * self.height_px / self.focal_px)


@dataclass(frozen=True)
class Imu:
    """An IMU at (x_m, 0, z_m) of base_link, axes as base_link; noise as standard deviations."""

    x_m: float
    z_m: float
    rate_hz: float
    gyro_noise_radps: float
    gyro_bias_radps: float
    accel_noise_mps2: float
    accel_bias_mps2: float


@dataclass(frozen=True)
class Car:
    """An Ackermann car with rear-wheel drive and four brakes; see config/car.yaml for the meaning of each field."""

    wheelbase_m: float
    track_width_m: float
    wheel_radius_m: float
    wheel_width_m: float
    wheel_mass_kg: float
    chassis_length_m: float
    chassis_width_m: float
    chassis_height_m: float
    chassis_centre_z_m: float
    chassis_mass_kg: float
    max_steering_rad: float
    max_steering_rate_radps: float
    steering_time_constant_s: float
    max_speed_mps: float
    max_acceleration_mps2: float
    max_braking_mps2: float
    tyre_friction: float
    command_timeout_s: float
    camera: Camera
    imu: Imu

    @property
    def mass_kg(self) -> float:
        """Mass of chassis and wheels."""
        return self.chassis_mass_kg + 4.0 * self.wheel_mass_kg

    @property
    def front_brake_share(self) -> float:
        """Share of the braking that the front wheels do: that of the load they carry at the limit of braking."""
        moment = self.chassis_mass_kg * self.chassis_centre_z_m + 4.0 * self.wheel_mass_kg * self.wheel_radius_m
        return 0.5 + moment / self.mass_kg * self.max_braking_mps2 / (self.wheelbase_m * GRAVITY_MPS2)


@lru_cache(maxsize=1)
def default_car() -> Car:
    """Return the car of config/car.yaml."""
    fields = yaml.safe_load(share_path('config/car.yaml').read_text())
    return Car(**{**fields, 'camera': Camera(**fields['camera']), 'imu': Imu(**fields['imu'])})
