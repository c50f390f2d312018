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

"""The PCA9685, a chip with 16 PWM outputs, on an I2C bus of Linux (NXP, PCA9685 data sheet, revision 4)."""
import fcntl
import time
from typing import BinaryIO

from liquid_control.driving.pulses import COUNTS

I2C_SLAVE = 0x0703  # linux/i2c-dev.h
MODE1, MODE2, FIRST_OUTPUT, PRESCALE = 0x00, 0x01, 0x06, 0xFE
SLEEP, AUTO_INCREMENT, RESTART, TOTEM_POLE = 0x10, 0x20, 0x80, 0x04
OSCILLATOR_HZ = 25_000_000
WAKE_S = 5e-4


def open_bus(bus: int, address: int) -> BinaryIO:
    """Return the device file of an I2C bus that talks to one address.

    :raises OSError: if there is no such bus or it may not be used.
    """
    file = open(f'/dev/i2c-{bus}', 'r+b', buffering=0)
    try:
        fcntl.ioctl(file, I2C_SLAVE, address)
    except OSError:
        file.close()
        raise
    return file


def pulse_message(output: int, counts: int) -> bytes:
    """Return the I2C message that sets pulses of so many counts of 4096 at an output, 0 to 15."""
    return bytes((FIRST_OUTPUT + 4 * output, 0, 0, counts & 0xFF, counts >> 8))


class Pca9685:
    """The chip behind an open bus; it gives its last pulses until it is told otherwise or loses its power.

    :param bus: a file without buffer whose writes are I2C messages to the chip.
    :param frequency_hz: of the pulses, 24 to 1526.
    """

    def __init__(self, bus: BinaryIO, frequency_hz: float) -> None:
        self._bus = bus
        prescale = round(OSCILLATOR_HZ / (COUNTS * frequency_hz)) - 1
        self._write(MODE1, SLEEP | AUTO_INCREMENT)  # the prescale can only be set asleep
        self._write(PRESCALE, prescale)
        self._write(MODE2, TOTEM_POLE)
        self._write(MODE1, AUTO_INCREMENT)
        time.sleep(WAKE_S)
        self._write(MODE1, AUTO_INCREMENT | RESTART)

    def set_pulse(self, output: int, counts: int) -> None:
        """Give pulses of so many counts of 4096 at an output, 0 to 15.

        :raises OSError: if the chip does not answer.
        """
        self._bus.write(pulse_message(output, counts))

    def fileno(self) -> int:
        """Return the bus's open file."""
        return self._bus.fileno()

    def _write(self, register: int, *values: int) -> None:
        self._bus.write(bytes((register, *values)))
