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

"""The URDF, from config/car.yaml through xacro."""
import math
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
import yaml

from liquid_control.simulation.car import default_car

xacro = pytest.importorskip('xacro')
FILE = Path(__file__).resolve().parents[1] / 'urdf' / 'car.urdf.xacro'
CAR = default_car()


def expand(**mappings: str) -> ElementTree.Element:
    return ElementTree.fromstring(xacro.process_file(str(FILE), mappings=mappings).toxml())


@pytest.fixture(scope='module')
def urdf() -> ElementTree.Element:
    return expand()


def rotation(roll: float, pitch: float, yaw: float) -> np.ndarray:
    x, y, z = ((math.cos(a), math.sin(a)) for a in (roll, pitch, yaw))
    about_x = np.array([[1, 0, 0], [0, x[0], -x[1]], [0, x[1], x[0]]])
    about_y = np.array([[y[0], 0, y[1]], [0, 1, 0], [-y[1], 0, y[0]]])
    about_z = np.array([[z[0], -z[1], 0], [z[1], z[0], 0], [0, 0, 1]])
    return about_z @ about_y @ about_x


def pose(urdf: ElementTree.Element, link: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the position of a link in base_link and its axes as columns, all joints at 0."""
    position, axes = np.zeros(3), np.eye(3)
    while link != 'base_link':
        joint = next(joint for joint in urdf.iter('joint') if joint.find('child').get('link') == link)
        origin = joint.find('origin')
        turn = rotation(*map(float, origin.get('rpy', '0 0 0').split()))
        position = np.array(list(map(float, origin.get('xyz', '0 0 0').split()))) + turn @ position
        axes = turn @ axes
        link = joint.find('parent').get('link')
    return position, axes


def test_check_urdf_accepts_it(urdf, tmp_path):
    tool = shutil.which('check_urdf')
    if tool is None:
        pytest.skip('check_urdf is absent; install liburdfdom-tools')
    file = tmp_path / 'car.urdf'
    file.write_bytes(ElementTree.tostring(urdf))
    result = subprocess.run([tool, str(file)], capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stdout + result.stderr
    assert 'root Link: base_link' in result.stdout


def test_links_form_one_tree_below_base_link(urdf):
    links = {link.get('name') for link in urdf.iter('link')}
    children = [joint.find('child').get('link') for joint in urdf.iter('joint')]
    assert len(children) == len(set(children)) and set(children) == links - {'base_link'}
    assert {'camera_link', 'camera_optical_frame', 'imu_link'} <= links


@pytest.mark.parametrize('name, x, side', [
    ('rear_left', 0, 1), ('rear_right', 0, -1), ('front_left', 1, 1), ('front_right', 1, -1)])
def test_wheels_stand_on_the_ground_below_the_axles(urdf, name, x, side):
    position, _ = pose(urdf, f'{name}_wheel')
    assert position == pytest.approx([x * CAR.wheelbase_m, side * 0.5 * CAR.track_width_m, CAR.wheel_radius_m])


def test_camera_looks_ahead_and_down(urdf):
    position, axes = pose(urdf, 'camera_optical_frame')
    assert position == pytest.approx([CAR.camera.x_m, 0.0, CAR.camera.z_m])
    pitch = CAR.camera.pitch_rad
    assert axes[:, 2] == pytest.approx([math.cos(pitch), 0.0, -math.sin(pitch)])
    assert axes[:, 0] == pytest.approx([0.0, -1.0, 0.0], abs=1e-12)


def test_imu_has_the_axes_of_base_link(urdf):
    position, axes = pose(urdf, 'imu_link')
    assert position == pytest.approx([CAR.imu.x_m, 0.0, CAR.imu.z_m])
    assert axes == pytest.approx(np.eye(3))


def test_masses_add_up_and_inertias_are_those_of_bodies(urdf):
    masses = [float(mass.get('value')) for mass in urdf.iter('mass')]
    assert sum(masses) == pytest.approx(CAR.chassis_mass_kg + 4 * CAR.wheel_mass_kg, abs=0.01)
    for inertia in urdf.iter('inertia'):
        x, y, z = (float(inertia.get(f'i{axis}{axis}')) for axis in 'xyz')
        assert min(x, y, z) > 0.0 and x <= y + z and y <= x + z and z <= x + y


def test_steering_reaches_the_inner_wheel_of_the_tightest_bend(urdf):
    radius = CAR.wheelbase_m / math.tan(CAR.max_steering_rad)
    inner = math.atan(CAR.wheelbase_m / (radius - 0.5 * CAR.track_width_m))
    for side in 'left', 'right':
        limit = next(j for j in urdf.iter('joint') if j.get('name') == f'front_{side}_steering_joint').find('limit')
        assert float(limit.get('upper')) == pytest.approx(inner)
        assert float(limit.get('lower')) == pytest.approx(-inner)


def test_another_car_file_gives_another_car(tmp_path):
    fields = yaml.safe_load((FILE.parents[1] / 'config' / 'car.yaml').read_text())
    file = tmp_path / 'car.yaml'
    file.write_text(yaml.safe_dump({**fields, 'wheelbase_m': 0.26}))
    assert pose(expand(car_file=str(file)), 'front_left_wheel')[0][0] == pytest.approx(0.26)
