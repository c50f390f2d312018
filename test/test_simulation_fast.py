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

"""The fast simulator shows the same picture and moves the same way as MuJoCo."""
import numpy as np
import pytest
import torch

from liquid_control.policy.retina import Retina
from liquid_control.policy.spec import PolicySpec
from liquid_control.simulation.car import default_car
from liquid_control.simulation.fast_camera import FastCamera
from liquid_control.simulation.fast_fleet import FastFleet, Handling
from liquid_control.simulation.fast_world import FastWorld
from liquid_control.simulation.ground_map import ground_map
from liquid_control.simulation.mujoco_world import MujocoWorld
from liquid_control.simulation.track_spec import load_track

CAR = default_car()
CROP = PolicySpec(cell='cnn', wiring=None).crop


def fleet_at(track, arc, speed=0.0):
    fleet = FastFleet(CAR, [track], Handling.nominal(CAR, 1))
    fleet.place(np.array([0]), np.array([arc]), np.zeros(1), np.zeros(1), np.array([speed]))
    return fleet


def small_pictures(track, world):
    """Return what the vision head sees of one place, from MuJoCo and from the fast camera, (3, 48, 96)."""
    retina = Retina(48, 96, CROP)
    driven = retina.resize(torch.from_numpy(world.camera())[None])[0].numpy()
    camera = FastCamera(CAR.camera, 48, 96, CROP)
    ground = camera.ground_points(np.array([CAR.camera.pitch_rad]), np.array([CAR.camera.z_m]))
    return driven, camera.render([ground_map(track)], [track.appearance], np.array([world.pose()]), *ground)[0]


@pytest.mark.parametrize('spec', ['random:3', 'random:7', 'random:11', 'random:12'])
def test_the_head_sees_the_same_picture(spec):
    track = load_track(spec)
    world = MujocoWorld(track, seed=0)
    correlations, differences = [], []
    for arc, lateral, heading in ((0.0, 0.0, 0.0), (7.0, 0.15, 0.1), (14.0, -0.15, -0.15), (21.0, 0.0, 0.2)):
        world.reset(arc, lateral, heading)
        driven, learned = small_pictures(track, world)
        correlations.append(np.corrcoef(driven.ravel(), learned.ravel())[0, 1])
        differences.append(np.abs(driven.astype(float) - learned).mean())
    assert min(correlations) > 0.95
    assert max(differences) < 3.0


@pytest.mark.parametrize('steering, speed', [(0.0, 2.0), (0.2, 2.0), (-0.35, 1.5), (0.42, 1.0)])
def test_the_car_moves_the_same_way(steering, speed):
    track = load_track('random:3')
    world, fleet = MujocoWorld(track, seed=0), fleet_at(track, 0.0, speed)
    world.reset(speed=speed)
    for tick in range(45):
        world.command(steering, speed)
        world.advance_to((tick + 1) / 30.0)
        fleet.step(np.array([steering]), np.array([speed]), 1.0 / 30.0)
    start = np.array(track.pose(0.0)[:2])
    driven = np.hypot(*(np.array(world.pose()[:2]) - start))
    assert np.hypot(*(np.array(world.pose()[:2]) - fleet.poses[0, :2])) < 0.05 * driven + 0.02
    assert world.twist()[1] == pytest.approx(fleet.yaw_rate[0], abs=0.05 * abs(fleet.yaw_rate[0]) + 0.02)


def test_the_car_stops_by_itself_without_commands():
    world = FastWorld(load_track('random:3'), seed=0)
    world.reset(speed=2.1)
    world.advance_to(CAR.command_timeout_s)
    assert world.twist()[0] == pytest.approx(2.1)
    world.advance_to(0.5)
    assert world.twist()[0] == 0.0


def test_the_imu_agrees_with_mujoco():
    track = load_track('random:3')
    world, fleet = MujocoWorld(track, seed=0, imu_noise=0.0), fleet_at(track, 0.0, 2.0)
    world.reset(speed=2.0)
    for tick in range(30):
        world.command(0.2, 2.0)
        world.advance_to((tick + 1) / 30.0)
        fleet.step(np.array([0.2]), np.array([2.0]), 1.0 / 30.0)
    np.testing.assert_allclose(world.imu(), fleet.imu()[0], atol=0.25)


def test_tyres_without_grip_run_wide():
    track = load_track('random:3')
    slippery = Handling.nominal(CAR, 1)
    slippery.friction *= 0.3
    fleets = [FastFleet(CAR, [track], handling) for handling in (Handling.nominal(CAR, 1), slippery)]
    for fleet in fleets:
        fleet.place(np.array([0]), np.zeros(1), np.zeros(1), np.zeros(1), np.array([2.0]))
        for _ in range(30):
            fleet.step(np.array([0.4]), np.array([2.0]), 1.0 / 30.0)
    assert abs(fleets[1].yaw_rate[0]) < 0.7 * abs(fleets[0].yaw_rate[0])
    assert abs(fleets[1].yaw_rate[0] * 2.0) <= 0.3 * 9.81 + 0.05


def test_the_centre_line_option_shows_in_the_picture():
    def painted(kind):
        """Return by how many levels the middle of the road differs from one without a centre line."""
        pictures = [small_pictures(track, world)[1][:, 12:, 40:56].astype(float) for track, world in worlds[kind]]
        return np.mean([np.abs(picture - bare) for picture, bare in zip(pictures, bare_pictures)])

    worlds = {}
    for kind in ('none', 'dashed', 'solid'):
        track = load_track('random:3', centre_line=kind, road_width=1.6)
        worlds[kind] = [(track, MujocoWorld(track, seed=0)) for _ in range(4)]
        for place, (_, world) in enumerate(worlds[kind]):
            world.reset(s=5.3 * place)
    bare_pictures = [small_pictures(track, world)[1][:, 12:, 40:56].astype(float) for track, world in worlds['none']]
    assert painted('none') == 0.0
    assert painted('solid') > 1.2 * painted('dashed') > 1.0
