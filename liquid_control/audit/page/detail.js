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

// What lies behind what is selected: a neuron, a sensory feature, or the command.

import {drawTrace} from './charts.js';
import {byId, drawn, element, figures, fixed, signed, side, significant} from './tools.js';

const MOST_ROWS = 8;

export class Detail {
  // wiring names things; choose(kind, index) is called when another thing is tapped.
  constructor(wiring, choose) {
    this.wiring = wiring;
    this.choose = choose;
    this.host = byId('detail');
    this.selected = null;
    this.build();
  }

  select(kind, index) {
    this.selected = kind ? {kind, index} : null;
    this.told = null;
    this.build();
  }

  build() {
    const {selected} = this;
    byId('close').hidden = !selected;
    byId('why-title').textContent = !selected ? 'Why' : selected.kind === 'command' ? 'Why it steers so' :
      this.wiring.name(selected.kind, selected.index);
    this.facts = element('dl', {class: 'figures wide'});
    this.tables = element('div');
    if (!selected) {
      const ask = element('button', {id: 'why-command'}, 'Why does it steer so?');
      ask.addEventListener('click', () => this.choose('command', 0));
      this.host.replaceChildren(
        element('p', {class: 'note'}, 'Tap a neuron to see its trace, what feeds it and what it moves; tap the ' +
          'command to walk back to the picture.'), ask);
      return;
    }
    this.charts = selected.kind === 'neuron' ?
      [drawn('svg', {class: 'chart', id: 'trace'}), drawn('svg', {class: 'chart', id: 'tau'})] : [];
    this.host.replaceChildren(this.facts, ...this.charts, this.tables);
  }

  // Draw the lines of a neuron up to a frame.
  trace(minute, frame) {
    const {selected} = this;
    if (selected?.kind !== 'neuron' || minute.neuron !== selected.index) return;
    drawTrace(this.charts[0], minute, minute.x, frame.stamp, 'state', '');
    if (frame.tau.length) {
      drawTrace(this.charts[1], minute, minute.tau, frame.stamp, 'time constant', ' ms', 'line second');
    }
    this.factsOf(frame);
  }

  take(message, frame) {
    if (message.kind !== this.selected?.kind || message.index !== this.selected.index) return;
    this.told = message.told;
    if (!this.told) {
      this.tables.replaceChildren(element('p', {class: 'note'},
        this.wiring.wiring && !this.wiring.wiring.traced ? this.wiring.untraced :
          'No shares here: this machine cannot read the file of the policy.'));
      return;
    }
    const show = {neuron: () => this.neuron(), feature: () => this.feature(), command: () => this.command()};
    show[message.kind]();
    if (frame) this.factsOf(frame);
  }

  factsOf(frame) {
    const {selected, told} = this;
    if (selected.kind === 'neuron') {
      figures(this.facts, [
        ['state', fixed(told?.state ?? frame.x[selected.index], 3)],
        ['time constant', frame.tau.length ? `${significant(frame.tau[selected.index])} ms` : 'this cell has none'],
        ['turns the car by', told ? `${side(told.effect)}, place ${told.rank} of ${frame.x.length}` : '–']]);
    } else if (selected.kind === 'feature') {
      figures(this.facts, [['value', fixed(frame.features[selected.index], 2)],
        ['turns the car by', told ? side(told.effect) : '–']]);
    } else {
      figures(this.facts, [['policy', side(told?.total ?? frame.steering)], ['driven', side(frame.driven)]]);
    }
  }

  neuron() {
    const {told, wiring} = this;
    const feeds = told.feeds.map(([kind, index, share, polarity]) =>
      ({name: wiring.name(kind, index), go: [kind, index], value: share, polarity}));
    const rest = feeds.slice(MOST_ROWS).reduce((sum, row) => sum + row.value, 0);
    const rows = feeds.slice(0, MOST_ROWS);
    if (feeds.length > MOST_ROWS) rows.push({name: `${feeds.length - MOST_ROWS} others`, value: rest});
    rows.push({name: 'memory', value: told.memory}, {name: wiring.wiring.rest, value: told.rest});
    const moves = told.moves.map(([index, share, polarity]) =>
      ({name: wiring.name('neuron', index), go: ['neuron', index], value: share, polarity}));
    this.tables.replaceChildren(
      heading('What feeds it, as shares of its state'), this.bars(rows, 3, {name: 'state', value: told.state}),
      heading('What it moves: its shares of their states'),
      moves.length ? this.bars(moves, 3) : element('p', {class: 'note'}, 'the command'));
  }

