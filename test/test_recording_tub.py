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

"""Donkeycar tubs and what import-tub makes of them."""
import io
import json
import os
import tarfile
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
from small_tub import drive, pack, write_tub

from liquid_control.errors import InputError
from liquid_control.recording.bag import COMPRESSED, IMU, JOY, TWIST_STAMPED, open_bag
from liquid_control.recording.imu_axes import estimate_axes, parse_axes
from liquid_control.recording.recorded_drive import load_drive
from liquid_control.recording.tub import open_tub
from liquid_control.recording.tub_import import import_tub

SHARED = Path(os.environ.get('LIQUID_CONTROL_SHARED', Path(__file__).parents[2] / 'shared')) / 'data'
SENSOR = parse_axes('-z,-x,y').rotation


def messages(bag_path, kind):
    with open_bag(bag_path) as bag:
        topic = next(topic for topic in bag.topics if topic.kind == kind)
        return topic, [(log, bag.decode(topic, data)) for _, log, data in bag.raw_messages([topic])]


def proper_rotations():
    for axes in permutations(range(3)):
        for signs in product((1.0, -1.0), repeat=3):
            rotation = np.eye(3)[list(axes)] * np.array(signs)[:, None]
            if np.linalg.det(rotation) > 0:
                yield rotation


def test_a_tub_becomes_a_bag_with_pictures_imu_and_commands(tmp_path):
    records = drive(120, SENSOR)
    tub = write_tub(tmp_path / 'tub', records)
    report = import_tub(tub, tmp_path / 'bag')
    assert (report.pictures, report.imu_samples, report.commands) == (120, 120, 120)
    assert not report.losses and not report.warnings
    topic, pictures = messages(tmp_path / 'bag', COMPRESSED)
    assert topic.name == '/camera/image_raw/compressed'
    for record, (log, message) in zip(records, pictures, strict=True):
        assert message.data.tobytes() == (tub / 'images' / record['cam/image_array']).read_bytes()
        assert message.format == 'jpeg'
        stamp = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
        assert stamp == log == record['_timestamp_ms'] * 10**6
    topic, samples = messages(tmp_path / 'bag', IMU)
    assert topic.name == '/imu/data_raw'
    assert all(message.orientation_covariance[0] == -1.0 for _, message in samples)
    assert {message.header.frame_id for _, message in samples} == {'imu_link'}
    left = np.array([-record['user/angle'] for record in records])
    yaw_rates = np.array([message.angular_velocity.z for _, message in samples])
    np.testing.assert_allclose(yaw_rates, 1.5 * left, atol=0.1)
    np.testing.assert_allclose([message.linear_acceleration.z for _, message in samples], 9.81, atol=1.0)
    np.testing.assert_allclose([message.linear_acceleration.y for _, message in samples], 3.0 * left, atol=1.0)
    topic, controls = messages(tmp_path / 'bag', JOY)
    assert topic.name == '/human_controls'
    np.testing.assert_allclose([message.axes[0] for _, message in controls], left, atol=1e-6)
    topic, twists = messages(tmp_path / 'bag', TWIST_STAMPED)
    assert topic.name == '/cmd_vel'
    turns = np.sign([message.twist.angular.z for _, message in twists])
    np.testing.assert_array_equal(turns, np.sign(left))


@pytest.mark.parametrize('mode', ['w', 'w:gz', 'w:bz2', 'w:xz'])
def test_archives_give_what_their_folder_gives(tmp_path, mode):
    tub = write_tub(tmp_path / 'tub', drive(60))
    import_tub(tub, tmp_path / 'a')
    import_tub(pack(tub, tmp_path / 'tub.any', mode), tmp_path / 'b')
    first, second = load_drive(tmp_path / 'a'), load_drive(tmp_path / 'b')
    np.testing.assert_array_equal(first.pictures, second.pictures)
    np.testing.assert_array_equal(first.imu, second.imu)
    np.testing.assert_array_equal(first.stamps, second.stamps)


