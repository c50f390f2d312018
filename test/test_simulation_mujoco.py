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

"""The MuJoCo world: what the camera shows, how the car moves, what the IMU feels."""
import math
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from liquid_control.errors import InputError
from liquid_control.learning.expert import lookahead_m, pure_pursuit
from liquid_control.simulation.appearance import Appearance
from liquid_control.simulation.car import default_car
from liquid_control.simulation.mujoco_model import STEP_S
from liquid_control.simulation.mujoco_world import MujocoWorld
from liquid_control.simulation.road_mesh import LAYERS, road_pieces
from liquid_control.simulation.track import Track, smooth_track
from liquid_control.simulation.track_spec import load_track

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get('LIQUID_CONTROL_SHARED', ROOT.parent / 'shared'))
CAR = default_car()
LOOK = Appearance()


def loop(look: Appearance = LOOK, width: float = 0.8, radius: float = 6.0) -> Track:
    angle = np.linspace(0.0, 2.0 * np.pi, 60, endpoint=False)
    points = radius * np.column_stack((np.cos(angle), np.sin(angle)))
    return smooth_track('loop', points, np.full((60, 2), 0.5 * width), look)


def sharp_corners() -> Track:
    """Return a square road, 2.2 m wide, whose corners have an inner radius far under the half width."""
    points = []
    for k in range(4):
        turn = 0.5 * np.pi * k
        along, across = np.array((np.cos(turn), np.sin(turn))), np.array((-np.sin(turn), np.cos(turn)))
        points += [4.0 * along + y * across for y in np.linspace(-3.4, 3.4, 14)]
        bend = np.linspace(0.0, 0.5 * np.pi, 6)[1:-1]
        points += [3.4 * along + 3.4 * across + 0.6 * (np.cos(b) * along + np.sin(b) * across) for b in bend]
    return smooth_track('corners', np.array(points), np.full((len(points), 2), 1.1), Appearance())


@pytest.fixture(scope='module')
def world():
    world = MujocoWorld(loop(), seed=0, imu_noise=0.0)
    yield world
    world.close()


def drive(world: MujocoWorld, steering: float, speed: float, seconds: float) -> np.ndarray:
    """Hold a command; return x, y, speed, yaw rate of every step."""
    rows = []
    for _ in range(round(seconds / STEP_S)):
        world.command(steering, speed)
        world.advance()
        rows.append((*world.pose()[:2], *world.twist()))
    return np.array(rows)


def circle_radius(points: np.ndarray) -> float:
    left = np.column_stack((2.0 * points, np.ones(len(points))))
    middle = np.linalg.lstsq(left, (points ** 2).sum(axis=1), rcond=None)[0]
    return math.sqrt(middle[2] + middle[0] ** 2 + middle[1] ** 2)


def pixel(pose: tuple[float, float, float], x: float, y: float) -> tuple[int, int]:
    """Return row and column of a point on the ground, by the pinhole model of config/car.yaml."""
    camera = CAR.camera
    dx, dy = x - pose[0], y - pose[1]
    forward = dx * math.cos(pose[2]) + dy * math.sin(pose[2]) - camera.x_m
    left = -dx * math.sin(pose[2]) + dy * math.cos(pose[2])
    sine, cosine = math.sin(camera.pitch_rad), math.cos(camera.pitch_rad)
    depth = forward * cosine + camera.z_m * sine
    down = -forward * sine + camera.z_m * cosine
    row = 0.5 * camera.height_px + camera.focal_px * down / depth
    column = 0.5 * camera.width_px - camera.focal_px * left / depth
    return int(row), int(column)


def shown(rgb: tuple[float, float, float], light: float) -> np.ndarray:
    return 255.0 * np.clip(np.array(rgb) * light, 0.0, 1.0)


@pytest.mark.parametrize('light', [0.7, 1.0, 1.3])
def test_colours_are_those_of_the_appearance(light):
    look = Appearance(light=light, centre_line='solid', edge_line_m=0.1, centre_line_m=0.1)
    world = MujocoWorld(loop(look), seed=0)
    bottom = slice(-4, None), slice(94, 98)
    seen = {}
    for name, lateral in ('centre', 0.0), ('road', 0.2), ('edge', 0.35), ('ground', 1.0):
        world.reset(1.0, lateral)
        picture = world.camera()
        seen[name] = picture[bottom].reshape(-1, 3)
    seen['sky'] = picture[:20].reshape(-1, 3)
    world.close()
    for name, pixels in seen.items():
        assert np.abs(pixels - shown(getattr(look, f'{name}_rgb'), light)).max() <= 2.0, name


