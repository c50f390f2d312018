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

"""Worlds and cars for Gazebo, without Gazebo: through the real SDF parser where there is one, and number by number."""
import json
import math
import os
import shutil
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from liquid_control.cli import main
from liquid_control.simulation.car import default_car
from liquid_control.simulation.gazebo import names
from liquid_control.simulation.gazebo.car_sdf import car_sdf, plugin_steering_limit
from liquid_control.simulation.gazebo.look import AMBIENT, REFLECTED, SUN_DIRECTION, linear, sun_diffuse
from liquid_control.simulation.gazebo.roadside import CLEARANCE_M, roadside_boxes
from liquid_control.simulation.gazebo.world import lay_out, place_pose, world_sdf, write_world
from liquid_control.simulation.mujoco_model import WHEELS, car_world_mjcf
from liquid_control.simulation.road_mesh import LAYERS, layer_rgb, road_pieces
from liquid_control.simulation.track_spec import load_track

REPOSITORY = Path(__file__).resolve().parents[1]
TRACK = load_track('random:1000003', 'dashed')
CAR = default_car()
SYSTEMS = {  # what gz-sim 8 and 10 install; a name that is not here would only be logged
    'gz-sim-physics-system': 'gz::sim::systems::Physics',
    'gz-sim-user-commands-system': 'gz::sim::systems::UserCommands',
    'gz-sim-scene-broadcaster-system': 'gz::sim::systems::SceneBroadcaster',
    'gz-sim-sensors-system': 'gz::sim::systems::Sensors',
    'gz-sim-imu-system': 'gz::sim::systems::Imu',
    'gz-sim-contact-system': 'gz::sim::systems::Contact',
    'gz-sim-ackermann-steering-system': 'gz::sim::systems::AckermannSteering',
    'gz-sim-joint-controller-system': 'gz::sim::systems::JointController',
    'gz-sim-odometry-publisher-system': 'gz::sim::systems::OdometryPublisher',
    'gz-sim-joint-state-publisher-system': 'gz::sim::systems::JointStatePublisher'}
BRIDGED = {  # ROS type -> Gazebo type, as ros_gz_bridge pairs them
    'sensor_msgs/msg/Image': 'gz.msgs.Image', 'sensor_msgs/msg/CameraInfo': 'gz.msgs.CameraInfo',
    'sensor_msgs/msg/Imu': 'gz.msgs.IMU', 'nav_msgs/msg/Odometry': 'gz.msgs.Odometry',
    'tf2_msgs/msg/TFMessage': 'gz.msgs.Pose_V', 'sensor_msgs/msg/JointState': 'gz.msgs.Model',
    'ros_gz_interfaces/msg/Contacts': 'gz.msgs.Contacts', 'rosgraph_msgs/msg/Clock': 'gz.msgs.Clock',
    'geometry_msgs/msg/Twist': 'gz.msgs.Twist', 'std_msgs/msg/Float64': 'gz.msgs.Double'}


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> Path:
    """Return a folder with a world of one road."""
    folder = tmp_path_factory.mktemp('world')
    write_world(folder, lay_out([TRACK]))
    return folder


@pytest.fixture(scope='module')
def car() -> ElementTree.Element:
    return ElementTree.fromstring(car_sdf(CAR, 'blue')).find('model')


def numbers(element: ElementTree.Element, path: str) -> list[float]:
    return [float(value) for value in element.find(path).text.split()]


def triangles(obj: str) -> np.ndarray:
    """Return the corners (F, 3, 3) of an OBJ file's faces."""
    lines = [line.split() for line in obj.splitlines()]
    vertices = np.array([line[1:] for line in lines if line[0] == 'v'], float)
    return vertices[np.array([[int(corner.split('/')[0]) - 1 for corner in line[1:]]
                              for line in lines if line[0] == 'f'])]


