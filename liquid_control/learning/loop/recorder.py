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

"""Writes the samples of a loop, and says when it cannot."""
from pathlib import Path
from typing import Any

from liquid_control.errors import InputError
from liquid_control.recording.sample_bag import Sample, SampleWriter, count_samples, next_bag, recover


class Recorder:
    """Writes bags one after the other. When the disk takes no more, it stops for good and says so.

    :ivar problem: why it has stopped, empty while it records.
    :ivar found: what an earlier session left unfinished and was finished now, in words.
    :raises InputError: if what an earlier session left cannot be read.
    """

    def __init__(self, bags: Path) -> None:
        self._bags = bags
        self._writer: SampleWriter | None = None
        self.problem = ''
        self.found = [f'{done.bag.name}: {done.samples} samples, {done.cut_bytes} torn bytes cut off'
                      for done in recover(bags)]
        counts = count_samples(bags)
        self.samples, self.intervention_samples = counts.samples, counts.interventions
        self.next_number = counts.last_number + 1

    @property
    def bag(self) -> str:
        """Name of the bag being written, empty when none is."""
        return self._writer.folder.name if self._writer else ''

    def write(self, sample: Sample) -> bool:
        """Write a sample; False when recording has stopped."""
        if not self._attempt(lambda: self._open().write(sample)):
            return False
        self.samples += 1
        self.intervention_samples += sample.intervention
        self.next_number = sample.number + 1
        return True

    def event(self, stamp_ns: int, values: dict[str, Any]) -> None:
        """Write what happened."""
        self._attempt(lambda: self._open().event(stamp_ns, values))

    def split(self) -> None:
        """Finish the bag; the next sample begins another one."""
        writer, self._writer = self._writer, None
        if writer is not None:
            self._attempt(writer.close)

    def resume(self) -> None:
        """Try again after recording has stopped."""
        if self.problem:
            self.problem = ''
            self._attempt(lambda: recover(self._bags))

    def _open(self) -> SampleWriter:
        if self._writer is None:
            self._writer = SampleWriter(next_bag(self._bags))
        return self._writer

    def _attempt(self, action) -> bool:
        if self.problem:
            return False
        try:
            action()
        except (InputError, OSError) as error:
            self.problem = ' '.join(str(error).split())
            writer, self._writer = self._writer, None
            if writer is not None:
                self._abandon(writer)
        return not self.problem

    def _abandon(self, writer: SampleWriter) -> None:
        try:
            writer.close()
        except (InputError, OSError):
            pass  # the reason is known already; recover() finishes the bag
