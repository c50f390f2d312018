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

"""The state and the time constant of every neuron as a message."""
import array

import numpy as np
from std_msgs.msg import Float32MultiArray, MultiArrayDimension

QUANTITIES = ('state', 'time_constant')


class NeuronsMessage:
    """One message that is filled again at each tick: rows labelled ``quantity``, columns labelled ``neuron``.

    The first row is the state of every neuron in the order of the policy's wiring, so that a listener who wants only
    states reads the first values; of a spiking policy membranes before their reset, then adaptations, then the readout.
    The second row, where the policy has one, is the time constant of each of these in seconds.
    """

    def __init__(self) -> None:
        self._quantity, self._neuron = MultiArrayDimension(label='quantity'), MultiArrayDimension(label='neuron')
        self._message = Float32MultiArray()
        self._message.layout.dim += [self._quantity, self._neuron]

    def filled(self, neurons: np.ndarray, time_constants: np.ndarray) -> Float32MultiArray:
        """Return the message of a state (S,) and time constants (S,) or (0,), float32; the next call changes it."""
        self._neuron.size = self._neuron.stride = len(neurons)
        self._quantity.size = 2 if len(time_constants) else 1
        self._quantity.stride = self._quantity.size * len(neurons)
        self._message.data = array.array('f', neurons.tobytes() + time_constants.tobytes())
        return self._message


def rows_of(message: Float32MultiArray) -> tuple[np.ndarray, np.ndarray]:
    """Return state (S,) and time constants (S,), or (0,) where it holds none, of a message of every neuron."""
    values = np.array(message.data, np.float32)
    size = message.layout.dim[-1].size if message.layout.dim else len(values)
    return values[:size], values[size:2 * size]
