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

"""Finishing bags of samples that a killed process left: every complete sample is kept, the torn end is cut off."""
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from liquid_control.recording.bag_folder import METADATA, bags_in, listed_files, mcap_files, write_metadata
from liquid_control.recording.mcap_file import copy_blocks, is_finished, read_blocks, whole_bytes
from liquid_control.recording.sample import RecordingError
from liquid_control.recording.sample_reader import SampleReader
from liquid_control.whole_file import PART


class Recovered(NamedTuple):
    """A bag that had to be finished: the complete samples it holds, and how many bytes were cut off."""

    bag: Path
    samples: int
    cut_bytes: int


def recover(bags: Path) -> list[Recovered]:
    """Finish every unfinished bag in a folder, so that ``ros2 bag`` reads it. No process may be writing to one.

    A file or bag without any complete sample or event is removed. Interrupted, it can be repeated.

    :raises RecordingError: if a bag cannot be finished, for want of space for instance; it is left as it was.
    """
    try:
        return [_finish(bag) for bag in bags_in(Path(bags)) if not _is_whole(bag)]
    except OSError as error:
        where = f"'{error.filename}'" if error.filename else f"a bag in '{bags}'"
        raise RecordingError(f'{where} cannot be finished ({error.strerror}); free space on the disk') from error


def _is_whole(bag: Path) -> bool:
    files = mcap_files(bag)
    return [path.name for path in files] == listed_files(bag) and all(is_finished(path) for path in files)


def _finish(bag: Path) -> Recovered:
    for leftover in bag.glob(f'*{PART}'):
        leftover.unlink()
    cut = sum(_finish_file(path) for path in mcap_files(bag) if not is_finished(path))
    files = mcap_files(bag)
    samples = len(SampleReader(bag).read())
    if files:
        write_metadata(bag, files)
    else:
        (bag / METADATA).unlink(missing_ok=True)
        with suppress(OSError):  # something of somebody's may lie there too
            bag.rmdir()
    return Recovered(bag, samples, cut)


def _finish_file(path: Path) -> int:
    """Replace a file by a finished one with its whole blocks; return how many bytes were torn off."""
    if not any(block.records for block in read_blocks(path)):
        size = path.stat().st_size
        path.unlink()
        return size
    cut = path.stat().st_size - whole_bytes(path)
    part = path.with_name(path.name + PART)
    try:
        copy_blocks(path, part)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    part.replace(path)
    return cut
