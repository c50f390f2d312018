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

"""Where the package's data files are: launch, config, urdf, models."""

import os
import sys
from pathlib import Path

PACKAGE = 'liquid_control'


def share_path(relative: str) -> Path:
    """Return the path of a data file of this package, such as ``config/car.yaml``.

    Looks in the source tree that this module runs from, then in every ROS prefix
    (``AMENT_PREFIX_PATH``), then in the Python prefix that pip installed into.

    :raises FileNotFoundError: if no place holds it; the message lists the places.
    """
    prefixes = [*filter(None, os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep)), sys.prefix, sys.base_prefix]
    places = [Path(__file__).resolve().parents[1], *(Path(prefix) / 'share' / PACKAGE for prefix in prefixes)]
    for place in places:
        if (place / 'package.xml').is_file() and (place / relative).exists():
            return place / relative
    raise FileNotFoundError(
        f'{relative} of {PACKAGE} is in none of: {", ".join(map(str, places))}; reinstall the package'
    )
