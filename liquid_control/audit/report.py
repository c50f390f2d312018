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

"""The report of an audit: one HTML page that needs nothing but itself."""
import base64
import html
import math

import cv2
import numpy as np

from liquid_control.audit import figures
from liquid_control.audit.findings import Findings, Seen, effect_name
from liquid_control.audit.methods import METHODS
from liquid_control.audit.report_style import STYLE
from liquid_control.evaluation.episode import Drive
from liquid_control.evaluation.open_loop import OpenLoop
from liquid_control.simulation.track import Track

JPEG_QUALITY = 88
OVERLAY = 0.62
NEURONS_SHOWN = 64


def report_html(findings: Findings, track: Track | None, outcome: Drive | OpenLoop) -> str:
    """Return the page; ``outcome`` is how the drive went, or how far from the human the policy steered."""
    sections = [
        ('activity', 'What each neuron did', _activity(findings, track)),
        ('correlation', 'Neuron against command', _correlation(findings)),
        ('saliency', 'Where it looked', _saliency(findings)),
        ('ssim', 'Whether noise moves its gaze', _similarity(findings)),
        ('adapting', 'Time constants that adapt', _adapting(findings)),
        ('twins', 'A twin with fixed time constants', _twins(findings)),
        ('lipschitz', 'How abruptly a neuron can answer', _lipschitz(findings)),
        ('pca', 'How many dimensions it uses', _components(findings)),
        ('silencing', 'Silenced neurons, cut synapses', _silencing(findings)),
        ('stability', 'The ten least stable decisions', _stability(findings))]
    title = f'Audit of {html.escape(_short(findings.record.about.policy))}'
    contents = ''.join(f'<a href="#{name}">{heading}</a>' for name, heading, _ in sections)
    body = ''.join(_section(name, heading, content) for name, heading, content in sections)
    return (f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
            f'content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">'
            f'<title>{title}</title><style>{STYLE}</style></head><body><main><header><h1>{title}</h1>'
            f'{_summary(findings, outcome)}<nav>{contents}</nav></header>{body}<footer>All figures are in report.json '
            'and the recorded neurons in neurons.npz. This page loads nothing from anywhere.</footer></main></body>'
            '</html>')


def _summary(findings: Findings, outcome: Drive | OpenLoop) -> str:
    record, about = findings.record, findings.record.about
    facts = [('drive', html.escape(about.drive)), ('seconds', f'{record.time_s[-1]:.1f}'), ('ticks', str(len(record))),
             ('cell', about.cell.upper()), ('neurons', str(len(about.neurons)))]
    if isinstance(outcome, Drive):
        facts += [('outcome', outcome.ended), ('mean error', f'{1000.0 * outcome.mean_abs_lateral_m:.0f} mm')]
    else:
        facts += [('error to the human', f'{outcome.steering_mae:.3f}'), ('R²', f'{outcome.steering_r2:.2f}')]
    cards = ''.join(f'<div><dt>{name}</dt><dd>{value}</dd></div>' for name, value in facts)
    return f'<dl class="facts">{cards}</dl><p class="hash">SHA-256 {about.sha256}</p>'


def _section(name: str, heading: str, content: str) -> str:
    how, source = METHODS[name]
    return (f'<section id="{name}"><h2>{heading}</h2>{content}<details><summary>How it was computed</summary>'
            f'<p>{html.escape(how)}</p><p class="source">Source: {html.escape(source)}</p></details></section>')


def _activity(findings: Findings, track: Track | None) -> str:
    record = findings.record
    count = min(len(record.about.neurons), NEURONS_SHOWN)
    plots = ''.join(_plot(figures.activity(findings, track, neuron), record.about.neurons[neuron])
                    for neuron in range(count))
    path = ('Below, the same along the path on the track, each with its own scale.' if track is not None
            else 'Below, each with its own scale; this drive does not tell where the car was.')
    human = '' if np.isnan(record.human).any() else (
        '<p>What it would have steered, and what the human did:</p>'
        f'{_plot(figures.against_human(findings), "", "wide")}')
    return (f'{human}<p>The state of every neuron over time, each from its lowest (dark) to its highest (light). {path}'
            f'{_left_out(record)}</p>{_plot(figures.overview(findings), "", "wide")}<div class="grid">{plots}</div>')


