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

"""Pictures from messages of every encoding, exactly, and refusals of what is none."""
import struct
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from liquid_control.errors import InputError
from liquid_control.sensing.conversions import ENCODINGS
from liquid_control.sensing.picture import picture_of

HEIGHT, WIDTH = 6, 8
RGB = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def image(encoding, rows, height=HEIGHT, width=WIDTH, padding=0, big=0):
    rows = np.asarray(rows, np.uint8).reshape(len(rows), -1)
    padded = np.pad(rows, ((0, 0), (0, padding)), constant_values=77)
    return SimpleNamespace(encoding=encoding, height=height, width=width, step=padded.shape[1], is_bigendian=big,
                           data=padded.tobytes())


def alpha(rgb):
    return np.dstack((rgb, np.full(rgb.shape[:2], 9, np.uint8)))


@pytest.mark.parametrize('padding', [0, 5])
@pytest.mark.parametrize(('encoding', 'rows', 'expected'), [
    ('rgb8', RGB, RGB),
    ('bgr8', RGB[..., ::-1], RGB),
    ('8UC3', RGB[..., ::-1], RGB),
    ('rgba8', alpha(RGB), RGB),
    ('bgra8', alpha(RGB[..., ::-1]), RGB),
    ('mono8', RGB[..., 0], np.dstack([RGB[..., 0]] * 3)),
    ('8UC1', RGB[..., 0], np.dstack([RGB[..., 0]] * 3)),
    ('mono16', np.dstack((RGB[..., 1], RGB[..., 0])), np.dstack([RGB[..., 0]] * 3)),
])
def test_pixels_come_out_exactly(encoding, rows, expected, padding):
    picture = picture_of(image(encoding, rows, padding=padding))
    assert picture.dtype == np.uint8 and picture.flags['C_CONTIGUOUS']
    np.testing.assert_array_equal(picture, expected)


def test_big_endian_mono16_keeps_the_high_byte():
    picture = picture_of(image('mono16', np.dstack((RGB[..., 0], RGB[..., 1])), big=1))
    np.testing.assert_array_equal(picture[..., 2], RGB[..., 0])


def bt601(luma, blue, red):
    """Return RGB of video-range BT.601, rounded."""
    y = 1.164 * (luma - 16.0)
    rgb = y + 1.596 * (red - 128.0), y - 0.813 * (red - 128.0) - 0.391 * (blue - 128.0), y + 2.018 * (blue - 128.0)
    return np.clip(np.round(rgb), 0, 255)


@pytest.mark.parametrize(('encoding', 'order'), [
    ('yuv422', 'uyvy'), ('uyvy', 'uyvy'), ('yuv422_yuy2', 'yuyv'), ('yuyv', 'yuyv')])
@pytest.mark.parametrize(
    ('luma', 'blue', 'red'), [(16, 128, 128), (235, 128, 128), (81, 90, 240), (145, 54, 34), (100, 150, 120)])
