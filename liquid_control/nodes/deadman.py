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

"""A process of its own that makes a car stand when the one that drives it is killed or held.

For hardware that gives its last output for ever. It has a copy of the hardware's open file and one message to write
there: when no beat came for a while, again and again, and when the other process has ended.
"""
import os
import select
import signal
import subprocess
import sys
import time

TRIES, TRY_S = 100, 0.02
"""Of a bus that does not answer, for a process that has ended."""


class Deadman:
    """The end that is watched: beats say that this process is well.

    :param fd: open file of the hardware.
    :param silence_s: after so long without a beat the car is to stand.
    :param stand: what to write then.
    """

    def __init__(self, fd: int, silence_s: float, stand: bytes) -> None:
        self._fd, self._silence_s, self._stand = fd, silence_s, stand
        self._process = self._start()

    def beat(self) -> None:
        """Say that all is well; if nobody watches any more, one who does is started."""
        if self._process.poll() is not None:
            self._process = self._start()
        self._process.stdin.write(b'.')

    def close(self) -> None:
        """Need it no longer: the car is made to stand once more."""
        self._process.stdin.close()
        self._process.wait()

    def _start(self) -> subprocess.Popen:
        # A session of its own: what kills the process group of this process leaves it alone. -S, -I: it starts at once.
        process = subprocess.Popen(
            [sys.executable, '-S', '-I', __file__, str(self._fd), str(self._silence_s), self._stand.hex()],
            stdin=subprocess.PIPE, bufsize=0, pass_fds=[self._fd], start_new_session=True)
        os.set_blocking(process.stdin.fileno(), False)
        return process


def watch(beats: int, fd: int, silence_s: float, stand: bytes) -> None:
    """Write what makes the car stand while no beats come; return when their sender has ended.

    :param beats: open file from which they come.
    """
    while True:
        heard, _, _ = select.select([beats], [], [], silence_s)
        if heard and not os.read(beats, 4096):
            break
        if not heard:
            _write(fd, stand)
    for _ in range(TRIES):
        if _write(fd, stand):
            break
        time.sleep(TRY_S)


def _write(fd: int, message: bytes) -> bool:
    try:
        os.write(fd, message)
    except OSError:
        return False
    return True


if __name__ == '__main__':
    for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP:
        signal.signal(number, signal.SIG_IGN)
    watch(0, int(sys.argv[1]), float(sys.argv[2]), bytes.fromhex(sys.argv[3]))
