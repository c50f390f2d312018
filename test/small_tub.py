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

"""Small donkeycar tubs for tests: a car that weaves, with an IMU mounted as one likes."""
import json
import tarfile
from pathlib import Path

import cv2
import numpy as np

G = 9.81
SPEED_MPS = 2.0


def pictures(count: int, height: int = 24, width: int = 32) -> list[bytes]:
    rng = np.random.default_rng(7)
    noise = rng.integers(0, 256, (count, height, width, 3), dtype=np.uint8)
    return [cv2.imencode('.jpg', picture)[1].tobytes() for picture in noise]


def drive(count: int, rotation: np.ndarray | None = None, period_ms: int = 50, imu: bool = True) -> list[dict]:
    """Return records of a weaving drive; ``rotation`` turns sensor axes to x forward, y left, z up."""
    rng = np.random.default_rng(3)
    time = 0.05 * np.arange(count)
    left = np.round(np.sin(1.3 * time), 3)
    throttle = np.where(np.sin(0.4 * time) > -0.6, 0.5, 0.2)
    yaw_rate = 1.5 * left
    zeros, up = np.zeros(count), np.full(count, G)
    accel = np.stack((2.0 * (throttle - 0.4), SPEED_MPS * yaw_rate, up), 1) + rng.normal(0, 0.2, (count, 3))
    gyro = np.degrees(np.stack((zeros, zeros, yaw_rate), 1) + rng.normal(0, 0.02, (count, 3)))
    if rotation is not None:
        accel, gyro = accel @ rotation, gyro @ rotation
    records = []
    for i in range(count):
        record = {'_index': i, '_session_id': 'a', '_timestamp_ms': 1_700_000_000_000 + period_ms * i,
                  'cam/image_array': f'{i}_cam.jpg', 'user/angle': -float(left[i]), 'user/throttle': float(throttle[i]),
                  'user/mode': 'user'}
        if imu:
            record |= {f'imu/gyr_{axis}': float(gyro[i, k]) for k, axis in enumerate('xyz')}
            record |= {f'imu/acl_{axis}': float(accel[i, k]) for k, axis in enumerate('xyz')}
        records.append(record)
    return records


def write_tub(folder: Path, records: list[dict], deleted: tuple[int, ...] = ()) -> Path:
    """Write a v4 tub of two catalogs with a picture for every record."""
    (folder / 'images').mkdir(parents=True)
    manifest = [['cam/image_array', 'user/angle', 'user/throttle'], ['image_array', 'float', 'float'], {},
                {'created_at': 1.0}, {
                    'paths': ['catalog_0.catalog', 'catalog_1.catalog'], 'current_index': len(records),
                    'max_len': 1000, 'deleted_indexes': list(deleted)}]
    (folder / 'manifest.json').write_text('\n'.join(map(json.dumps, manifest)) + '\n')
    half = len(records) // 2
    for name, part in (('catalog_0.catalog', records[:half]), ('catalog_1.catalog', records[half:])):
        (folder / name).write_text(''.join(json.dumps(record) + '\n' for record in part))
    for record, picture in zip(records, pictures(len(records)), strict=True):
        (folder / 'images' / record['cam/image_array']).write_bytes(picture)
    return folder


def pack(folder: Path, archive: Path, mode: str = 'w:gz') -> Path:
    with tarfile.open(archive, mode) as packed:
        packed.add(folder, 'some/tub')
    return archive
