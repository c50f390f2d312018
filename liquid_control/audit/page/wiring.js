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

// The wiring: features, inter, command and motor neurons in columns, synapses between them, and the command.

import {byId, drawn, element, setText, side} from './tools.js';

const ORDER = ['inter', 'hidden', 'memory', 'membrane', 'adaptation', 'command', 'motor', 'readout'];
const FULL = 127;
const TOUCH_PX = 26;
const HEAD_PX = 26;

export class Wiring {
  // choose(kind, index) is called for what was tapped.
  constructor(choose) {
    this.svg = byId('wiring');
    this.choose = choose;
    this.wiring = null;
    this.marked = null;
    this.most = new Map();
    new ResizeObserver(() => this.wiring && this.layOut()).observe(this.svg);
    this.svg.addEventListener('click', (event) => this.tap(event));
    this.svg.addEventListener('keydown', (event) => {
      const node = event.target.closest('.node');
      if (node && (event.key === 'Enter' || event.key === ' ')) {
        event.preventDefault();
        choose(node.dataset.kind, Number(node.dataset.index));
      }
    });
  }

  setWiring(wiring) {
    this.wiring = wiring;
    this.columns = columnsOf(wiring);
    this.names = new Map();
    wiring.features.forEach((name, index) => this.names.set(`feature-${index}`, name));
    wiring.names.forEach((name, index) => this.names.set(`neuron-${index}`, name));
    this.untraced = `Activity only: for the cell ${wiring.cell} no shares are defined that synapses have in the command ` +
      '(they are for ltc and cfc).';
    this.note = !wiring.traced ? this.untraced : wiring.flow === 'current' ?
      'Wider: more current. Tap a neuron, a feature or the command.' :
      'Wider: larger share of what it feeds. Tap a neuron, a feature or the command.';
    byId('wiring-note').textContent = this.note;
    this.layOut();
  }

  name(kind, index) {
    return this.names.get(`${kind}-${index}`) ?? kind;
  }

  layOut() {
    const {svg, wiring, columns} = this;
    const width = svg.clientWidth, height = svg.clientHeight;
    if (!width || !height) return;
    svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
    const narrow = width < 480;
    const end = narrow ? 34 : 46;
    const step = (width - 24 - end - (narrow ? 30 : 48)) / Math.max(1, columns.length - 1);
    this.places = new Map();
    const labels = [], nodes = [];
    columns.forEach(({title, members}, column) => {
      const x = (narrow ? 20 : 34) + column * step;
      labels.push(drawn('text', {x, y: 14, 'text-anchor': column ? 'middle' : (narrow ? 'start' : 'middle'),
        dx: column || !narrow ? 0 : -14}, `${title} ${members.length}`));
      const gap = (height - HEAD_PX - 8) / members.length;
      const size = Math.min(members.length > 20 ? 6 : 11, 0.42 * gap);
      members.forEach(([kind, index], row) => {
        const place = {x, y: HEAD_PX + (row + 0.5) * gap, size, kind, index};
        this.places.set(`${kind}-${index}`, place);
        nodes.push(this.node(place));
      });
    });
    const motor = this.places.get(`neuron-${wiring.kinds.findIndex((kind) => ['motor', 'readout'].includes(kind))}`);
    const place = {x: width - end, y: motor ? motor.y : height / 2, size: 15, kind: 'command', index: 0};
    this.places.set('command-0', place);
    nodes.push(this.commandNode(place, narrow));
    this.sensory = wiring.sensory.map((synapse) => this.synapse(synapse, 'feature'));
    this.inner = wiring.synapses.map((synapse) => this.synapse(synapse, 'neuron'));
    const out = motor ?
      [drawn('path', {class: 'axis', d: `M${motor.x + motor.size} ${motor.y}H${place.x - 15}`})] : [];
    svg.replaceChildren(...labels, ...out, ...this.sensory, ...this.inner, ...nodes);
    this.mark(this.marked);
    if (this.frame) this.update(this.frame);
  }

  node(place) {
    const {kind, index, x, y, size} = place;
    place.level = drawn('circle', {class: 'level', cx: x, cy: y, r: 0});
    place.node = drawn('g', {class: 'node', tabindex: 0, role: 'button', 'data-kind': kind, 'data-index': index,
      id: `${kind}-${index}`, 'aria-label': this.name(kind, index)},
    drawn('title', {}, this.name(kind, index)), drawn('circle', {class: 'body', cx: x, cy: y, r: size}), place.level);
    return place.node;
  }

