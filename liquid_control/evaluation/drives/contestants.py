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

"""Who is compared on recorded drives, and with which settings each may learn."""

from dataclasses import dataclass, replace

from liquid_control.learning.recorded import DriveSettings, usual_settings

CHANGES: dict[str, tuple[dict[str, float], ...]] = {
    'small': ({}, {'variety': 0.5}, {'absolute': 0.0}),
    'donkey': ({}, {'variety': 0.5}, {'absolute': 0.3}),
}
"""Head -> what is tried: changes to the usual settings, as many for each."""


@dataclass(frozen=True)
class Contestant:
    """A kind of network.

    :param title: its name in tables.
    :param imu: whether it feels the IMU; if so it takes part only on drives with one.
    """

    title: str
    cell: str
    head: str = 'small'
    imu: bool = False

    def choices(self) -> list[DriveSettings]:
        """Return the settings that are tried on the tuning slice, as many for each contestant."""
        return [replace(usual_settings(self.cell, self.head), **change) for change in CHANGES[self.head]]


CONTESTANTS = {
    'ltc': Contestant('NCP-19 LTC', 'ltc'),
    'cfc': Contestant('NCP-19 CfC', 'cfc'),
    'donkey': Contestant('donkeycar-style CNN', 'linear', 'donkey'),
    'lstm': Contestant('LSTM-64', 'lstm'),
    'ltc-imu': Contestant('NCP-19 LTC with IMU', 'ltc', imu=True),
    'cfc-imu': Contestant('NCP-19 CfC with IMU', 'cfc', imu=True),
}
REFERENCE = 'donkey'
"""What the others are compared with."""
USUAL = ('ltc', 'cfc', 'donkey', 'ltc-imu')
