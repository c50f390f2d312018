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

"""Learning from recorded drives: what is learned from, in which views, with which policy, and that it learns."""
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from liquid_control.errors import InputError
from liquid_control.evaluation.open_loop import always_the_mean, open_loop
from liquid_control.learning.recorded import (
    DriveSettings, GradientSteps, Windows, drive_policy, enough_frames, learn_from_drives, left_out_of_learning,
    rate_at, usual_settings)
from liquid_control.learning.simulated import Budget
from liquid_control.learning.views import Views
from liquid_control.policy.compiling import Runner
from liquid_control.policy.policy_file import load_policy, save_policy
from liquid_control.recording.recorded_drive import RecordedDrive

PERIOD_S = 0.05


def bar_drive(count: int = 200, has_imu: bool = False, gaps: tuple[int, ...] = ()) -> RecordedDrive:
    """Return a drive with a bright bar where the human steers to; the car goes backwards in pictures 60 to 69."""
    rng = np.random.default_rng(3)
    steering = np.sin(0.2 * np.arange(count)).astype(np.float32)
    pictures = rng.integers(0, 60, (count, 24, 48, 3), dtype=np.uint8)
    for picture, middle in zip(pictures, (24 - 18 * steering).astype(int)):
        picture[:, middle - 4:middle + 4] = 250
    stamps = PERIOD_S * np.arange(count, dtype=float)
    for gap in gaps:
        stamps[gap:] += 5.0
    throttle = np.where((np.arange(count) >= 60) & (np.arange(count) < 70), -0.3, 0.5).astype(np.float32)
    imu = rng.standard_normal((count, 6)).astype(np.float32) * has_imu
    return RecordedDrive('bar', pictures, imu, steering, stamps, throttle, has_imu)


def test_a_policy_learns_where_the_bar_is():
    first, rest = bar_drive().part(0, 160), bar_drive().part(160, 200)
    policy = drive_policy('ltc', 'small', 0, [first])
    reports = []
    learned = learn_from_drives(policy, [first], 0, Budget(100.0, frames=60 * 128), reports.append)
    assert learned.frames == 60 * 128 and reports[-1].spent == 1.0
    assert learned.how['not_learned_from'] == {'the car went backwards': 10}
    assert learned.how['settings']['cell_rate'] == usual_settings('ltc', 'small').cell_rate
    assert open_loop(policy, rest).steering_mae < 0.4 * always_the_mean(rest).steering_mae


def test_a_seed_repeats_exactly():
    def weights():
        policy = drive_policy('cfc', 'small', 4, [bar_drive()])
        learn_from_drives(policy, [bar_drive()], 4, Budget(100.0, frames=512), lambda report: None)
        return torch.cat([value.flatten() for value in policy.state_dict().values()])
    assert torch.equal(weights(), weights())


def test_learning_ends_when_enough_was_seen():
    settings = replace(DriveSettings(), passes=2.0, least_frames=300)
    drive = bar_drive()
    assert enough_frames([drive], settings) == 400 and enough_frames([drive.part(0, 100)], settings) == 300
    policy = drive_policy('gru', 'small', 0, [drive])
    learned = learn_from_drives(policy, [drive], 0, Budget(1000.0), lambda report: None, settings)
    assert learned.frames == 512  # whole gradient steps of 128


def test_the_imu_is_left_out_on_request_and_where_there_is_none():
    blind, feeling = bar_drive(), bar_drive(has_imu=True)
    assert drive_policy('ltc', 'small', 0, [feeling]).spec.imu_channels == ('gyro_z', 'accel_x', 'accel_y')
    for policy in (drive_policy('ltc', 'small', 0, [feeling], use_imu=False), drive_policy('ltc', 'small', 0, [blind]),
                   drive_policy('ltc', 'small', 0, [feeling, blind])):
        assert policy.spec.imu_channels == () and policy.spec.visual_features == 32
        assert policy.spec.period_s == pytest.approx(PERIOD_S)


