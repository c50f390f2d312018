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

"""A command that is told to end half a second after the rest of its launch.

``python -m liquid_control.nodes.outlasting COMMAND ...``: Ctrl-C reaches all processes of a launch at once. The bridge
that carries the last word to stand has to outlast those who say it, or a car in a Gazebo that goes on drives for ever.
"""
import signal
import subprocess
import sys
import time

GRACE_S = 0.5
LOOK_S = 0.1


def outlast(command: list[str]) -> int:
    """Run a command in a session of its own, pass signals on to it after half a second, and return its exit code."""
    received: list[int] = []
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        signal.signal(number, lambda number, _: received.append(number))
    process = subprocess.Popen(command, start_new_session=True)
    passed_on: set[int] = set()
    while process.poll() is None:
        for number in set(received) - passed_on:
            if not passed_on:
                time.sleep(GRACE_S)
            process.send_signal(number)
            passed_on.add(number)
        time.sleep(LOOK_S)
    code = process.returncode
    return code if code >= 0 else 128 - code


if __name__ == '__main__':
    sys.exit(outlast(sys.argv[1:]))
