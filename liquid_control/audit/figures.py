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

"""The plots of an audit as SVG that takes the colours of the page it stands in."""
import io

import numpy as np

from liquid_control.audit.findings import Findings
from liquid_control.audit.neuron_record import NeuronRecord
from liquid_control.errors import InputError
from liquid_control.simulation.track import Track

INK, FAINT = '#010203', '#010204'
ON_PAGE = {INK: 'currentColor', FAINT: 'var(--line)'}
"""Colours that the page replaces."""
BLUE, ORANGE, GREEN, VIOLET, GREY = '#4a8fd4', '#e0803a', '#2a9d8f', '#9b78d1', '#8a8f98'
WIDE, SMALL = (4.6, 2.7), (1.9, 1.75)
DPI = 150
SHOWN_LESIONS = 20
SMALL_MARGINS = 0.24, 0.24, 0.97, 0.97
TRACK_HEIGHTS = 0.8, 1.9
GROUP_MARKS = {'left curve': (BLUE, '<'), 'straight': (INK, '|'), 'right curve': (ORANGE, '>'),
               'light': (ORANGE, 'o'), 'dark': (BLUE, 's')}


def new_figure(size: tuple[float, float], **axes_options):
    """Return a matplotlib figure of a size in inches and its axes, in the colours of the page.

    :raises InputError: if matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError(f"the report needs '{error.name}'; pip install 'liquid_control[video]'") from error
    small = size[0] <= SMALL[0]
    figure = Figure(figsize=size, dpi=DPI, layout=None if small else 'constrained')
    if small:  # a layout found anew for each of dozens of these takes half of their time
        figure.subplots_adjust(*SMALL_MARGINS)
    axes = figure.add_subplot(**axes_options)
    axes.patch.set_alpha(0.0)
    axes.tick_params(colors=INK, labelsize=8, length=2.5, width=0.6)
    for name, spine in axes.spines.items():
        spine.set_visible(name in ('left', 'bottom'))
        spine.set_color(FAINT)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(INK)
        label.set_size(8.5)
    return figure, axes


def svg(figure) -> str:
    """Return a figure as an SVG element for a page."""
    import matplotlib
    with matplotlib.rc_context({'svg.fonttype': 'none', 'font.family': 'sans-serif', 'svg.hashsalt': 'liquid_control'}):
        text = io.StringIO()
        figure.savefig(text, format='svg', transparent=True, metadata={'Date': None, 'Creator': None})
    drawing = text.getvalue()
    drawing = drawing[drawing.index('<svg'):]
    for colour, name in ON_PAGE.items():
        drawing = drawing.replace(colour, name)
    return drawing


def with_gaps(record: NeuronRecord, values: np.ndarray,
              ticks: np.ndarray | slice = slice(None)) -> tuple[np.ndarray, np.ndarray]:
    """Return times and values (T, ...) with NaN one period after each stretch ends, so that no line spans a gap.

    :param ticks: those that ``values`` has; all by default.
    """
    time, sequence = record.time_s[ticks], record.sequence[ticks]
    ends = np.flatnonzero(np.diff(sequence))
    gaps = np.insert(time, ends + 1, time[ends] + record.about.period_s)
    return gaps, np.insert(values.astype(np.float64), ends + 1, np.nan, axis=0)


def against_human(findings: Findings) -> str:
    """Draw the policy's steering and the human's over the whole drive, 1 the limit to the left."""
    record = findings.record
    figure, axes = new_figure(WIDE, xlabel='time (s)', ylabel='steering, 1 = limit')
    lines = ('human', record.human, GREY, 2.0), (
        'policy', record.steering_rad / record.about.max_steering_rad, ORANGE, 0.8)
    for name, values, colour, width in lines:
        axes.plot(*with_gaps(record, values), color=colour, linewidth=width, label=name, rasterized=True)
    _legend(axes, loc='upper center', bbox_to_anchor=(0.5, 1.18), ncols=2)
    return svg(figure)


def activity(findings: Findings, track: Track | None, neuron: int) -> str:
    """Draw a neuron's state along the path on the track; over time where the drive does not tell the path."""
    record = findings.record
    values = record.states[:, neuron]
    if track is None:
        figure, axes = new_figure(SMALL, xlabel='time (s)')
        axes.plot(*with_gaps(record, values), color=BLUE, linewidth=0.6, rasterized=True)
        return svg(figure)
    wide, high = np.ptp(track.centre, axis=0) + 1.0
    figure, axes = new_figure((SMALL[0], float(np.clip(1.45 * high / wide, *TRACK_HEIGHTS))), aspect='equal')
    axes.set_axis_off()
    axes.set_position((0.0, 0.0, 0.74, 1.0))
    _road(axes, track)
    dots = axes.scatter(record.x_m, record.y_m, c=values, cmap=_glow(), s=5, linewidth=0, rasterized=True)
    bar = figure.colorbar(dots, cax=figure.add_axes((0.77, 0.1, 0.04, 0.8)))
    bar.ax.tick_params(colors=INK, labelsize=7, length=2, width=0.5)
    bar.outline.set_visible(False)
    return svg(figure)


