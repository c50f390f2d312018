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

"""Tracks: random ones, centre-line files, and where a point lies on a road."""
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquid_control.errors import InputError
from liquid_control.simulation.appearance import CENTRE_LINES, Appearance, random_appearance
from liquid_control.simulation.centre_line_file import read_centre_line
from liquid_control.simulation.random_track import MIN_RADIUS_M, random_track
from liquid_control.simulation.road_mesh import painted_stretches
from liquid_control.simulation.track import SPACING_M, self_crossing, smooth_track, wrap_angle
from liquid_control.simulation.track_spec import load_track

SEEDS = st.integers(0, 2 ** 63 - 1)
TRACK = random_track(1)


def circle(count: int = 80, radius: float = 5.0) -> np.ndarray:
    angle = np.linspace(0.0, 2.0 * np.pi, count, endpoint=False)
    return radius * np.column_stack((np.cos(angle), np.sin(angle)))


def write(path, points, right=0.5, left=0.5, head='# x_m, y_m, w_tr_right_m, w_tr_left_m\n'):
    path.write_text(head + ''.join(f'{x:.6f}, {y:.6f}, {right}, {left}\n' for x, y in points))
    return path


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_random_tracks_are_roads_that_a_car_can_drive(seed):
    track = random_track(seed)
    assert 24.0 <= track.length <= 65.0
    assert 0.6 <= 2.0 * track.half_width_left[0] <= 2.4
    assert np.array_equal(track.half_width_left, track.half_width_right)
    assert np.abs(track.curvature).max() <= 1.0 / MIN_RADIUS_M
    steps = np.hypot(*(np.roll(track.centre, -1, axis=0) - track.centre).T)
    assert steps == pytest.approx(np.full(len(steps), track.spacing), rel=0.01)
    assert track.spacing <= SPACING_M
    assert self_crossing(track.centre[::8]) is None
    assert abs(track.curvature.sum() * track.spacing) == pytest.approx(2.0 * math.pi, rel=1e-3)


def test_random_tracks_bend_both_ways_run_both_ways_and_differ():
    tracks = [random_track(seed) for seed in range(40)]
    assert sum((t.curvature > 0.05).any() and (t.curvature < -0.05).any() for t in tracks) >= 30
    assert 8 <= sum(t.curvature.sum() > 0.0 for t in tracks) <= 32
    widths = [2.0 * t.half_width_left[0] for t in tracks]
    assert min(widths) < 0.8 and max(widths) > 1.8
    assert {t.appearance.centre_line for t in tracks} == set(CENTRE_LINES)
    again = random_track(7)
    assert np.array_equal(again.centre, tracks[7].centre) and again.appearance == tracks[7].appearance


@settings(max_examples=50, deadline=None)
@given(SEEDS)
def test_random_looks_can_be_seen(seed):
    look = random_appearance(np.random.default_rng(seed))
    assert abs(np.mean(look.edge_rgb) - np.mean(look.road_rgb)) >= 0.25
    assert abs(np.mean(look.centre_rgb) - np.mean(look.road_rgb)) >= 0.25
    for rgb in look.road_rgb, look.ground_rgb, look.edge_rgb, look.centre_rgb, look.sky_rgb:
        assert 0.0 <= min(rgb) and max(rgb) <= 1.0


@settings(max_examples=100, deadline=None)
@given(st.floats(-200.0, 200.0), st.floats(-0.3, 0.3))
def test_projecting_a_pose_gives_its_arc_length_and_offset_back(s, lateral):
    x, y, yaw = TRACK.pose(s, lateral)
    for near in None, s + 1.0:
        back, offset = TRACK.project(x, y, near)
        assert 0.0 <= back <= TRACK.length
        difference = (back - s + 0.5 * TRACK.length) % TRACK.length - 0.5 * TRACK.length
        assert abs(difference) < 0.012 and abs(offset - lateral) < 0.003
    ahead = TRACK.pose(s + 0.01, lateral)
    direction = math.atan2(ahead[1] - y, ahead[0] - x)
    assert abs(wrap_angle(direction - yaw)) < 0.02


def test_project_near_stays_on_its_own_part_of_the_road():
    across = np.linspace(-6.0, 6.0, 40)
    bend = np.linspace(-0.5 * np.pi, 0.5 * np.pi, 10)[1:-1]
    right = np.column_stack((6.0 + 0.8 * np.cos(bend), 0.8 * np.sin(bend)))
    points = np.vstack((
        np.column_stack((across, np.full(40, -0.8))), right, np.column_stack((across[::-1], np.full(40, 0.8))), -right))
    track = smooth_track('hairpins', points, np.full((len(points), 2), 0.7), Appearance())
    s, lateral = track.project(0.0, 0.1, near=6.0)
    assert s == pytest.approx(6.0, abs=0.05) and lateral == pytest.approx(0.9, abs=0.01)
    assert track.project(0.0, 0.1)[1] == pytest.approx(0.7, abs=0.01)


def test_left_is_left():
    track = smooth_track('circle', circle(), np.column_stack((np.full(80, 0.4), np.full(80, 0.8))), Appearance())
    assert np.hypot(*track.pose(3.0, 0.3)[:2]) == pytest.approx(4.7, abs=0.002)
    assert track.curvature == pytest.approx(np.full(len(track.centre), 0.2), abs=1e-3)
    assert track.on_road(3.0, 0.39) and not track.on_road(3.0, 0.41)
    assert track.on_road(3.0, -0.79) and not track.on_road(3.0, -0.81)


