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

# Usage: software_egl.sh PYTHON   Sees to it that MuJoCo can render without a screen; installs Mesa's EGL if not.
set -eu
python=$1

renders() {
    MUJOCO_GL=egl "$python" -c 'import mujoco; mujoco.GLContext(8, 8).make_current()' > /dev/null 2>&1
}

renders && exit 0
"$(dirname "$0")/apt_install.sh" libegl1 libegl-mesa0 libgl1-mesa-dri
renders && exit 0
echo "error: MuJoCo cannot render with EGL although libegl1, libegl-mesa0 and libgl1-mesa-dri are installed:" >&2
MUJOCO_GL=egl "$python" -c 'import mujoco; mujoco.GLContext(8, 8).make_current()' 2>&1 | tail -n 3 >&2
exit 2
