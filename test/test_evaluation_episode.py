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

"""Closed-loop episodes: what counts as driven, and what ends an episode."""
import numpy as np
import pytest

from liquid_control.evaluation.job import make_world
from liquid_control.evaluation.conditions import CLEAN, parse_condition
from liquid_control.evaluation.episode import Lap, run_episode
from liquid_control.evaluation.pursuit import Decision, Pursuer
from liquid_control.simulation.fast_world import FastWorld
from liquid_control.simulation.track_spec import load_track

TRACK = load_track('random:1000003')


def drive_along(lap: Lap, distances, speed: float = 1.0, lateral: float = 0.0) -> None:
    """Move base_link along the road through the given distances from the start until the episode ends."""
    for distance in distances:
        x, y, _ = TRACK.pose(distance, lateral)
        lap.update(x, y, abs(distance) / speed)
        if lap.ended:
            return


class Straight:
    """Drives straight on; notes what it was given."""

    def __init__(self, speed_mps: float = 1.0) -> None:
        self.elapsed: list[float] = []
        self._decision = Decision(0.0, speed_mps)

    def reset(self) -> None:
        self.elapsed.clear()

    def step(self, picture: np.ndarray, imu: np.ndarray, elapsed_s: float) -> Decision:
        assert picture.dtype == np.uint8 and picture.shape == (144, 192, 3) and imu.shape == (6,)
        self.elapsed.append(elapsed_s)
        return self._decision


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize('laps', [1, 3])
def test_laps_are_counted_and_timed(laps):
    lap = Lap(TRACK, laps)
    drive_along(lap, np.arange(0.05, (laps + 1) * TRACK.length, 0.05), speed=2.0, lateral=0.1)
    drive = lap.drive()
    assert drive.completed and drive.ended == 'completed' and drive.progress == 1.0
    assert drive.lap_s == pytest.approx(TRACK.length / 2.0, abs=0.1)
    assert drive.mean_abs_lateral_m == pytest.approx(0.1, abs=0.005)
    assert drive.max_abs_lateral_m == pytest.approx(0.1, abs=0.02)


def test_progress_of_a_failed_drive():
    lap = Lap(TRACK, 2)
    drive_along(lap, np.arange(0.05, TRACK.length, 0.05))
    beyond = TRACK.half_width_left[0] + 0.05
    x, y, _ = TRACK.pose(0.02, beyond)
    lap.update(x, y, 99.0)
    drive = lap.drive()
    assert (drive.completed, drive.ended) == (False, 'off road')
    assert drive.progress == pytest.approx(0.5, abs=0.01)
    assert drive.max_abs_lateral_m == pytest.approx(beyond, abs=0.01)


@pytest.mark.parametrize('side', [-1.0, 1.0])
def test_the_edge_counts_for_base_link(side):
    half = TRACK.half_width_left[0]
    for lateral, ended in ((half - 0.03, None), (half + 0.03, 'off road')):
        lap = Lap(TRACK, 1)
        drive_along(lap, np.arange(0.05, 2.0, 0.05), lateral=side * lateral)
        assert lap.ended == ended


def test_backwards_over_the_start_is_not_a_lap():
    lap = Lap(TRACK, 1)
    drive_along(lap, np.arange(-0.05, -3.0, -0.05))
    drive = lap.drive()
    assert (drive.ended, drive.progress, drive.lap_s) == ('backwards', 0.0, None)


def test_a_car_that_stands_is_stuck_after_five_seconds():
    world = FastWorld(TRACK, seed=0)
    drive = run_episode(Straight(0.0), world, TRACK, CLEAN, rng())
    assert (drive.ended, drive.progress) == ('stuck', 0.0)
    assert world.time == pytest.approx(5.0, abs=0.05)


@pytest.mark.parametrize('engine', ['mujoco', 'fast'])
def test_the_expert_completes_a_lap_and_straight_on_does_not(engine):
    world = make_world(engine, TRACK, seed=1)
    try:
        lap = run_episode(Pursuer(world, TRACK, 2.5), world, TRACK, CLEAN, rng())
        straight = run_episode(Straight(), world, TRACK, CLEAN, rng())
    finally:
        world.close()
    assert lap.completed and lap.max_abs_lateral_m < 0.25
    assert lap.lap_s == pytest.approx(TRACK.length / 2.5, rel=0.08)
    assert straight.ended == 'off road' and 0.0 < straight.progress < 0.5


def test_a_narrower_road_is_left_sooner():
    wide = run_episode(Straight(), FastWorld(TRACK, 0), TRACK, CLEAN, rng())
    narrow_track = TRACK.with_options(road_width=0.5)
    narrow = run_episode(Straight(), FastWorld(narrow_track, 0), narrow_track, CLEAN, rng())
    assert narrow.progress < wide.progress


def test_elapsed_time_spans_lost_pictures():
    driver, world = Straight(), FastWorld(TRACK, 0)
    run_episode(driver, world, TRACK, parse_condition('drop=0.5'), rng())
    frames = np.array(driver.elapsed) * 30.0
    assert np.allclose(frames, np.rint(frames)) and set(np.rint(frames)) >= {1.0, 2.0, 3.0}
    assert sum(driver.elapsed) == pytest.approx(world.time, abs=0.3)


def test_a_late_camera_leaves_the_car_standing_until_its_first_picture():
    on_time, late = Straight(), Straight()
    first = run_episode(on_time, FastWorld(TRACK, 0), TRACK, CLEAN, rng())
    second = run_episode(late, FastWorld(TRACK, 0), TRACK, parse_condition('delay=6'), rng())
    assert first.progress == pytest.approx(second.progress, abs=0.005)
    assert late.elapsed[0] == pytest.approx(7 / 30.0)
    assert len(late.elapsed) == pytest.approx(len(on_time.elapsed), abs=1)


@pytest.mark.parametrize('factor', [0.5, 1.2])
def test_speed_scales_the_lap_time(factor):
    world = FastWorld(TRACK, 0)
    drive = run_episode(Pursuer(world, TRACK, 2.0), world, TRACK, parse_condition(f'speed={factor}'), rng())
    assert drive.completed and drive.lap_s == pytest.approx(TRACK.length / (2.0 * factor), rel=0.05)


def test_both_engines_show_the_same_picture():
    pictures = []
    for engine in 'mujoco', 'fast':
        world = make_world(engine, TRACK, seed=0)
        world.reset(s=4.0)
        pictures.append(world.camera().astype(float))
        world.close()
    assert pictures[0].shape == pictures[1].shape
    assert np.corrcoef(pictures[0].ravel(), pictures[1].ravel())[0, 1] > 0.95
    assert np.abs(pictures[0] - pictures[1]).mean() < 6.0


def test_friction_and_imu_noise_reach_the_world():
    def bend(friction: float) -> float:
        world = make_world('fast', TRACK, 0, parse_condition(f'friction={friction}'))
        world.reset(speed=4.0)
        for _ in range(30):
            world.command(0.4, 4.0)
            world.advance()
        return world.twist()[1]

    def noise(factor: float) -> float:
        world = make_world('fast', TRACK, 0, parse_condition(f'imu_noise={factor}'))
        samples = []
        for _ in range(200):
            world.advance()
            samples.append(world.imu())
        return np.std(samples, axis=0)[0]

    assert bend(0.3) < 0.6 * bend(1.0)
    assert noise(0.0) == 0.0 and noise(3.0) == pytest.approx(3.0 * noise(1.0), rel=0.01)
