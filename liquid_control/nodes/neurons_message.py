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

"""The state of every neuron as a message."""
import array

import numpy as np
from std_msgs.msg import Float32MultiArray, MultiArrayDimension


class NeuronsMessage:
    """One message that is filled again at each tick: a single dimension labelled ``neuron``.

    Element i is the state of neuron i in the order of the policy's wiring.
    """

    def __init__(self) -> None:
        self._dimension = MultiArrayDimension(label='neuron')
        self._message = Float32MultiArray()
        self._message.layout.dim.append(self._dimension)

    def filled(self, neurons: np.ndarray) -> Float32MultiArray:
        """Return the message of a state (S,) float32; the next call changes it."""
        self._dimension.size = self._dimension.stride = len(neurons)
        self._message.data = array.array('f', neurons.tobytes())
        return self._message
