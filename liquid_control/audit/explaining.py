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

"""What the page tells of a moment: the wiring, the currents of a tick, and what lies behind a neuron or the command."""
from typing import Any

import numpy as np

from liquid_control.audit.contributions import circuit_of, shares_of
from liquid_control.audit.effects import (
    covered_features, feature_effects, neuron_effects, region_effects, synapse_effects)
from liquid_control.audit.moments import Moment
from liquid_control.audit.recorder import neuron_names
from liquid_control.audit.tick import Tick
from liquid_control.audit.time_constants import meaning
from liquid_control.policy.driving_policy import DrivingPolicy

MOST_ON_A_PATH = 3
PATH_SHARE = 0.8


class Explainer:
    """Explains moments of one policy."""

    def __init__(self, policy: DrivingPolicy) -> None:
        self.policy = policy
        self.circuit = circuit_of(policy)

    def wiring(self) -> dict[str, Any]:
        """Return what the page draws: features, neurons by layer from inputs to outputs, and synapses."""
        spec = self.policy.spec
        names = [f'sees {number}' for number in range(spec.visual_features)] + list(spec.imu_channels)
        circuit, tau = self.circuit, meaning(self.policy.network)
        common = {'cell': spec.cell, 'names': neuron_names(self.policy), 'features': names,
                  'crop': list(spec.crop), 'traced': circuit is not None,
                  'flow': '' if circuit is None else circuit.flow_name,
                  'rest': '' if circuit is None else circuit.rest_name, 'tau': '' if tau is None else tau.name,
                  'max_steering_rad': spec.max_steering_rad}
        if spec.wiring is None:
            return common | {'kinds': [name.split()[0] for name in common['names']], 'sensory': [], 'synapses': []}
        return common | {'kinds': spec.wiring['neuron_types'], 'sensory': _by_matrix(spec.wiring['sensory_synapses']),
                         'synapses': _by_matrix(spec.wiring['synapses'])}

    def tick(self, moment: Moment) -> Tick | None:
        """Return the tick of a moment again, with the share and the current of each synapse; None if it cannot be."""
        circuit, sizes = self.circuit, (len(moment.features), len(moment.before))
        if circuit is None or sizes != (circuit.inputs, circuit.units):
            return None
        return self.circuit.tick(moment.features, moment.before, moment.elapsed)

    def neuron(self, moment: Moment, index: int) -> dict[str, Any] | None:
        """Return what feeds a neuron (shares of its state, adding up to it), what it moves, and its effect."""
        tick = self.tick(moment)
        if tick is None or not 0 <= index < self.circuit.units:
            return None
        sensory, inner = self.circuit.sensory, self.circuit.inner
        feeds = [['feature', int(sensory.source[at]), _short(tick.sensory[at]), int(tick.sensory_sign[at])]
                 for at in np.flatnonzero(sensory.target == index)]
        feeds += [['neuron', int(inner.source[at]), _short(tick.inner[at]), int(tick.inner_sign[at])]
                  for at in np.flatnonzero(inner.target == index)]
        moves = [[int(inner.target[at]), _short(tick.inner[at]), int(tick.inner_sign[at])]
                 for at in np.flatnonzero(inner.source == index)]
        effects = self._neuron_effects(moment)
        return {
            'feeds': sorted(feeds, key=lambda row: -abs(row[2])), 'rest': _short(tick.rest[index]),
            'memory': _short(tick.memory[index]), 'state': _short(tick.state[0, index]),
            'moves': sorted(moves, key=lambda row: -abs(row[1])), 'effect': _short(effects[index]),
            'rank': 1 + int((np.abs(effects) > abs(effects[index])).sum())}

    def feature(self, moment: Moment, index: int) -> dict[str, Any] | None:
        """Return what a sensory feature moves, its effect on the command, and which part of the picture moves it."""
        tick = self.tick(moment)
        if tick is None or not 0 <= index < self.circuit.inputs:
            return None
        sensory = self.circuit.sensory
        moves = [[int(sensory.target[at]), _short(tick.sensory[at]), int(tick.sensory_sign[at])]
                 for at in np.flatnonzero(sensory.source == index)]
        seen, covered = covered_features(self.policy, moment.picture(), moment.imu)
        effects = feature_effects(self.circuit, moment.features, moment.before, moment.elapsed)
        return {
            'value': _short(moment.features[index]), 'moves': sorted(moves, key=lambda row: -abs(row[1])),
            'effect': _short(effects[index]), 'regions': _rows(seen[index] - covered[:, :, index])}

    def command(self, moment: Moment) -> dict[str, Any] | None:
        """Return the shares that add up to the command and the path back to the picture."""
        tick = self.tick(moment)
        if tick is None:
            return None
        shares = shares_of(self.circuit, tick)
        inner = self.circuit.inner
        listed = [[int(inner.source[at]), _short(shares.synapses[at], 6)]
                  for at in np.flatnonzero(inner.target == 0)]
        sensory_effects, inner_effects = synapse_effects(
            self.circuit, moment.features, moment.before, moment.elapsed)
        path = self._path(sensory_effects, inner_effects)
        seen, covered = covered_features(self.policy, moment.picture(), moment.imu)
        regions = region_effects(self.circuit, seen, covered, moment.before, moment.elapsed)
        effects = feature_effects(self.circuit, moment.features, moment.before, moment.elapsed)
        return {
            'shares': sorted(listed, key=lambda row: -abs(row[1])), 'direct': _short(shares.sensory.sum(), 6),
            'rest': _short(shares.rest, 6), 'memory': _short(shares.memory, 6), 'bias': _short(shares.bias, 6),
            'clamp': _short(shares.clamp, 6), 'total': _short(shares.total, 6),
            'effects': [_short(value) for value in self._neuron_effects(moment)],
            'feature_effects': [_short(value) for value in effects],
            'path': path, 'regions': _rows(regions)}

    def _neuron_effects(self, moment: Moment) -> np.ndarray:
        return neuron_effects(self.circuit, moment.features, moment.before, moment.elapsed)

    def _path(self, sensory_effects: np.ndarray, inner_effects: np.ndarray) -> dict[str, list]:
        """Walk back from the motor neuron along the synapses without which the command would differ most.

        At each neuron, the strongest that make up four fifths of the effects of all its synapses, at most three.
        """
        sensory, inner = self.circuit.sensory, self.circuit.inner
        found: dict[str, list] = {'sensory': [], 'synapses': []}
        waiting, seen = [0], {0}
        while waiting:
            target = waiting.pop(0)
            onto = [(abs(inner_effects[at]), 'synapses', at) for at in np.flatnonzero(inner.target == target)]
            onto += [(abs(sensory_effects[at]), 'sensory', at) for at in np.flatnonzero(sensory.target == target)]
            for _, kind, at in _strongest(onto):
                found[kind].append([int(at), _short((sensory_effects if kind == 'sensory' else inner_effects)[at])])
                if kind == 'synapses' and inner.source[at] not in seen:
                    seen.add(inner.source[at])
                    waiting.append(inner.source[at])
        return found


def _strongest(synapses: list[tuple[float, str, int]]) -> list[tuple[float, str, int]]:
    ordered = sorted(synapses, reverse=True)
    total, taken, chosen = sum(row[0] for row in ordered), 0.0, []
    for row in ordered[:MOST_ON_A_PATH]:
        if row[0] <= 0.0 or taken >= PATH_SHARE * total:
            break
        taken += row[0]
        chosen.append(row)
    return chosen


def _by_matrix(synapses: list[list[int]]) -> list[list[int]]:
    """Return synapses in the order of the matrix, row by row, as the cells hold them."""
    return sorted(synapses, key=lambda synapse: (synapse[0], synapse[1]))


def _rows(values: np.ndarray) -> list[list[float]]:
    return [[_short(value) for value in row] for row in values]


def _short(value: float, digits: int = 4) -> float:
    return round(float(value), digits)
