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

import ast
import importlib
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

import liquid_control

REPOSITORY = Path(__file__).resolve().parents[1]
DATA_FOLDERS = ('launch', 'config', 'urdf', 'worlds', 'models')
IMPORTED_AS = {'cv2': 'opencv-python-headless', 'yaml': 'pyyaml', 'OpenGL': 'mujoco', 'networkx': 'torch',
               'sklearn': 'scikit-learn'}
ROS_ONLY = {'ackermann_msgs', 'ament_index_python', 'launch', 'launch_ros'}
PROVIDED_BY_RCLPY = {'builtin_interfaces', 'ament_index_python'}
GAZEBO_ONLY = {'gz'}


def package_xml() -> ElementTree.Element:
    return ElementTree.parse(REPOSITORY / 'package.xml').getroot()


def setup_lists() -> dict:
    """Return BASE and EXTRAS of setup.py without running setup."""
    tree = ast.parse((REPOSITORY / 'setup.py').read_text())
    tree.body = [node for node in tree.body if isinstance(node, ast.Assign)]
    names: dict = {}
    exec(compile(tree, 'setup.py', 'exec'), names)
    return names


def source_files() -> list[Path]:
    """Return the files of the project that have a place for a header."""
    folders = ('liquid_control', 'test', 'launch', 'config', 'urdf', 'tools', 'scripts', '.ci')
    inside = [path for folder in folders for path in (REPOSITORY / folder).rglob('*')
              if path.is_file() and '__pycache__' not in path.parts and path.suffix != '.json']
    own = [REPOSITORY / name for name in ('setup.py', 'setup.cfg', 'pyproject.toml', 'package.xml', 'Makefile')]
    return sorted(path for path in inside + own if path.stat().st_size > 0)


