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

"""Installs by pip and by colcon (ament_python)."""
import re
from glob import glob
from pathlib import Path

from setuptools import find_packages, setup

PACKAGE = 'liquid_control'
SHARE = f'share/{PACKAGE}'

# The lower bounds admit what Ubuntu 24.04 packages (numpy 1.26, scipy 1.11, rich 13.7, OpenCV 4.6).
BASE = [
    'numpy>=1.26,<3',
    'scipy>=1.11,<2',
    'torch>=2.1,<3',
    'safetensors>=0.4,<1',
    'opencv-python-headless>=4.6,<6',
    'pyyaml>=6,<7',
    'rich>=13,<16',
]
EXTRAS = {
    # rclpy, the messages and Fast DDS as wheels, for machines without an apt ROS (x86-64 Linux).
    'ros': [f'ros-jazzy-{name}' for name in (
        'rclpy>=7.1,<8', 'rmw-fastrtps-cpp>=8.4,<9', 'rmw-implementation>=2.15,<3', 'rcl-interfaces>=2.0,<3',
        'lifecycle-msgs>=2.0,<3', 'rosgraph-msgs>=2.0,<3', 'std-msgs>=5.3,<6', 'std-srvs>=5.3,<6',
        'sensor-msgs>=5.3,<6', 'geometry-msgs>=5.3,<6', 'nav-msgs>=5.3,<6', 'diagnostic-msgs>=5.3,<6')],
    'simulation': ['mujoco>=3.3,<3.11', 'gymnasium>=1.0,<2'],
    'bags': ['rosbags>=0.11,<0.12', 'mcap>=1.6,<2'],
    'learning': ['cma>=4,<5', 'tensorboard>=2.16,<3'],
    'study': ['scikit-learn>=1.4,<2'],  # handwritten digits
    'ray': ['ray>=2.40,<3'],
    'export': ['onnx>=1.17,<2', 'onnxruntime>=1.20,<2', 'onnxscript>=0.5,<1'],
    'view': ['aiohttp>=3.9,<4'],
    'video': ['matplotlib>=3.6,<4', 'imageio-ffmpeg>=0.5,<1'],
    'test': ['pytest>=7.4,<10', 'setuptools>=70.1,<100', 'hypothesis>=6.90,<7', 'ncps>=1.0.1,<2', 'xacro>=2.0,<3',
             'selenium>=4.20,<5', 'snntorch>=0.9.4,<2'],
    'lint': ['ruff>=0.9,<1'],
}
EXTRAS['all'] = sorted({requirement for extra in EXTRAS.values() for requirement in extra})


def version() -> str:
    """Return the version that liquid_control/__init__.py states, without importing it."""
    return re.search(r"^__version__ = '(.+)'$", Path(PACKAGE, '__init__.py').read_text(), re.MULTILINE).group(1)


def files(folder: str) -> list[str]:
    """Return the files directly in a folder, without hidden ones."""
    return sorted(path for path in glob(f'{folder}/*') if Path(path).is_file())


setup(
    name=PACKAGE,
    version=version(),
    description='Drives a car from its camera with liquid neural networks, in simulation and on ROS 2',
    long_description=Path('README.md').read_text() if Path('README.md').is_file() else '',
    long_description_content_type='text/markdown',
    author='The liquid_control Authors',
    license='Apache-2.0',
    python_requires='>=3.11,<3.14',
    packages=find_packages(include=[PACKAGE, f'{PACKAGE}.*']),
    package_data={f'{PACKAGE}.audit': ['page/*']},
    install_requires=BASE,
    extras_require=EXTRAS,
    entry_points={'console_scripts': ['liquid-control = liquid_control.cli:main']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{PACKAGE}']),
        (SHARE, ['package.xml']),
        *((f'{SHARE}/{folder}', files(folder)) for folder in (
            'launch', 'config', 'config/dds', 'config/sros2', 'urdf', 'worlds', 'models')),
        # The executables of `ros2 run` and of launch files. They start with `env python3`, so that they see a
        # virtual environment that is active, and unlike console scripts do not ask for pip metadata of what
        # apt installed.
        (f'lib/{PACKAGE}', files('scripts')),
    ],
    zip_safe=False,
)
