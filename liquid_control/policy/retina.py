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

"""From a camera picture to what the vision head sees: crop, resize, normalise."""
import torch.nn.functional as F
from torch import Tensor, nn


class Retina(nn.Module):
    """Crop, resize and per-image whitening, so that learning and driving see the same.

    :param height, width: size of the picture that the head sees, pixels.
    :param crop: fractions of the camera picture cut off at (top, bottom, left, right).
    """

    def __init__(self, height: int, width: int, crop: tuple[float, float, float, float]) -> None:
        super().__init__()
        self.height, self.width = height, width
        self.top, self.bottom, self.left, self.right = crop

    def forward(self, picture: Tensor) -> Tensor:
        """Turn uint8 (B, H, W, 3) RGB of any size into float (B, 3, height, width), mean 0, deviation 1."""
        return self.whiten(self.resize(picture))

    def resize(self, picture: Tensor) -> Tensor:
        """Crop and resize uint8 (B, H, W, 3) to uint8 (B, 3, height, width), bilinear with antialiasing."""
        rows, columns = picture.size(1), picture.size(2)
        top, left = int(round(self.top * rows)), int(round(self.left * columns))
        bottom, right = rows - int(round(self.bottom * rows)), columns - int(round(self.right * columns))
        view = picture[:, top:bottom, left:right].permute(0, 3, 1, 2)
        return F.interpolate(view, size=[self.height, self.width], mode='bilinear', antialias=True)

    def whiten(self, small: Tensor) -> Tensor:
        """Subtract the mean of each image (B, 3, height, width) and divide by its deviation (at least one level).

        The result lies in memory pixel by pixel, as ``resize`` leaves it, which costs no copy.
        """
        pixels = small.float().permute(0, 2, 3, 1).flatten(1)
        return F.layer_norm(pixels, [pixels.size(1)], eps=1.0).view(-1, self.height, self.width, 3).permute(0, 3, 1, 2)

    def whiten_planes(self, small: Tensor) -> Tensor:
        """Do what ``whiten`` does, without a copy, for images that lie in memory plane by plane, as collected ones."""
        return F.layer_norm(small.float(), [3, self.height, self.width], eps=1.0)
