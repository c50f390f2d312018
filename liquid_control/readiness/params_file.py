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

"""Parameters of a node in a ROS 2 parameters file."""
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from liquid_control.errors import InputError


def read_params(path: str | Path, node: str) -> dict[str, Any]:
    """Return what a parameters file gives a node; what comes later in the file counts.

    :param node: fully qualified name, such as ``/car1/drive``. In the file ``*`` stands for a part of it and ``**`` for
        any number of parts.
    :raises InputError: if the file cannot be read or is no parameters file.
    """
    try:
        data = yaml.safe_load(Path(path).read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"parameters file '{path}' cannot be read ({reason}); give a file such as config/drive.yaml"
                         ) from error
    if not isinstance(data, dict):
        raise InputError(f"parameters file '{path}' holds no parameters; give a file such as config/drive.yaml")
    found: dict[str, Any] = {}
    for name, parameters in _sections(data, ''):
        if re.fullmatch(_pattern(name), node):
            found |= parameters
    return found


def _sections(data: dict[str, Any], place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return the full name, which may hold wildcards, and the parameters of each node of a file."""
    for key, value in data.items():
        if not isinstance(value, dict):
            continue
        name = f'{place}/{str(key).strip("/")}'
        if isinstance(value.get('ros__parameters'), dict):
            yield name, value['ros__parameters']
        else:
            yield from _sections(value, name)


def _pattern(name: str) -> str:
    parts = [re.escape(part) for part in name.split('/')]
    return '/'.join(parts).replace(r'/\*\*', '(/[^/]+)*').replace(r'\*', '[^/]+')
