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
from pathlib import Path
from typing import Any

import yaml

from liquid_control.errors import InputError


def read_params(path: str | Path, node: str) -> dict[str, Any]:
    """Return what a parameters file gives a node: ``/**`` first, then the node's name, then its full name.

    :param node: fully qualified name, such as ``/car1/drive``.
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
    for name in '/**', node.rsplit('/', 1)[-1], f'/{node.rsplit("/", 1)[-1]}', node:
        section = data.get(name)
        if isinstance(section, dict) and isinstance(section.get('ros__parameters'), dict):
            found |= section['ros__parameters']
    return found
