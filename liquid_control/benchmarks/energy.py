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

"""Energy that this machine measures by itself."""
import threading
import time
from pathlib import Path

POWERCAP, HWMON = 'class/powercap', 'class/hwmon'
SAMPLE_S = 0.02


class RaplMeter:
    """Energy counters of whole processor packages, by Linux's powercap (Intel and AMD x86-64)."""

    def __init__(self, zones: list[Path]) -> None:
        self._zones = zones
        self.name = 'RAPL, processor package'
        self._last = [self._read(zone) for zone in zones]

    def joules(self) -> float:
        """Return the energy since the last call, or since this was made; a counter may have wrapped around once."""
        now = [self._read(zone) for zone in self._zones]
        spent = 0.0
        for zone, before, after in zip(self._zones, self._last, now):
            wrap = int((zone / 'max_energy_range_uj').read_text()) if after < before else 0
            spent += 1e-6 * (after - before + wrap)
        self._last = now
        return spent

    @staticmethod
    def _read(zone: Path) -> int:
        return int((zone / 'energy_uj').read_text())


class PowerMeter:
    """A sensor of the board's power, such as an INA226, by Linux's hwmon, sampled all the time and added up."""

    def __init__(self, sensor: Path) -> None:
        self._sensor = sensor
        self.name = f'{(sensor.parent / "name").read_text().strip()}, board'
        self._lock, self._joules = threading.Lock(), 0.0
        self._last_s = time.monotonic()
        self._ended = threading.Event()
        threading.Thread(target=self._sample, daemon=True).start()

    def close(self) -> None:
        """End the sampling."""
        self._ended.set()

    def joules(self) -> float:
        """Return the energy since the last call, or since this was made."""
        with self._lock:
            self._add()
            spent, self._joules = self._joules, 0.0
        return spent

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_S):
            with self._lock:
                self._add()

    def _add(self) -> None:
        now = time.monotonic()
        self._joules += 1e-6 * int(self._sensor.read_text()) * (now - self._last_s)
        self._last_s = now


def energy_meter(sys: Path = Path('/sys')) -> RaplMeter | PowerMeter | None:
    """Return what measures energy here, or None where nothing that can be read does.

    :param sys: where sysfs is.
    """
    zones = [zone for zone in sorted((sys / POWERCAP).glob('*rapl:[0-9]')) if _readable(zone / 'energy_uj')]
    if zones:
        return RaplMeter(zones)
    sensors = [sensor for sensor in sorted((sys / HWMON).glob('hwmon*/power1_input')) if _readable(sensor)]
    return PowerMeter(sensors[0]) if sensors else None


def _readable(path: Path) -> bool:
    """Tell whether a number can be read: RAPL counters are for root only by default."""
    try:
        int(path.read_text())
    except (OSError, ValueError):
        return False
    return True
