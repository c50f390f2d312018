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

import math

import cv2
import numpy as np
import pytest

from liquid_control.evaluation.drive_record import DriveRecord, SeenCommand
from liquid_control.evaluation.pictures import annotate, draw_path, write_video
from liquid_control.evaluation.watch import Watch
from liquid_control.simulation.car import default_car
from liquid_control.simulation.track_spec import load_track

WHEELBASE_M = 0.33
TRACK = load_track('random:1000000', 'dashed', 1.2)
STEP_M = 0.1
SPEED_MPS = 3.0


def drive(watch: Watch, metres: float, lateral_m: float = 0.0) -> None:
    for i in range(int(metres / STEP_M) + 1):
        time_s = 5.0 + i * STEP_M / SPEED_MPS
        x, y, _ = TRACK.pose(i * STEP_M, lateral_m)
        watch.see_odometry(time_s, x, y, SPEED_MPS)


def started(laps: int) -> Watch:
    watch = Watch(TRACK, laps, WHEELBASE_M)
    watch.see_command(4.9, 1000.0, SPEED_MPS, 0.0)
    return watch


def test_laps_are_counted_until_the_last():
    watch = started(laps=2)
    drive(watch, 1.5 * TRACK.length, lateral_m=0.05)
    assert (watch.laps_done, watch.ended) == (1, None)
    assert watch.lap_progress == pytest.approx(0.5, abs=0.01)
    watch = started(laps=2)
    drive(watch, 3.0 * TRACK.length, lateral_m=-0.05)
    result = watch.result()
    assert (watch.laps_done, watch.ended, watch.lap_progress) == (2, 'completed', 1.0)
    assert result.mean_abs_lateral_m == pytest.approx(0.05, abs=0.005)
    assert watch.record.seconds() == pytest.approx(2.0 * TRACK.length / SPEED_MPS, abs=0.1)


def test_beyond_the_edge_is_off_road():
    watch = started(laps=1)
    drive(watch, 1.0, lateral_m=0.5)
    assert watch.ended is None
    watch.see_odometry(9.0, *TRACK.pose(1.0, 0.7)[:2], SPEED_MPS)
    assert watch.ended == 'off road' and not watch.result().completed
    kept = len(watch.record.sightings)
    drive(watch, 1.0)
    assert len(watch.record.sightings) == kept


def test_what_happens_before_the_first_command_to_move_does_not_count():
    watch = Watch(TRACK, 1, WHEELBASE_M)
    watch.see_command(1.0, 1000.0, 0.0, 0.0)
    drive(watch, 0.5 * TRACK.length)
    watch.see_picture(1.0, b'')
    assert watch.record == DriveRecord()


def test_a_twist_is_shown_as_a_steering_angle():
    watch = Watch(TRACK, 1, WHEELBASE_M)
    watch.see_command(1.0, 1000.0, 2.0, 2.0 * math.tan(0.2) / WHEELBASE_M)
    assert watch.record.commands[0].steering_rad == pytest.approx(0.2)


def test_latency_runs_from_the_clock_of_the_picture_to_the_first_command_for_it():
    watch = Watch(TRACK, 1, WHEELBASE_M)
    for i in range(100):
        watch.see_clock(i / 100.0, 500.0 + i / 100.0 + (0.002 if i == 50 else 0.0))
    for published_s in (500.504, 500.537):
        watch.see_command(0.5, published_s, SPEED_MPS, 0.0)
    watch.see_command(0.605, 500.611, SPEED_MPS, 0.0)
    assert watch.record.latencies_s == pytest.approx([0.002, 0.006])


def test_rates_and_latencies():
    published = 100.0 + np.arange(101) / 50.0
    published[51:] += 0.02
    record = DriveRecord(
        commands=[SeenCommand(t, t, 0.0, 1.0) for t in published], latencies_s=[0.003] * 99 + [0.011])
    assert record.control_rate_hz()['mean'] == pytest.approx(100 / 2.02, abs=0.01)
    assert record.control_rate_hz()['p1'] < 50.0
    assert record.latency_ms() == {'p50': 3.0, 'p99': pytest.approx(3.08)}
    assert DriveRecord().control_rate_hz() == {'mean': None, 'p1': None}
    assert DriveRecord().latency_ms() == {'p50': None, 'p99': None}


def test_the_command_of_a_picture_is_the_newest_that_had_seen_it_or_an_older_one():
    record = DriveRecord(commands=[SeenCommand(t, t, t, 1.0) for t in (1.0, 2.0, 3.0)])
    assert record.command_at(0.5) is None
    assert record.command_at(2.0).steering_rad == 2.0
    assert record.command_at(2.9).steering_rad == 2.0


@pytest.mark.parametrize('steering', [-0.3, 0.3])
def test_the_way_drawn_in_bends_to_the_side_of_the_steering(steering):
    car = default_car()
    black = np.zeros((3 * car.camera.height_px, 3 * car.camera.width_px, 3), np.uint8)
    drawn = annotate(black.copy(), SeenCommand(0.0, 0.0, steering, 1.0), car)
    way = drawn[:-60, :, 1] > 128
    columns = np.flatnonzero(way.any(axis=0)) - black.shape[1] / 2
    assert way.any()
    assert np.sign(columns[np.argmax(np.abs(columns))]) == -np.sign(steering)
    assert np.array_equal(annotate(black.copy(), None, car)[:-60], black[:-60])


def test_the_picture_and_the_video_of_a_drive(tmp_path):
    car = default_car()
    watch = started(laps=1)
    drive(watch, 5.0, lateral_m=0.1)
    shape = (12, car.camera.height_px, car.camera.width_px, 3)
    noise = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    for i, picture in enumerate(noise):
        watch.see_picture(5.0 + i / 30.0, cv2.imencode('.jpg', picture)[1].tobytes())
    draw_path(TRACK, watch.record, 'a test', tmp_path / 'path.png')
    picture = cv2.imread(str(tmp_path / 'path.png'))
    assert picture.shape[0] > 500 and picture.std() > 10.0
    written = []
    write_video(watch.record, car, tmp_path / 'drive.mp4', lambda: written.append(1))
    import imageio_ffmpeg
    frames = imageio_ffmpeg.read_frames(str(tmp_path / 'drive.mp4'))
    assert next(frames)['size'] == (3 * car.camera.width_px, 3 * car.camera.height_px)
    assert len(list(frames)) == len(written) == len(noise)


def test_a_drive_without_a_picture_or_step_can_be_drawn(tmp_path):
    draw_path(TRACK, DriveRecord(), 'nothing', tmp_path / 'path.png')
    assert (tmp_path / 'path.png').stat().st_size > 1000
