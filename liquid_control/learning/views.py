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

"""Recorded pictures as they might have looked: from beside the line, in other light, with something in the way.

A recorded drive has few pictures and all of them from where a human kept the car; a network learns them by heart
within seconds. Each sequence is therefore seen a little shifted, turned and zoomed, in another light and colour, with
grain and with spots covered, the same all along the sequence.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

SHIFT = 0.16
TURN_RAD = 0.05
ZOOM = 0.1
LIGHT = (0.6, 1.5)
OFFSET = 20.0
COLOUR = 0.2
GRAIN = 10.0
SPOTS = 3
SPOT_SHARE = (0.08, 0.33)
NOISE_VALUES = 1 << 20


class Views:
    """Random views of sequences of pictures.

    :param variety: how far views are from the original; 1 is usual, 0 changes nothing.
    """

    def __init__(self, seed: int, variety: float = 1.0) -> None:
        self._generator = torch.Generator().manual_seed(seed)
        self._variety = variety
        self._noise = torch.randn(NOISE_VALUES, generator=self._generator)

    def __call__(self, pictures: Tensor) -> Tensor:
        """Return float views, levels 0..255, of uint8 pictures (B, T, 3, H, W)."""
        if not self._variety:
            return pictures.float()
        views = self._placed(pictures.float())
        light = 1.0 + self._variety * (self._uniform(len(views), *LIGHT) - 1.0)
        colour = 1.0 + self._uniform((len(views), 3), -COLOUR, COLOUR) * self._variety
        offset = self._uniform(len(views), -OFFSET, OFFSET) * self._variety
        views.mul_((light[:, None] * colour)[:, None, :, None, None]).add_(offset.view(-1, 1, 1, 1, 1))
        for view, grain in zip(views, (self._uniform(len(views), 0.0, GRAIN) * self._variety).tolist()):
            view.add_(self._grain(view), alpha=grain)
            self._cover(view)
        return views.clamp_(0.0, 255.0)

    def _placed(self, pictures: Tensor) -> Tensor:
        """Shift, turn and zoom; the edge of the picture is stretched over what lies beyond it."""
        batch, steps, _, height, width = pictures.shape
        turn = self._uniform(batch, -TURN_RAD, TURN_RAD) * self._variety
        zoom = 1.0 + self._uniform((batch, 2), -ZOOM, ZOOM) * self._variety
        shift = self._uniform((batch, 2), -SHIFT, SHIFT) * self._variety
        aspect = height / width
        rows = torch.stack((
            torch.stack((zoom[:, 0], turn * aspect, shift[:, 0] * aspect), 1),
            torch.stack((-turn / aspect, zoom[:, 1], shift[:, 1]), 1)), 1)
        grid = F.affine_grid(rows, [batch, 3, height, width], align_corners=False)
        sampled = F.grid_sample(pictures.flatten(1, 2), grid, padding_mode='border', align_corners=False)
        return sampled.view_as(pictures)

    def _grain(self, view: Tensor) -> Tensor:
        """Return noise (T, 3, H, W) from a stock, begun at random: drawing it anew costs more than learning from it."""
        start = int(torch.randint(NOISE_VALUES, (1,), generator=self._generator))
        times = -(-(start + view.numel()) // NOISE_VALUES)
        return self._noise.repeat(times)[start:start + view.numel()].view_as(view)

    def _cover(self, view: Tensor) -> None:
        """Cover up to three spots with a colour."""
        height, width = view.shape[2:]
        for _ in range(int(torch.randint(SPOTS + 1, (1,), generator=self._generator))):
            share = self._uniform(2, *SPOT_SHARE)
            tall, wide = max(1, int(share[0] * height)), max(1, int(share[1] * width))
            place = self._uniform(2, 0.0, 1.0)
            top, left = int(place[0] * (height - tall)), int(place[1] * (width - wide))
            view[:, :, top:top + tall, left:left + wide] = self._uniform((3, 1, 1), 0.0, 255.0)

    def _uniform(self, shape: int | tuple[int, ...], low: float, high: float) -> Tensor:
        return torch.rand(shape, generator=self._generator) * (high - low) + low
