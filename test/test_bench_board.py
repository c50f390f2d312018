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

"""``bench board``: what is counted, and energy from a made-up sysfs."""
import time

import pytest

pytest.importorskip('rclpy')

from liquid_control.benchmarks import board  # noqa: E402
from liquid_control.benchmarks.energy import PowerMeter, RaplMeter, energy_meter  # noqa: E402
from liquid_control.share import share_path  # noqa: E402

POLICY = str(share_path('models/ncp19.safetensors'))


@pytest.fixture(scope='module')
def rows() -> dict[str, dict]:
    """Return the rows, measured for a moment in this process."""
    return {name: board._measure(name, POLICY, 0.05) for name in (board.SHIPPED, *board.NAMES)}


def test_neurons_and_operations_are_counted(rows):
    wide, pilotnet = rows[board.WIDE], rows[board.PILOTNET]
    # 24x31x98 + 36x14x47 + 48x5x22 + 64x3x20 + 64x1x18 + 100 + 50 + 10 + 1, 27 million connections (figure 4)
    assert pilotnet['neurons'] == 72912 + 23688 + 5280 + 3840 + 1152 + 161
    assert 26e6 < pilotnet['multiply_adds'] < 28e6 and 250e3 < pilotnet['parameters'] < 255e3
    head = rows[board.SHIPPED]['neurons'] - 19
    assert wide['neurons'] == head + board.NEURONS + 1
    without = wide['multiply_adds'] - 33 * board.NEURONS
    assert rows[board.LSTM]['multiply_adds'] == without + 4 * 144 * (32 + 144) + 144
    assert rows[board.SHIPPED]['multiply_adds'] == without + 3 * (192 + 6 * 60) + 2 * 6 * 19


def test_every_row_has_what_the_table_shows(rows):
    for row in rows.values():
        assert row['cpu_us'] > 0.0 and row['memory_mb'] > 50.0
        assert ('mj' in row) == (energy_meter() is not None)


def test_rapl_counters_are_added_and_may_wrap(tmp_path):
    assert energy_meter(tmp_path) is None
    zones = []
    for index in range(2):
        zone = tmp_path / 'class' / 'powercap' / f'intel-rapl:{index}'
        zone.mkdir(parents=True)
        (zone / 'max_energy_range_uj').write_text('1000000\n')
        (zone / 'energy_uj').write_text('900000\n')
        zones.append(zone)
    part = tmp_path / 'class' / 'powercap' / 'intel-rapl:0:0'  # a part of package 0, in it already
    part.mkdir()
    (part / 'energy_uj').write_text('1\n')
    meter = energy_meter(tmp_path)
    assert isinstance(meter, RaplMeter)
    zones[0].joinpath('energy_uj').write_text('950000\n')
    zones[1].joinpath('energy_uj').write_text('100000\n')
    assert meter.joules() == pytest.approx(0.05 + 0.2)
    assert meter.joules() == 0.0


def test_a_power_sensor_is_added_up(tmp_path):
    sensor = tmp_path / 'class' / 'hwmon' / 'hwmon3'
    sensor.mkdir(parents=True)
    (sensor / 'name').write_text('ina226\n')
    (sensor / 'power1_input').write_text('5000000\n')
    start = time.monotonic()
    meter = energy_meter(tmp_path)
    assert isinstance(meter, PowerMeter) and meter.name == 'ina226, board'
    made = time.monotonic()
    time.sleep(0.1)
    asked = time.monotonic()
    joules = meter.joules()
    meter.close()
    assert 5.0 * (asked - made) <= joules <= 5.0 * (time.monotonic() - start)
