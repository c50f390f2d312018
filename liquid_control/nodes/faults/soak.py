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

"""Hours of driving at a multiple of real time, with stops, kills, takeovers and random parameters in between."""
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from geometry_msgs.msg import TwistStamped
from std_srvs.srv import SetBool

from liquid_control.evaluation.faults.soak_report import KINDS, Sample, Stop
from liquid_control.nodes.faults.bench import Bench
from liquid_control.nodes.faults.control import set_at_random
from liquid_control.nodes.processes import resident_mb

CAMERA_TIMEOUT_S = 0.1
BETWEEN_S = 4.0, 12.0
HOLD_S = 0.5
PATIENCE_S = 3.0
SAMPLE_S = 5.0
HELD_S = 0.2
FAST_MPS = 1.0
"""A stop that was watched by a process that did not run for longer tells nothing."""
DEACTIVATE, ACTIVATE = 4, 3


def soak(folder: Path, policy: Path, hours: float, factor: float, seed: int,
         kinds: Sequence[str]) -> Iterator[Sample | Stop]:
    """Drive for so many simulated hours, stopped in these ways; yield samples and stops as they come.

    Timeouts of camera and IMU are those of a car in real time: at ten times real time, ten times as long.
    """
    timeouts = {'camera_timeout_s': CAMERA_TIMEOUT_S * factor, 'imu_timeout_s': CAMERA_TIMEOUT_S * factor}
    with Bench(folder, policy, timeouts, factor) as bench:
        yield from _Soak(bench, hours, factor, seed, kinds).run()


class _Soak:
    def __init__(self, bench: Bench, hours: float, factor: float, seed: int, kinds: Sequence[str]) -> None:
        self._bench, self._seconds, self._factor = bench, 3600.0 * hours, factor
        self._random, self._kinds = random.Random(seed), kinds
        self._life = 1

    def run(self) -> Iterator[Sample | Stop]:
        bench = self._bench
        bench.ready()
        bench.until(lambda: self._simulated_s() > 0.0, 'the simulator')
        begin_s, begin = self._simulated_s(), time.monotonic()
        next_sample = next_stop = begin + SAMPLE_S
        while self._simulated_s() - begin_s < self._seconds:
            time.sleep(0.05)
            now = time.monotonic()
            if now >= next_sample:
                next_sample = now + SAMPLE_S
                yield self._sample(now - begin)
            if now >= next_stop:
                bench.held_s = 0.0
                stop = self._stop()
                if bench.held_s < HELD_S:
                    yield stop
                next_stop = time.monotonic() + self._random.uniform(*BETWEEN_S)

    def _simulated_s(self) -> float:
        return float(self._bench.value('simulated_s', 'simulator') or 0.0)

    def _sample(self, wall_s: float) -> Sample:
        bench = self._bench
        return Sample(wall_s, self._simulated_s(), self._life, bench.memory_mb, resident_mb(bench.simulator.pid),
                      float(bench.value('receipt_to_command_p50_ms') or 'nan'),
                      float(bench.value('receipt_to_command_p99_ms') or 'nan'))

    def _stop(self) -> Stop:
        ways = {'disengaged': self._disengage, 'deactivated': self._deactivate, 'simulator held': self._hold,
                'takeover to a stand': self._take_over, 'random parameters': self._set, 'killed': self._kill}
        kind = self._random.choices(self._kinds, weights=[KINDS[kind] for kind in self._kinds])[0]
        self._bench.ready()
        return ways[kind](kind)

    def _measured(self, kind: str, begin: Callable[[], object], end: Callable[[], object]) -> Stop:
        """Begin a stop, hold it, end it; return how long the zero command and the next one to move took."""
        bench = self._bench
        since = time.monotonic()
        begin()
        bench.waits(lambda: bench.zero_s(since, time.monotonic()) is not None, PATIENCE_S)
        bench.waits(lambda: False, HOLD_S)
        over = time.monotonic()
        zero_s = bench.zero_s(since, over)
        end()
        moves = bench.waits(lambda: bench.moves_since(over), 10.0 * PATIENCE_S)
        return Stop(kind, zero_s, bench.moves_since(over) - over if moves else None)

    def _disengage(self, kind: str) -> Stop:
        def engage(engaged: bool) -> None:
            self._bench.call(SetBool, '/drive/engage', SetBool.Request(data=engaged))
        return self._measured(kind, lambda: engage(False), lambda: engage(True))

    def _deactivate(self, kind: str) -> Stop:
        return self._measured(
            kind, lambda: self._bench.change(DEACTIVATE, 'drive'), lambda: self._bench.change(ACTIVATE, 'drive'))

    def _hold(self, kind: str) -> Stop:
        """Hold the simulator; the node waits for /clock as long as for pictures, counted in seconds of real time."""
        stop = self._measured(kind, lambda: self._bench.simulator.send_signal(signal.SIGSTOP),
                              lambda: self._bench.simulator.send_signal(signal.SIGCONT))
        allowed = CAMERA_TIMEOUT_S * self._factor
        return Stop(kind, None if stop.zero_s is None else max(0.0, stop.zero_s - allowed), stop.drove_on_s)

    def _take_over(self, kind: str) -> Stop:
        """Let a human stand for a while: the human's command holds for half a simulated second each time."""
        def stand() -> None:
            for _ in range(30):
                self._bench.relay.human.publish(TwistStamped())
                time.sleep(0.5 / 3.0 / self._factor)
        bench = self._bench
        since = time.monotonic()
        stand()
        over = time.monotonic()
        zero = next((now - since for now, speed, _ in list(bench.relay.commands) if now > since and speed == 0.0), None)
        moves = bench.waits(lambda: bench.moves_since(over), 10.0 * PATIENCE_S)
        return Stop(kind, zero, bench.moves_since(over) - over if moves else None)

    def _set(self, kind: str) -> Stop:
        """Set twenty random parameters, put them right, and stop as any driver would."""
        restore = set_at_random(self._bench, self._random, 20)
        restore()
        self._bench.set({'camera_timeout_s': CAMERA_TIMEOUT_S * self._factor,
                         'imu_timeout_s': CAMERA_TIMEOUT_S * self._factor})
        self._bench.ready()
        stop = self._disengage(kind)
        return Stop(kind, stop.zero_s, stop.drove_on_s)

    def _kill(self, kind: str) -> Stop:
        """Kill the drive node: no command comes any more, the simulator's timeout stops the car."""
        bench = self._bench
        bench.until(lambda: bench.relay.odometry[-1][3] > FAST_MPS, 'a car at speed')
        speed = bench.relay.odometry[-1][3]
        since = time.monotonic()
        bench.drive.kill()
        bench.drive.wait()
        braked = bench.waits(lambda: bench.relay.odometry[-1][3] < 0.9 * speed, PATIENCE_S)
        zero_s = time.monotonic() - since if braked else None
        self._life += 1
        over = time.monotonic()
        bench.ready()
        return Stop(kind, zero_s, time.monotonic() - over)
