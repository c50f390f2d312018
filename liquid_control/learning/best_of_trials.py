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

"""Which weights of a run are kept: those that drove best."""

import torch

from liquid_control.learning.trial import TrialResult

Weights = dict[str, torch.Tensor]


class BestOfTrials:
    """Says when weights are to be tried in closed loop and remembers those that drove best.

    Offline error does not tell which policy drives (Lechner et al. 2020), so weights are chosen by driving.

    :param trials_at: shares of the budget at which a trial is due.
    """

    def __init__(self, trials_at: tuple[float, ...]) -> None:
        self._trials_at = trials_at
        self._asked_at = 0.0
        self._tried: Weights = {}
        self.weights: Weights | None = None
        self.score: dict[str, float] = {}

    def due(self, spent: float) -> bool:
        """Tell whether a trial is due that was not yet asked for."""
        return any(self._asked_at < share <= spent for share in self._trials_at)

    def asked(self, spent: float, weights: Weights) -> None:
        """Take note of the weights that are being tried."""
        self._asked_at, self._tried = spent, weights

    def answered(self, result: TrialResult) -> tuple[float, float]:
        """Keep the weights tried if they drove best; return the rate of completed laps and the mean offset in m."""
        rate, lateral = float(result.completed.mean()), float(result.mean_abs_lateral_m.mean())
        score = {'rate': rate, 'progress': float(result.progress.mean()), 'mean_abs_lateral_m': lateral}
        if self.weights is None or _merit(score) >= _merit(self.score):
            self.weights, self.score = self._tried, score
        return rate, lateral

    def state(self) -> tuple[Weights, dict]:
        """Return what ``restore`` needs."""
        return self.weights or {}, {'asked_at': self._asked_at, 'score': self.score}

    def restore(self, weights: Weights, state: dict, spent: float) -> None:
        """Go on from what ``state`` returned, with that share of a budget spent that may now be larger."""
        self.weights, self.score, self._asked_at = weights or None, state['score'], min(state['asked_at'], spent)


def _merit(score: dict[str, float]) -> tuple[float, float]:
    return score['rate'] + score['progress'], -score['mean_abs_lateral_m']
