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

"""Everything that an audit finds out about a policy on one drive."""
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from liquid_control.audit import adapting, lipschitz, stability, time_constants, twin_study
from liquid_control.audit.correlation import correlations
from liquid_control.audit.fleet_drive import Course
from liquid_control.audit.lesions import all_lesions, can_be_lesioned, synapses
from liquid_control.audit.methods import METHODS
from liquid_control.audit.neuron_record import About, NeuronRecord
from liquid_control.audit.pca import Components, principal_components
from liquid_control.audit.recorder import neuron_names, replay
from liquid_control.audit.saliency import input_gradients, visual_backprop_maps
from liquid_control.audit.silencing import Effect, drive_lesions
from liquid_control.audit.situations import by_light, by_steering, median_by_group
from liquid_control.audit.similarity import Similarity, saliency_under_noise
from liquid_control.audit.twin_study import TwinLaps
from liquid_control.liquid.ltc import LTCCell
from liquid_control.policy.driving_policy import DrivingPolicy

SALIENCY_MOMENTS = 6
DARK = 0.3


@dataclass(frozen=True)
class Seen:
    """A picture of the drive with both kinds of saliency, maps float32 (H, W) in 0..1."""

    tick: int
    picture: np.ndarray
    visual_backprop: np.ndarray
    input_gradient: np.ndarray


@dataclass(frozen=True)
class Adapting:
    """How the time constants follow the input; arrays (U,) of s or factors, one for each neuron.

    :param groups: name of a situation, see ``situations`` -> median time constant in s, None where too few ticks are.
    :param ticks: how many ticks each group has.
    :param light: name of the light -> (change of the time constants, mean change of the steering in rad).
    """

    swing: np.ndarray
    groups: dict[str, np.ndarray | None]
    ticks: dict[str, int]
    light: dict[str, tuple[np.ndarray, float]]


@dataclass(frozen=True)
class Twins:
    """What the twins do: their steering (T,) rad on the same input, and their laps."""

    steering: dict[str, np.ndarray]
    laps: list[TwinLaps]


@dataclass(frozen=True)
class Findings:
    """All figures of an audit; None where the policy's cell has no such thing, or where it was not asked for.

    :param correlation, lipschitz_over_time, lipschitz_of_step: (S,), in the order of the record's neurons.
    :param components: name of a policy -> principal components of its state; the audited one first.
    :param spread: (T,) rad; ``moments``: the least stable ones, worst first, ``saliency``: some along the drive.
    """

    record: NeuronRecord
    meaning: time_constants.Meaning | None
    correlation: np.ndarray
    lipschitz_over_time: np.ndarray
    lipschitz_of_step: np.ndarray | None
    components: dict[str, Components]
    saliency: list[Seen]
    similarity: Similarity
    spread: np.ndarray
    moments: list[Seen]
    effects: list[Effect] | None
    synapses: list[tuple[str, int, int]] | None
    adapting: Adapting | None
    twins: Twins | None


def examine(policy: DrivingPolicy, record: NeuronRecord, pictures: np.ndarray,
            baselines: dict[str, DrivingPolicy], course: Course | None, dark_course: Course | None,
            start: Callable[[str, float], Callable[[float], None]]) -> Findings:
    """Find out everything about a policy from its record and the pictures (T, H, W, 3) it answered.

    :param baselines: name -> policy to compare principal components with.
    :param course: tracks for the closed-loop parts, which are left out for None; ``dark_course``: the same, darker.
    :param start: called with a title and a number of steps before each long part; returns what counts its steps.
    """
    ticks = len(record)
    similarity = saliency_under_noise(
        policy, record, pictures, on_tick=start('Comparing saliency', min(ticks, 300)))
    spread = stability.steering_spread(policy, record, pictures, on_tick=start('Disturbing pictures', ticks))
    along = np.unique(np.linspace(0, ticks - 1, SALIENCY_MOMENTS + 2).round().astype(int))[1:-1]
    worst = stability.least_stable(spread, record.time_s)
    network, lesionable = policy.network, course is not None and can_be_lesioned(policy.network)
    return Findings(
        record, time_constants.meaning(network), correlations(record.states, record.steering_rad),
        lipschitz.over_time(record.states, record.time_s, record.sequence),
        None if lipschitz.jumps(network) else lipschitz.of_the_step(
            network, record.features, record.before, record.elapsed).max(axis=0),
        _components(record, pictures, baselines, start), _look(policy, record, pictures, along.tolist()), similarity,
        spread, _look(policy, record, pictures, worst),
        _lesions(policy, record, course, start) if lesionable else None, synapses(network) if lesionable else None,
        _adapting(policy, record, pictures, start) if record.time_constant_s.size else None,
        _twins(policy, record, course, dark_course, start) if isinstance(network, LTCCell) else None)


