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

"""From a picture and what the drive node reported to a moment that can be traced."""
import math
from dataclasses import dataclass

import numpy as np
import torch

from liquid_control.audit.moments import Moment, to_jpeg
from liquid_control.audit.time_constants import time_constants
from liquid_control.policy.compiling import MAX_ELAPSED_PERIODS
from liquid_control.policy.driving_policy import DrivingPolicy

NOTHING = np.zeros(0, np.float32)


@dataclass(frozen=True)
class Driven:
    """What happened around a picture: see ``Moment``."""

    steering_rad: float = math.nan
    speed_mps: float = math.nan
    measured_mps: float = math.nan
    condition: str = ''
    reason: str = ''


@dataclass(frozen=True)
class _Match:
    """What led to a state; ``mismatch`` is how far the state that follows from it is from the one reported."""

    picture: tuple[float, np.ndarray]
    imu: np.ndarray
    features: np.ndarray
    before: np.ndarray
    elapsed: float
    steering_rad: float
    mismatch: float


class Observer:
    """Makes moments.

    :param policy: the one that drives; None if its file is not at hand: then states are shown but not traced.
    """

    def __init__(self, policy: DrivingPolicy | None) -> None:
        self._policy = policy
        self._number = 0
        self._last: tuple[float, np.ndarray] | None = None

    def forget(self) -> None:
        """Begin anew: the next picture has no predecessor."""
        self._last = None

    def run(self, picture: np.ndarray, imu: np.ndarray, stamp_s: float, driven: Driven) -> Moment:
        """Let the policy answer a picture uint8 (H, W, 3), as a drive node would, and return the moment."""
        before = self._policy.initial_state()[0].numpy() if self._last is None else self._last[1]
        elapsed = self._elapsed(stamp_s)
        features = self._features(picture, imu)
        with torch.inference_mode():
            inputs = torch.from_numpy(features)[None], torch.from_numpy(before)[None], torch.full((1, 1), elapsed)
            network = self._policy.network
            answer = network.observe(*inputs) if hasattr(network, 'observe') else network(*inputs)
            steering = float(self._policy.command(answer[0])[0, 0])
        taus = answer[2][0].numpy() * np.float32(self._policy.spec.period_s) if len(answer) > 2 else NOTHING
        match = _Match((stamp_s, picture), imu, features, before, elapsed, steering, 0.0)
        return self._moment(match, answer[1][0].numpy(), taus, driven)

    def skip(self, state: np.ndarray, stamp_s: float | None = None) -> None:
        """Take note of a state (S,) whose picture was lost, so that the next can be traced."""
        if stamp_s is None and self._last is not None:
            stamp_s = self._last[0]
        self._last = (stamp_s or 0.0), state

    def match(self, picture: np.ndarray, stamp_s: float, samples: list[np.ndarray], state: np.ndarray,
              time_constant_s: np.ndarray, driven: Driven) -> Moment:
        """Return the moment of a picture, uint8 (H, W, 3), and what the drive node reported for it.

        The drive node takes the newest IMU sample when it ticks; the state tells which that was.

        :param samples: IMU samples (6,) around the tick.
        :param state: (S,); ``time_constant_s``: (S,) or (0,).
        """
        taken = stamp_s, picture
        if self._policy is None or self._policy.network.state_size != len(state) or not samples:
            sample = samples[-1] if samples else np.zeros(6, np.float32)
            match = _Match(taken, sample, NOTHING, NOTHING, 1.0, math.nan, math.nan)
        else:
            match = self._try(taken, samples, state)
        return self._moment(match, state, time_constant_s, driven)

    def _try(self, picture: tuple[float, np.ndarray], samples: list[np.ndarray], state: np.ndarray) -> _Match:
        """Run one picture with every IMU sample, from the last state and from the initial one.

        When a report was lost, the time since the last is not known; the nominal period is tried as well.
        """
        policy, count = self._policy, len(samples)
        features = np.repeat(self._features(picture[1], samples[0])[None], 3 * count, 0)
        with torch.inference_mode():
            motion = policy.imu_features(torch.from_numpy(np.stack(samples))).numpy()
            features[:, features.shape[1] - motion.shape[1]:] = np.tile(motion, (3, 1))
            initial = policy.initial_state()[0].numpy()
            known = initial if self._last is None else self._last[1]
            before = np.repeat([known, known, initial], count, 0)
            elapsed = np.repeat([[self._elapsed(picture[0])], [1.0], [1.0]], count, 0).astype(np.float32)
            output, after = policy.network(*(torch.from_numpy(rows) for rows in (features, before, elapsed)))
            steering = policy.command(output)[:, 0].numpy()
        differences = np.abs(after.numpy() - state).max(1) if len(state) else np.zeros(3 * count)
        row = int(differences.argmin())
        return _Match(picture, samples[row % count], features[row], before[row], float(elapsed[row, 0]),
                      float(steering[row]), float(differences[row]))

    def _moment(self, match: _Match, state: np.ndarray, time_constant_s: np.ndarray, driven: Driven) -> Moment:
        stamp_s, picture = match.picture
        self._last = stamp_s, state
        if not len(time_constant_s) and len(match.features):
            time_constant_s = self._time_constant_s(match, state)
        self._number += 1
        return Moment(
            self._number, stamp_s, to_jpeg(picture), float(picture.mean(dtype=np.float32)) / 255.0, match.imu,
            match.features, match.before, match.elapsed, state, time_constant_s, match.steering_rad,
            driven.steering_rad, driven.speed_mps, driven.measured_mps, driven.condition, driven.reason, match.mismatch)

    def _time_constant_s(self, match: _Match, state: np.ndarray) -> np.ndarray:
        """Return the time constants that the drive node does not report: those of a CfC."""
        periods = time_constants(self._policy.network, match.features[None], state[None], match.before[None])
        return NOTHING if periods is None else periods[0] * np.float32(self._policy.spec.period_s)

    def _features(self, picture: np.ndarray, imu: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return self._policy.features(torch.from_numpy(picture)[None], torch.from_numpy(imu)[None])[0].numpy()

    def _elapsed(self, stamp_s: float) -> float:
        """Return the time since the last picture in nominal periods, 1 for the first."""
        if self._last is None:
            return 1.0
        seconds = min(max(stamp_s - self._last[0], 1e-3), 1.0)
        return min(seconds / self._policy.spec.period_s, MAX_ELAPSED_PERIODS)
