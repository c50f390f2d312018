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

"""Pictures from ``sensor_msgs/Image`` and ``sensor_msgs/CompressedImage``."""
from typing import Any

import cv2
import numpy as np

from liquid_control.errors import InputError
from liquid_control.sensing.compressed import check_compressed
from liquid_control.sensing.conversions import ENCODINGS, MONO16, Encoding

MAX_SIDE_PX = 8192


def picture_of(message: Any) -> np.ndarray:
    """Return the picture of an Image or a CompressedImage as uint8 (height, width, 3) RGB, contiguous.

    It may share memory with the message.

    :raises InputError: if the encoding is unknown or size, step and data do not fit.
    """
    return _raw_picture(message) if hasattr(message, 'encoding') else _compressed_picture(message)


def _raw_picture(message: Any) -> np.ndarray:
    height, width, step = message.height, message.width, message.step
    encoding = _encoding_of(message)
    _check_size(height, width, message.encoding, encoding)
    row_bytes = width * encoding.bytes_per_pixel
    rows = int(height * encoding.rows_per_height)
    if step < row_bytes:
        raise InputError(f'picture has a step of {step} bytes, {width} pixels of {message.encoding} need {row_bytes}; '
                         'let the camera driver set step to the bytes of a row')
    if len(message.data) < step * (rows - 1) + row_bytes:
        raise InputError(f'picture is truncated: {len(message.data)} bytes, {rows} rows of {step} bytes are needed; '
                         'check the camera driver')
    # A view, not a copy: a step of gigabytes, which one row allows, then costs nothing.
    view = np.lib.stride_tricks.as_strided(np.frombuffer(message.data, np.uint8), (rows, row_bytes), (step, 1))
    return encoding.convert(view, height, width)


def _encoding_of(message: Any) -> Encoding:
    if message.encoding not in ENCODINGS:
        raise InputError(f"picture encoding '{message.encoding[:40]}' is unknown; supported: {', '.join(ENCODINGS)}")
    return MONO16[bool(message.is_bigendian)] if message.encoding == 'mono16' else ENCODINGS[message.encoding]


def _check_size(height: int, width: int, name: str, encoding: Encoding) -> None:
    if not (0 < height <= MAX_SIDE_PX and 0 < width <= MAX_SIDE_PX):
        raise InputError(f'picture size {width}x{height} is outside 1x1 to {MAX_SIDE_PX}x{MAX_SIDE_PX}; '
                         'check the camera driver')
    if (encoding.even_width and width % 2) or (encoding.even_height and height % 2):
        raise InputError(f'picture size {width}x{height} is odd, {name} needs pairs of pixels; '
                         'set an even size at the camera')


def _compressed_picture(message: Any) -> np.ndarray:
    data = bytes(message.data)
    check_compressed(data, message.format)
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        picture = None
    if picture is None:
        raise InputError(f"compressed picture of format '{message.format[:40]}' with {len(data)} bytes "
                         'cannot be decoded; check the camera driver')
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
