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

"""How stable a decision is: what a little noise in the picture does to the steering."""
import numpy as np
import torch

from liquid_control.audit.neuron_record import NeuronRecord
from liquid_control.policy.driving_policy import DrivingPolicy

NOISE_SD = 0.05
COPIES = 16
APART_S = 0.5
CHUNK = 8


def steering_spread(policy: DrivingPolicy, record: NeuronRecord, pictures: np.ndarray, seed: int = 0,
                    on_tick=lambda _ticks: None) -> np.ndarray:
    """Return the standard deviation of the steering at each tick under noise in that picture, (T,) rad.

    16 copies of each picture with Gaussian noise (standard deviation .05 of the range, independent in every pixel,
    clipped) are answered from the same state; the steering is taken before it is limited. The same 16 fields of noise
    are laid over every picture, so that ticks differ by their pictures only.

    :param on_tick: called with the number of ticks just done.
    """
    noise = noise_fields((COPIES, *pictures.shape[1:]), NOISE_SD, np.random.default_rng(seed))
    before, spread = record.before, np.empty(len(record))
    for start in range(0, len(record), CHUNK):
        ticks = slice(start, min(start + CHUNK, len(record)))
        noisy = np.concatenate([added(picture, noise) for picture in pictures[ticks]])
        steering = steering_of(
            policy, noisy, *(np.repeat(values[ticks], COPIES, axis=0) for values in (record.imu, record.elapsed,
                                                                                      before)))
        spread[ticks] = steering.reshape(-1, COPIES).std(axis=1)
        on_tick(ticks.stop - ticks.start)
    return spread


def steering_of(policy: DrivingPolicy, pictures: np.ndarray, imu: np.ndarray, elapsed: np.ndarray,
                before: np.ndarray) -> np.ndarray:
    """Return the steering (N,) in rad before it is limited, one tick from each state before (N, S)."""
    with torch.inference_mode():
        small = policy.retina.resize(torch.from_numpy(pictures))
        share, _ = policy.sequence(
            small.unsqueeze(1), torch.from_numpy(imu).unsqueeze(1), torch.from_numpy(elapsed).view(-1, 1, 1),
            torch.from_numpy(before))
    return share[:, 0].numpy() * policy.max_steering


def noise_fields(shape: tuple[int, ...], sd: float, rng: np.random.Generator) -> np.ndarray:
    """Return Gaussian noise, float32, of standard deviation ``sd`` on the 0..1 picture, in levels."""
    return rng.standard_normal(shape, dtype=np.float32) * np.float32(255.0 * sd)


def added(pictures: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Return uint8 pictures with noise in levels, clipped."""
    levels = pictures + noise
    return np.clip(np.rint(levels, out=levels), 0, 255, out=levels).astype(np.uint8)


def least_stable(spread: np.ndarray, times: np.ndarray, count: int = 10) -> list[int]:
    """Return the ticks with the largest spread (T,), worst first, at least half a second apart."""
    chosen: list[int] = []
    for tick in np.argsort(-spread, kind='stable').tolist():
        if all(abs(times[tick] - times[other]) >= APART_S for other in chosen):
            chosen.append(tick)
        if len(chosen) == count:
            break
    return chosen