def test_camera_is_the_pinhole_of_the_car_and_dashes_lie_where_the_track_says():
    track = loop(Appearance(dash_m=0.35, gap_m=0.45, centre_line_m=0.08))
    count = round(track.length / 0.8)
    period = track.length / count
    dash = period * 0.35 / 0.8
    world = MujocoWorld(track, seed=0)
    checked = 0
    for start in (0.0, 3.3, track.length - 1.0):
        world.reset(start, 0.05, 0.1)
        picture, pose = world.camera(), world.pose()
        for k in range(count):
            for s, name in ((k * period + 0.03, 'centre'), (k * period + dash - 0.03, 'centre'),
                            (k * period - 0.03, 'road'), (k * period + dash + 0.03, 'road')):
                if 0.5 < (s - start) % track.length < 1.2:
                    row, column = pixel(pose, *track.pose(s)[:2])
                    expected = shown(getattr(track.appearance, f'{name}_rgb'), 1.0)
                    assert np.abs(picture[row, column] - expected).max() <= 2, (start, k, name)
                    checked += 1
        for lateral, name in ((0.36, 'edge'), (0.43, 'ground'), (0.32, 'road'), (-0.375, 'edge'), (-0.44, 'ground')):
            row, column = pixel(pose, *track.pose(start + 0.8, lateral)[:2])
            assert np.abs(picture[row, column] - shown(getattr(track.appearance, f'{name}_rgb'), 1.0)).max() <= 2, name
    assert checked >= 6
    world.close()


@pytest.mark.parametrize('kind', ['none', 'solid'])
def test_centre_line_option(kind):
    track = loop().with_options(centre_line=kind)
    world = MujocoWorld(track, seed=0)
    picture, pose = world.camera(), world.pose()
    look = track.appearance
    expected = shown(look.road_rgb if kind == 'none' else look.centre_rgb, 1.0)
    for ahead in np.arange(0.45, 1.5, 0.1):
        assert np.abs(picture[pixel(pose, *track.pose(ahead)[:2])] - expected).max() <= 2
    world.close()