def _look(policy: DrivingPolicy, record: NeuronRecord, pictures: np.ndarray, ticks: list[int]) -> list[Seen]:
    if not ticks:
        return []
    shown = pictures[ticks]
    by_head = visual_backprop_maps(policy, shown)
    by_pixel = input_gradients(policy, shown, record.imu[ticks], record.elapsed[ticks], record.before[ticks])
    return [Seen(*parts) for parts in zip(ticks, shown, by_head, by_pixel, strict=True)]


def _components(record: NeuronRecord, pictures: np.ndarray, baselines: dict[str, DrivingPolicy],
                start: Callable) -> dict[str, Components]:
    found = {f'{record.about.cell.upper()}, {len(record.about.neurons)} (this policy)':
             principal_components(record.states)}
    for name, baseline in baselines.items():
        states = replay(baseline, _about(baseline, name, record), record, pictures,
                        _each(start(f'Running {name}', len(record)))).states
        if states.shape[1]:
            found[name] = principal_components(states)
    return found


def _lesions(policy: DrivingPolicy, record: NeuronRecord, course: Course, start: Callable) -> list[Effect]:
    lesions = all_lesions(policy.network, record.states.mean(axis=0, dtype=np.float64).tolist())
    return drive_lesions(policy, course, lesions, _until(start('Silencing neurons, cutting synapses', 1.0)))


def _adapting(policy: DrivingPolicy, record: NeuronRecord, pictures: np.ndarray, start: Callable) -> Adapting:
    taus, light = record.time_constant_s, {}
    advance = start('Changing the light', len(adapting.LIGHTS))
    for condition in adapting.LIGHTS:
        other = adapting.in_another_light(policy, record.about, record, pictures, condition)
        change = adapting.change_of_time_constants(record, other)
        light[str(condition)] = change, float(np.abs(other.steering_rad - record.steering_rad).mean())
        advance(1)
    groups = by_steering(record.steering_rad, record.about.max_steering_rad) | by_light(record.brightness)
    counts = {name: int(ticks.sum()) for name, ticks in groups.items()}
    return Adapting(adapting.swing(taus), median_by_group(taus, groups), counts, light)


def _twins(policy: DrivingPolicy, record: NeuronRecord, course: Course | None, dark_course: Course | None,
           start: Callable) -> Twins:
    twins = twin_study.twins_of(policy, record)
    steering = {kind: twin_study.steering_on_the_same_input(policy, twin, record) for kind, twin in twins.items()}
    if course is None:
        return Twins(steering, [])
    courses = {1.0: course, DARK: dark_course}
    return Twins(steering, twin_study.laps_of_twins(policy, twins, courses, _until(start('Driving the twins', 1.0))))


def _until(advance: Callable[[float], None]) -> Callable[[float], None]:
    """Return a function that takes how much is done and counts what is new."""
    done = [0.0]

    def update(part: float) -> None:
        advance(part - done[0])
        done[0] = part
    return update


def _each(advance: Callable[[float], None]) -> Callable[[int], None]:
    """Return a function that counts one step, whatever the tick."""
    return lambda _tick: advance(1)


def _about(policy: DrivingPolicy, name: str, record: NeuronRecord) -> About:
    return About(name, '', record.about.drive, policy.spec.cell, neuron_names(policy), policy.spec.period_s,
                 policy.spec.max_steering_rad)