@pytest.mark.parametrize('rotation', list(proper_rotations()), ids=lambda rotation: str(np.int8(rotation).tolist()))
def test_every_mounting_of_the_imu_is_found(rotation):
    records = drive(200, rotation)
    gyro = np.array([[record[f'imu/gyr_{axis}'] for axis in 'xyz'] for record in records])
    accel = np.array([[record[f'imu/acl_{axis}'] for axis in 'xyz'] for record in records])
    left = np.array([-record['user/angle'] for record in records])
    throttle = np.array([record['user/throttle'] for record in records])
    axes = estimate_axes(gyro, accel, left, throttle)
    np.testing.assert_array_equal(axes.rotation, rotation)
    assert not axes.warnings


def test_a_drive_that_does_not_tell_the_axes_is_refused():
    rng = np.random.default_rng(0)
    noise = rng.normal(0.0, 0.3, (200, 3))
    steering, throttle = rng.uniform(-1, 1, 200), np.full(200, 0.5)
    with pytest.raises(InputError, match='forward is unknown.*--imu-axes'):
        estimate_axes(rng.normal(0, 1, (200, 3)), noise + (0, 0, 9.81), steering, throttle)
    with pytest.raises(InputError, match='gravity is 9.81'):
        estimate_axes(noise, noise + (0, 0, 1.0), steering, throttle)
    with pytest.raises(InputError, match='37 degrees'):
        estimate_axes(noise, noise + (5.6, 5.6, 5.6), steering, throttle)
    with pytest.raises(InputError, match='at least 50'):
        estimate_axes(noise[:20], noise[:20], steering[:20], throttle[:20])


def test_reversed_steering_is_warned_of(tmp_path):
    records = [record | {'user/angle': -record['user/angle']} for record in drive(200)]
    assert 'does not follow' in ' '.join(import_tub(write_tub(tmp_path / 'tub', records), tmp_path / 'bag').warnings)


@pytest.mark.parametrize('text', ['z,x,-y', 'x,y,x', 'x,y', 'a,b,c', '', '--x,y,z'])
def test_axes_that_are_no_rotation_are_refused(text):
    with pytest.raises(InputError, match='determinant -1|three different'):
        parse_axes(text)


def test_imu_axes_given_or_declined(tmp_path):
    tub = write_tub(tmp_path / 'tub', drive(20, SENSOR))
    with pytest.raises(InputError, match='at least 50'):
        import_tub(tub, tmp_path / 'short')
    import_tub(tub, tmp_path / 'given', imu_axes='-z,-x,y')
    assert load_drive(tmp_path / 'given').imu[:, 5] == pytest.approx(9.81, abs=1.0)
    assert import_tub(tub, tmp_path / 'without', imu_axes='none').imu_samples == 0
    assert not load_drive(tmp_path / 'without').has_imu


def test_what_is_lost_is_counted(tmp_path):
    records = drive(70)
    records[10]['user/mode'] = 'pilot'
    records[11]['user/angle'] = float('nan')
    records[12]['imu/gyr_x'] = None
    records[13]['_index'] = 14
    tub = write_tub(tmp_path / 'tub', records, deleted=(0, 1, 2))
    images = tub / 'images'
    (images / '20_cam.jpg').unlink()
    (images / '21_cam.jpg').write_bytes(b'')
    (images / '22_cam.jpg').write_bytes((images / '22_cam.jpg').read_bytes()[:300])
    (images / '23_cam.jpg').write_bytes(b'GIF89a no picture')
    catalog = tub / 'catalog_1.catalog'
    lines = catalog.read_text().splitlines()
    hostile = lines[-1].replace('69_cam', '../../69_cam')
    catalog.write_text('\n'.join([*lines[:-3], '{"_index": 67, "cut o', '[]', hostile]))
    report = import_tub(tub, tmp_path / 'bag')
    assert report.losses == {
        'deleted in the manifest': 3, 'command left out: no human drove': 1,
        'command left out: angle or throttle is not a number in -1..1': 1, 'IMU left out: not six numbers': 1,
        'record repeats an index': 1, 'picture is missing': 1, 'picture is corrupt': 3, 'record is not readable': 2,
        'picture name is not a plain file name': 1}
    assert report.pictures == 70 - 3 - 1 - 4 - 3
    assert report.commands == report.pictures - 2
    assert report.imu_samples == report.pictures - 1


