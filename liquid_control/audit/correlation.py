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

"""How each neuron goes with the command."""
import numpy as np


def correlations(states: np.ndarray, command: np.ndarray) -> np.ndarray:
    """Return Pearson's correlation of each neuron with a command, (S,) in -1..1; NaN where one of them never moves.

    :param states: (T, S); ``command``: (T,).
    """
    x = states.astype(np.float64) - states.mean(axis=0, dtype=np.float64)
    y = command.astype(np.float64) - command.mean(dtype=np.float64)
    lengths = np.sqrt((x**2).sum(axis=0) * (y**2).sum())
    still = lengths < 1e-12
    return np.where(still, np.nan, x.T @ y / np.where(still, 1.0, lengths))
