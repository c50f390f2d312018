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

"""MCAP files that a killed process leaves readable: a block of messages at a time, each whole or not there.

A block is an MCAP chunk with a checksum and an index, written with one call. What is written once survives the death of
the process, and after a second a loss of power; a block that death or a full disk cut in two is not counted and can be
cut off.
"""
import os
import struct
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, NamedTuple

from liquid_control.errors import InputError
from liquid_control.recording.disk_sync import DiskSync

try:
    from mcap.data_stream import ReadDataStream
    from mcap.exceptions import McapError
    from mcap.opcode import Opcode
    from mcap.reader import make_reader
    from mcap.records import Channel, Chunk, McapRecord, Message, Schema
    from mcap.stream_reader import MAGIC_SIZE, breakup_chunk
    from mcap.summary import Summary
    from mcap.writer import MCAP0_MAGIC, CompressionType, Writer
except ImportError as error:
    raise InputError(f"samples need the Python library mcap ({error}); pip install 'liquid_control[bags]'") from error

_HEAD = struct.Struct('<BQ')  # of a record: kind and number of bytes that follow
_ONE_CHUNK = 1 << 40
DAMAGED = McapError, ValueError, OverflowError, struct.error
"""What reading nonsense raises: a length of 2^64 - 1 bytes overflows."""


class Block(NamedTuple):
    """A block that was read: its schemas, channels and messages in order, or None if damaged; where it ends."""

    records: list[McapRecord] | None
    end: int


class McapFile:
    """A new MCAP file of a rosbag2 bag.

    :raises OSError: from every method; the file then ends with the last whole block and takes no more.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._output = _Output(path)
        self._writer = Writer(self._output, chunk_size=_ONE_CHUNK, compression=CompressionType.NONE)
        self._writer.start('ros2')
        self._output.flush()

    def add_schema(self, name: str, encoding: str, text: bytes) -> int:
        """Describe a message type; return its number."""
        return self._writer.register_schema(name, encoding, text)

    def add_channel(self, topic: str, schema: int, encoding: str, metadata: dict[str, str]) -> int:
        """Describe a topic; return its number."""
        return self._writer.register_channel(topic, encoding, schema, metadata)

    def add_message(self, channel: int, log_time_ns: int, data: bytes) -> None:
        """Put a message into the block at hand."""
        self._writer.add_message(channel, log_time_ns, data, log_time_ns)

    def commit(self) -> int:
        """Hand the block to the operating system; return the size of the file."""
        self._writer.flush()
        return self._output.tell()

    def finish(self) -> None:
        """Write the index, bring the file to the disk and close it."""
        self._writer.finish()
        self._output.flush()
        self._output.sync()
        self._output.close()

    def close(self) -> None:
        """Close the file as it is."""
        self._output.close()


def copy_blocks(source: Path, target: Path) -> None:
    """Write a finished file from the whole blocks of an unfinished one.

    :raises OSError: if the target cannot be written.
    """
    file, schemas, channels = McapFile(target), {}, {}
    try:
        for block in read_blocks(source):
            for record in block.records or ():
                if isinstance(record, Schema):
                    schemas[record.id] = file.add_schema(record.name, record.encoding, record.data)
                elif isinstance(record, Channel) and record.schema_id in schemas:
                    channels[record.id] = file.add_channel(
                        record.topic, schemas[record.schema_id], record.message_encoding, record.metadata)
                elif isinstance(record, Message) and record.channel_id in channels:
                    file.add_message(channels[record.channel_id], record.log_time, record.data)
            file.commit()
        file.finish()
    finally:
        file.close()


def read_blocks(path: Path, start: int = 0) -> Iterator[Block]:
    """Yield the whole blocks of a file, finished or not, from a block's end (or 0) on.

    A block whose checksum is wrong is yielded as damaged; what comes after a torn one is not read.
    """
    with path.open('rb') as file:
        for kind, begin, end in _whole_records(file, start):
            if kind == Opcode.CHUNK:
                file.seek(begin)
                yield Block(_records(file.read(end - begin)), end)


def whole_bytes(path: Path) -> int:
    """Return how much of an unfinished file belongs to whole blocks and their indexes."""
    with path.open('rb') as file:
        return max((end for _, _, end in _whole_records(file, 0)), default=0)


def is_finished(path: Path) -> bool:
    """Return whether a file has its index and its end."""
    with path.open('rb') as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - MAGIC_SIZE))
        return file.tell() > MAGIC_SIZE and file.read() == MCAP0_MAGIC


def summary_of(path: Path) -> Summary:
    """Return the index of a finished file.

    :raises InputError: if it is damaged.
    """
    try:
        with path.open('rb') as file:
            summary = make_reader(file).get_summary()
    except DAMAGED as error:
        raise InputError(f"'{path}' has a damaged index ({error}); remove it") from error
    if summary is None or summary.statistics is None:
        raise InputError(f"'{path}' has no index; remove it")
    return summary


def _whole_records(file: BinaryIO, start: int) -> Iterator[tuple[int, int, int]]:
    """Yield kind, begin of the content and end of the records of the data section that the file holds whole."""
    size, offset = os.fstat(file.fileno()).st_size, start or MAGIC_SIZE
    if start == 0 and file.read(MAGIC_SIZE) != MCAP0_MAGIC:
        return
    while True:
        file.seek(offset)
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return
        kind, length = _HEAD.unpack(head)
        begin, offset = offset + _HEAD.size, offset + _HEAD.size + length
        if offset > size or kind not in (Opcode.HEADER, Opcode.CHUNK, Opcode.MESSAGE_INDEX):
            return
        yield kind, begin, offset


def _records(content: bytes) -> list[McapRecord] | None:
    try:
        return breakup_chunk(Chunk.read(ReadDataStream(BytesIO(content))), validate_crc=True)
    except DAMAGED:
        return None


class _Output:
    """A file in which every flush appends all that was written since the last, or nothing."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        self._size, self._pending = 0, bytearray()
        self._disk = DiskSync(self._handle, path)

    def write(self, data: bytes) -> int:
        self._pending += data
        return len(data)

    def tell(self) -> int:
        return self._size + len(self._pending)

    def flush(self) -> None:
        content, written = bytes(self._pending), 0
        self._pending.clear()
        if self._disk.problem is not None:
            raise self._disk.problem
        try:
            while written < len(content):
                written += os.write(self._handle, content[written:])
        except BaseException:
            os.ftruncate(self._handle, self._size)
            os.lseek(self._handle, self._size, os.SEEK_SET)
            raise
        self._size += written
        self._disk.note()

    def sync(self) -> None:
        os.fsync(self._handle)

    def close(self) -> None:
        if self._handle >= 0:
            self._disk.close()
            os.close(self._handle)
            self._handle = -1