def test_a_missing_catalog_is_counted_by_its_records(tmp_path):
    tub = write_tub(tmp_path / 'tub', drive(120))
    (tub / 'catalog_1.catalog').unlink()
    report = import_tub(tub, tmp_path / 'bag')
    assert report.losses == {'catalog file is missing': 1, 'record named by the manifest is missing': 60}
    assert report.pictures == 60


def test_stamps_that_are_not_real_become_20_hz(tmp_path):
    records = drive(60, period_ms=3)
    for record in records[40:]:
        record['_session_id'] = 'b'
    report = import_tub(write_tub(tmp_path / 'tub', records, deleted=(5,)), tmp_path / 'bag')
    assert '20 Hz by record number' in report.decisions[0]
    steps = np.diff(load_drive(tmp_path / 'bag').stamps)
    assert steps[4] == pytest.approx(0.1, abs=1e-6)
    assert steps[38] == pytest.approx(2.05, abs=1e-6)
    np.testing.assert_allclose(np.delete(steps, (4, 38)), 0.05, atol=1e-6)


def test_rate_overrides_stamps_and_is_checked(tmp_path):
    tub = write_tub(tmp_path / 'tub', drive(60))
    import_tub(tub, tmp_path / 'bag', rate_hz=10.0)
    np.testing.assert_allclose(np.diff(load_drive(tmp_path / 'bag').stamps), 0.1, atol=1e-6)
    with pytest.raises(InputError, match='0.1..1000'):
        import_tub(tub, tmp_path / 'other', rate_hz=0.0)


def test_a_clock_set_back_is_bridged_and_said(tmp_path):
    records = drive(80)
    for record in records[50:]:
        record['_timestamp_ms'] -= 10**9
    report = import_tub(write_tub(tmp_path / 'tub', records), tmp_path / 'bag')
    assert 'went back 1 times' in report.warnings[0]
    drive_read = load_drive(tmp_path / 'bag')
    assert len(drive_read) == 80
    assert np.diff(drive_read.stamps).max() == pytest.approx(2.0, abs=1e-6)


@pytest.mark.parametrize('hostile', ['../../outside.txt', '/etc/hostname', 'a/b.jpg', '..', '', None, 7, 'x\x00y'])
def test_hostile_names_stay_inside_the_tub(tmp_path, hostile):
    records = drive(60)
    tub = write_tub(tmp_path / 'tub', records)
    (tmp_path / 'outside.txt').write_bytes((tub / 'images' / '0_cam.jpg').read_bytes())
    records[30]['cam/image_array'] = hostile
    (tub / 'catalog_1.catalog').write_text('\n'.join(map(json.dumps, records[30:])))
    report = import_tub(tub, tmp_path / 'bag')
    assert report.losses == {'picture name is not a plain file name': 1}


