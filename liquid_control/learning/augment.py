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

"""What could have been otherwise with recorded pictures: light, contrast, colours, shadow, noise, delay, lost frames.

A policy that learns from few recorded roads must not learn their colours. Everything is drawn once for a sequence, as
it would stay for a drive of a second; drawn anew for each picture it would only be noise. Per sequence:

- mirrored left to right: half of them (``learning.recorded.mirrored``)
- light, contrast, colour: a curve for each colour channel (``curves``), made of gamma, contrast, light and shift; 30 %
  are negatives, because lines may be darker than the road as well as brighter, and 15 % have channels turned over one
  by one; 60 % have their channels exchanged
- shadow: 25 % have a slanting dark band (``learning.variation.shadow_mask``)
- noise: half, Gaussian with a standard deviation of up to 25 of 255 levels
- delay: 40 % show each picture 1 to 4 frames late; IMU, times and commands stay in place (``late``)
- lost frames: 30 % lose each frame with a probability of 20 %; the time since the frame before grows (``kept_frames``)
"""
import cv2
import numpy as np
import torch

from liquid_control.learning.variation import shadow_mask

MAX_DELAY_FRAMES = 4
DELAYED_SHARE = 0.4
DROPPING_SHARE = 0.3
DROP_RATE = 0.2
NEGATIVE_SHARE = 0.3
CHANNEL_NEGATIVE_SHARE = 0.15
EXCHANGED_SHARE = 0.6
SHADOW_SHARE = 0.25
NOISY_SHARE = 0.5
MAX_NOISE = 25.0
GRAIN = 2**20


def kept_frames(count: int, room: int, rng: np.random.Generator) -> np.ndarray:
    """Return ``count`` rising indices below ``room`` from 0 on, all of them in turn unless frames are lost."""
    spare = room - count
    if spare <= 0 or rng.random() >= DROPPING_SHARE:
        return np.arange(count)
    lost = rng.random(count) < DROP_RATE
    lost[0] = False
    return np.arange(count) + np.minimum(np.cumsum(lost), spare)


def late(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the indices of the pictures that are seen at some frames [T] of a drive: those, or earlier ones."""
    if rng.random() >= DELAYED_SHARE:
        return frames
    return np.maximum(frames - rng.integers(1, MAX_DELAY_FRAMES + 1), 0)


class Light:
    """Changes light, contrast, colours, shadow and noise of sequences."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._grain = rng.standard_normal(GRAIN, dtype=np.float32)

    def vary(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return a sequence of pictures, uint8 (T, 3, H, W), in another light."""
        rng = self._rng
        varied = recoloured(pictures.numpy(), curves(rng), rng)
        shadow = shadow_mask(*varied.shape[2:], rng) if rng.random() < SHADOW_SHARE else None
        noise = rng.uniform(0.0, MAX_NOISE) if rng.random() < NOISY_SHARE else 0.0
        if shadow is not None or noise:
            values = varied.astype(np.float32)
            if shadow is not None:
                values *= shadow
            if noise:
                values += np.float32(noise) * self._noise(values.size).reshape(values.shape)
            np.clip(values, 0.0, 255.0, out=values)
            varied = values.astype(np.uint8)
        return torch.from_numpy(varied)

    def _noise(self, count: int) -> np.ndarray:
        """Return a piece of the grain, from anywhere in it."""
        while len(self._grain) < 2 * count:
            self._grain = np.tile(self._grain, 2)
        start = int(self._rng.integers(len(self._grain) - count))
        return self._grain[start:start + count]


def curves(rng: np.random.Generator) -> np.ndarray:
    """Draw what becomes of each level of each colour channel, uint8 (3, 256)."""
    level = np.linspace(0.0, 1.0, 256)[None, :]
    gamma = np.exp(rng.uniform(-0.4, 0.4) + rng.uniform(-0.3, 0.3, (3, 1)))
    contrast = np.exp(rng.uniform(np.log(0.5), np.log(1.5))) * rng.uniform(0.6, 1.2, (3, 1))
    turned = rng.random((3, 1)) < CHANNEL_NEGATIVE_SHARE
    if rng.random() < NEGATIVE_SHARE:
        turned = ~turned
    middle = level ** gamma - 0.5
    light = np.exp(rng.uniform(np.log(0.6), np.log(1.4))) * (0.5 + np.where(turned, -1.0, 1.0) * contrast * middle)
    return np.clip(255.0 * (light + rng.uniform(-0.1, 0.1, (3, 1))), 0.0, 255.0).astype(np.uint8)


def recoloured(pictures: np.ndarray, curve: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return pictures, uint8 (T, 3, H, W), with a curve (3, 256) applied to each channel and channels exchanged."""
    order = rng.permutation(3) if rng.random() < EXCHANGED_SHARE else np.arange(3)
    result = np.empty_like(pictures)
    for channel, source in enumerate(order):
        plane = np.ascontiguousarray(pictures[:, source]).reshape(len(pictures), -1)
        result[:, channel] = cv2.LUT(plane, curve[source]).reshape(pictures[:, source].shape)
    return result