def mujoco_triangles(layer: str) -> np.ndarray:
    """Return the corners (F, 3, 3) of a layer in the compiled MuJoCo model, in its world."""
    mujoco = pytest.importorskip('mujoco')
    model = mujoco.MjModel.from_xml_string(car_world_mjcf(CAR, TRACK, road_pieces(TRACK), 1.0))
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    found = []
    for chunk in range(model.ngeom):
        try:
            geom = model.geom(f'{layer}_{chunk}').id
        except KeyError:
            continue
        mesh = model.geom_dataid[geom]
        first, count = model.mesh_vertadr[mesh], model.mesh_vertnum[mesh]
        vertices = model.mesh_vert[first:first + count] @ data.geom_xmat[geom].reshape(3, 3).T + data.geom_xpos[geom]
        first, count = model.mesh_faceadr[mesh], model.mesh_facenum[mesh]
        found.append(vertices[model.mesh_face[first:first + count]])
    return np.concatenate(found)


@pytest.mark.parametrize('layer', LAYERS)
def test_the_road_is_mujocos_road(folder, layer):
    world = ElementTree.parse(folder / 'world.sdf')
    visual = world.find(f".//model[@name='road_0']//visual[@name='{layer}']")
    assert visual.find('geometry/mesh/uri').text == f'{layer}_0.obj'
    ours = triangles((folder / f'{layer}_0.obj').read_text()) + numbers(visual, 'pose')[:3]
    theirs = mujoco_triangles(layer)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() < 2e-4  # both are written to a tenth of a millimetre


def test_the_road_looks_up(folder):
    corners = triangles((folder / 'road_0.obj').read_text())
    assert (np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2] > 0.0).all()


def test_colours_are_linear_light_that_shows_the_display_colour(folder):
    world = ElementTree.parse(folder / 'world.sdf')
    for layer in LAYERS:
        diffuse = numbers(world, f".//visual[@name='{layer}']/material/diffuse")[:3]
        glow = numbers(world, f".//visual[@name='{layer}']/material/emissive")[:3]
        assert glow == pytest.approx([AMBIENT * value for value in diffuse], abs=1e-5)
        shown = [v * 12.92 if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055 for v in diffuse]
        assert shown == pytest.approx(layer_rgb(layer, TRACK.appearance), abs=2e-3)
    assert linear((0.0, 1.0, 0.5)) == pytest.approx((0.0, 1.0, 0.21404), abs=1e-5)


def test_a_level_surface_in_sun_and_ambient_light_is_lit_fully():
    downward = -SUN_DIRECTION[2] / math.hypot(*SUN_DIRECTION)
    assert AMBIENT + REFLECTED * sun_diffuse() * downward == pytest.approx(1.0)


def test_plugins_are_those_that_gazebo_has(folder, car):
    world = ElementTree.parse(folder / 'world.sdf').getroot()
    declared = [plugin for root in (world, car) for plugin in root.iter('plugin')]
    assert all(SYSTEMS[plugin.get('filename')] == plugin.get('name') for plugin in declared)
    of_the_world = {plugin.get('name').rpartition('::')[2] for plugin in world.iter('plugin')}
    assert of_the_world == {'Physics', 'UserCommands', 'SceneBroadcaster', 'Sensors', 'Imu', 'Contact'}


def test_joints_that_plugins_name_exist_and_are_the_urdfs(car):
    joints = {joint.get('name') for joint in car.iter('joint')}
    steering = car.find("plugin[@name='gz::sim::systems::AckermannSteering']")
    named = {element.text for element in steering if element.tag.endswith('_joint')}
    brakes = car.findall("plugin[@name='gz::sim::systems::JointController']")
    assert {brake.find('joint_name').text for brake in brakes} == {
        f'front_{side}_wheel_joint' for side in ('left', 'right')}
    assert named == {f'rear_{side}_wheel_joint' for side in ('left', 'right')} | {
        f'front_{side}_steering_joint' for side in ('left', 'right')}
    xacro = pytest.importorskip('xacro')
    urdf = ElementTree.fromstring(xacro.process_file(str(REPOSITORY / 'urdf' / 'car.urdf.xacro')).toxml())
    assert joints == {joint.get('name') for joint in urdf.iter('joint') if joint.get('type') != 'fixed'}
    assert {link.get('name') for link in car.iter('link')} < {link.get('name') for link in urdf.iter('link')}
    masses = {link.get('name'): float(link.find('inertial/mass').get('value'))
              for link in urdf.iter('link') if link.find('inertial') is not None}
    masses['base_link'] = masses.pop('chassis')
    assert {link.get('name'): numbers(link, 'inertial/mass')[0] for link in car.iter('link')} == masses
    limits = {joint.get('name'): float(joint.find('limit').get('upper')) for joint in urdf.iter('joint')
              if joint.get('type') == 'revolute'}
    for name, limit in limits.items():
        assert numbers(car, f"joint[@name='{name}']/axis/limit/upper")[0] == pytest.approx(limit)


