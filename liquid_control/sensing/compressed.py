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

"""What can be told of a JPEG or PNG file before it is decoded: whether it is one, is whole, and how large it is.

A decoder trusts the size in the header, so a message of a few kilobytes could ask it for gigabytes; and it fills up a
truncated picture with grey, which a policy would take for road.
"""
import struct

from liquid_control.errors import InputError

MAX_PIXELS = 2 ** 23
"""A picture of 3840 x 2160 fits; decoding one takes longer than a control period already."""
SUPPORTED = 'jpeg, png'
JPEG_START, JPEG_END = b'\xff\xd8\xff', b'\xff\xd9'
PNG_START, PNG_HEADER = b'\x89PNG\r\n\x1a\n', b'\x00\x00\x00\rIHDR'
PNG_END = b'\x00\x00\x00\x00IEND\xaeB`\x82'
SCAN = 0xDA
FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers that a JPEG file's size follows (ITU-T T.81, table B.1)."""


def check_compressed(data: bytes, name: str) -> None:
    """Look at a compressed picture without decoding it.

    :param name: of its format, for the reader of an error.
    :raises InputError: if it is not JPEG or PNG, is truncated, or has more than ``MAX_PIXELS``.
    """
    size = _png_size(data) or _jpeg_size(data)
    if size is None:
        raise InputError(f"compressed picture of format '{name[:40]}' with {len(data)} bytes cannot be decoded; "
                         f'supported: {SUPPORTED}')
    width, height = size
    if not 0 < width * height <= MAX_PIXELS:
        raise InputError(f'compressed picture has {width} x {height} pixels, outside 1 to {MAX_PIXELS} in all; '
                         'set a smaller size at the camera')
    whole = _png_ends(data) if data.startswith(PNG_START) else data.rfind(JPEG_END) > data.rfind(bytes((0xFF, SCAN)))
    if not whole:
        raise InputError(f'compressed picture is truncated after {len(data)} bytes; check the camera driver')


def _png_size(data: bytes) -> tuple[int, int] | None:
    if not data.startswith(PNG_START + PNG_HEADER) or len(data) < 24:
        return None
    return struct.unpack_from('>II', data, 16)


def _png_ends(data: bytes) -> bool:
    """Return whether each chunk fits and the last one is there: a decoder makes room for what a chunk says it has."""
    at = len(PNG_START)
    while at + len(PNG_END) <= len(data):
        length, kind = struct.unpack_from('>I4s', data, at)
        if kind == b'IEND':
            return True
        at += len(PNG_END) + length
    return False


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height from the first frame header, None where there is none."""
    if not data.startswith(JPEG_START):
        return None
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], struct.unpack_from('>H', data, at + 2)[0]
        if marker == 0xFF:
            at += 1
            continue
        if marker in FRAMES:
            height, width = struct.unpack_from('>HH', data, at + 5)
            return width, height
        if marker == SCAN or length < 2:
            return None
        at += 2 + length
    return None
