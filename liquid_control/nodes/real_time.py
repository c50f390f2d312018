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

"""SCHED_FIFO for a node, where the system permits it."""
import os
from pathlib import Path

DRIVE_PRIORITY, HARDWARE_PRIORITY = 50, 60
"""Of a drive node, and of what stands for a car's hardware before it: a camera does not wait for a computer."""
SIMULATOR_PRIORITY = 40
"""A simulator computes for milliseconds what hardware does by itself, and ahead of time: the drive node goes first."""
THREADS = Path('/proc/self/task')


def take_priority(priority: int) -> str:
    """Let every thread of this process run before all that is not real time; return why not, or an empty text.

    Threads that start later inherit it. Who started the node under another policy than the usual one decided already.
    The system keeps a share of the processor for the others (sched_rt_runtime_us, sched(7)).

    :param priority: of SCHED_FIFO, 1 to 99; 0 leaves everything as it is.
    """
    if not priority:
        return ''
    try:
        if os.sched_getscheduler(0) == os.SCHED_OTHER:
            for thread in THREADS.iterdir():
                _set(int(thread.name), priority)
    except (OSError, AttributeError) as error:
        reason = getattr(error, 'strerror', None) or str(error)
        return f'SCHED_FIFO {priority} is not permitted ({reason}); see docs/realtime.md'
    return ''


def _set(thread: int, priority: int) -> None:
    try:
        os.sched_setscheduler(thread, os.SCHED_FIFO, os.sched_param(priority))
    except ProcessLookupError:
        pass  # it has ended since
