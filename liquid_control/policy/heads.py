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

"""Vision heads: from a whitened picture to sensory features."""

import torch
from torch import Tensor, nn

from liquid_control.errors import InputError

PAPER_MAPS, PAPER_FEATURES_PER_MAP = 8, 4
PICTURE_SIZES = {'small': (48, 96), 'paper': (78, 200), 'donkey': (120, 160)}
"""Height and width in pixels of the picture that each head sees."""
DONKEY_FEATURES = 50


class SmallHead(nn.Module):
    """Three convolutions for a 48 x 96 picture; 0.14 ms on one core of a server.

    LayerNorm before the tanh keeps every feature out of saturation: without it some seeds end with
    features stuck at +-1 and never learn to drive.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(3, 16, 6, stride=4),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2),
            nn.ReLU(),
            nn.Conv2d(32, 32, 3),
            nn.ReLU(),
        )
        self.dense = nn.Linear(32 * 3 * 9, features)
        self.norm = nn.LayerNorm(features)
        _initialise(self.convolutions)

    def forward(self, image: Tensor) -> Tensor:
        """Return features (B, features) of whitened pictures (B, 3, 48, 96)."""
        return torch.tanh(self.norm(self.dense(self.convolutions(image).flatten(1))))


class PaperHead(nn.Module):
    """The head of Lechner et al. 2020 for a 78 x 200 picture: 79,420 parameters, 32 features.

    Five convolutions with 'same' padding; each of the 8 last maps has a dense layer of its own with 4 outputs.
    """

    def __init__(self) -> None:
        super().__init__()
        sizes = ((3, 24, 5, 2), (24, 36, 5, 2), (36, 48, 3, 2), (48, 64, 3, 1), (64, 8, 3, 1))
        layers: list[nn.Module] = []
        for channels, filters, kernel, stride in sizes:
            layers += [nn.Conv2d(channels, filters, kernel, stride, padding=kernel // 2), nn.ReLU()]
        self.convolutions = nn.Sequential(*layers)
        self.weight = nn.Parameter(torch.empty(PAPER_MAPS, PAPER_FEATURES_PER_MAP, 10 * 25))
        self.bias = nn.Parameter(torch.zeros(PAPER_MAPS, PAPER_FEATURES_PER_MAP))
        nn.init.normal_(self.weight, std=(1.0 / 250.0) ** 0.5)
        _initialise(self.convolutions)

    def forward(self, image: Tensor) -> Tensor:
        """Return features (B, 32) of whitened pictures (B, 3, 78, 200)."""
        maps = self.convolutions(image).flatten(2)
        return torch.tanh((maps.unsqueeze(2) * self.weight).sum(3) + self.bias).flatten(1)


class DonkeyHead(nn.Module):
    """The network that most small self-driving cars use (donkeycar's 'linear'), for a 120 x 160 picture.

    Five convolutions and two dense layers, each with a ReLU. With 50 features and cell 'linear' behind it is that
    whole network: 816,977 parameters. It is here to compare small networks with. Its dropout of a fifth after every
    layer is left out: with it, drives of some minutes take several times as long to learn.
    """

    def __init__(self, features: int = DONKEY_FEATURES) -> None:
        super().__init__()
        sizes = ((3, 24, 5, 2), (24, 32, 5, 2), (32, 64, 5, 2), (64, 64, 3, 1), (64, 64, 3, 1))
        layers: list[nn.Module] = []
        for channels, filters, kernel, stride in sizes:
            layers += [nn.Conv2d(channels, filters, kernel, stride), nn.ReLU()]
        self.convolutions = nn.Sequential(*layers)
        self.dense = nn.Sequential(nn.Linear(64 * 8 * 13, 100), nn.ReLU(), nn.Linear(100, features), nn.ReLU())
        _initialise(self.convolutions)

    def forward(self, image: Tensor) -> Tensor:
        """Return features (B, features), 0 or more, of whitened pictures (B, 3, 120, 160)."""
        return self.dense(self.convolutions(image).flatten(1))


def build_head(name: str, features: int) -> nn.Module:
    """Return the vision head of a name with a number of output features.

    :raises InputError: for an unknown name and for a number of features that the head does not have.
    """
    if name == 'small':
        return SmallHead(features)
    if name == 'donkey':
        return DonkeyHead(features)
    if name != 'paper':
        raise InputError(f"head '{name}' is not one of {', '.join(PICTURE_SIZES)}; give one of these")
    if features != PAPER_MAPS * PAPER_FEATURES_PER_MAP:
        raise InputError(
            f"the paper's head has {PAPER_MAPS * PAPER_FEATURES_PER_MAP} features, not {features}; "
            'use it without IMU channels'
        )
    return PaperHead()


def _initialise(convolutions: nn.Module) -> None:
    for layer in convolutions.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity='relu')
            nn.init.zeros_(layer.bias)