def test_links_and_paths_of_an_archive_are_not_followed(tmp_path):
    tub = write_tub(tmp_path / 'tub', drive(60))
    (tmp_path / 'secret.jpg').write_bytes((tub / 'images' / '1_cam.jpg').read_bytes())
    for name in ('0_cam.jpg', '1_cam.jpg'):
        (tub / 'images' / name).unlink()
    (tub / 'images' / '0_cam.jpg').symlink_to(tmp_path / 'secret.jpg')
    archive = tmp_path / 'tub.tar'
    with tarfile.open(archive, 'w') as packed:
        packed.add(tub, '.')
        escape = tarfile.TarInfo('../../escaped.jpg')
        escape.size = 4
        packed.addfile(escape, io.BytesIO(b'evil'))
    before = sorted(path.name for path in tmp_path.rglob('*'))
    for source in (archive, tub):
        with open_tub(source) as opened:
            found = [record for record in opened.records() if opened.picture(record) is not None]
            assert opened.losses == {'picture is missing': 2}
            assert len(found) == 58
    assert sorted(path.name for path in tmp_path.rglob('*')) == before


@pytest.mark.parametrize('content, said', [
    (b'', 'manifest'), (b'\x00\xff\xfe', 'manifest'), (b'[]\n{}\n', 'names no catalogs'),
    (b'{"paths": 3}\n{}', 'manifest'), (b'[]\n[]\n{"paths": ["../x.catalog"]}', 'plain file name')])
def test_a_foreign_manifest_is_an_input_error(tmp_path, content, said):
    tub = write_tub(tmp_path / 'tub', drive(3))
    (tub / 'manifest.json').write_bytes(content)
    with pytest.raises(InputError, match=said):
        import_tub(tub, tmp_path / 'bag')
    assert not (tmp_path / 'bag').exists()


def test_what_is_no_tub_is_an_input_error(tmp_path):
    archive = pack(write_tub(tmp_path / 'tub', drive(3)), tmp_path / 'tub.tar.gz')
    (tmp_path / 'cut.tar.gz').write_bytes(archive.read_bytes()[:-200])
    (tmp_path / 'text.tar').write_text('hello')
    (tmp_path / 'v3').mkdir()
    said_of = {'cut.tar.gz': 'decompressed', 'text.tar': 'tar archive', 'v3': 'convert', 'gone': 'not exist'}
    for name, said in said_of.items():
        with pytest.raises(InputError, match=said):
            import_tub(tmp_path / name, tmp_path / 'bag')
    with pytest.raises(InputError, match='no readable picture'):
        tub = write_tub(tmp_path / 'blind', drive(60))
        for picture in (tub / 'images').iterdir():
            picture.unlink()
        import_tub(tub, tmp_path / 'bag')
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {'blind', 'cut.tar.gz', 'text.tar', 'tub', 'tub.tar.gz', 'v3'}


def test_the_shared_imu_drive(tmp_path):
    source = SHARED / 'real_car_imu' / 'tub.tar'
    if not source.exists():
        pytest.skip('no recorded drives: set LIQUID_CONTROL_SHARED')
    report = import_tub(source, tmp_path / 'bag')
    assert (report.pictures, report.imu_samples, report.commands) == (1996, 1996, 1996)
    assert any('forward -z, left -x, up +y' in line for line in report.decisions)
    read = load_drive(tmp_path / 'bag')
    assert np.median(read.imu[:, 5]) == pytest.approx(9.4, abs=0.1)
    assert np.corrcoef(read.steering[:-2], read.imu[2:, 2])[0, 1] > 0.75
    assert np.corrcoef(read.imu[:, 4], read.imu[:, 2])[0, 1] > 0.3
    assert set(np.unique(read.steering)) == {-1.0, 0.0, 1.0}


def test_the_shared_warehouse_drive(tmp_path):
    source = SHARED / 'real_car_warehouse' / 'tub.tar.gz'
    if not source.exists():
        pytest.skip('no recorded drives: set LIQUID_CONTROL_SHARED')
    report = import_tub(source, tmp_path / 'bag')
    assert (report.pictures, report.imu_samples, report.commands) == (1000, 0, 1000)
    read = load_drive(tmp_path / 'bag')
    np.testing.assert_allclose(np.diff(read.stamps), 0.05, atol=1e-6)
    assert read.pictures.shape == (1000, 120, 160, 3)
