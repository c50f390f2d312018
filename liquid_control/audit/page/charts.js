// Copyright 2026 The liquid_control Authors
//
// Licensed under the Apache License, Version 2.0 (the "License");
// you may not use this file except in compliance with the License.
// You may obtain a copy of the License at
//
//     http://www.apache.org/licenses/LICENSE-2.0
//
// Unless required by applicable law or agreed to in writing, software
// distributed under the License is distributed on an "AS IS" BASIS,
// WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
// See the License for the specific language governing permissions and
// limitations under the License.

// Lines over time, and pairs of values on a logarithmic axis.

import {drawn, significant} from './tools.js';

export const MINUTE_S = 60;

// A frame that was drawn before the minute was put together may arrive after it.
const UNDER_WAY_S = 2;

// What is drawn over time: arrays t, steering, light, driving, and x and tau of a neuron.
export class Minute {
  constructor() {
    this.reset();
  }

  reset() {
    for (const name of ['t', 'steering', 'light', 'driving', 'x', 'tau']) this[name] = [];
    this.neuron = null;
  }

  // Begin anew, for instance with another simulator, but go on with the neuron that is looked at.
  restart() {
    const {neuron} = this;
    this.reset();
    this.neuron = neuron;
  }

  take(message) {
    this.reset();
    Object.assign(this, {t: message.t, steering: message.steering, light: message.light, driving: message.driving});
    if (message.neuron !== undefined) {
      Object.assign(this, {neuron: message.neuron, x: message.x, tau: message.tau});
    }
  }

  add(frame) {
    const behind = this.t.length ? this.t.at(-1) - frame.stamp : 0;
    if (behind > 0 && behind < UNDER_WAY_S) return;
    if (behind > 0) this.restart();
    this.t.push(frame.stamp);
    this.steering.push(frame.steering);
    this.light.push(frame.light);
    this.driving.push(['driving', ''].includes(frame.condition) ? 1 : 0);
    if (this.neuron !== null) {
      this.x.push(frame.x[this.neuron] ?? null);
      this.tau.push(frame.tau[this.neuron] ?? null);
    }
    while (this.t[0] < frame.stamp - MINUTE_S) {
      for (const name of ['t', 'steering', 'light', 'driving', 'x', 'tau']) this[name].shift();
    }
  }
}

function points(times, values, span, low, high, width, top, bottom) {
  const [first, last] = span;
  const parts = [];
  let pen = 'M';
  values.forEach((value, at) => {
    if (value === null) {
      pen = 'M';
      return;
    }
    const x = width * (times[at] - first) / Math.max(last - first, 1e-3);
    const y = bottom - (bottom - top) * (value - low) / Math.max(high - low, 1e-9);
    parts.push(`${pen}${x.toFixed(1)} ${y.toFixed(1)}`);
    pen = 'L';
  });
  return parts.join('');
}

// Steering over the minute, stretches in which the policy did not drive, and where we are.
export function drawMinute(svg, minute, stamp, maximum) {
  const width = svg.clientWidth, height = svg.clientHeight;
  if (!width || minute.t.length < 2) return;
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  const span = [minute.t[0], minute.t.at(-1)];
  const scale = width / Math.max(span[1] - span[0], 1e-3);
  const stops = [];
  minute.driving.forEach((drives, at) => {
    if (!drives && at) {
      stops.push(drawn('rect', {class: 'stopped', x: scale * (minute.t[at - 1] - span[0]), y: 0, height,
        width: scale * (minute.t[at] - minute.t[at - 1]) + 0.5}));
    }
  });
  const x = scale * (stamp - span[0]);
  svg.replaceChildren(
    ...stops, drawn('path', {class: 'axis', d: `M0 ${height / 2}H${width}`}),
    drawn('path', {class: 'line faint', d: points(minute.t, minute.light, span, 0, 1, width, 2, height - 2)}),
    drawn('path', {class: 'line',
      d: points(minute.t, minute.steering, span, -maximum, maximum, width, 2, height - 2)}),
    drawn('path', {class: 'cursor', d: `M${x} 0V${height}`}),
    drawn('text', {x: 2, y: 10}, 'left'), drawn('text', {x: 2, y: height - 2}, 'right'),
    drawn('text', {x: width - 2, y: 10, 'text-anchor': 'end'}, 'steering, light'));
}

// One quantity over the minute, with its range written beside it.
export function drawTrace(svg, minute, values, stamp, title, unit, kind = 'line') {
  const width = svg.clientWidth, height = svg.clientHeight;
  const present = values.filter((value) => value !== null);
  if (!width || present.length < 2) return;
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  let low = Math.min(...present), high = Math.max(...present);
  const margin = 0.08 * Math.max(high - low, 1e-3 * Math.max(Math.abs(high), 1e-3));
  [low, high] = [low - margin, high + margin];
  const span = [minute.t[0], minute.t.at(-1)];
  const x = width * (stamp - span[0]) / Math.max(span[1] - span[0], 1e-3);
  svg.replaceChildren(
    drawn('path', {class: 'axis', d: `M0 ${height - 1}H${width}`}),
    drawn('path', {class: kind, d: points(minute.t, values, span, low, high, width, 15, height - 3)}),
    drawn('path', {class: 'cursor', d: `M${x} 14V${height}`}),
    drawn('text', {x: 0, y: 10, class: 'strong'}, title),
    drawn('text', {x: width, y: 10, 'text-anchor': 'end'},
      `${significant(Math.min(...present))} to ${significant(Math.max(...present))}${unit}`));
}

// For each neuron its time constant in two situations, and how many times longer or shorter it is in the second.
export function drawPairs(svg, pair, names, titles) {
  const width = svg.clientWidth;
  const row = 17, top = 18, left = 76, value = 58;
  const height = top + row * names.length + 4;
  svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
  svg.setAttribute('height', height);
  const ratio = (index) => Math.log2(Math.max(pair[1][index], 1e-6) / Math.max(pair[0][index], 1e-6));
  const most = Math.max(0.5, ...names.map(([, index]) => Math.abs(ratio(index))));
  const from = left + value + 6, to = width - value - 6, middle = 0.5 * (from + to);
  const marks = [
    drawn('text', {x: left + value, y: 10, 'text-anchor': 'end', class: 'strong'}, titles[0]),
    drawn('text', {x: width, y: 10, 'text-anchor': 'end', class: 'strong'}, titles[1]),
    drawn('text', {x: middle, y: 10, 'text-anchor': 'middle'}, `÷${(2 ** most).toFixed(1)}   ×${(2 ** most).toFixed(1)}`),
    drawn('path', {class: 'axis', d: `M${middle} ${top}V${height}`})];
  names.forEach(([name, index], at) => {
    const y = top + row * (at + 0.5);
    const end = middle + 0.5 * (to - from) * ratio(index) / most;
    marks.push(drawn('text', {x: 0, y: y + 4}, name),
      drawn('text', {x: left + value, y: y + 4, 'text-anchor': 'end'}, `${significant(pair[0][index])} ms`),
      drawn('rect', {class: 'change', x: Math.min(middle, end), y: y - 4, height: 8,
        width: Math.max(0.5, Math.abs(end - middle)), rx: 1}),
      drawn('text', {x: width, y: y + 4, 'text-anchor': 'end'}, `${significant(pair[1][index])} ms`));
  });
  svg.replaceChildren(...marks);
}
