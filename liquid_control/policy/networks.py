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

"""The network behind the vision head, by the name of its cell."""

from torch import nn

from liquid_control.errors import InputError
from liquid_control.liquid.ltc import LTCCell
from liquid_control.liquid.spiking import LiquidSpikingCell
from liquid_control.liquid.wired_cfc import WiredCfCCell
from liquid_control.policy.baselines import FeedForwardNetwork, GruNetwork, LargeLstmNetwork, LinearOutput, LstmNetwork
from liquid_control.policy.spec import PolicySpec
from liquid_control.policy.wiring_data import wiring_from_data

BASELINES = {'lstm': LstmNetwork, 'lstm100k': LargeLstmNetwork, 'gru': GruNetwork, 'cnn': FeedForwardNetwork,
             'linear': LinearOutput}
SPIKING_UNITS = 32


def build_network(spec: PolicySpec) -> nn.Module:
    """Return the untrained network of a spec: ``spec.inputs`` features in, one output.

    Its calls are those of a liquid cell: ``network(features (B, I), state (B, S), elapsed (B, 1))`` and
    ``run_sequence``. A wired network has no mapping of its own at input and output: the head scales its features,
    the policy its output.

    :raises InputError: if the wiring of an LTC or CfC does not fit.
    """
    if spec.cell in BASELINES:
        return BASELINES[spec.cell](spec.inputs)
    if spec.cell == 'spiking':
        return LiquidSpikingCell(spec.inputs, SPIKING_UNITS, 1)
    wiring = wiring_from_data(spec.wiring)
    if (wiring.input_dim, wiring.output_dim) != (spec.inputs, 1):
        raise InputError(
            f'the wiring has {wiring.input_dim} inputs and {wiring.output_dim} outputs, not {spec.inputs} and 1; '
            'use the file as it was written'
        )
    if spec.cell == 'ltc':
        return LTCCell(wiring, input_mapping=None, output_mapping=None)
    return WiredCfCCell(spec.inputs, wiring)
