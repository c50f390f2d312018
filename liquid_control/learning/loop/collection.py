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

"""From what the topics bring to samples in the bag, with what the loop did beside them."""
from collections.abc import Callable
from typing import Any

from liquid_control.learning.loop.pairing import Pairing, PictureClock
from liquid_control.learning.loop.recorder import Recorder
from liquid_control.learning.loop.sampler import Circumstances, Sampler, Taken
from liquid_control.learning.loop.ways import Way


class Collection:
    """Pairs pictures with what belongs to them and has them recorded; where there is no teacher, nothing is.

    :param circumstances: tells what the loop knows of this moment.
    :param took: called for each sample that counts.
    """

    def __init__(self, recorder: Recorder, way: Way, circumstances: Callable[[], Circumstances],
                 took: Callable[[Taken], None]) -> None:
        self.recorder, self.pairing, self.clock = recorder, Pairing(), PictureClock()
        self.sampler = Sampler(recorder, way.teacher) if way.teacher is not None else None
        self._way, self._circumstances, self._took = way, circumstances, took
        self._events: list[dict[str, Any]] = []

    def go_on(self, last: dict[str, Any]) -> None:
        """Count on from the last counts of an earlier session."""
        if self.sampler is not None:
            self.sampler.driven_s = float(last.get('driven_s', 0.0))
            self.sampler.interventions = int(last.get('interventions', 0))
            self.sampler.left_out.update(last.get('left_out', {}))

    def counts(self) -> dict[str, Any]:
        """Return what was collected until now."""
        sampler = self.sampler
        return {
            'samples': self.recorder.samples, 'intervention_samples': self.recorder.intervention_samples,
            'interventions': sampler.interventions if sampler else 0,
            'driven_s': round(sampler.driven_s, 3) if sampler else 0.0,
            'left_out': dict(sampler.left_out) if sampler else {}}

    def see(self, stamp_ns: int, message: Any, now_s: float) -> None:
        """Take a picture message to be recorded."""
        if self.sampler is not None:
            if not self.pairing.see(stamp_ns, message, now_s):
                self.recorder.split()
            self._record_events()
            self.record_ready(now_s)

    def record_ready(self, now_s: float) -> None:
        """Record the pictures that need not wait any longer."""
        for frame in self.pairing.ready(now_s):
            if self.sampler is not None:
                taken = self.sampler.take(frame, self._circumstances(), self._way.obstacle(frame.stamp_ns))
                if taken is not None:
                    self._took(taken)

    def flush(self) -> None:
        """Record the pictures that are still waiting."""
        self.record_ready(float('inf'))

    def event(self, values: dict[str, Any]) -> None:
        """Record what the loop did, as soon as a picture tells the time."""
        if self.sampler is not None:
            self._events.append(values)
            self._record_events()

    def leave_out(self, reason: str) -> None:
        """Count a picture that cannot be paired at all."""
        if self.sampler is not None:
            self.sampler.left_out[reason] += 1

    def _record_events(self) -> None:
        while self._events and self.clock.newest_ns is not None:
            self.recorder.event(self.clock.newest_ns, self._events.pop(0))