def test_worlds_alive_together_after_each_other_and_in_other_threads_draw_their_own_pictures():
    looks = [Appearance(ground_rgb=(0.1 * k, 0.5, 0.2), sky_rgb=(0.2, 0.1 * k, 0.9)) for k in range(5)]
    worlds = [MujocoWorld(loop(look), seed=0) for look in looks]
    alone = []
    for look in looks:
        single = MujocoWorld(loop(look), seed=0)
        alone.append(single.camera())
        single.close()
    worlds[2].close()
    for k in (4, 0, 3, 1, 0, 4):
        assert np.array_equal(worlds[k].camera(), alone[k])
    pictures = {}
    threads = [threading.Thread(target=lambda k=k: pictures.update({k: worlds[k].camera()})) for k in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in (0, 1):
        assert np.array_equal(pictures[k], alone[k])
    assert not np.array_equal(alone[0], alone[1])
    for k in (0, 1, 3, 4):
        worlds[k].close()


def test_far_and_hidden_road_comes_back_into_view():
    track = loop(radius=40.0)
    world = MujocoWorld(track, seed=0)
    first = world.camera()
    world.reset(0.5 * track.length)
    opposite = world.camera()
    world.reset(0.0)
    assert np.array_equal(world.camera(), first)
    road = shown(track.appearance.road_rgb, 1.0)
    assert np.abs(opposite[-3, 60] - road).max() <= 2
    world.close()


def inside_triangles(points: np.ndarray, vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    found = np.zeros(len(points), bool)
    for a, b, c in vertices[faces]:
        sides = [(q[0] - p[0]) * (points[:, 1] - p[1]) - (q[1] - p[1]) * (points[:, 0] - p[0])
                 for p, q in ((a, b), (b, c), (c, a))]
        found |= np.min(sides, axis=0) >= -1e-9
    return found


def test_road_with_folded_inner_edges_is_the_set_of_points_within_the_half_width():
    track = sharp_corners()
    assert 1.0 / np.abs(track.curvature).max() < 0.7
    points = np.random.default_rng(0).uniform(-5.5, 5.5, (4000, 2))
    distance, _ = cKDTree(track.centre).query(points)
    road = np.zeros(len(points), bool)
    lines = np.zeros(len(points), bool)
    for piece in road_pieces(track):
        faces, vertices = piece.mesh.faces, piece.mesh.vertices
        a, b, c = (vertices[faces[:, k]] for k in range(3))
        assert ((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0]) > 0.0).all()
        assert piece.layer in LAYERS
        covered = inside_triangles(points, vertices, faces)
        road |= covered & (piece.layer == 'road')
        lines |= covered & (piece.layer == 'edge')
    assert road[distance < 1.1 - 0.005].all()
    assert not road[distance > 1.1 + 0.005].any()
    line = track.appearance.edge_line_m
    assert not lines[distance < 1.1 - line - 0.01].any()
    rim = (distance > 1.1 - line + 0.005) & (distance < 1.1 - 0.005)
    assert lines[rim].mean() > 0.97


def test_turning_circle_at_full_lock(world):
    world.reset()
    path = drive(world, CAR.max_steering_rad, 0.5, 4.0)[-1800:]
    assert circle_radius(path[:, :2]) == pytest.approx(0.74, rel=0.02)


@pytest.mark.parametrize('steering', [-0.3, 0.0, 0.15, 0.4])
def test_speed_and_yaw_rate_at_two_metres_a_second(world, steering):
    world.reset()
    end = drive(world, steering, 2.0, 3.0)[-600:]
    assert end[:, 2].mean() == pytest.approx(2.0, rel=0.01)
    assert end[:, 3].mean() == pytest.approx(2.0 * math.tan(steering) / CAR.wheelbase_m, rel=0.05, abs=1e-3)


def test_tyres_hold_two_metres_a_second_on_the_tightest_bend_but_not_on_a_slippery_one(world):
    steering = math.atan(CAR.wheelbase_m / 0.75)
    world.reset()
    path = drive(world, steering, 2.0, 3.0)[-900:]
    assert circle_radius(path[:, :2]) == pytest.approx(0.75, rel=0.03)
    slippery = MujocoWorld(loop(), seed=0, friction=0.4)
    wide = drive(slippery, steering, 2.0, 3.0)[-600:]
    grip = 0.4 * CAR.tyre_friction * 9.81
    assert np.abs(wide[:, 2] * wide[:, 3]).mean() < 1.05 * grip
    slippery.close()


def test_steering_lags_and_is_rate_limited(world):
    world.reset(speed=0.5)
    small, constant = 0.1, CAR.steering_time_constant_s
    drive(world, small, 0.5, constant)
    assert world.steering_rad == pytest.approx(small * (1.0 - math.exp(-1.0)), rel=0.03)
    drive(world, -CAR.max_steering_rad, 0.5, 0.5)
    before = world.steering_rad
    drive(world, CAR.max_steering_rad, 0.5, 0.05)
    assert world.steering_rad - before == pytest.approx(0.05 * CAR.max_steering_rate_radps, rel=0.01)


def test_acceleration_is_limited_and_reverse_works(world):
    world.reset()
    rows = drive(world, 0.0, 4.0, 0.3)
    assert rows[-1, 2] <= 1.02 * CAR.max_acceleration_mps2 * 0.3
    assert rows[-1, 2] >= 0.8
    assert drive(world, 0.0, -1.0, 2.0)[-1, 2] == pytest.approx(-1.0, rel=0.01)


def test_commands_beyond_the_limits_are_cut(world):
    world.reset()
    drive(world, 3.0, 1.0, 0.6)
    assert world.steering_rad == pytest.approx(CAR.max_steering_rad, rel=0.01)
    world.reset()
    assert drive(world, 0.0, 99.0, 2.5)[-1, 2] == pytest.approx(CAR.max_speed_mps, rel=0.01)


@pytest.mark.parametrize('command', [(math.nan, 1.0), (0.1, math.inf), (-math.inf, 1.0), (0.0, math.nan)])
def test_a_command_that_is_not_finite_is_refused_and_does_not_count(world, command):
    world.reset(speed=1.0)
    for _ in range(900):
        with pytest.raises(InputError, match='not finite'):
            world.command(*command)
        world.advance()
    assert abs(world.twist()[0]) < 0.01


def test_the_car_stops_by_itself_without_commands(world):
    world.reset()
    drive(world, 0.0, 2.0, 1.5)
    last = world.time
    world.advance_to(last + CAR.command_timeout_s - 0.02)
    assert world.twist()[0] == pytest.approx(2.0, abs=0.01)
    world.advance_to(last + 0.5)
    assert abs(world.twist()[0]) < 0.01


@pytest.mark.parametrize('steering, friction', [(0.0, 1.0), (0.3, 1.0), (0.0, 0.4)])
def test_all_four_wheels_brake_as_hard_as_the_car_or_the_road_lets_them(steering, friction):
    world = MujocoWorld(loop(), seed=0, friction=friction)
    speed = drive(world, steering, 1.5, 2.0)[-1, 2]
    yaw = world.pose()[2]
    rows = drive(world, steering, 0.0, 0.6)
    world.close()
    limit = min(CAR.max_braking_mps2, friction * CAR.tyre_friction * 9.81)
    assert 0.97 <= np.count_nonzero(rows[:, 2] > 0.02) * STEP_S * limit / speed <= 1.25
    way = speed ** 2 / (2.0 * limit)
    turned = math.remainder(world.pose()[2] - yaw, 2.0 * math.pi)
    assert turned == pytest.approx(way * math.tan(steering) / CAR.wheelbase_m, abs=0.02, rel=0.3)  # it does not spin


def test_reset_stands_on_its_wheels_at_the_pose(world):
    track = world.track
    world.reset(5.0, 0.1, -0.2)
    x, y, yaw = track.pose(5.0, 0.1)
    assert world.pose() == pytest.approx((x, y, yaw - 0.2))
    assert world.time == 0.0
    world.advance_to(0.5)
    assert world.pose() == pytest.approx((x, y, yaw - 0.2), abs=2e-4)
    assert world.imu() == pytest.approx([0, 0, 0, 0, 0, 9.81], abs=0.02)
    world.reset(2.0, speed=1.5)
    assert world.twist()[0] == pytest.approx(1.5)
    world.advance_to(0.1)
    assert world.twist()[0] == pytest.approx(1.5, abs=0.02)


def test_imu_feels_turn_and_acceleration(world):
    world.reset()
    drive(world, 0.2, 1.0, 2.0)
    speed, yaw_rate = world.twist()
    gyro, accel = world.imu()[:3], world.imu()[3:]
    assert gyro == pytest.approx([0.0, 0.0, yaw_rate], abs=0.02)
    assert accel[1] == pytest.approx(speed * yaw_rate, rel=0.05)
    world.reset()
    drive(world, 0.0, 1.0, 0.1)
    assert world.imu()[3] > 0.5 * CAR.max_acceleration_mps2


def test_imu_noise_and_bias_are_those_of_the_car():
    samples = []
    for seed in range(12):
        world = MujocoWorld(loop(), seed=seed, imu_noise=3.0)
        rows = []
        for k in range(1, 80):
            world.advance_to(k / CAR.imu.rate_hz)
            rows.append(world.imu())
        samples.append(rows)
        world.close()
    samples = np.array(samples) - np.array([0, 0, 0, 0, 0, 9.81])
    assert samples.dtype == np.float64 and world.imu().dtype == np.float32
    spread = samples.std(axis=1).mean(axis=0)
    assert spread[:3] == pytest.approx(3.0 * CAR.imu.gyro_noise_radps, rel=0.1)
    assert spread[3:] == pytest.approx(3.0 * CAR.imu.accel_noise_mps2, rel=0.1)
    bias = samples.mean(axis=1)
    assert 0.5 < bias[:, :3].std() / (3.0 * CAR.imu.gyro_bias_radps) < 1.6
    assert 0.5 < bias[:, 3:].std() / (3.0 * CAR.imu.accel_bias_mps2) < 1.6


def test_camera_noise_is_that_of_the_car_and_repeats_from_its_seed():
    pictures = {}
    for factor, seed in (0.0, 0), (2.0, 1), (2.0, 2):
        world = MujocoWorld(loop(), seed=seed, camera_noise=factor)
        pictures[factor, seed] = np.array([world.camera() for _ in range(20)], dtype=float)
        again = MujocoWorld(loop(), seed=seed, camera_noise=factor)
        assert np.array_equal(again.camera(), pictures[factor, seed][0])
        again.close(), world.close()
    clean = pictures[0.0, 0]
    assert (clean == clean[0]).all() and (pictures[2.0, 1] != pictures[2.0, 2]).any()
    grey = (clean[0] > 20) & (clean[0] < 235)
    assert (pictures[2.0, 1] - clean)[:, grey].std() == pytest.approx(2.0 * CAR.camera.noise_levels, rel=0.1)


def test_the_same_seed_gives_the_same_run():
    runs = []
    for seed in (7, 7, 8):
        world = MujocoWorld(load_track('random:3'), seed=seed)
        drive(world, 0.1, 1.5, 0.5)
        runs.append((world.camera(), world.imu(), world.pose()))
        world.close()
    for first, again in zip(runs[0], runs[1], strict=True):
        assert np.array_equal(first, again)
    assert not np.array_equal(runs[0][1], runs[2][1])


@pytest.mark.parametrize('option', [
    {'friction': 0.0}, {'friction': math.nan}, {'friction': 100.0}, {'imu_noise': -1.0},
    {'camera_noise': -1.0}])
def test_factors_out_of_range_are_refused(option):
    with pytest.raises(InputError, match='give a value within') as caught:
        MujocoWorld(loop(), seed=0, **option)
    assert '\n' not in str(caught.value)


def test_another_car_is_taken_at_its_word():
    camera = replace(CAR.camera, width_px=96, height_px=48, pitch_rad=0.0)
    world = MujocoWorld(loop(), seed=0, car=replace(CAR, wheelbase_m=0.26, camera=camera))
    picture = world.camera()
    assert picture.shape == (48, 96, 3) and picture.dtype == np.uint8
    look = world.track.appearance
    assert np.abs(picture[22, 5] - shown(look.sky_rgb, 1.0)).max() <= 2
    assert np.abs(picture[26, 5] - shown(look.ground_rgb, 1.0)).max() <= 2
    path = drive(world, 0.3, 0.5, 3.0)[-900:]
    assert circle_radius(path[:, :2]) == pytest.approx(0.26 / math.tan(0.3), rel=0.03)
    world.close()


def test_without_opengl_one_line_names_what_to_install(tmp_path):
    for name in ('libEGL.so.1', 'libEGL.so.0', 'libEGL.so'):
        (tmp_path / name).write_text('not a library')
    code = ('from liquid_control.errors import InputError\n'
            'try:\n    import liquid_control.simulation.mujoco_world\n'
            'except InputError as error:\n    print("InputError", error)\n')
    environment = {**os.environ, 'LD_LIBRARY_PATH': str(tmp_path), 'MUJOCO_GL': 'egl', 'PYTHONPATH': str(ROOT)}
    result = subprocess.run([sys.executable, '-c', code], env=environment, capture_output=True, text=True, timeout=120)
    assert result.stdout.startswith('InputError') and 'libegl1 libgl1-mesa-dri' in result.stdout, result.stderr
    assert len(result.stdout.splitlines()) == 1


def expert_lap(world: MujocoWorld, speed: float) -> float:
    """Drive a lap by pure pursuit on ground truth; return the largest distance from the centre line in metres."""
    track = world.track
    world.reset()
    s = progress = largest = 0.0
    for frame in range(1, 100_000):
        x, y, yaw = world.pose()
        to_x, to_y, _ = track.pose(s + float(lookahead_m(np.array(world.twist()[0]))))
        forward = (to_x - x) * math.cos(yaw) + (to_y - y) * math.sin(yaw)
        left = -(to_x - x) * math.sin(yaw) + (to_y - y) * math.cos(yaw)
        world.command(float(pure_pursuit(np.array(forward), np.array(left), CAR.wheelbase_m)), speed)
        world.advance_to(frame / 30.0)
        after, lateral = track.project(*world.pose()[:2], near=s)
        assert track.on_road(after, lateral), f'off the road at {after:.1f} m'
        progress += (after - s + 0.5 * track.length) % track.length - 0.5 * track.length
        s, largest = after, max(largest, abs(lateral))
        if progress >= track.length:
            return largest
        assert world.time < 2.0 * track.length / speed + 5.0, 'the car stands'
    raise AssertionError('no lap')


def test_an_expert_drives_a_lap_of_a_random_track():
    world = MujocoWorld(load_track('random:1'), seed=0)
    assert expert_lap(world, 2.0) < 0.1
    world.close()


def test_an_expert_drives_a_lap_of_a_real_circuit():
    path = SHARED / 'data' / 'tracks' / 'Zandvoort_centerline.csv'
    if not path.is_file():
        pytest.skip(f'{path} is absent; set LIQUID_CONTROL_SHARED')
    world = MujocoWorld(load_track(str(path)), seed=0)
    assert expert_lap(world, 2.0) < 0.3
    world.close()


def test_a_program_that_imported_mujoco_first_sees_too():
    program = ('import mujoco; from liquid_control.simulation.mujoco_world import MujocoWorld; '
               'from liquid_control.simulation.track_spec import load_track; '
               'print(len(set(MujocoWorld(load_track("random:3"), 0).camera().ravel().tolist())))')
    environment = {name: value for name, value in os.environ.items() if name != 'MUJOCO_GL'}
    done = subprocess.run([sys.executable, '-c', program], env=environment | {'PYTHONPATH': str(ROOT)},
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and int(done.stdout) > 6, done.stderr