def test_inertias_are_those_of_bodies(car):
    for inertia in car.iter('inertia'):
        x, y, z = sorted(float(inertia.find(f'i{axis}{axis}').text) for axis in 'xyz')
        assert 0.0 < x and z <= x + y


def test_wheels_stand_on_the_ground_where_mujocos_do(car):
    for name in WHEELS:
        x = CAR.wheelbase_m if name.startswith('front') else 0.0
        y = 0.5 * CAR.track_width_m * (1 if 'left' in name else -1)
        wheel = car.find(f"link[@name='{name}_wheel']")
        assert numbers(wheel, 'pose') == [x, y, CAR.wheel_radius_m, 0, 0, 0]
        assert numbers(wheel, 'collision/geometry/sphere/radius') == [CAR.wheel_radius_m]


def test_the_camera_is_the_car_files(car):
    sensor = car.find(".//sensor[@type='camera']")
    camera = CAR.camera
    assert numbers(sensor, 'pose') == [camera.x_m, 0, camera.z_m, 0, camera.pitch_rad, 0]
    assert numbers(sensor, 'camera/horizontal_fov') == [camera.horizontal_fov_rad]
    assert numbers(sensor, 'camera/image/width') == [camera.width_px]
    assert numbers(sensor, 'camera/image/height') == [camera.height_px]
    assert numbers(sensor, 'update_rate') == [camera.rate_hz]
    assert 0.02 < numbers(sensor, 'camera/noise/stddev')[0] < 0.04  # one level of 255: ogre2 takes no plain deviation
    mask = int(sensor.find('camera/visibility_mask').text)
    assert all(mask & int(flags.text) == 0 for flags in car.iter('visibility_flags'))


def test_front_brakes_only_brake_and_are_let_go_at_first(car):
    for brake in car.findall("plugin[@name='gz::sim::systems::JointController']"):
        force = -numbers(brake, 'cmd_min')[0] / CAR.wheel_radius_m
        assert force == pytest.approx(0.5 * CAR.front_brake_share * CAR.mass_kg * CAR.max_braking_mps2)
        assert numbers(brake, 'cmd_max') == [0.0] and brake.find('use_force_commands').text == 'true'
        assert numbers(brake, 'initial_velocity')[0] > 2.0 * CAR.max_speed_mps / CAR.wheel_radius_m
        assert brake.find('topic').text == '/blue/brake'


def test_the_plugin_steers_as_far_as_the_car_can():
    tightest = CAR.wheelbase_m / math.tan(CAR.max_steering_rad)
    assert CAR.wheelbase_m / math.sin(plugin_steering_limit(CAR)) == pytest.approx(tightest)


def test_velocity_limits_leave_room_for_the_yaw_rate(car):
    steering = car.find("plugin[@name='gz::sim::systems::AckermannSteering']")
    yaw_rate = CAR.max_speed_mps * math.tan(CAR.max_steering_rad) / CAR.wheelbase_m
    assert numbers(steering, 'max_velocity')[0] >= max(yaw_rate, CAR.max_speed_mps)
    assert numbers(steering, 'min_velocity')[0] == -numbers(steering, 'max_velocity')[0]
    assert steering.find('max_acceleration') is None  # it would limit the yaw rate, too