def as_json(findings: Findings) -> dict:
    """Return every figure as JSON, each part with how it was computed and the source."""
    record = findings.record
    parts = {
        'drive': {**asdict(record.about), 'ticks': len(record), 'seconds': float(record.time_s[-1])},
        'neurons': _neurons(findings),
        'correlation': {}, 'lipschitz': {},
        'ssim': _similarity(findings.similarity),
        'pca': [{'policy': name, 'shares': _numbers(found.shares), 'needed_for_95': found.needed(0.95),
                 'participation_ratio': found.participation} for name, found in findings.components.items()],
        'stability': {'mean_sd_rad': float(findings.spread.mean()), 'moments': [
            {'tick': seen.tick, 'time_s': float(record.time_s[seen.tick]), 'sd_rad': float(findings.spread[seen.tick]),
             'steering_rad': float(record.steering_rad[seen.tick])} for seen in findings.moments]},
        'silencing': None if findings.effects is None else _effects(findings),
        'adapting': None if findings.adapting is None else _light(findings.adapting),
        'twins': None if findings.twins is None else {
            'steering_rms_difference_rad': {
                kind: float(np.sqrt(((steering - record.steering_rad) ** 2).mean()))
                for kind, steering in findings.twins.steering.items()},
            'laps': [asdict(lap) for lap in findings.twins.laps]}}
    parts['methods'] = {name: {'how': how, 'source': source} for name, (how, source) in METHODS.items()}
    if findings.meaning is not None:
        parts['methods']['time constants'] = {'how': findings.meaning.how, 'source': findings.meaning.name}
    return parts


def _neurons(findings: Findings) -> list[dict]:
    record, rows = findings.record, []
    columns = {
        'correlation': findings.correlation, 'mean': record.states.mean(0), 'sd': record.states.std(0),
        'min': record.states.min(0), 'max': record.states.max(0), 'lipschitz_per_s': findings.lipschitz_over_time}
    if findings.lipschitz_of_step is not None:
        columns['lipschitz_of_step'] = findings.lipschitz_of_step
    for neuron, name in enumerate(record.about.neurons):
        row = {'name': name, **{key: _number(values[neuron]) for key, values in columns.items()}}
        if findings.adapting is not None:
            taus = record.time_constant_s[:, neuron]
            row['time_constant_s'] = {
                'mean': _number(taus.mean()), 'min': _number(taus.min()), 'max': _number(taus.max()),
                'swing': _number(findings.adapting.swing[neuron]),
                **{group: None if means is None else _number(means[neuron])
                   for group, means in findings.adapting.groups.items()}}
        rows.append(row)
    return rows


def _similarity(similarity: Similarity) -> dict:
    return {'ticks': len(similarity.ticks), **{
        name: {'mean': float(values.mean()), 'p5': float(np.percentile(values, 5.0)), 'min': float(values.min())}
        for name, values in (('visual_backprop', similarity.visual_backprop),
                             ('input_gradients', similarity.input_gradients))}}


def _effects(findings: Findings) -> list[dict]:
    rows = []
    inner = [synapse for synapse in findings.synapses if synapse[0] == 'synapse']
    sensory = [synapse for synapse in findings.synapses if synapse[0] == 'sensory synapse']
    names = findings.record.about.neurons
    for effect in findings.effects:
        row = {**asdict(effect), 'lesion': effect.lesion.kind, 'name': effect_name(effect, sensory, inner, names)}
        rows.append(row)
    return rows


def effect_name(effect: Effect, sensory: list[tuple[str, int, int]], inner: list[tuple[str, int, int]],
                names: list[str]) -> str:
    """Return what was silenced or cut, in words."""
    lesion = effect.lesion
    if lesion.kind == 'none':
        return 'intact'
    if lesion.holds:
        return names[lesion.index]
    _, source, target = (sensory if lesion.kind == 'sensory synapse' else inner)[lesion.index]
    return f"{f'feature {source}' if lesion.kind == 'sensory synapse' else names[source]} to {names[target]}"


def _light(found: Adapting) -> dict:
    return {'ticks': found.ticks} | {
        name: {'time_constant_change': _numbers(change), 'mean_steering_change_rad': steering}
        for name, (change, steering) in found.light.items()}


def _numbers(values: np.ndarray) -> list[float | None]:
    return [_number(value) for value in values]


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