def _correlation(findings: Findings) -> str:
    record = findings.record
    known = np.abs(np.nan_to_num(findings.correlation))
    first, second = (record.about.neurons[i] for i in np.argsort(-known)[[0, min(1, len(known) - 1)]])
    plots = ''.join(
        _plot(figures.scatter(findings, neuron), f'{record.about.neurons[neuron]}, '
              f'r = {_signed(findings.correlation[neuron])}') for neuron in range(min(len(known), NEURONS_SHOWN)))
    return (f'<p>{int((known > 0.5).sum())} of {len(known)} neurons go with the steering (|r| above 0.5), most closely '
            f'{first} and {second}.{_left_out(record)}</p><div class="grid">{plots}</div>')


def _saliency(findings: Findings) -> str:
    rows = ''.join(_look(seen, f'{findings.record.time_s[seen.tick]:.1f} s, steering '
                               f'{_degrees(findings.record.steering_rad[seen.tick])}') for seen in findings.saliency)
    return ('<p>Camera, VisualBackProp, input gradient, at moments spread over the drive. Bright is strong. What the '
            f'retina crops away cannot glow.{_surrogate(findings)}</p><div class="looks">{rows}</div>')


def _surrogate(findings: Findings) -> str:
    if findings.lipschitz_of_step is not None:
        return ''
    return (' A spike has no derivative: the input gradient is that of the smooth function with which the network '
            'learned in place of it.')


def _similarity(findings: Findings) -> str:
    found = findings.similarity
    return (f'<p>With noise in the picture, VisualBackProp keeps {found.visual_backprop.mean():.2f} of its structure '
            f'(lowest {found.visual_backprop.min():.2f}), the input gradient {found.input_gradients.mean():.2f} '
            f'(lowest {found.input_gradients.min():.2f}); 1 is no change.</p>'
            f'{_plot(figures.similarity(findings), "", "wide")}')


def _adapting(findings: Findings) -> str:
    if findings.adapting is None:
        return f'<p>The neurons of a {findings.record.about.cell.upper()} have no time constants.</p>'
    found, names = findings.adapting, findings.record.about.neurons
    most = int(np.argmax(found.swing))
    lights = ''.join(
        f'<tr><td>{name}</td><td>{100.0 * change.mean():.1f} %</td><td>{100.0 * change.max():.1f} % '
        f'({names[int(np.argmax(change))]})</td><td>{_degrees(steering)}</td></tr>'
        for name, (change, steering) in found.light.items())
    table = _table(('the drive under', 'mean change', 'largest change', 'steering changes by'), lights)
    return (f'<p>Shown is the {findings.meaning.name}: {html.escape(findings.meaning.how)}.</p>'
            f'<p>{names[most]} adapts most: its time constant changes by a factor of {found.swing[most]:.2f} along the '
            f'drive; the median neuron by {np.median(found.swing):.2f}.{_curves(findings)}{_light_and_dark(findings)}'
            f'</p><div class="pair">{_ranges(findings)}</div>'
            f'{_plot(figures.time_constants_over_time(findings), "the four that adapt most", "wide")}{table}')


def _ranges(findings: Findings) -> str:
    """Return the plots of the time constants by situation; of light and dark only where the drive has both."""
    plots = _plot(figures.time_constant_ranges(findings, ('left curve', 'straight', 'right curve')),
                  'curves and straights')
    if findings.adapting.groups['light'] is None or findings.adapting.groups['dark'] is None:
        return plots
    return plots + _plot(figures.time_constant_ranges(findings, ('light', 'dark')), 'light and dark pictures')


def _curves(findings: Findings) -> str:
    groups = findings.adapting.groups
    left, right = groups['left curve'], groups['right curve']
    if left is None or right is None:
        return ' The drive has too few ticks in curves to one side to compare both.'
    ratio = left / right
    neuron = int(np.argmax(np.abs(np.log(ratio))))
    return (f' Left against right curves: {findings.record.about.neurons[neuron]} has '
            f'{1e3 * left[neuron]:.3g} ms in the first and {1e3 * right[neuron]:.3g} ms in the second.')


def _light_and_dark(findings: Findings) -> str:
    light, dark = (findings.adapting.groups[name] for name in ('light', 'dark'))
    if light is None or dark is None:
        return ' Its pictures are too alike in brightness to compare light and dark.'
    change = np.abs(dark / light - 1.0)
    neuron = int(np.argmax(change))
    return (f' Between its light and its dark pictures they differ by {100.0 * change.mean():.0f} % '
            f'on average, most in {findings.record.about.neurons[neuron]} ({1e3 * light[neuron]:.3g} and '
            f'{1e3 * dark[neuron]:.3g} ms); what is dark on this drive may also be where it turns.')


