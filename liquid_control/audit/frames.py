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

"""Messages to the page: JSON, and frames that carry JSON, the picture and the saliency in one binary message."""
import json
import math
import struct
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from liquid_control.audit.explaining import Explainer
from liquid_control.audit.moments import Moment, to_jpeg
from liquid_control.audit.saliency import visual_backprop
from liquid_control.audit.tick import Tick

LARGEST_CURRENT = 127
POINTS = 240


@dataclass(frozen=True)
class Quality:
    """How much of a link a frame takes: widths in pixels, JPEG quality."""

    width: int
    jpeg: int
    saliency_width: int


QUALITIES = Quality(480, 80, 96), Quality(320, 65, 64), Quality(192, 45, 48), Quality(128, 30, 32)
"""From the best to the smallest: 4 to 2 kB a frame for a camera of 192 x 144."""


def frame(moment: Moment, explainer: Explainer | None, quality: Quality, saliency: bool, place: int,
          count: int) -> bytes:
    """Return the length of a JSON object (4 bytes, big endian), the object, the picture and the saliency.

    :param place, count: of the moment among those that can be shown.
    """
    picture = _narrow(moment.picture(), quality.width)
    jpeg = to_jpeg(picture, quality.jpeg)
    mask = b''
    if saliency and explainer is not None:
        looks = visual_backprop(explainer.policy, moment.picture())
        mask = to_jpeg((255.0 * _narrow(looks, quality.saliency_width)).astype(np.uint8), 60)
    head = {
        'type': 'frame', 'number': moment.number, 'stamp': round(moment.stamp_s, 4), 'place': place, 'count': count,
        'jpeg': len(jpeg), 'x': _rounded(moment.state, 3), 'tau': _significant(1e3 * moment.time_constant_s),
        'features': _rounded(moment.features, 2), 'steering': _number(moment.steering_rad, 5),
        'driven': _number(moment.driven_rad, 5), 'asked': _number(moment.driven_mps, 3),
        'speed': _number(moment.speed_mps, 3), 'condition': moment.condition, 'reason': moment.reason,
        'light': round(moment.brightness, 3), 'mismatch': _number(moment.mismatch, 6)}
    tick = None if explainer is None else explainer.tick(moment)
    if tick is not None:
        head |= _currents(tick)
    text = to_text(head).encode()
    return struct.pack('>I', len(text)) + text + jpeg + mask


def timeline(moments: list[Moment], neuron: int | None) -> dict[str, Any]:
    """Return time, steering and light along the moments, and trace and time constant of a neuron, in 240 points."""
    chosen = moments[::max(1, math.ceil(len(moments) / POINTS))]
    if moments and chosen[-1] is not moments[-1]:
        chosen.append(moments[-1])
    answer: dict[str, Any] = {
        'type': 'timeline', 't': [round(moment.stamp_s, 3) for moment in chosen],
        'steering': [_number(moment.steering_rad, 4) for moment in chosen],
        'light': [round(moment.brightness, 3) for moment in chosen],
        'driving': [int(moment.condition in ('driving', '')) for moment in chosen]}
    if neuron is not None:
        answer |= {
            'neuron': neuron, 'x': [_at(moment.state, neuron, 1.0) for moment in chosen],
            'tau': [_at(moment.time_constant_s, neuron, 1e3) for moment in chosen]}
    return answer


def to_text(message: dict[str, Any]) -> str:
    """Return JSON without spaces."""
    return json.dumps(message, separators=(',', ':'), allow_nan=False)


def _currents(tick: Tick) -> dict[str, Any]:
    """Return what flows as whole numbers up to 127, below 0 where it lowers its target, and what 127 stands for."""
    answer = {}
    synapses = {'sensory': (tick.sensory_flow, tick.sensory_sign), 'inner': (tick.inner_flow, tick.inner_sign)}
    for name, (flow, sign) in synapses.items():
        flow = np.abs(flow)
        strongest = float(flow.max(initial=1e-9))
        answer |= {name: np.round(LARGEST_CURRENT / strongest * sign * flow).astype(int).tolist(),
                   f'{name}_scale': float(f'{strongest:.3g}')}
    return answer


def _narrow(picture: np.ndarray, width: int) -> np.ndarray:
    height, wide = picture.shape[:2]
    if wide <= width:
        return picture
    return cv2.resize(picture, (width, max(1, round(height * width / wide))), interpolation=cv2.INTER_AREA)


def _rounded(values: np.ndarray, digits: int) -> list[float]:
    return np.round(np.nan_to_num(values.astype(float)), digits).tolist()


def _significant(values: np.ndarray) -> list[float]:
    return [float(f'{value:.3g}') for value in np.nan_to_num(values).tolist()]


def _number(value: float, digits: int) -> float | None:
    return round(value, digits) if math.isfinite(value) else None


def _at(values: np.ndarray, index: int, scale: float) -> float | None:
    return float(f'{scale * float(values[index]):.4g}') if index < len(values) else None