def test_options_change_the_width_and_the_centre_line():
    wide = load_track('random:1', centre_line='solid', road_width=2.0)
    assert np.array_equal(wide.centre, TRACK.centre) and wide.appearance.centre_line == 'solid'
    assert wide.on_road(0.0, 0.99) and not wide.on_road(0.0, 1.01)
    assert load_track('random:1').appearance == TRACK.appearance


@settings(max_examples=50, deadline=None)
@given(st.floats(0.05, 3.0), st.floats(0.05, 3.0))
def test_whole_dashes_close_the_loop(dash, gap):
    track = smooth_track('circle', circle(), np.full((80, 2), 0.5), Appearance(dash_m=dash, gap_m=gap))
    painted = np.array(painted_stretches(track))
    assert painted[0, 0] == 0.0
    assert (painted[:, 1] - painted[:, 0]).sum() / track.length == pytest.approx(dash / (dash + gap))
    period = np.diff(np.append(painted[:, 0], track.length))
    assert period == pytest.approx(np.full(len(painted), track.length / len(painted)))
    assert abs(period[0] - (dash + gap)) <= 0.5 * (dash + gap) / len(painted) + 1e-9


def test_a_centre_line_file_is_read(tmp_path):
    points = circle()
    track = read_centre_line(write(tmp_path / 'ring.csv', points, right=0.4, left=0.9))
    assert track.name == 'ring' and track.length == pytest.approx(10.0 * math.pi, rel=1e-3)
    assert track.half_width_left == pytest.approx(np.full(len(track.centre), 0.9))
    assert track.half_width_right == pytest.approx(np.full(len(track.centre), 0.4))
    closed = read_centre_line(write(tmp_path / 'closed.csv', np.vstack((points, points[:1]))))
    assert closed.length == pytest.approx(track.length)


BAD_FILES = {
    'empty': ('', '0 points'),
    'too few': ('0,0,1,1\n1,0,1,1\n1,1,1,1\n', '3 points'),
    'words': ('x_m,y_m,w_tr_right_m,w_tr_left_m\n', 'line 1'),
    'three columns': ('0,0,1\n', 'line 1'),
    'five columns': ('# head\n0,0,1,1,1\n', 'line 2'),
    'nan': ('0,0,nan,1\n', 'line 1'),
    'inf': ('0,inf,1,1\n', 'line 1'),
    'html': ('<!DOCTYPE html>\n<html></html>\n', 'line 1'),
}


@pytest.mark.parametrize('text, word', BAD_FILES.values(), ids=BAD_FILES)
def test_a_file_that_is_no_centre_line_is_refused(tmp_path, text, word):
    path = tmp_path / 'bad.csv'
    path.write_text(text)
    refused(path, word)


@pytest.mark.parametrize('content', [b'\xff\xfe\x00\x01', b'\x89PNG\r\n\x1a\n\xff'])
def test_binary_files_are_refused(tmp_path, content):
    path = tmp_path / 'picture.csv'
    path.write_bytes(content)
    refused(path, 'cannot be read')


def test_missing_files_and_folders_are_refused(tmp_path):
    refused(tmp_path / 'missing.csv', 'cannot be read')
    refused(tmp_path, 'cannot be read')


def test_roads_that_cannot_be_driven_are_refused(tmp_path):
    angle = np.linspace(0.0, 2.0 * np.pi, 60, endpoint=False)
    eight = np.column_stack((6.0 * np.sin(angle + 0.1), 3.0 * np.sin(2.0 * (angle + 0.1))))
    refused(write(tmp_path / 'eight.csv', eight), 'crosses itself')
    refused(write(tmp_path / 'open.csv', circle()[:50]), 'is open')
    refused(write(tmp_path / 'narrow.csv', circle(), right=0.05, left=0.05), 'road width')
    refused(write(tmp_path / 'wide.csv', circle(), right=30.0, left=30.0), 'road width')
    refused(write(tmp_path / 'side.csv', circle(), right=-0.1, left=1.0), 'half-width')
    refused(write(tmp_path / 'big.csv', circle(radius=9000.0)), 'across')
    refused(write(tmp_path / 'twice.csv', np.repeat(circle(), 2, axis=0)), 'repeats point')


def refused(path, word):
    with pytest.raises(InputError, match=word) as caught:
        load_track(str(path))
    assert '\n' not in str(caught.value)
    assert str(path) in str(caught.value) or word == 'road width'


@pytest.mark.parametrize('spec', [
    'random:', 'random:-1', 'random:1.5', 'random:abc', f'random:{2 ** 63}', 'random: 1', 'random:\u00b2'])
def test_seeds_that_are_no_seeds_are_refused(spec):
    with pytest.raises(InputError, match='whole number'):
        load_track(spec)


@pytest.mark.parametrize('options', [
    {'road_width': 0.1}, {'road_width': 20.0}, {'road_width': math.nan}, {'centre_line': 'dotted'}])
def test_options_out_of_range_are_refused(options):
    with pytest.raises(InputError, match='give'):
        load_track('random:1', **options)
