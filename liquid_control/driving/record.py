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

"""What a drive node measures of itself."""
from typing import Any

from liquid_control.driving.window import Window

NS_PER_MS = 1e6


class Record:
    """Periods between ticks and latencies of the newest ten seconds at 30 Hz.

    ``receipt_to_command``: from the call that hands the picture to this process until its command is published, on the
    steady clock. ``stamp_to_command``: from the picture's stamp until then, on the system clock; no value where stamps
    are of another clock, as in simulation, where the simulator measures it.
    """

    def __init__(self) -> None:
        self._periods_ms = Window()
        self._receipt_to_command_ms = Window()
        self._stamp_to_command_ms = Window()
        self.ticks = 0
        self.restart()

    def restart(self) -> None:
        """Forget everything but the number of ticks."""
        self._last_ns: int | None = None
        for window in self._periods_ms, self._receipt_to_command_ms, self._stamp_to_command_ms:
            window.clear()

    def tick(self, steady_ns: int) -> None:
        """Take note of a tick's command."""
        self.ticks += 1
        if self._last_ns is not None:
            self._periods_ms.add((steady_ns - self._last_ns) / NS_PER_MS)
        self._last_ns = steady_ns

    def answered(self, receipt_to_command_ns: int, stamp_to_command_ns: int | None) -> None:
        """Take note of the first command that answers a picture."""
        self._receipt_to_command_ms.add(receipt_to_command_ns / NS_PER_MS)
        if stamp_to_command_ns is not None:
            self._stamp_to_command_ms.add(stamp_to_command_ns / NS_PER_MS)

    def values(self) -> dict[str, Any]:
        """Return the statistics by the names that diagnostics have them under."""
        return {
            'rate_hz': 1e3 / self._periods_ms.mean(),
            'rate_p1_hz': 1e3 / self._periods_ms.percentile(99),
            'period_p99_ms': self._periods_ms.percentile(99),
            'receipt_to_command_p50_ms': self._receipt_to_command_ms.percentile(50),
            'receipt_to_command_p99_ms': self._receipt_to_command_ms.percentile(99),
            'stamp_to_command_p50_ms': self._stamp_to_command_ms.percentile(50),
            'stamp_to_command_p99_ms': self._stamp_to_command_ms.percentile(99),
            'ticks': self.ticks,
        }
