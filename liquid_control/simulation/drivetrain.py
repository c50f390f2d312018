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

"""What turns a drive command into wheel torque and front wheel angles."""
import math
from dataclasses import dataclass

from liquid_control.errors import InputError
from liquid_control.simulation.car import Car

ROTOR_INERTIA_KGM2 = 0.0005
"""Of the drive train, at each wheel, in addition to the wheel's own."""
_STIFFNESS_N_PER_MPS = 60.0
_INTEGRAL_N_PER_M = 300.0
_SLIP_LIMIT_MPS = 0.15


@dataclass(frozen=True)
class Effort:
    """What the actuators get for one step."""

    rear_wheel_torque_nm: float
    front_wheel_torque_nm: float
    left_steering_rad: float
    right_steering_rad: float
    left_steering_rate_radps: float
    right_steering_rate_radps: float


class Drivetrain:
    """Steering servo and speed controller of a car with rear-wheel drive and a brake at each wheel.

    The steering follows its command as a first-order lag with a rate limit. The speed controller (PI with
    feed-forward of the acceleration) holds the mean speed of the rear wheels; both get the same torque, as
    through an open differential. The speed it asks for changes at the car's limits of acceleration and braking
    at most, and runs ahead of the car by no more than a little slip, so that a wheel on a slippery road does not
    spin up or lock. Braking is shared between the axles as their load is at the limit of braking.
    """

    def __init__(self, car: Car) -> None:
        self._car = car
        spin = 0.5 * car.wheel_mass_kg * car.wheel_radius_m ** 2 + ROTOR_INERTIA_KGM2
        self._mass = car.mass_kg + 4.0 * spin / car.wheel_radius_m ** 2
        self.reset(0.0)

    def reset(self, speed_mps: float) -> None:
        """Start with straight wheels at a speed, which is also the command."""
        self.steering_rad = 0.0
        self._steering_command = 0.0
        self._asked = self._speed_command = speed_mps
        self._integral = 0.0

    def command(self, steering_rad: float, speed_mps: float) -> None:
        """Take a command, cut to the car's limits.

        :raises InputError: if a value is not finite; the command before it stays.
        """
        if not (math.isfinite(steering_rad) and math.isfinite(speed_mps)):
            raise InputError(f'command ({steering_rad} rad, {speed_mps} m/s) is not finite; send finite numbers')
        car = self._car
        self._steering_command = min(max(float(steering_rad), -car.max_steering_rad), car.max_steering_rad)
        self._speed_command = min(max(float(speed_mps), -car.max_speed_mps), car.max_speed_mps)

    def stop(self) -> None:
        """Command a stand; the steering stays."""
        self._speed_command = 0.0

    def step(self, wheel_speed_mps: float, speed_mps: float, step_s: float) -> Effort:
        """Return the efforts for a step.

        :param wheel_speed_mps: mean speed of the rear wheels' circumference.
        :param speed_mps: the car's forward speed.
        """
        rate = self._steer(step_s)
        left, left_gain = self._wheel_angle(0.5)
        right, right_gain = self._wheel_angle(-0.5)
        torque = 0.5 * self._drive(wheel_speed_mps, speed_mps, step_s) * self._car.wheel_radius_m
        front = self._car.front_brake_share * torque if torque * speed_mps < 0.0 else 0.0
        return Effort(torque - front, front, left, right, rate * left_gain, rate * right_gain)

    def _steer(self, step_s: float) -> float:
        limit = self._car.max_steering_rate_radps
        wanted = (self._steering_command - self.steering_rad) / self._car.steering_time_constant_s
        rate = min(max(wanted, -limit), limit)
        self.steering_rad += rate * step_s
        return rate

    def _wheel_angle(self, side: float) -> tuple[float, float]:
        """Return the angle of a front wheel and its derivative by the virtual wheel's angle (Ackermann)."""
        tangent = math.tan(self.steering_rad)
        base = self._car.wheelbase_m
        beside = base - side * self._car.track_width_m * tangent
        angle = math.atan2(base * tangent, beside)
        return angle, base ** 2 * (1.0 + tangent ** 2) / (beside ** 2 + (base * tangent) ** 2)

    def _drive(self, wheel_speed: float, speed: float, step_s: float) -> float:
        """Return the force in newtons that the wheels shall bring to the road."""
        before = self._asked
        brakes = (self._speed_command - before) * before < 0.0
        limit = self._car.max_braking_mps2 if brakes else self._car.max_acceleration_mps2
        reach = limit * step_s
        asked = min(max(self._speed_command, before - reach), before + reach)
        self._asked = min(max(asked, speed - _SLIP_LIMIT_MPS), speed + _SLIP_LIMIT_MPS)
        acceleration = (self._asked - before) / step_s
        error = self._asked - wheel_speed
        force = self._mass * acceleration + _STIFFNESS_N_PER_MPS * error + self._integral
        if self._asked == self._speed_command:  # only drag is left to learn, not the slip of a start
            self._integral += _INTEGRAL_N_PER_M * error * step_s
        most = 1.5 * self._mass * limit
        return min(max(force, -most), most)