  feature() {
    const {told, wiring} = this;
    const moves = told.moves.map(([index, share, polarity]) =>
      ({name: wiring.name('neuron', index), go: ['neuron', index], value: share, polarity}));
    this.tables.replaceChildren(heading('What it moves: its shares of their states'), this.bars(moves, 3),
      element('p', {class: 'note'}, 'In the picture: the parts that change this feature when they are covered.'));
  }

  command() {
    const {told, wiring} = this;
    const degrees = 180 / Math.PI;
    const rows = told.shares.map(([index, share]) =>
      ({name: wiring.name('neuron', index), go: ['neuron', index], value: degrees * share}));
    if (told.direct) rows.push({name: 'features', value: degrees * told.direct});
    rows.push({name: 'memory', value: degrees * told.memory}, {name: wiring.wiring.rest, value: degrees * told.rest},
      {name: 'bias', value: degrees * told.bias});
    if (Math.abs(told.clamp) > 1e-6) rows.push({name: 'limit', value: degrees * told.clamp});
    this.tables.replaceChildren(
      heading('Shares that add up to it (left +, right −)'),
      this.bars(rows, 2, {name: 'command', value: degrees * told.total}, '°'),
      heading('The path back'), this.path());
  }

  path() {
    const {told, wiring} = this;
    const {sensory, synapses} = wiring.wiring;
    const strongest = (rows) => [...rows].sort((a, b) => Math.abs(b[1]) - Math.abs(a[1]));
    const through = strongest(told.path.synapses).map(([at, effect]) => ({
      from: wiring.name('neuron', synapses[at][0]), to: wiring.name('neuron', synapses[at][1]),
      go: ['neuron', synapses[at][0]], effect}));
    const into = strongest(told.path.sensory).map(([at, effect]) => ({
      from: wiring.name('feature', sensory[at][0]), to: wiring.name('neuron', sensory[at][1]),
      go: ['feature', sensory[at][0]], effect}));
    const list = element('ol', {id: 'path'});
    const least = 0.05 * Math.PI / 180;
    const steps = [...through.slice(0, 6), ...into.slice(0, 5)].filter(({effect}) => Math.abs(effect) >= least);
    for (const {from, to, go, effect} of steps) {
      const button = element('button', {class: 'name'}, from);
      button.addEventListener('click', () => this.choose(...go));
      list.append(element('li', {}, button, ` to ${to}: ${side(effect)}`));
    }
    return element('div', {}, element('p', {class: 'note'},
      'How much of the command goes when this synapse is cut. The parts of the picture are measured in the same way, ' +
      'by covering them.'), list);
  }

  bars(rows, digits, sum = null, unit = '') {
    const most = Math.max(...rows.map(({value}) => Math.abs(value)), 1e-9);
    const table = element('div', {class: 'bars'});
    for (const {name, value, go, polarity} of rows) {
      const label = go ? element('button', {class: 'name'}, name) : element('span', {class: 'name'}, name);
      if (go) label.addEventListener('click', () => this.choose(...go));
      const part = 50 * Math.abs(value) / most;
      const bar = element('i', {class: polarity === undefined ? '' : polarity > 0 ? 'excites' : 'inhibits'});
      bar.style.left = `${value < 0 ? 50 - part : 50}%`;
      bar.style.width = `${part}%`;
      table.append(label, element('span', {class: 'bar'}, bar),
        element('span', {class: 'value'}, signed(value, digits) + unit));
    }
    if (sum) {
      table.append(element('span', {class: 'name sum'}, `= ${sum.name}`), element('span', {class: 'sum'}, '\u00a0'),
        element('span', {class: 'value sum'}, signed(sum.value, digits) + unit));
    }
    return table;
  }
}

function heading(text) {
  return element('h3', {}, text);
}