def test_yuv_pairs_follow_bt601(encoding, order, luma, blue, red):
    pair = {'uyvy': (blue, luma, red, luma), 'yuyv': (luma, blue, luma, red)}[order]
    picture = picture_of(image(encoding, np.tile(pair, (HEIGHT, WIDTH // 2)), padding=4))
    assert np.abs(picture - bt601(luma, blue, red)).max() <= 1.0


@pytest.mark.parametrize(('encoding', 'chroma'), [('nv12', (90, 240)), ('nv21', (240, 90))])
def test_yuv_planes_follow_bt601(encoding, chroma):
    rows = np.vstack((np.full((HEIGHT, WIDTH), 81), np.tile(chroma, (HEIGHT // 2, WIDTH // 2))))
    assert np.abs(picture_of(image(encoding, rows)) - bt601(81, 90, 240)).max() <= 1.0


@pytest.mark.parametrize('pattern', ['rggb', 'bggr', 'gbrg', 'grbg'])
def test_bayer_mosaic_gives_its_colour(pattern):
    level = {'r': 200, 'g': 100, 'b': 50}
    cell = np.array([level[colour] for colour in pattern]).reshape(2, 2)
    picture = picture_of(image(f'bayer_{pattern}8', np.tile(cell, (HEIGHT // 2, WIDTH // 2))))
    np.testing.assert_array_equal(picture, np.full((HEIGHT, WIDTH, 3), (200, 100, 50)))


def test_png_comes_out_exactly_and_jpeg_closely():
    smooth = cv2.resize(RGB, (64, 48), interpolation=cv2.INTER_CUBIC)
    for suffix, tolerance in ('.png', 0.0), ('.jpg', 5.0):
        data = cv2.imencode(suffix, cv2.cvtColor(smooth, cv2.COLOR_RGB2BGR))[1].tobytes()
        picture = picture_of(SimpleNamespace(format='rgb8; compressed', data=data))
        assert np.abs(picture.astype(float) - smooth).mean() <= tolerance


@pytest.mark.parametrize('data', [b'', b'no picture', b'\xff\xd8\xff\xe0 broken'])
def test_what_cannot_be_decompressed_is_refused(data):
    with pytest.raises(InputError, match='cannot be decoded; supported: jpeg, png'):
        picture_of(SimpleNamespace(format='jpeg', data=data))


def compressed(suffix, pixels=RGB):
    return cv2.imencode(suffix, pixels)[1].tobytes()


@pytest.mark.parametrize(('suffix', 'name'), [('.jpg', 'jpeg'), ('.png', 'png')])
def test_a_compressed_picture_cut_anywhere_is_refused_and_padding_after_it_is_not(suffix, name):
    data = compressed(suffix, cv2.resize(RGB, (64, 48)))
    for length in range(0, len(data), 37):
        with pytest.raises(InputError, match='cannot be decoded|is truncated|has 0 x 0|outside 1'):
            picture_of(SimpleNamespace(format=name, data=data[:length]))
    assert picture_of(SimpleNamespace(format=name, data=data + bytes(100))).shape == (48, 64, 3)


def test_a_few_bytes_that_ask_for_gigabytes_are_refused():
    png, jpeg = bytearray(compressed('.png')), bytearray(compressed('.jpg'))
    png[16:24] = struct.pack('>II', 30000, 30000)
    at = jpeg.index(b'\xff\xc0') + 5
    jpeg[at:at + 4] = struct.pack('>HH', 65000, 65000)
    for data in png, jpeg:
        with pytest.raises(InputError, match='000 x .*000 pixels, outside 1 to 8388608'):
            picture_of(SimpleNamespace(format='png', data=data))
    row = image('rgb8', RGB[:1], height=1)
    row.step = 2 ** 32 - 1
    np.testing.assert_array_equal(picture_of(row), RGB[:1])


def test_pictures_of_other_formats_are_not_given_to_a_decoder():
    for suffix in '.bmp', '.webp', '.tiff':
        with pytest.raises(InputError, match='cannot be decoded; supported: jpeg, png'):
            picture_of(SimpleNamespace(format='png', data=compressed(suffix)))


@pytest.mark.parametrize(('change', 'words'), [
    ({'encoding': '32FC1'}, "encoding '32FC1' is unknown; supported: rgb8, bgr8"),
    ({'encoding': ''}, "encoding '' is unknown"),
    ({'data': RGB.tobytes()[:-1]}, 'truncated: 143 bytes, 6 rows of 24 bytes are needed'),
    ({'data': b''}, 'truncated'),
    ({'step': 23}, 'step of 23 bytes, 8 pixels of rgb8 need 24'),
    ({'step': 0}, 'step of 0 bytes'),
    ({'height': 0}, 'size 8x0 is outside 1x1'),
    ({'width': 0}, 'size 0x6 is outside'),
    ({'width': 100_000}, 'size 100000x6 is outside'),
    ({'encoding': 'yuv422', 'width': 7}, 'size 7x6 is odd'),
    ({'encoding': 'nv12', 'height': 5}, 'size 8x5 is odd'),
    ({'encoding': 'nv12', 'step': 24, 'height': 6, 'data': bytes(24 * 8)}, 'truncated'),
])
def test_what_does_not_fit_is_refused_with_the_reason(change, words):
    message = image('rgb8', RGB)
    for name, value in change.items():
        setattr(message, name, value)
    with pytest.raises(InputError) as error:
        picture_of(message)
    assert words in str(error.value) and '\n' not in str(error.value)


def test_the_last_row_needs_no_padding():
    message = image('bgr8', RGB[..., ::-1], padding=3)
    message.data = message.data[:-3]
    np.testing.assert_array_equal(picture_of(message), RGB)


def test_no_message_of_random_fields_raises_anything_else():
    rng = np.random.default_rng(1)
    names = [*ENCODINGS, 'x']
    for _ in range(500):
        message = SimpleNamespace(
            encoding=names[rng.integers(len(names))], height=int(rng.integers(0, 12)), width=int(rng.integers(0, 12)),
            step=int(rng.integers(0, 60)), is_bigendian=int(rng.integers(2)), data=bytes(int(rng.integers(0, 800))))
        try:
            assert picture_of(message).shape == (message.height, message.width, 3)
        except InputError:
            pass
