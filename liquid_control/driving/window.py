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

"""Statistics of the last seconds."""
from collections import deque

import numpy as np


class Window:
    """The newest values of a measurement, with percentiles."""

    def __init__(self, size: int = 300) -> None:
        self._values: deque[float] = deque(maxlen=size)

    def add(self, value: float) -> None:
        """Take a value; the oldest goes when the window is full."""
        self._values.append(value)

    def clear(self) -> None:
        """Drop all values."""
        self._values.clear()

    def percentile(self, percent: float) -> float:
        """Return a percentile, NaN without values."""
        return float(np.percentile(self._values, percent)) if self._values else float('nan')

    def mean(self) -> float:
        """Return the mean, NaN without values."""
        return float(np.mean(self._values)) if self._values else float('nan')
