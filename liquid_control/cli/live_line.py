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

"""A drive while it happens: a panel on a terminal, plain lines elsewhere."""
import math
import time

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from liquid_control.evaluation.watch import Watch

BARS = '▁▂▃▄▅▆▇█'
GAUGE_CELLS = 21
REFRESH_S = 0.1
LINE_EVERY_S = 2.0


class LiveLine:
    """Shows a ``Watch``; call ``show`` often, it draws when something is due.

    :param max_steering_rad: full scale of the steering gauge.
    :param half_width_m: full scale of the lateral gauge.
    """

    def __init__(self, console: Console, watch: Watch, max_steering_rad: float, half_width_m: float) -> None:
        self._console, self._watch = console, watch
        self._max_steering_rad, self._half_width_m = max_steering_rad, half_width_m
        self._live = Live(console=console, auto_refresh=False, transient=False) if console.is_terminal else None
        self._every_s = REFRESH_S if self._live else LINE_EVERY_S
        self._next_s = 0.0
        self._last_words = ''

    def __enter__(self) -> 'LiveLine':
        if self._live:
            self._live.start()
        return self

    def __exit__(self, kind, error, trace) -> None:
        if self._live:
            self._live.stop()

    def show(self, last: bool = False) -> None:
        """Draw if it is time to, or if this is the last time."""
        now = time.monotonic()
        if now < self._next_s and not last:
            return
        self._next_s = now + self._every_s
        if self._live:
            self._live.update(self._panel(), refresh=True)
            return
        words = self._words()
        if words != self._last_words:
            self._console.print(words, markup=False, highlight=False, soft_wrap=True)
        self._last_words = words

    def _words(self) -> str:
        watch, record = self._watch, self._watch.record
        if not record.sightings or not record.commands:
            return f'waiting for the drive node{": " + watch.diagnosis if watch.diagnosis else ""}'
        seen, command = record.sightings[-1], record.commands[-1]
        return (f'lap {_lap(watch)}/{watch.laps} {100 * watch.lap_progress:3.0f} %  {record.seconds():5.1f} s  '
                f'{seen.speed_mps:4.2f} m/s  steering {math.degrees(command.steering_rad):+5.1f} deg  '
                f'{1000 * seen.lateral_m:+4.0f} mm off centre  {_rate_and_latency(watch)}')

    def _panel(self) -> Panel:
        watch, record = self._watch, self._watch.record
        if not record.sightings or not record.commands:
            dots = '.' * (1 + int(2 * time.monotonic()) % 3)
            return Panel(Text(f'{self._words()} {dots}'), title='liquid-control drive', border_style='yellow')
        seen, command = record.sightings[-1], record.commands[-1]
        grid = Table.grid(padding=(0, 2))
        grid.add_row(
            Text(f'lap {_lap(watch)}/{watch.laps}', style='bold'),
            ProgressBar(total=1.0, completed=watch.lap_progress, width=GAUGE_CELLS),
            f'{100 * watch.lap_progress:3.0f} %', f'{record.seconds():6.1f} s   {seen.speed_mps:4.2f} m/s')
        grid.add_row(
            'steering', _gauge(command.steering_rad / self._max_steering_rad, 'green'),
            f'{math.degrees(command.steering_rad):+5.1f}°', _rate_and_latency(watch))
        grid.add_row(
            'off centre', _gauge(seen.lateral_m / self._half_width_m, 'cyan'), f'{1000 * seen.lateral_m:+5.0f} mm',
            watch.diagnosis)
        parts = [grid] + ([_neurons(watch.neurons)] if watch.neurons else [])
        style = 'red' if watch.diagnosis else 'green'
        return Panel(Group(*parts), title='liquid-control drive', border_style=style, expand=False)


def _lap(watch: Watch) -> int:
    return min(watch.laps_done + 1, watch.laps)


def _rate_and_latency(watch: Watch) -> str:
    """Return the rate and the median latency of the last second's commands."""
    published = [command.published_s for command in watch.record.commands[-30:]]
    recent = sorted(watch.record.latencies_s[-30:])
    rate = f'{(len(published) - 1) / (published[-1] - published[0]):4.1f} Hz' if published[-1] > published[0] else ''
    return f'{rate}  {1000 * recent[len(recent) // 2]:4.1f} ms' if recent else rate


def _gauge(fraction: float, style: str) -> Text:
    """Return a scale with a mark; 1 is the left end, because positive is to the left."""
    half = GAUGE_CELLS // 2
    place = half - round(half * max(-1.0, min(1.0, fraction)))
    gauge = Text('─' * half + '┼' + '─' * half, style='dim')
    gauge.plain = gauge.plain[:place] + '●' + gauge.plain[place + 1:]
    gauge.stylize(f'bold {style}', place, place + 1)
    return gauge


def _neurons(states: list[float]) -> Text:
    """Return a bar for each neuron: its state, squashed to -1..1."""
    levels = (0.5 + 0.5 * math.tanh(state) for state in states[:64])
    return Text('neurons  ', style='dim') + Text(
        ' '.join(BARS[min(len(BARS) - 1, int(len(BARS) * level))] for level in levels), style='magenta')
