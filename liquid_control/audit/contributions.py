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

"""What a command is made of: every synapse's share of one tick, adding up to the command.

The command is ``max_steering (clamp(gain x_motor + bias))``: each share of the motor neuron times gain times
max_steering is a share in rad, the bias is another, and what the clamp takes away is the last. The shares say what the
motor neuron was made of; what the command would be without a neuron or a synapse is another question, answered by
``effects``. How a neuron is taken apart is in ``ltc_circuit`` and ``cfc_circuit``; a spiking neuron fires or does not,
and the neurons of a GRU or an LSTM are wired all to all by gates, so for these nothing is defined here.
"""
from dataclasses import dataclass

import numpy as np

from liquid_control.audit.cfc_circuit import CfcCircuit
from liquid_control.audit.ltc_circuit import LtcCircuit
from liquid_control.audit.tick import Tick
from liquid_control.liquid.ltc import LTCCell
from liquid_control.liquid.wired_cfc import WiredCfCCell
from liquid_control.policy.driving_policy import DrivingPolicy

Circuit = LtcCircuit | CfcCircuit


@dataclass(frozen=True)
class Shares:
    """What one command is made of, in rad; the sum of all is the command.

    :param synapses: (N,) of each synapse between neurons; 0 where the motor neuron is not its target.
    :param sensory: (M,) of each sensory synapse; 0 where the motor neuron is not its target.
    :param memory, rest: as in ``Tick``.
    :param clamp: what the limit takes away.
    """

    sensory: np.ndarray
    synapses: np.ndarray
    memory: float
    rest: float
    bias: float
    clamp: float

    @property
    def total(self) -> float:
        """The command in rad."""
        return float(self.sensory.sum() + self.synapses.sum()) + self.memory + self.rest + self.bias + self.clamp


def circuit_of(policy: DrivingPolicy) -> Circuit | None:
    """Return the circuit of a policy, None where shares of synapses are not defined for its cell."""
    network = policy.network
    if isinstance(network, LTCCell):
        return LtcCircuit(policy)
    return CfcCircuit(policy) if isinstance(network, WiredCfCCell) and network.mode == 'default' else None


def shares_of(circuit: Circuit, tick: Tick) -> Shares:
    """Return what the command of the first variant of a tick is made of."""
    scale = circuit.gain * circuit.max_steering_rad
    return Shares(
        scale * tick.sensory * (circuit.sensory.target == 0), scale * tick.inner * (circuit.inner.target == 0),
        scale * float(tick.memory[0]), scale * float(tick.rest[0]), circuit.bias * circuit.max_steering_rad,
        float(tick.steering_rad[0] - circuit.max_steering_rad * tick.output[0]))
