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

"""When ticks are due, with a fake clock."""
import numpy as np
import pytest

from liquid_control.driving.phase_lock import PhaseLock

PERIOD = 1.0 / 30.0


def run(lock, pictures, until, start=0.0):
    """Play arrival times to a lock; return the times of ticks and the arrival that each answers (None for none)."""
    lock.restart(start)
    ticks, waiting, pictures = [], None, list(pictures)
    while True:
        wake = lock.wake_s
        if pictures and pictures[0] <= wake:
            now = waiting = pictures.pop(0)
            if not lock.ticks_on_picture(now):
                continue
        else:
            now = max(wake, ticks[-1][0] if ticks else start)
            assert lock.ticks_at(now)
        if now > until:
            return ticks
        ticks.append((now, waiting))
        lock.ticked(now)
        waiting = None


def latencies(ticks, after):
    return np.array([now - picture for now, picture in ticks if picture is not None and now > after])


def periods(ticks, after):
    return np.diff([now for now, _ in ticks if now > after])


def arrivals(seconds, phase=0.013, period=PERIOD, jitter=0.0):
    count = int(seconds / period)
    return phase + period * np.arange(count) + np.random.default_rng(0).normal(0.0, jitter, count)


@pytest.mark.parametrize('phase', [0.001, 0.013, 0.025, 0.033])
def test_pictures_at_the_control_rate_are_answered_as_they_come(phase):
    ticks = run(PhaseLock(30.0), arrivals(5.0, phase), 4.9)
    assert latencies(ticks, 1.0).max() == 0.0
    np.testing.assert_allclose(periods(ticks, 1.0), PERIOD, rtol=1e-6)


def test_a_camera_slightly_off_the_control_rate_is_followed():
    for factor in 0.97, 1.03:
        ticks = run(PhaseLock(30.0), arrivals(5.0, period=factor * PERIOD), 4.8)
        assert latencies(ticks, 1.0).max() == 0.0
        np.testing.assert_allclose(periods(ticks, 1.0), factor * PERIOD, rtol=1e-6)


def test_with_jitter_the_rate_stays_and_pictures_wait_less_than_the_jitter():
    ticks = run(PhaseLock(30.0), arrivals(60.0, jitter=0.0005), 59.0)
    late = latencies(ticks, 1.0)
    assert np.median(late) < 0.0002 and late.max() < 0.003 and len(late) > 1700
    assert np.percentile(np.abs(periods(ticks, 1.0) / PERIOD - 1.0), 99) < 0.1


def test_a_burst_of_early_pictures_does_not_speed_up_the_rate():
    pictures = arrivals(10.0)
    pictures[150::10] -= 0.4 * PERIOD
    assert periods(run(PhaseLock(30.0), pictures, 9.5), 1.0).min() > 0.8 * PERIOD


def test_a_missing_picture_costs_one_wait_and_keeps_the_phase():
    pictures = np.delete(arrivals(5.0), [60, 90, 91])
    ticks = run(PhaseLock(30.0), pictures, 4.9)
    assert sum(picture is None for now, picture in ticks if now > 1.0) == 3
    assert latencies(ticks, 1.0).max() == 0.0
    assert periods(ticks, 1.0).max() < 1.35 * PERIOD


def test_when_pictures_stop_the_ticks_go_on_at_their_rate():
    ticks = run(PhaseLock(30.0), arrivals(2.0), 6.0)
    np.testing.assert_allclose(periods(ticks, 3.0), PERIOD, rtol=1e-6)


def test_pictures_that_come_back_at_another_phase_are_answered_as_they_come_again():
    pictures = np.concatenate((arrivals(3.0), 3.0 + arrivals(5.0, phase=0.030)))
    ticks = run(PhaseLock(30.0), pictures, 7.9)
    assert latencies(ticks, 6.0).max() < 0.001


@pytest.mark.parametrize('camera_rate', [10.0, 60.0, 300.0])
def test_at_other_rates_it_is_a_plain_timer(camera_rate):
    ticks = run(PhaseLock(30.0), arrivals(5.0, period=1.0 / camera_rate), 4.9)
    np.testing.assert_allclose(periods(ticks, 0.0), PERIOD, rtol=1e-6)


def test_late_ticks_are_not_made_up_for():
    lock = PhaseLock(30.0)
    lock.restart(0.0)
    lock.ticked(1.0)
    assert 1.0 < lock.wake_s <= 1.0 + PERIOD + 1e-9
    assert lock.wake_s / PERIOD == pytest.approx(round(lock.wake_s / PERIOD))


def test_a_clock_that_jumped_back_needs_a_restart_and_nothing_else():
    lock = PhaseLock(30.0)
    run(lock, arrivals(3.0), 2.9)
    ticks = run(lock, arrivals(3.0), 2.9)
    assert latencies(ticks, 1.0).max() == 0.0
