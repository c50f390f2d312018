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

"""The verb import-tub, run as people run it."""
import subprocess
import sys

from small_tub import drive, pack, write_tub

from liquid_control.recording.imu_axes import parse_axes


def liquid_control(*arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, '-m', 'liquid_control', *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_import_tub_reports_what_it_did(tmp_path):
    records = drive(80, parse_axes('-z,-x,y').rotation)
    records[9]['user/mode'] = 'pilot'
    archive = pack(write_tub(tmp_path / 'tub', records, deleted=(3, 4)), tmp_path / 'tub.tar.gz')
    done = liquid_control('import-tub', archive, tmp_path / 'new' / 'bag')
    assert done.returncode == 0, done.stderr
    assert 'forward -z, left -x, up +y' in done.stdout
    assert 'left out: 2: deleted in the manifest; 1: command left out: no human drove' in done.stdout
    assert '78 pictures, 78 IMU samples, 77 commands' in done.stdout
    again = liquid_control('import-tub', archive, tmp_path / 'new' / 'bag')
    assert again.returncode == 2
    assert again.stderr.count('\n') == 1 and str(tmp_path / 'new' / 'bag') in again.stderr


def test_bad_input_is_one_line_and_code_2(tmp_path):
    tub = write_tub(tmp_path / 'tub', drive(60))
    for arguments in (['gone', 'bag'], [tub, tmp_path / 'bag', '--imu-axes=x,y,-z'],
                      [tub, tmp_path / 'bag', '--rate', '-1'], [tub, tmp_path / 'bag', '--gyro-unit', 'turns'], [tub]):
        done = liquid_control('import-tub', *arguments)
        assert done.returncode == 2
        assert done.stderr.startswith('error: ') and done.stderr.count('\n') == 1
        assert not (tmp_path / 'bag').exists()
