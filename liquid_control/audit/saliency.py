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

"""Which part of a picture a policy looks at: VisualBackProp and input gradients.

Maps are float32 in 0..1 of the size of the camera picture, 1 at the strongest pixel of each map; what the retina crops
away is 0.
"""
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liquid_control.policy.driving_policy import DrivingPolicy
from liquid_control.policy.retina import Retina


def visual_backprop(policy: DrivingPolicy, picture: np.ndarray) -> np.ndarray:
    """Return what the vision head of a policy responds to in a picture uint8 (H, W, 3), float32 (H, W) in 0..1."""
    return visual_backprop_maps(policy, picture[None])[0]


def visual_backprop_maps(policy: DrivingPolicy, pictures: np.ndarray) -> np.ndarray:
    """Return the maps (N, H, W) of pictures (N, H, W, 3).

    VisualBackProp (Bojarski et al. 2016, arXiv:1611.05418): the mean over the channels of each layer's maps after the
    ReLU; from the deepest layer on, the mean is scaled up by a transposed convolution of ones with the layer's kernel
    and stride and multiplied with the mean of the layer above. Here a pixel is divided by the number of
    kernels that reach it, or strides that do not divide the kernel would draw a grid.
    """
    with torch.inference_mode():
        means = _channel_means(policy.head.convolutions, policy.retina(torch.from_numpy(pictures)))
        (layer, size, mask), *above = reversed(means)
        for next_layer, next_size, mean in above:
            mask = _scale_up(mask, layer, size) * mean
            layer, size = next_layer, next_size
        return _on_the_picture(_scale_up(mask, layer, size), policy.retina, *pictures.shape[1:3])


def input_gradients(policy: DrivingPolicy, pictures: np.ndarray, imu: np.ndarray, elapsed: np.ndarray,
                    states: np.ndarray) -> np.ndarray:
    """Return how much the steering depends on each pixel, float32 (N, H, W) in 0..1.

    The largest absolute derivative over the three channels (Simonyan et al. 2013, arXiv:1312.6034) of the steering
    before it is limited, by the pixels that the head sees before they are whitened.

    :param pictures: uint8 (N, H, W, 3); ``imu``: (N, 6); ``elapsed``: (N,) nominal periods.
    :param states: (N, S), the state before each picture.
    """
    small = policy.retina.resize(torch.from_numpy(pictures)).float().requires_grad_()
    with torch.enable_grad():
        steering, _ = policy.sequence(small.unsqueeze(1), _tensor(imu).unsqueeze(1), _tensor(elapsed).view(-1, 1, 1),
                                      _tensor(states))
        gradient, = torch.autograd.grad(steering.sum(), small)
    return _on_the_picture(gradient.abs().amax(1, keepdim=True), policy.retina, *pictures.shape[1:3])


def _channel_means(convolutions: nn.Sequential, image: Tensor) -> list[tuple[nn.Conv2d, list[int], Tensor]]:
    """Return each convolution with the size [height, width] of its input and its mean map (N, 1, h, w) after ReLU."""
    means, layer, size = [], None, []
    for part in convolutions:
        if isinstance(part, nn.Conv2d):
            layer, size = part, list(image.shape[2:])
        image = part(image)
        if isinstance(part, nn.ReLU) and layer is not None:
            means.append((layer, size, image.mean(1, keepdim=True)))
    return means


def _scale_up(mask: Tensor, layer: nn.Conv2d, size: list[int]) -> Tensor:
    """Scale a map (N, 1, h, w) of a layer's output up to the size of its input."""
    ones = torch.ones(1, 1, *layer.kernel_size)
    scaled, reached = (
        F.conv_transpose2d(values, ones, None, layer.stride, layer.padding, _rest(values, layer, size))
        for values in (mask, torch.ones_like(mask[:1])))
    return scaled / reached.clamp(min=1.0)


def _rest(mask: Tensor, layer: nn.Conv2d, size: list[int]) -> list[int]:
    """Return how many rows and columns of the input the strides leave over."""
    return [whole - ((part - 1) * stride - 2 * padding + kernel) for whole, part, stride, padding, kernel in zip(
        size, mask.shape[2:], layer.stride, layer.padding, layer.kernel_size, strict=True)]


def _on_the_picture(maps: Tensor, retina: Retina, height: int, width: int) -> np.ndarray:
    """Scale maps (N, 1, h, w) of what the head sees to 0..1 and lay them where the retina looked."""
    top, left = round(retina.top * height), round(retina.left * width)
    bottom, right = height - round(retina.bottom * height), width - round(retina.right * width)
    view = F.interpolate(maps, size=[bottom - top, right - left], mode='bilinear', align_corners=False)
    view = view / view.amax((2, 3), keepdim=True).clamp(min=1e-12)
    return F.pad(view, [left, width - right, top, height - bottom]).squeeze(1).numpy()


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