def _twins(findings: Findings) -> str:
    if findings.twins is None:
        return '<p>Only an LTC has time constants that can be frozen in this way.</p>'
    record, twins = findings.record, findings.twins
    told = ' and '.join(
        f'{math.degrees(np.sqrt(((steering - record.steering_rad) ** 2).mean())):.2f}° ({kind})'
        for kind, steering in twins.steering.items())
    rows = ''.join(
        f'<tr><td>{lap.network}</td><td>{_light(lap.light)}</td><td>{lap.completed} of {lap.tracks}</td>'
        f'<td>{1000.0 * lap.mean_abs_lateral_m:.0f} mm</td></tr>' for lap in twins.laps)
    table = _table(('network', 'light', 'laps completed', 'mean error'), rows) if rows else ''
    quick = int((record.time_constant_s.mean(axis=0) < record.about.period_s).sum())
    return (f'<p>For the same input the twins steer {told} off the liquid network (root mean square). The first has '
            'its whole decay frozen, which also changes how strongly its inputs act; the second nothing but its pace. '
            f'{quick} of {len(record.about.neurons)} neurons have a mean time constant below one tick '
            f'({1e3 * record.about.period_s:.0f} ms): these have almost settled before the next picture comes, and '
            'their pace cannot matter much.</p>'
            f'{_plot(figures.twin_steering(findings), "", "wide")}{table}')


def _lipschitz(findings: Findings) -> str:
    names = findings.record.about.neurons
    if findings.lipschitz_of_step is None:
        fastest = int(np.argmax(findings.lipschitz_over_time))
        return ('<p>A spike jumps: one tick of this network is no continuous function of what it sees, and has no '
                f'Lipschitz constant. Over time, {names[fastest]} moves fastest, by '
                f'{findings.lipschitz_over_time[fastest]:.1f} a second; all are in report.json.</p>')
    rows = ''.join(f'<tr><td>{name}</td><td>{step:.2f}</td><td>{time:.2f}</td></tr>' for name, step, time in zip(
        names[:NEURONS_SHOWN], findings.lipschitz_of_step, findings.lipschitz_over_time, strict=False))
    table = _table(('neuron', 'of the step', 'over time (1/s)'), rows)
    return (f'<p>The most abrupt neuron is {names[int(np.argmax(findings.lipschitz_of_step))]}.</p><div class="pair">'
            f'{_plot(figures.lipschitz_bars(findings), "")}{table}</div>')


def _components(findings: Findings) -> str:
    rows = ''.join(
        f'<tr><td>{html.escape(name)}</td><td>{found.axes.shape[1]}</td><td>{found.needed(0.95)}</td>'
        f'<td>{found.participation:.2f}</td></tr>' for name, found in findings.components.items())
    table = _table(('network', 'states', 'components for 95 %', 'participation ratio'), rows)
    alone = '' if len(findings.components) > 1 else (
        '<p>No baseline was given; --baseline FILE adds LSTM, GRU or other policies on the same pictures.</p>')
    paths = ''.join(_plot(figures.component_paths(findings, name), html.escape(name)) for name in findings.components)
    return (f'{alone}{table}{_plot(figures.component_shares(findings), "", "wide")}'
            '<p>The states along their first two components; blue where the audited policy steers to the left, red to '
            f'the right.</p><div class="grid big">{paths}</div>')


def _silencing(findings: Findings) -> str:
    if findings.effects is None:
        return (f'<p>Not driven: the audit ran with --tracks 0, or the cell {findings.record.about.cell} is not wired '
                'synapse by synapse (LTC and CfC are).</p>')
    cut = [effect for effect in findings.effects if 'synapse' in effect.lesion.kind]
    intact = findings.effects[0]
    at_zero, at_mean = (_lost(findings, kind) for kind in ('neuron at 0', 'neuron at its mean'))
    harmless = sum(effect.completed == effect.tracks for effect in cut)
    return (f'<p>Intact, the network completes {intact.completed} of {intact.tracks} tracks, '
            f'{1000.0 * intact.mean_abs_lateral_m:.0f} mm from the centre line. It leaves a road with '
            f'{_listed(at_zero)} held at 0, and with {_listed(at_mean)} held at its mean; {harmless} of {len(cut)} '
            'synapses can be cut one at a time and every lap is still completed.</p><div class="pair">'
            f'{_plot(figures.silenced_neurons(findings), "silenced neurons")}'
            f'{_plot(figures.cut_synapses(findings, effect_labels(findings)), "synapses that matter most")}</div>'
            '<p class="source">Orange synapses: it left a road.</p>')


