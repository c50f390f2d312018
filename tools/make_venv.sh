#!/bin/sh
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

# Usage: make_venv.sh FOLDER [PYTHON]   Makes a virtual environment with Python 3.11 to 3.13.
set -eu
folder=$1
wanted=${2:-}

fits() {
    command -v "$1" > /dev/null && "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2> /dev/null
}

for python in ${wanted:-python3 python3.13 python3.12 python3.11}; do
    if fits "$python"; then
        if ! "$python" -c 'import venv, ensurepip' 2> /dev/null; then
            "$(dirname "$0")/apt_install.sh" "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
        fi
        exec "$python" -m venv "$folder"
    fi
done
found=$(${wanted:-python3} --version 2> /dev/null || echo none)
echo "error: Python 3.11 to 3.13 is needed, found: $found. Install one, then: make PYTHON=python3.12 ..." >&2
exit 2
