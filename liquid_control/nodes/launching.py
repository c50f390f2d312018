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

"""What the launch files need beside launch."""
import asyncio
import signal


def leave_ctrl_c_to_launch() -> None:
    """Keep KeyboardInterrupt out of a launch that runs: launch hears of SIGINT through a file descriptor.

    Raised in one of launch's tasks, it ends that task: a process that is just being started is then neither ended nor
    waited for, and the launch hangs.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return  # the launch file is only looked at
    signal.signal(signal.SIGINT, lambda *_: None)