def scatter(findings: Findings, neuron: int) -> str:
    """Draw a neuron's state against the steering."""
    record = findings.record
    figure, axes = new_figure(SMALL, xlabel='steering (rad)')
    axes.scatter(record.steering_rad, record.states[:, neuron], s=3, color=BLUE, alpha=0.35, linewidth=0,
                 rasterized=True)
    return svg(figure)


def overview(findings: Findings) -> str:
    """Draw all neurons over time, each scaled to its own range."""
    record = findings.record
    count = len(record.about.neurons)
    figure, axes = new_figure((4.6, 0.9 + 0.16 * min(count, 40)), xlabel='time (s)')
    states = record.states
    spread = np.maximum(states.max(0) - states.min(0), 1e-9)
    time, shares = with_gaps(record, (states - states.min(0)) / spread)
    edges = np.concatenate((time, [time[-1] + record.about.period_s]))
    axes.pcolormesh(edges, np.arange(count + 1), np.ma.masked_invalid(shares).T, cmap=_glow(), rasterized=True)
    axes.set_ylim(count, 0)
    if count <= 40:
        axes.set_yticks(np.arange(count) + 0.5, record.about.neurons, fontsize=7)
    return svg(figure)


def time_constant_ranges(findings: Findings, groups: tuple[str, ...]) -> str:
    """Draw each neuron's time constants: the middle 90 % as a line, a mark for the median of each of GROUP_MARKS."""
    record = findings.record
    names, taus = record.about.neurons, 1e3 * record.time_constant_s
    figure, axes = new_figure((4.6, 0.9 + 0.17 * len(names)), xscale='log', xlabel='time constant (ms)')
    low, high = np.percentile(taus, (5.0, 95.0), axis=0)
    rows = np.arange(len(names))
    axes.hlines(rows, low, high, color=GREY, linewidth=3.5, alpha=0.45)
    for group in groups:
        medians, (colour, marker) = findings.adapting.groups[group], GROUP_MARKS[group]
        if medians is not None:
            axes.plot(1e3 * medians, rows, linestyle='', marker=marker, color=colour, markersize=4.5, label=group)
    axes.axvline(1e3 * record.about.period_s, color=FAINT, linewidth=0.8)
    axes.annotate('one tick', (1e3 * record.about.period_s, -0.9), fontsize=7, color=INK, ha='center',
                  annotation_clip=False)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_yticks(rows, names, fontsize=7)
    _legend(axes, loc='upper center', bbox_to_anchor=(0.4, -0.1), ncols=3)
    return svg(figure)


def time_constants_over_time(findings: Findings, count: int = 4) -> str:
    """Draw the time constants of the neurons that adapt most, relative to their mean, over the steering."""
    record = findings.record
    figure, axes = new_figure(WIDE, xlabel='time (s)', ylabel='time constant / its mean')
    most = np.argsort(-findings.adapting.swing)[:count]
    for neuron, colour in zip(most, (BLUE, ORANGE, GREEN, VIOLET), strict=False):
        taus = record.time_constant_s[:, neuron]
        axes.plot(*with_gaps(record, taus / taus.mean()), color=colour, linewidth=1.0,
                  label=record.about.neurons[neuron], rasterized=True)
    turning = _steering_behind(axes, record)
    turning.set_ylabel('steering (rad), grey', fontsize=8.5, color=INK)
    _legend(axes, loc='upper center', bbox_to_anchor=(0.5, 1.2), ncols=4)
    return svg(figure)


