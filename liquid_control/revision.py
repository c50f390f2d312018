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

"""Which revision of the source a policy was taught by."""
import subprocess
from pathlib import Path

from liquid_control import __version__


def revision() -> str:
    """Return the revision of the source tree, or the version of the installed package."""
    try:
        answer = subprocess.run(
            ['git', 'describe', '--always', '--dirty'], cwd=Path(__file__).parent, text=True, capture_output=True,
            timeout=5.0, check=True)
        return answer.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return __version__
