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

"""Structural similarity of two maps."""
import numpy as np
from scipy.ndimage import gaussian_filter

WINDOW_SD, WINDOW_REACH = 1.5, 5
K1, K2 = 0.01, 0.03


def structural_similarity(first: np.ndarray, second: np.ndarray) -> float:
    """Return the mean structural similarity of two maps (H, W) with values in 0..1; 1 for equal maps, at least -1.

    Wang, Bovik, Sheikh and Simoncelli, IEEE Transactions on Image Processing 13, 2004, equation 13, with their
    window (Gaussian of 1.5 pixels, 11 x 11) and constants (.01, .03); windows that reach over the border are left out,
    unless the map is smaller than a window.
    """
    a, b = first.astype(np.float64), second.astype(np.float64)
    mean_a, mean_b = _blur(a), _blur(b)
    var_a, var_b = _blur(a * a) - mean_a**2, _blur(b * b) - mean_b**2
    covariance = _blur(a * b) - mean_a * mean_b
    c1, c2 = K1**2, K2**2
    similarity = ((2.0 * mean_a * mean_b + c1) * (2.0 * covariance + c2)
                  / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)))
    if min(a.shape) > 2 * WINDOW_REACH:
        similarity = similarity[WINDOW_REACH:-WINDOW_REACH, WINDOW_REACH:-WINDOW_REACH]
    return float(similarity.mean())


def _blur(values: np.ndarray) -> np.ndarray:
    return gaussian_filter(values, WINDOW_SD, radius=WINDOW_REACH)