  commandNode(place, narrow) {
    const {x, y} = place;
    place.label = drawn('text', {x, y: y + 30, 'text-anchor': 'middle', class: 'strong'});
    place.level = drawn('circle', {class: 'level', cx: x, cy: y, r: 0});
    place.node = drawn('g', {class: 'node', tabindex: 0, role: 'button', 'data-kind': 'command', 'data-index': 0,
      id: 'command', 'aria-label': 'the command'},
    drawn('title', {}, 'the command'),
    drawn('rect', {class: 'body', x: x - 15, y: y - 15, width: 30, height: 30, rx: 6}), place.level,
    drawn('text', {x, y: y - 22, 'text-anchor': narrow ? 'middle' : 'middle'}, 'steers'), place.label);
    return place.node;
  }

  synapse([source, target, polarity], kind) {
    const from = this.places.get(`${kind}-${source}`), to = this.places.get(`neuron-${target}`);
    const path = drawn('path', {class: polarity > 0 ? 'synapse' : 'synapse inhibits', d: curve(from, to)});
    path.ends = [`${kind}-${source}`, `neuron-${target}`];
    return path;
  }

  tap(event) {
    const box = this.svg.getBoundingClientRect();
    const x = event.clientX - box.left, y = event.clientY - box.top;
    let best = null, least = TOUCH_PX;
    for (const place of this.places?.values() ?? []) {
      const distance = Math.hypot(place.x - x, place.y - y);
      if (distance < least) [best, least] = [place, distance];
    }
    this.choose(best?.kind ?? null, best?.index ?? 0);
  }

  update(frame) {
    this.frame = frame;
    if (!this.places) return;
    frame.features.forEach((value, index) => this.level('feature', index, value));
    frame.x.forEach((value, index) => this.level('neuron', index, value));
    const command = this.places.get('command-0');
    const share = (frame.steering ?? 0) / (this.wiring.max_steering_rad || 1);
    command.level.setAttribute('cx', command.x - 9 * share);
    command.level.setAttribute('r', 5);
    setText(command.label, frame.steering === null ? '–' : side(frame.steering).replace(' straight', ''));
    if (frame.sensory) {
      if (this.marked?.path) return;
      this.currents(this.sensory, frame.sensory);
      this.currents(this.inner, frame.inner);
    } else {
      for (const path of [...this.sensory, ...this.inner]) {
        path.setAttribute('stroke-width', 0.7);
        path.setAttribute('stroke-opacity', 0.2);
      }
    }
  }

  currents(paths, values) {
    paths.forEach((path, at) => {
      const part = (Math.abs(values[at]) / FULL) ** 0.6;
      const near = !this.marked || path.ends.includes(this.marked.node);
      if (values[at]) path.classList.toggle('inhibits', values[at] < 0);
      path.setAttribute('stroke-width', (0.4 + (this.marked && near ? 4 : 3) * part).toFixed(2));
      path.setAttribute('stroke-opacity', (near ? 0.1 + 0.75 * part : 0.04).toFixed(2));
    });
  }

  level(kind, index, value) {
    const place = this.places.get(`${kind}-${index}`);
    if (!place) return;
    const key = `${kind}-${index}`;
    const most = Math.max(this.most.get(key) ?? 1, Math.abs(value));
    this.most.set(key, most);
    const size = (place.size - 1.5) * Math.sqrt(Math.abs(value) / most);
    place.level.setAttribute('class', value < 0 ? 'level below' : 'level');
    place.level.setAttribute('r', Math.max(0, value < 0 ? size - 1 : size).toFixed(1));
  }