def similarity(findings: Findings) -> str:
    """Draw the structural similarity along the drive."""
    found, record = findings.similarity, findings.record
    figure, axes = new_figure(WIDE, xlabel='time (s)', ylabel='structural similarity')
    for name, values, colour in (('VisualBackProp', found.visual_backprop, BLUE),
                                 ('input gradients', found.input_gradients, ORANGE)):
        axes.plot(*with_gaps(record, values, found.ticks), color=colour, linewidth=1.0, label=name)
    axes.set_ylim(min(0.0, float(found.input_gradients.min())), 1.02)
    _legend(axes, loc='upper center', bbox_to_anchor=(0.5, 1.18), ncols=2)
    return svg(figure)


def lipschitz_bars(findings: Findings) -> str:
    """Draw the largest local Lipschitz constant of the step of each neuron."""
    names, values = findings.record.about.neurons, findings.lipschitz_of_step
    shown = np.argsort(-values)[:40] if len(names) > 40 else np.arange(len(names))
    figure, axes = new_figure((4.6, 0.7 + 0.17 * len(shown)), xlabel='largest local Lipschitz constant of a tick')
    axes.barh(np.arange(len(shown)), values[shown], color=BLUE, height=0.7)
    axes.set_yticks(np.arange(len(shown)), [names[neuron] for neuron in shown], fontsize=7)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    return svg(figure)


def component_shares(findings: Findings) -> str:
    """Draw how much of the variance the first components explain, of the policy and the baselines."""
    figure, axes = new_figure(WIDE, xlabel='principal components', ylabel='explained variance')
    for (name, found), colour in zip(findings.components.items(), (BLUE, ORANGE, GREEN, VIOLET) * 3, strict=False):
        shares = np.cumsum(found.shares)[:12]
        axes.plot(np.arange(1, len(shares) + 1), shares, marker='o', markersize=3, linewidth=1.2, color=colour,
                  label=name)
    axes.axhline(0.95, color=FAINT, linewidth=0.8)
    axes.set_ylim(None, 1.01)
    _legend(axes, loc='lower right')
    return svg(figure)


def component_paths(findings: Findings, name: str) -> str:
    """Draw the state of a network along its first two components, coloured by the audited policy's steering."""
    found, record = findings.components[name], findings.record
    figure, axes = new_figure((2.3, 2.2), xlabel='component 1', ylabel='component 2')
    if found.scores.shape[1] > 1:
        limit = np.abs(record.steering_rad).max() or 1.0
        axes.scatter(found.scores[:, 0], found.scores[:, 1], c=record.steering_rad, cmap='coolwarm_r', vmin=-limit,
                     vmax=limit, s=5, linewidth=0, rasterized=True)
    return svg(figure)


def silenced_neurons(findings: Findings) -> str:
    """Draw how far the drive changes with each neuron held at 0 and at its mean."""
    names = findings.record.about.neurons
    figure, axes = new_figure((4.6, 1.0 + 0.2 * len(names)), xscale='log', xlabel='change of the drive (m)')
    for kind, offset, colour in ('neuron at 0', -0.2, BLUE), ('neuron at its mean', 0.2, ORANGE):
        effects = [effect for effect in findings.effects if effect.lesion.kind == kind]
        rows = np.array([effect.lesion.index for effect in effects]) + offset
        changes = np.array([max(effect.change_m, 1e-4) for effect in effects])
        axes.hlines(rows, 1e-4, changes, color=colour, linewidth=2.0, alpha=0.6)
        lost = np.array([effect.completed < effect.tracks for effect in effects])
        axes.plot(changes[~lost], rows[~lost], 'o', color=colour, markersize=3.5, label=kind)
        axes.plot(changes[lost], rows[lost], 'X', color=colour, markersize=6)
    axes.plot([], [], 'X', color=INK, markersize=6, linestyle='', label='left the road')
    axes.set_yticks(np.arange(len(names)), names, fontsize=7)
    axes.set_ylim(len(names) - 0.3, -0.7)
    axes.set_xlim(1e-4, None)
    _legend(axes, loc='upper center', bbox_to_anchor=(0.4, -0.1), ncols=3)
    return svg(figure)


