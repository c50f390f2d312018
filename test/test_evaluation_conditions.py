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

"""Conditions do to the picture what their names say."""
import numpy as np
import pytest

from liquid_control.errors import InputError
from liquid_control.evaluation.conditions import CLEAN, LIMITS, Condition, parse_condition
from liquid_control.simulation.car import default_car

GREY = np.full((144, 192, 3), 128, dtype=np.uint8)


def fault(text: str, seed: int = 0, rate_hz: float = 30.0):
    return parse_condition(text).camera_fault(np.random.default_rng(seed), rate_hz)


def numbered(count: int) -> list[np.ndarray]:
    return [np.full((2, 3, 3), i, dtype=np.uint8) for i in range(count)]


@pytest.mark.parametrize('text', [
    'clean', 'shadow', 'slippery', *(f'{name}={high:g}' for name, (_, high) in LIMITS.items())])
def test_text_survives_parsing(text):
    assert str(parse_condition(text)) == text


@pytest.mark.parametrize('text', [
    'fog', '', 'noise', 'noise=', 'noise=a lot', 'noise=-0.1', 'noise=1.1', 'noise=nan', 'drop=inf', 'delay=1.5',
    'delay=31', 'friction=0', 'speed=9', 'clean=1', 'shadow=0.5'])
def test_bad_condition_is_named_with_its_remedy(text):
    with pytest.raises(InputError) as error:
        parse_condition(text)
    message = str(error.value)
    assert repr(text) in message and '\n' not in message
    assert 'write' in message or 'give one of' in message


def test_limits_are_in_the_message():
    with pytest.raises(InputError, match='from 0.05 to 2'):
        parse_condition('friction=5')


def test_a_slippery_road_is_for_a_slow_steering_too():
    slippery = parse_condition('slippery')
    assert slippery.friction == 0.5 and parse_condition('clean').friction == 1.0
    lag_s = default_car().steering_time_constant_s
    assert slippery.car(default_car()).steering_time_constant_s == pytest.approx(3.0 * lag_s)
    assert CLEAN.car(default_car()).steering_time_constant_s == lag_s
    assert (parse_condition('boxes=40').boxes, CLEAN.boxes) == (40, 0)


def test_factors_belong_to_their_condition_only():
    assert (parse_condition('friction=0.5').friction, parse_condition('friction=0.5').speed) == (0.5, 1.0)
    assert (parse_condition('speed=1.5').speed, parse_condition('speed=1.5').imu_noise) == (1.5, 1.0)
    assert (parse_condition('imu_noise=3').imu_noise, parse_condition('noise=0.3').imu_noise) == (3.0, 1.0)


def test_a_camera_is_moved_and_a_servo_is_askew_only_under_their_conditions():
    car = default_car()
    assert parse_condition('camera_height=2').car(car).camera.z_m == 2.0 * car.camera.z_m
    assert parse_condition('steering_offset=-0.2').car(car) == CLEAN.car(car) == car
    assert parse_condition('steering_offset=-0.2').steering_offset_rad == -0.2
    assert parse_condition('camera_height=2').steering_offset_rad == 0.0


@pytest.mark.parametrize('condition', [CLEAN, Condition('friction', 0.5), Condition('speed', 2.0)])
def test_pictures_are_untouched_without_a_camera_fault(condition):
    assert condition.camera_fault(np.random.default_rng(0)).apply(GREY) is GREY


def test_noise_has_the_standard_deviation_and_is_new_in_each_frame():
    camera = fault('noise=0.1')
    first, second = (camera.apply(GREY).astype(float) / 255.0 for _ in range(2))
    assert np.std(first) == pytest.approx(0.1, rel=0.02)
    assert np.mean(first) == pytest.approx(128 / 255, abs=0.002)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.02
    assert abs(np.corrcoef(first[..., 0].ravel(), first[..., 1].ravel())[0, 1]) < 0.03


def test_noise_is_clipped_and_leaves_the_input_alone():
    black = np.zeros((144, 192, 3), dtype=np.uint8)
    noisy = fault('noise=0.2').apply(black)
    assert (noisy == 0).mean() == pytest.approx(0.5, abs=0.02)
    assert noisy.max() > 150 and black.max() == 0


def test_the_seed_decides_the_noise():
    assert np.array_equal(fault('noise=0.2', 1).apply(GREY), fault('noise=0.2', 1).apply(GREY))
    assert not np.array_equal(fault('noise=0.2', 1).apply(GREY), fault('noise=0.2', 2).apply(GREY))


@pytest.mark.parametrize('rate', [0.0, 0.3, 1.0])
def test_drop_loses_pictures_at_its_rate(rate):
    camera = fault(f'drop={rate}')
    lost = [camera.apply(GREY) is None for _ in range(3000)]
    assert np.mean(lost) == pytest.approx(rate, abs=0.03)


def test_a_blackout_lasts_0_3_s():
    camera = fault('blackout=0.02', rate_hz=30.0)
    black = np.array([camera.apply(GREY).max() == 0 for _ in range(6000)])
    edges = np.flatnonzero(np.diff(np.concatenate(([False], black, [False])).astype(int)))
    lengths = edges[1::2] - edges[::2]
    assert len(lengths) > 50
    assert (lengths[:-1] % 9 == 0).all() and np.median(lengths) == 9
    assert fraction_black(0.02, 9) == pytest.approx(black.mean(), abs=0.03)


def fraction_black(probability: float, frames: int) -> float:
    """Black frames for each frame: a stretch follows 1/p - 1 clear frames on average."""
    return frames / (frames + 1.0 / probability - 1.0)


def test_blackout_1_is_always_black():
    camera = fault('blackout=1')
    assert all(camera.apply(GREY).max() == 0 for _ in range(100))


@pytest.mark.parametrize('frames', [0, 1, 3])
def test_delay_is_that_many_frames(frames):
    camera = fault(f'delay={frames}')
    seen = [camera.apply(picture) for picture in numbered(10)]
    assert seen[:frames] == [None] * frames
    assert [int(picture[0, 0, 0]) for picture in seen[frames:]] == list(range(10 - frames))


def test_delay_keeps_pictures_that_the_simulator_overwrites():
    camera = fault('delay=1')
    buffer = np.zeros((2, 2, 3), dtype=np.uint8)
    camera.apply(buffer)
    buffer[:] = 7
    assert camera.apply(buffer).max() == 0


def test_brightness_scales_and_clips():
    picture = np.array([0, 10, 100, 200], dtype=np.uint8).reshape(1, 4, 1)
    assert fault('brightness=1.5').apply(picture).ravel().tolist() == [0, 15, 150, 255]
    assert fault('brightness=0.5').apply(picture).ravel().tolist() == [0, 5, 50, 100]
    assert fault('brightness=0').apply(picture).max() == 0


def test_shadow_darkens_parts_that_move():
    camera = fault('shadow', seed=3)
    pictures = [camera.apply(GREY) for _ in range(60)]
    shaded = np.array([(picture[..., 0] < 128).mean() for picture in pictures])
    assert (shaded < 0.9).all() and shaded.max() > 0.05
    assert all(picture.max() <= 128 and picture.min() > 0 for picture in pictures)
    assert len({picture.tobytes() for picture in pictures}) > 30
