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

"""How fast each neuron follows its inputs, tick by tick."""
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from liquid_control.liquid.ltc import LTCCell
from liquid_control.liquid.spiking import LiquidSpikingCell
from liquid_control.liquid.wired_cfc import WiredCfCCell


@dataclass(frozen=True)
class Meaning:
    """What the time constants of a cell are: a short name, and how they are computed, with the source."""

    name: str
    how: str


_LTC = Meaning(
    'system time constant',
    'tau_sys = 1 / (1/tau + sum w s / C) with tau = C/g, over all synapses onto the neuron, s their sigmoids at the '
    'inputs and the state of the tick (Hasani et al. 2021, AAAI 35)')
_CFC = Meaning(
    'time of the gate',
    '1 / |t_a|, the elapsed time that moves the argument of the gate sigmoid(t_a dt + t_b) by 1 (Hasani et al. 2022, '
    'Nature Machine Intelligence 4). A CfC neuron does not decay from its last state, so it has no tau_sys; this is '
    'the only time in it')
_SPIKING = Meaning(
    'liquid time constant',
    '-1 / ln(1 - tau_m) of a membrane with tau_m = sigmoid(W [I; u]), -1 / ln(rho) of an adaptation with '
    'rho = sigmoid(V [I; b]), in nominal periods, times the period (Yin, Corradi and Bohte 2023, Nature Machine '
    'Intelligence 5); the readout as a membrane')


def meaning(network: nn.Module) -> Meaning | None:
    """Return what a network's time constants are; None for a network whose neurons have none (LSTM, GRU, CNN)."""
    if isinstance(network, LTCCell):
        return _LTC
    if isinstance(network, LiquidSpikingCell):
        return _SPIKING
    return _CFC if isinstance(network, WiredCfCCell) and not network.pure else None


def time_constants(network: nn.Module, features: np.ndarray, states: np.ndarray,
                   before: np.ndarray) -> np.ndarray | None:
    """Return the time constant of each neuron at each tick, float32 (T, units) in nominal periods, or None.

    :param features: (T, I), what the network was given; ``states``: (T, units), its state after the tick.
    :param before: (T, units), its state before it.
    """
    if meaning(network) is None:
        return None
    inputs, after, old = (torch.from_numpy(np.ascontiguousarray(values)) for values in (features, states, before))
    with torch.inference_mode():
        if isinstance(network, LTCCell):
            return network.system_time_constant(inputs, after).numpy()
        if isinstance(network, LiquidSpikingCell):
            return network.observe(inputs, old, torch.ones(1, 1))[2].numpy()
        return (1.0 / _gate_rates(network, inputs, old, after).abs().clamp(min=1e-6)).numpy()


def _gate_rates(network: WiredCfCCell, inputs: Tensor, old: Tensor, new: Tensor) -> Tensor:
    """Return t_a of every neuron, (T, units): column 2 of the four gates that ``advance`` computes."""
    prepared = network.prepare()
    gates = network.drive(prepared, inputs) + old @ prepared[2] + new[:, network.order] @ prepared[3]
    return gates[:, network.bias_index[2]]