def test_what_is_not_learned_from_is_counted():
    drive = bar_drive(gaps=(10, 100))
    assert left_out_of_learning(drive, 16) == {
        'in a stretch of fewer than 16 pictures between gaps of 1 s': 10, 'the car went backwards': 10}
    assert not left_out_of_learning(drive.part(100, 200), 16)
    assert not left_out_of_learning(replace(bar_drive(), throttle=-bar_drive().throttle), 16)  # its sign is unclear


def test_steering_while_going_backwards_teaches_nothing():
    drive = bar_drive()
    other = drive.steering.copy()
    other[60:70] = -1.0
    policy, settings = drive_policy('ltc', 'small', 0, [drive]), replace(DriveSettings(), variety=0.0)
    drives = drive, replace(drive, steering=other)
    parts = [Windows(policy, [one.part(50, 80)], 0, settings).draw(4) for one in drives]
    assert all(part.steering.isnan().any() for part in parts)
    known = parts[0].steering.isfinite()
    smoothed = (parts[0].steering != parts[1].steering) & known
    assert smoothed.sum() <= 4 * 4  # only the two neighbours on each side, whose labels are means of five
    assert math.isfinite(GradientSteps(policy, settings).take(parts[0], 0.1))


def test_a_drive_without_a_long_stretch_is_refused():
    drive = bar_drive(count=60, gaps=tuple(range(10, 60, 10)))
    with pytest.raises(InputError, match='no recorded drive has 16 pictures without a gap'):
        Windows(drive_policy('ltc', 'small', 0, [drive]), [drive], 0, DriveSettings())


def test_rates_rise_and_fall():
    assert rate_at(0.0) == pytest.approx(0.02)
    assert rate_at(0.05) > 0.95
    assert rate_at(0.5) == pytest.approx(0.51)
    assert rate_at(1.0) == pytest.approx(0.02)


def test_views_differ_between_sequences_and_hold_along_each():
    pictures = torch.randint(0, 256, (6, 1, 3, 48, 96), dtype=torch.uint8).repeat(1, 5, 1, 1, 1)
    views = Views(0)(pictures)
    assert views.shape == pictures.shape and views.min() >= 0.0 and views.max() <= 255.0
    along = (views[:, 1:] - views[:, :1]).abs().mean()
    between = (views[1:] - views[:-1]).abs().mean()
    assert along < 0.3 * between
    torch.testing.assert_close(views, Views(0)(pictures))
    assert not torch.equal(views, Views(1)(pictures))


def test_views_without_variety_are_the_pictures():
    pictures = torch.randint(0, 256, (2, 3, 3, 12, 16), dtype=torch.uint8)
    torch.testing.assert_close(Views(0, 0.0)(pictures), pictures.float())
    torch.testing.assert_close(Views(0)._placed(pictures.float()).mean(), pictures.float().mean(), rtol=0.1, atol=0.0)


def test_the_usual_large_network_is_a_policy_like_others(tmp_path):
    drive = bar_drive(count=20)
    policy = drive_policy('linear', 'donkey', 0, [drive])
    count = sum(p.numel() for module in (policy.head, policy.network) for p in module.parameters())
    assert count == 816_977
    assert (policy.retina.height, policy.retina.width, policy.spec.crop) == (120, 160, (0.0, 0.0, 0.0, 0.0))
    policy.eval()
    save_policy(policy, tmp_path / 'donkey.safetensors')
    runner = Runner(load_policy(tmp_path / 'donkey.safetensors'), 24, 48)
    with torch.inference_mode():
        expected, _ = policy(torch.from_numpy(drive.pictures[:1]), torch.zeros(1, 6), torch.ones(1, 1),
                             policy.initial_state())
    assert runner.step(drive.pictures[0], drive.imu[0], PERIOD_S).steering_rad == pytest.approx(
        expected[0, 0].item(), abs=1e-5)
