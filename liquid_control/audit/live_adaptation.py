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

"""How time constants follow the input: in curves and on straights, in light and in dark; and what if they did not."""
from typing import Any

import numpy as np
import torch

from liquid_control.audit.moments import Moment
from liquid_control.audit.situations import by_light, by_steering, median_by_group
from liquid_control.audit.twin import TWINS, FixedTimeConstants
from liquid_control.liquid.ltc import LTCCell
from liquid_control.policy.driving_policy import DrivingPolicy

TWIN_MOMENTS = 120
FEWEST_FOR_TWINS = 15


def adaptation(moments: list[Moment], limit_rad: float) -> dict[str, Any]:
    """Return the median time constant of each neuron, in ms, in two pairs of ``situations``.

    ``turn`` has those on straights and in curves, ``light`` those in the dark and in the light. A pair is None where
    one of its groups has too few moments.
    """
    moments = [moment for moment in moments if len(moment.time_constant_s) and np.isfinite(moment.steering_rad)]
    if len({len(moment.time_constant_s) for moment in moments}) != 1:
        return {'turn': None, 'light': None}
    taus = 1e3 * np.array([moment.time_constant_s for moment in moments])
    medians = median_by_group(taus, by_steering(np.array([moment.steering_rad for moment in moments]), limit_rad)
                          | by_light(np.array([moment.brightness for moment in moments])))
    return {'turn': _pair(medians['straight'], medians['curve']), 'light': _pair(medians['dark'], medians['light'])}


def twin_differences(policy: DrivingPolicy, moments: list[Moment]) -> dict[str, float] | None:
    """Return by how much twins with fixed time constants would have steered differently, rad, by the kind of the twin.

    A twin has the time constants of the last minute's mean. It runs each of up to 120 moments for one tick from the
    state that the network really had; given is the mean of the absolute differences. None where it cannot be told.
    """
    if not isinstance(policy.network, LTCCell):
        return None
    sizes = policy.network.input_size, policy.network.state_size
    moments = [moment for moment in moments[::max(1, len(moments) // TWIN_MOMENTS)]
               if (len(moment.features), len(moment.time_constant_s)) == sizes and np.isfinite(moment.steering_rad)]
    if len(moments) < FEWEST_FOR_TWINS:
        return None
    taus = np.mean([moment.time_constant_s for moment in moments], 0) / policy.spec.period_s
    features, before = (torch.from_numpy(np.array(rows, np.float32)) for rows in (
        [moment.features for moment in moments], [moment.before for moment in moments]))
    elapsed = torch.tensor([[moment.elapsed] for moment in moments])
    said = np.array([moment.steering_rad for moment in moments])
    answer = {}
    with torch.inference_mode():
        for kind in TWINS:
            output, _ = FixedTimeConstants(policy.network, taus, kind)(features, before, elapsed)
            answer[kind] = round(float(np.abs(policy.command(output)[:, 0].numpy() - said).mean()), 5)
    return answer


def _pair(first: np.ndarray | None, second: np.ndarray | None) -> list[list[float]] | None:
    if first is None or second is None:
        return None
    return [[float(f'{value:.3g}') for value in medians] for medians in (first, second)]