def test_friction_and_lag_reach_the_car():
    other = ElementTree.fromstring(car_sdf(replace(CAR, tyre_friction=0.5, steering_time_constant_s=0.1)))
    assert {mu.text for mu in other.iter('mu')} == {'0.5'}
    assert [float(gain.text) for gain in other.iter('steer_p_gain')] == [pytest.approx(10.0)]


@pytest.mark.parametrize('file', ['ros_gz_bridge.yaml', 'ros_gz_stop_bridge.yaml', 'ros_gz_clock_bridge.yaml'])
def test_bridges_carry_types_that_pair_and_topics_that_exist(file, car):
    topics = {element.text for element in car.iter() if element.tag in (
        'topic', 'camera_info_topic', 'odom_topic', 'tf_topic')} | {'/clock'}
    for entry in yaml.safe_load((REPOSITORY / 'config' / file).read_text()):
        assert BRIDGED[entry['ros_type_name']] == entry['gz_type_name']
        assert entry['direction'] == (
            'ROS_TO_GZ' if entry['gz_topic_name'] in ('cmd_vel', 'brake') else 'GZ_TO_ROS')
        name = entry['gz_topic_name']
        assert (name if name.startswith('/') else names.topic('blue', name)) in topics


def test_ground_truth_has_a_topic_of_its_own(car):
    topics = [element.text for element in car.iter('odom_topic')]
    assert len(topics) == len(set(topics)) == 2
    assert car.find("plugin[@name='gz::sim::systems::OdometryPublisher']/odom_topic").text == '/blue/odom'


def check(text_or_file: str | Path, tmp_path: Path) -> str:
    """Return what the real parser says of an SDF: Gazebo's `gz sdf`, or Debian's older `ign sdf`."""
    tool = shutil.which('gz') or shutil.which('ign')
    if tool is None:
        pytest.skip('no SDF parser: `gz sdf` comes with Gazebo, `ign sdf` with ignition-tools and libsdformat-dev')
    file = text_or_file
    if isinstance(text_or_file, str):
        file = tmp_path / 'text.sdf'
        file.write_text(text_or_file)
    done = subprocess.run([tool, 'sdf', '-k', str(file)], capture_output=True, text=True, timeout=60)
    # gz_frame_id works and is warned of.
    return '\n'.join(line for line in (done.stdout + done.stderr).splitlines()
                     if 'backward.so' not in line and 'gz_frame_id' not in line)


def test_the_real_parser_takes_world_and_car(tmp_path):
    boxes = roadside_boxes(TRACK, 3)
    plots = lay_out([TRACK, load_track('random:5')])
    for text in world_sdf(plots, boxes), car_sdf(CAR), car_sdf(CAR, '/fleet/red'):
        assert check(text, tmp_path) == 'Valid.'
    assert check(REPOSITORY / 'worlds' / 'world.sdf', tmp_path) == 'Valid.'
    assert check(car_sdf(CAR).replace('<parent>base_link', '<parent>base'), tmp_path) != 'Valid.'


def test_the_default_world_is_the_default_track(tmp_path):
    assert main(['world', 'random:1000000', str(tmp_path)]) == 0
    for name in ('world.sdf', *(f'{layer}_0.obj' for layer in LAYERS)):
        ours, shipped = ((place / name).read_text().split() for place in (tmp_path, REPOSITORY / 'worlds'))
        assert len(ours) == len(shipped)
        for a, b in zip(ours, shipped, strict=True):
            assert a == b or float(a) == pytest.approx(float(b), abs=1e-3)