def _lost(findings: Findings, kind: str) -> list[str]:
    """Return the neurons with which silenced in that way the network left a road."""
    return [findings.record.about.neurons[effect.lesion.index] for effect in findings.effects
            if effect.lesion.kind == kind and effect.completed < effect.tracks]


def effect_labels(findings: Findings) -> list[str]:
    """Return what was silenced or cut, in words, for each effect."""
    sensory = [synapse for synapse in findings.synapses if synapse[0] == 'sensory synapse']
    inner = [synapse for synapse in findings.synapses if synapse[0] == 'synapse']
    return [effect_name(effect, sensory, inner, findings.record.about.neurons) for effect in findings.effects]


def _stability(findings: Findings) -> str:
    record = findings.record
    rows = ''.join(
        _look(seen, f'<b>{place}</b> {record.time_s[seen.tick]:.1f} s, steering '
                    f'{_degrees(record.steering_rad[seen.tick])} ± {_degrees(findings.spread[seen.tick])}')
        for place, seen in enumerate(findings.moments, start=1))
    mean, limit = float(findings.spread.mean()), record.about.max_steering_rad
    return (f'<p>A little noise spreads the steering by {_degrees(mean)} on average, {100.0 * mean / limit:.1f} % of '
            f'its limit, and by {_degrees(findings.spread.max())} at most.</p>'
            f'{_plot(figures.spread_over_time(findings), "", "wide")}<div class="looks">{rows}</div>')


def _look(seen: Seen, caption: str) -> str:
    pictures = seen.picture, overlaid(seen.picture, seen.visual_backprop), overlaid(seen.picture, seen.input_gradient)
    names = 'camera', 'VisualBackProp', 'input gradient'
    images = ''.join(f'<img src="{_jpeg(picture)}" alt="{name}" loading="lazy">'
                     for picture, name in zip(pictures, names, strict=True))
    return f'<figure class="look"><div>{images}</div><figcaption>{caption}</figcaption></figure>'


def overlaid(picture: np.ndarray, saliency: np.ndarray) -> np.ndarray:
    """Return a picture uint8 (H, W, 3), dimmed and grey, with a map (H, W) in 0..1 glowing on it."""
    grey = np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2) * 0.6
    glow = cv2.applyColorMap(np.rint(255.0 * saliency).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    share = OVERLAY * np.sqrt(saliency)[..., None]
    return np.clip(grey * (1.0 - share) + glow * share * 1.4, 0, 255).astype(np.uint8)


def _jpeg(picture: np.ndarray) -> str:
    _, data = cv2.imencode('.jpg', np.ascontiguousarray(picture[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return 'data:image/jpeg;base64,' + base64.b64encode(data.tobytes()).decode()


def _plot(drawing: str, caption: str, kind: str = '') -> str:
    below = f'<figcaption>{caption}</figcaption>' if caption else ''
    return f'<figure class="plot {kind}">{drawing}{below}</figure>'


def _table(columns: tuple[str, ...], rows: str) -> str:
    head = ''.join(f'<th>{column}</th>' for column in columns)
    return f'<div class="table"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _left_out(record) -> str:
    rest = len(record.about.neurons) - NEURONS_SHOWN
    return f' The first {NEURONS_SHOWN} are drawn; all are in report.json.' if rest > 0 else ''


def _light(light: float) -> str:
    return 'as it is' if light == 1.0 else f'{light:g} of it'


def _listed(names: list[str]) -> str:
    return 'no neuron' if not names else ' or '.join((', '.join(names[:-1]), names[-1]) if names[1:] else names)


def _short(path: str) -> str:
    return path.rsplit('/', 1)[-1]


def _signed(value: float) -> str:
    return f'{value:+.2f}' if math.isfinite(value) else 'none'


def _degrees(radians: float) -> str:
    return f'{math.degrees(radians):.1f}°'
