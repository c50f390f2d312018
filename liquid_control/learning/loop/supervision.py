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

"""The learner in a process of its own, over JSON lines."""
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

LEARNER = (sys.executable, '-m', 'liquid_control.learning.loop.learner')
SILENCE_S = 600.0
"""A learner that says nothing for so long has hung; on a busy machine one of low priority may wait for minutes."""
END_S = 5.0


class LearnerProcess:
    """Starts the learner, hands it requests and passes on what it says.

    The process ends with this one, however this one ends: its standard input closes. It is in a session of its own, so
    that Ctrl-C in a terminal leaves the end to this one.

    :ivar busy: whether a request is being worked on.
    """

    def __init__(self, command: Sequence[str] = LEARNER) -> None:
        self._command = command
        self._process: subprocess.Popen | None = None
        self._lines: queue.SimpleQueue[tuple[subprocess.Popen, str | None]] = queue.SimpleQueue()
        self._heard_s = 0.0
        self.busy = False

    def start(self) -> None:
        """Start the process if it does not run, so that it is ready when it is needed."""
        if self._process is not None and self._process.poll() is None:
            return
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
            env=os.environ | {'OMP_NUM_THREADS': '1'})
        threading.Thread(target=self._listen, args=(self._process,), name='learner', daemon=True).start()

    def learn(self, request: dict[str, Any]) -> None:
        """Ask for a policy; what comes of it is told by ``said``."""
        self.start()
        self.busy, self._heard_s = True, time.monotonic()
        with suppress(OSError):  # it has ended; said() tells
            self._process.stdin.write(json.dumps({'learn': request}) + '\n')
            self._process.stdin.flush()

    def said(self) -> list[dict[str, Any]]:
        """Return what the learner said since the last call; ``error`` when it ended or fell silent over a request."""
        messages = []
        while not self._lines.empty():
            process, line = self._lines.get()
            if process is self._process:
                messages += self._message(line)
        if self.busy and time.monotonic() - self._heard_s > SILENCE_S:
            self.stop()
            messages.append({'error': f'the learner said nothing for {SILENCE_S:.0f} s and was ended'})
        return messages

    def stop(self) -> int | None:
        """End the process and with it what it works on; return its exit code."""
        process, self._process, self.busy = self._process, None, False
        if process is None:
            return None
        with suppress(OSError):  # what was not read yet by a process that has ended
            process.stdin.close()
        if process.poll() is None:
            process.terminate()
        try:
            return process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def _ended(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_S)
        return self.stop()

    def _message(self, line: str | None) -> list[dict[str, Any]]:
        self._heard_s = time.monotonic()
        if line is None:
            was_busy, code = self.busy, self._ended()
            return [{'error': f'the learner ended with code {code} before it was done'}] if was_busy else []
        try:
            message = json.loads(line)
        except ValueError:
            return []
        if not isinstance(message, dict):
            return []
        if 'done' in message or 'error' in message:
            self.busy = False
        return [message]

    def _listen(self, process: subprocess.Popen) -> None:
        for line in process.stdout:
            self._lines.put((process, line))
        self._lines.put((process, None))
