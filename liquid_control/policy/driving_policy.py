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

"""The driving policy: camera picture and IMU in, drive command out."""
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from liquid_control.policy.heads import PICTURE_SIZES, build_head
from liquid_control.policy.networks import build_network
from liquid_control.policy.retina import Retina
from liquid_control.policy.spec import IMU_CHANNELS, PolicySpec


class DrivingPolicy(nn.Module):
    """Retina, vision head and a recurrent network of few neurons.

    One call is one control tick; ``sequence`` runs the same modules over recorded or simulated time for learning.
    The state is one tensor (B, S) for every kind of network.
    """

    def __init__(self, spec: PolicySpec) -> None:
        super().__init__()
        self.spec = spec
        height, width = PICTURE_SIZES[spec.head]
        self.retina = Retina(height, width, spec.crop)
        self.head = build_head(spec.head, spec.visual_features)
        self.network = build_network(spec)
        self.gain = nn.Parameter(torch.tensor(1.5))
        self.bias = nn.Parameter(torch.tensor(0.0))
        self.max_steering, self.speed = spec.max_steering_rad, spec.speed_mps
        selection = torch.zeros(len(spec.imu_channels), len(IMU_CHANNELS))
        for row, (name, scale) in enumerate(zip(spec.imu_channels, spec.imu_scales)):
            selection[row, IMU_CHANNELS.index(name)] = scale
        self.register_buffer('imu_selection', selection, persistent=False)

    def initial_state(self, batch: int = 1) -> Tensor:
        """Return the state of a car that has seen nothing yet, zeros (batch, S)."""
        return torch.zeros(batch, self.network.state_size)

    def forward(self, picture: Tensor, imu: Tensor, elapsed: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Run one tick.

        :param picture: uint8 (B, H, W, 3) RGB.
        :param imu: float (B, 6), angular velocity x y z in rad/s and acceleration x y z in m/s^2, REP-103 axes.
        :param elapsed: float (B, 1), time since the last tick in nominal periods.
        :param state: float (B, S).
        :return: command (B, 2) = steering angle in rad, left positive, and speed in m/s; the new state (B, S).
        """
        output, state = self.network(self.features(picture, imu), state, elapsed)
        return self.command(output), state

    def features(self, picture: Tensor, imu: Tensor) -> Tensor:
        """Return the sensory features (B, inputs) of pictures uint8 (B, H, W, 3) and IMU samples (B, 6)."""
        return torch.cat((self.head(self.retina(picture)), self.imu_features(imu)), dim=1)

    def command(self, output: Tensor) -> Tensor:
        """Return the command (B, 2), steering in rad and speed in m/s, that the network's output (B, 1) stands for."""
        steering = torch.clamp(torch.addcmul(self.bias, output, self.gain), -1.0, 1.0) * self.max_steering
        return F.pad(steering, [0, 1], value=self.speed)

    def imu_features(self, imu: Tensor) -> Tensor:
        """Select and scale the IMU channels (B, 6) that the network sees to -1..1."""
        return torch.tanh(F.linear(imu, self.imu_selection))

    def sequence(self, small: Tensor, imu: Tensor, elapsed: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Run T ticks of B cars at once, for learning.

        :param small: uint8 or float (B, T, 3, height, width) as ``retina.resize`` gives it, levels 0..255.
        :param imu: (B, T, 6); ``elapsed``: (B, T, 1); ``state``: (B, S).
        :return: steering (B, T), unclamped, 1 is ``spec.max_steering_rad`` to the left; the last state (B, S).
        """
        batch, steps = small.shape[:2]
        visual = self.head(self.retina.whiten_planes(small.flatten(0, 1)))
        features = torch.cat((visual, self.imu_features(imu.flatten(0, 1))), dim=1).view(batch, steps, -1)
        output, state = self.network.run_sequence(features, state, elapsed)
        return (output * self.gain + self.bias).squeeze(2), state