def cut_synapses(findings: Findings, labels: list[str]) -> str:
    """Draw the synapses whose cut changes the drive most; ``labels`` name all effects of the findings."""
    cut = [(effect, label) for effect, label in zip(findings.effects, labels, strict=True)
           if 'synapse' in effect.lesion.kind]
    cut.sort(key=lambda pair: -pair[0].change_m)
    shown = cut[:SHOWN_LESIONS]
    figure, axes = new_figure((4.6, 0.7 + 0.18 * len(shown)), xlabel='change of the drive (m)')
    colours = [ORANGE if effect.completed < effect.tracks else BLUE for effect, _ in shown]
    axes.barh(np.arange(len(shown)), [effect.change_m for effect, _ in shown], color=colours, height=0.7)
    axes.set_yticks(np.arange(len(shown)), [label for _, label in shown], fontsize=7)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    return svg(figure)


def spread_over_time(findings: Findings) -> str:
    """Draw the spread of the steering under noise, and the ten least stable moments."""
    record = findings.record
    figure, axes = new_figure(WIDE, xlabel='time (s)', ylabel='spread of steering (rad)')
    axes.plot(*with_gaps(record, findings.spread), color=BLUE, linewidth=0.8, rasterized=True)
    for place, seen in enumerate(findings.moments, start=1):
        point = record.time_s[seen.tick], findings.spread[seen.tick]
        axes.plot(*point, 'o', color=ORANGE, markersize=4)
        axes.annotate(str(place), point, xytext=(0, 4), textcoords='offset points', fontsize=8, color=INK, ha='center')
    axes.set_ylim(0.0, 1.12 * float(findings.spread.max()))
    return svg(figure)


def twin_steering(findings: Findings, seconds: float = 20.0) -> str:
    """Draw the steering of the network and of its twins for the same input, 20 seconds of the longest stretch."""
    record = findings.record
    first = record.time_s[np.flatnonzero(record.sequence == np.bincount(record.sequence).argmax())[0]]
    figure, axes = new_figure(WIDE, xlabel='time (s)', ylabel='steering (rad)')
    lines = {'liquid': record.steering_rad, **findings.twins.steering}
    for (name, steering), (colour, width) in zip(lines.items(), ((GREY, 3.0), (ORANGE, 0.9), (BLUE, 0.9)), strict=True):
        time, values = with_gaps(record, steering)
        shown = (time >= first) & (time <= first + seconds)
        axes.plot(time[shown], values[shown], color=colour, linewidth=width, label=name)
    _legend(axes, loc='upper center', bbox_to_anchor=(0.5, 1.18), ncols=3)
    return svg(figure)


def _glow():
    """Return a scale of colours whose ends stand out on white and on black."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap
    return ListedColormap(colormaps['plasma'](np.linspace(0.18, 0.93, 256)))


def _steering_behind(axes, record):
    behind = axes.twinx()
    behind.patch.set_alpha(0.0)
    behind.fill_between(*with_gaps(record, record.steering_rad), color=GREY, alpha=0.25, linewidth=0, rasterized=True)
    behind.tick_params(colors=INK, labelsize=8, length=2.5, width=0.6)
    for spine in behind.spines.values():
        spine.set_visible(False)
    return behind


def _road(axes, track: Track) -> None:
    left = track.centre + track.normal * track.half_width_left[:, None]
    right = track.centre - track.normal * track.half_width_right[:, None]
    for edge in left, right:
        axes.plot(*np.vstack((edge, edge[:1]))[::4].T, color=FAINT, linewidth=0.7, rasterized=False)


def _legend(axes, **options) -> None:
    axes.legend(frameon=False, fontsize=7.5, labelcolor=INK, handlelength=1.4, columnspacing=1.2, **options)