def test_several_roads_lie_apart_and_cars_start_on_the_first(tmp_path, capsys):
    specs = ['random:1', 'random:2', 'random:3']
    assert main(['world', *specs, str(tmp_path), '--json', str(tmp_path / 'world.json')]) == 0
    plots = lay_out([load_track(spec) for spec in specs])
    grounds = [plot.track.centre + (plot.x, plot.y) for plot in plots]
    for i, one in enumerate(grounds):
        for other in grounds[i + 1:]:
            gap = np.maximum(one.min(axis=0) - other.max(axis=0), other.min(axis=0) - one.max(axis=0)).max()
            assert gap > 30.0
    said = json.loads((tmp_path / 'world.json').read_text())
    assert [road['x_m'] for road in said['roads']] == [plot.x for plot in plots]
    assert list(said['start'].values()) == pytest.approx(place_pose(plots[0], 0))
    assert place_pose(plots[0], 0) == pytest.approx(plots[0].track.pose(0.0))
    place = ElementTree.parse(tmp_path / 'world.sdf').find(".//frame[@name='place_1']/pose").text.split()
    assert [float(value) for value in place] == pytest.approx(
        [*plots[0].track.pose(-1.0)[:2], 0, 0, 0, plots[0].track.pose(-1.0)[2]], abs=1e-4)


def test_options_change_the_road(tmp_path):
    assert main(['world', 'random:1000003', str(tmp_path), '--centre-line', 'none', '--road-width', '2.2']) == 0
    assert not (tmp_path / 'centre_0.obj').exists()
    corners = triangles((tmp_path / 'road_0.obj').read_text())
    assert np.ptp(corners[..., 0]) > np.ptp(TRACK.centre[:, 0]) + 2.1


def test_boxes_stand_beside_the_road_and_throw_shadows(tmp_path):
    boxes = roadside_boxes(TRACK, 20)
    assert boxes == roadside_boxes(TRACK, 20) and 10 <= len(boxes) <= 20
    for box in boxes:
        away = np.hypot(*(TRACK.centre - (box.x, box.y)).T).min() - 0.5 * math.hypot(box.length, box.width)
        assert away >= TRACK.half_width_left.max() + CLEARANCE_M - 0.03
    world = ElementTree.fromstring(world_sdf(lay_out([TRACK]), boxes))
    assert world.find('.//light/cast_shadows').text == 'true'
    assert len([model for model in world.iter('model') if model.get('name').startswith('box')]) == len(boxes)


ORPHANING = """
import subprocess, sys, time
from liquid_control.simulation.gazebo.gazebo_world import _Control
if __name__ == '__main__':
    control = _Control('nobody')
    gazebo = subprocess.Popen(['sh', '-c', 'sleep 1000 & cat'], stdin=subprocess.PIPE, start_new_session=True,
                              stdout=sys.stderr)
    control.outlive(gazebo.pid)
    print('up', flush=True)
    time.sleep(1000)
"""


@pytest.mark.parametrize('end', [
    lambda process: process.kill(), lambda process: os.killpg(process.pid, signal.SIGTERM)], ids=['killed', 'group'])
def test_gazebo_ends_with_a_process_that_is_killed(tmp_path, end):
    script = tmp_path / 'orphaning.py'
    script.write_text(ORPHANING)
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               start_new_session=True)
    assert process.stdout.readline() == b'up\n'
    end(process)
    assert process.communicate(timeout=60.0)[1] == b''  # returns when the last of those who could write has ended


@pytest.mark.parametrize('arguments, told', [
    (['random:x', 'DIR'], "track 'random:x'"), (['random:1', 'DIR', '--road-width', '9'], 'road width 9 m'),
    (['random:1', 'DIR', '--boxes', '-1'], '--boxes -1'), (['random:1', '/proc/none'], "folder '/proc/none'")])
def test_bad_input_is_one_line(arguments, told, tmp_path, capsys):
    assert main(['world', *(str(tmp_path / 'w') if item == 'DIR' else item for item in arguments)]) == 2
    error = capsys.readouterr().err
    assert told in error and error.count('\n') == 1


@pytest.mark.parametrize('options, told', [
    (['--engine', 'gazebo'], "the command 'gz' is not there"), (['--condition', 'boxes=3'], '--engine gazebo')])
def test_evaluation_says_what_gazebo_needs(options, told, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv('PATH', str(tmp_path))
    policy = str(REPOSITORY / 'models' / 'ncp19.safetensors')
    assert main(['evaluate', policy, '--episodes', '1', *options]) == 2
    error = [line for line in capsys.readouterr().err.splitlines() if line.startswith('error: ')]
    assert len(error) == 1 and told in error[0]
