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

"""From the pixels of an encoding to an RGB picture.

Each conversion takes the rows of a picture as uint8 (height, bytes of a row) without padding and returns
uint8 (height, width, 3) RGB, contiguous. YUV is video range BT.601, as cameras and cv_bridge have it.
"""
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

Conversion = Callable[[np.ndarray, int, int], np.ndarray]


@dataclass(frozen=True)
class Encoding:
    """How to read a ``sensor_msgs/Image`` encoding.

    :param bytes_per_pixel: of a row.
    :param convert: rows, height, width -> picture.
    :param even_width, even_height: whether chroma or colour filters are shared by pixel pairs.
    :param rows_per_height: rows of data for one row of the picture: 1.5 where a chroma plane follows.
    """

    bytes_per_pixel: int
    convert: Conversion
    even_width: bool = False
    even_height: bool = False
    rows_per_height: float = 1.0


def _rgb(rows: np.ndarray, height: int, width: int) -> np.ndarray:
    return np.ascontiguousarray(rows).reshape(height, width, 3)


def _mono(rows: np.ndarray, height: int, width: int) -> np.ndarray:
    return np.repeat(rows[:, :, None], 3, axis=2)


def _mono16(high_byte: int) -> Conversion:
    """Keep the high byte of each pixel: 65535 is white."""
    def convert(rows: np.ndarray, height: int, width: int) -> np.ndarray:
        return _mono(rows[:, high_byte::2], height, width)
    return convert


def _by_opencv(channels: int, code: int) -> Conversion:
    def convert(rows: np.ndarray, height: int, width: int) -> np.ndarray:
        pixels = np.ascontiguousarray(rows)
        return cv2.cvtColor(pixels.reshape(height, width, channels) if channels > 1 else pixels, code)
    return convert


def _bayer(code: int) -> Encoding:
    return Encoding(1, _by_opencv(1, code), even_width=True, even_height=True)


_UYVY = Encoding(2, _by_opencv(2, cv2.COLOR_YUV2RGB_UYVY), even_width=True)
_YUYV = Encoding(2, _by_opencv(2, cv2.COLOR_YUV2RGB_YUYV), even_width=True)

MONO16 = {False: Encoding(2, _mono16(1)), True: Encoding(2, _mono16(0))}
"""``mono16`` by whether the message is big endian."""

ENCODINGS = {
    'rgb8': Encoding(3, _rgb),
    'bgr8': Encoding(3, _by_opencv(3, cv2.COLOR_BGR2RGB)),
    'rgba8': Encoding(4, _by_opencv(4, cv2.COLOR_RGBA2RGB)),
    'bgra8': Encoding(4, _by_opencv(4, cv2.COLOR_BGRA2RGB)),
    '8UC3': Encoding(3, _by_opencv(3, cv2.COLOR_BGR2RGB)),
    'mono8': Encoding(1, _mono),
    '8UC1': Encoding(1, _mono),
    'mono16': MONO16[False],
    'yuv422': _UYVY,
    'uyvy': _UYVY,
    'yuv422_yuy2': _YUYV,
    'yuyv': _YUYV,
    'nv21': Encoding(1, _by_opencv(1, cv2.COLOR_YUV2RGB_NV21), True, True, 1.5),
    'nv12': Encoding(1, _by_opencv(1, cv2.COLOR_YUV2RGB_NV12), True, True, 1.5),
    # OpenCV names a Bayer pattern by the second row's second and third pixel, ROS by the first row's first two.
    'bayer_rggb8': _bayer(cv2.COLOR_BayerBG2RGB),
    'bayer_bggr8': _bayer(cv2.COLOR_BayerRG2RGB),
    'bayer_gbrg8': _bayer(cv2.COLOR_BayerGR2RGB),
    'bayer_grbg8': _bayer(cv2.COLOR_BayerGB2RGB),
}
"""Names of ``sensor_msgs/image_encodings.hpp`` that can be read."""