  // Mark what is selected: {node, path}; path says which synapses lead to the command, with their effects.
  mark(marked) {
    this.marked = marked;
    if (!this.places) return;
    const near = new Set(marked ? [marked.node] : []);
    const paths = [[this.sensory, marked?.path?.sensory], [this.inner, marked?.path?.synapses]];
    for (const [synapses, on] of paths) {
      const effects = new Map(on ?? []);
      const most = Math.max(...(on ?? []).map(([, effect]) => Math.abs(effect)), 1e-9);
      synapses.forEach((synapse, at) => {
        const chosen = marked?.path ? effects.has(at) : marked && synapse.ends.includes(marked.node);
        if (chosen) synapse.ends.forEach((end) => near.add(end));
        if (marked?.path) {
          synapse.setAttribute('stroke-opacity', chosen ? 0.95 : 0.04);
          synapse.setAttribute('stroke-width', chosen ? 1.2 + 3.5 * Math.abs(effects.get(at)) / most : 0.5);
        }
      });
    }
    for (const [key, place] of this.places) {
      place.node.classList.toggle('selected', marked?.node === key);
      place.node.classList.toggle('near', Boolean(marked) && near.has(key) && marked.node !== key);
      place.node.classList.toggle('far', Boolean(marked) && !near.has(key) && key !== 'command-0');
    }
    if (!marked?.path && this.frame) this.update(this.frame);
  }
}

function columnsOf(wiring) {
  const features = wiring.features.map((_, index) => ['feature', index]);
  const columns = [{title: 'sensory', members: features}];
  for (const kind of ORDER) {
    const members = wiring.kinds.map((own, index) => [own, index]).filter(([own]) => own === kind)
      .map(([, index]) => ['neuron', index]);
    if (members.length) columns.push({title: kind, members});
  }
  untangle(columns, wiring);
  return columns;
}

// Put each node at the mean height of its neighbours, a few times over, so that fewer synapses cross.
function untangle(columns, wiring) {
  const links = new Map();
  const link = (a, b) => { links.set(a, [...(links.get(a) ?? []), b]); links.set(b, [...(links.get(b) ?? []), a]); };
  for (const [source, target] of wiring.sensory) link(`feature-${source}`, `neuron-${target}`);
  for (const [source, target] of wiring.synapses) if (source !== target) link(`neuron-${source}`, `neuron-${target}`);
  for (let sweep = 0; sweep < 8; sweep++) {
    const height = new Map();
    for (const {members} of columns) {
      members.forEach(([kind, index], row) => height.set(`${kind}-${index}`, (row + 0.5) / members.length));
    }
    const mean = ([kind, index]) => {
      const near = links.get(`${kind}-${index}`) ?? [`${kind}-${index}`];
      return near.reduce((sum, key) => sum + height.get(key), 0) / near.length;
    };
    const column = columns[sweep % columns.length];
    column.members = column.members.map((member) => [mean(member), member]).sort((a, b) => a[0] - b[0])
      .map(([, member]) => member);
  }
}

function curve(from, to) {
  if (from === to) {
    const {x, y, size} = from;
    return `M${x} ${y - size}c${2.4 * size} ${-2 * size} ${2.4 * size} ${4 * size} 0 ${2 * size}`;
  }
  if (Math.abs(from.x - to.x) < 1) {
    const bend = from.x + 18 + 0.16 * Math.abs(from.y - to.y);
    return `M${from.x + from.size} ${from.y}C${bend} ${from.y} ${bend} ${to.y} ${to.x + to.size} ${to.y}`;
  }
  const middle = 0.5 * (from.x + to.x);
  return `M${from.x + from.size} ${from.y}C${middle} ${from.y} ${middle} ${to.y} ${to.x - to.size} ${to.y}`;
}

export function gauge(host, maximum) {
  const level = drawn('rect', {class: 'needle', y: 8, height: 12, x: 0, width: 0, rx: 2});
  const driven = drawn('path', {class: 'driven', d: 'M0 4V24'});
  const svg = drawn('svg', {viewBox: '0 0 300 28', height: 28, preserveAspectRatio: 'none'},
    drawn('rect', {x: 0, y: 8, width: 300, height: 12, rx: 3, fill: 'none', class: 'axis'}),
    drawn('path', {class: 'axis', d: 'M150 4V24'}), level, driven);
  const degrees = `${Math.round(maximum * 180 / Math.PI)}°`;
  host.replaceChildren(svg, element('div', {class: 'ends note'}, element('span', {}, `${degrees} left`),
    element('span', {}, `${degrees} right`)));
  return (steering, commanded) => {
    const share = Math.max(-1, Math.min(1, (steering ?? 0) / maximum));
    level.setAttribute('x', share > 0 ? 150 - 150 * share : 150);
    level.setAttribute('width', Math.max(1.5, 150 * Math.abs(share)));
    const place = 150 - 150 * Math.max(-1, Math.min(1, (commanded ?? 0) / maximum));
    driven.setAttribute('d', commanded === null ? '' : `M${place} 3V25`);
  };
}