def imported_modules(folder: str) -> set[str]:
    """Return the top-level modules that a folder's Python files import."""
    found = set()
    for path in (REPOSITORY / folder).rglob('*.py'):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split('.')[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                found.add(node.module.split('.')[0])
    return found - set(sys.stdlib_module_names) - {'liquid_control'}


def test_package_xml_is_of_format_3_and_for_ament_python():
    root = package_xml()
    assert root.get('format') == '3' and root.findtext('name') == 'liquid_control'
    assert root.findtext('export/build_type') == 'ament_python'
    assert (REPOSITORY / root.find('license').get('file')).read_text().count('Apache License') > 1


def test_versions_are_equal():
    assert package_xml().findtext('version') == liquid_control.__version__
    assert re.fullmatch(r'\d+\.\d+\.\d+', liquid_control.__version__)


def test_every_ros_package_that_is_imported_is_declared():
    declared = {depend.text for depend in package_xml().iter('exec_depend')}
    imported = imported_modules('liquid_control') | imported_modules('launch')
    ros = {name for name in imported
           if name.endswith(('_msgs', '_srvs', '_interfaces')) or name in ROS_ONLY | {'rclpy'}}
    assert {'rclpy', 'sensor_msgs', 'launch_ros'} <= ros
    assert ros - PROVIDED_BY_RCLPY <= declared


def test_pip_brings_everything_that_is_imported():
    lists = setup_lists()
    requirements = lists['BASE'] + [name for extra in lists['EXTRAS'].values() for name in extra]
    names = {re.match(r'[A-Za-z0-9-]+', requirement).group().removeprefix('ros-jazzy-') for requirement in requirements}
    for module in imported_modules('liquid_control') - ROS_ONLY - PROVIDED_BY_RCLPY - GAZEBO_ONLY:
        assert IMPORTED_AS.get(module, module.replace('_', '-')) in names, module


def test_every_requirement_has_a_lower_and_an_upper_bound():
    lists = setup_lists()
    for requirement in lists['BASE'] + [name for extra in lists['EXTRAS'].values() for name in extra]:
        assert re.fullmatch(r'[A-Za-z0-9-]+>=[\d.]+,<[\d.]+', requirement), requirement


def test_every_source_file_has_the_header():
    heads = {str(path.relative_to(REPOSITORY)): path.read_text()[:1200] for path in source_files()}
    assert len(heads) > 50
    phrases = ('Copyright 2026 The liquid_control Authors', 'Apache License, Version 2.0')
    assert [name for name, head in heads.items() if any(phrase not in head for phrase in phrases)] == []


def test_what_the_executables_call_exists():
    module, function = re.search(r"liquid-control = ([\w.]+):(\w+)'", (REPOSITORY / 'setup.py').read_text()).groups()
    assert callable(getattr(importlib.import_module(module), function))
    scripts = sorted((REPOSITORY / 'scripts').iterdir())
    assert {'drive', 'simulator'} <= {script.name for script in scripts}
    for script in scripts:
        assert script.stat().st_mode & 0o111 and script.read_text().startswith('#!/usr/bin/env python3\n')
        imported = next(node for node in ast.walk(ast.parse(script.read_text()))
                        if isinstance(node, ast.ImportFrom) and node.module.startswith('liquid_control'))
        tree = ast.parse((REPOSITORY / f'{imported.module.replace(".", "/")}.py').read_text())
        assert 'main' in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_an_executable_that_is_ended_before_there_is_a_node_ends_well(number):
    process = subprocess.Popen([sys.executable, REPOSITORY / 'scripts' / 'simulator'], stderr=subprocess.PIPE)
    caught = 0
    while not caught >> signal.SIGTERM - 1 & 1:  # its handlers are not there yet
        assert process.poll() is None
        time.sleep(0.005)
        caught = int(re.search(r'SigCgt:\s*(\w+)', Path(f'/proc/{process.pid}/status').read_text()).group(1), 16)
    process.send_signal(number)
    assert (process.wait(60.0), process.stderr.read()) == (0, b'')


def test_the_wheel_holds_code_data_and_index(tmp_path):
    """What ``pip install .`` lays down: the command, the ROS executables, the data and the ament index entry."""
    pytest.importorskip('setuptools', reason='setuptools, which builds the wheel, is not installed')
    ignored = shutil.ignore_patterns('.*', '__pycache__', 'build', 'install', 'log', 'runs', '*.egg-info')
    shutil.copytree(REPOSITORY, tmp_path / 'source', ignore=ignored)
    subprocess.run(
        [sys.executable, '-m', 'pip', 'wheel', '-q', '--no-deps', '--no-build-isolation', '--no-index',
         '--disable-pip-version-check', '-w', str(tmp_path), str(tmp_path / 'source')], check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob('liquid_control-*.whl'))) as wheel:
        files = {name.split('.data/data/')[-1]: wheel.getinfo(name) for name in wheel.namelist()}
        entry_points = wheel.read(next(name for name in files if name.endswith('entry_points.txt'))).decode()
    assert 'share/ament_index/resource_index/packages/liquid_control' in files
    assert 'share/liquid_control/package.xml' in files
    for folder in DATA_FOLDERS:
        for path in (REPOSITORY / folder).iterdir():
            assert path.is_dir() or f'share/liquid_control/{folder}/{path.name}' in files
    for script in (REPOSITORY / 'scripts').iterdir():
        assert (files[f'lib/liquid_control/{script.name}'].external_attr >> 16) & 0o111
    for path in (REPOSITORY / 'liquid_control').rglob('*.py'):
        assert str(path.relative_to(REPOSITORY)) in files
    assert entry_points.split() == ['[console_scripts]', 'liquid-control', '=', 'liquid_control.cli:main']


def test_nothing_but_nodes_and_the_command_line_imports_ros():
    for folder in sorted((REPOSITORY / 'liquid_control').iterdir()):
        if folder.is_dir() and folder.name not in ('nodes', 'cli', '__pycache__'):
            assert 'rclpy' not in imported_modules(f'liquid_control/{folder.name}'), folder.name
