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

// The page: talks to the server, keeps what was received, tells the parts what to draw.

import {Camera} from './camera.js';
import {Detail} from './detail.js';
import {drawMinute, drawPairs, Minute} from './charts.js';
import {byId, figures, fixed, setText, side} from './tools.js';
import {gauge, Wiring} from './wiring.js';

const RETRY_MS = 1000;
const CHART_MS = 150;
const SAVED_MS = 12000;
const DEGREES = 180 / Math.PI;
const CLASSES = {driving: 'good', takeover: 'warn', stopped: 'bad', error: 'bad', disengaged: 'warn'};

const page = {
  socket: null, frame: null, paused: false, status: {}, adaptation: {turn: null, light: null}, by: 'turn',
  minute: new Minute(), chartsAt: 0, frames: [], dragging: false};
const camera = new Camera();
const wiring = new Wiring(choose);
const detail = new Detail(wiring, choose);
let showSteering = gauge(byId('gauge'), 0.42);

function connect() {
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
  const socket = new WebSocket(`${scheme}//${location.host}/ws`);
  socket.binaryType = 'arraybuffer';
  page.socket = socket;
  socket.addEventListener('open', () => {
    page.paused = false;
    if (detail.selected) send({select: [detail.selected.kind, detail.selected.index]});
    send({saliency: byId('saliency').checked});
    showLink();
  });
  socket.addEventListener('close', () => {
    setText(byId('link'), 'connection lost, trying again');
    byId('link').className = 'chip bad';
    setTimeout(connect, RETRY_MS);
  });
  socket.addEventListener('message', ({data}) => {
    if (typeof data === 'string') take(JSON.parse(data));
    else takeFrame(data);
  });
}

function send(message) {
  if (page.socket?.readyState === WebSocket.OPEN) page.socket.send(JSON.stringify(message));
}

function take(message) {
  if (message.type === 'hello' && message.wiring) takeWiring(message.wiring);
  else if (message.type === 'status') takeStatus(message);
  else if (message.type === 'timeline') page.minute.take(message);
  else if (message.type === 'detail') takeDetail(message);
  else if (message.type === 'saved') showSaved(message);
}

function takeWiring(told) {
  page.paused = false;
  wiring.setWiring(told);
  camera.crop = told.crop;
  showSteering = gauge(byId('gauge'), told.max_steering_rad);
}

async function takeFrame(data) {
  const length = new DataView(data).getUint32(0);
  const frame = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
  const jpeg = new Uint8Array(data, 4 + length, frame.jpeg);
  try {
    await camera.show(jpeg, new Uint8Array(data, 4 + length + frame.jpeg));
  } finally {
    send({ack: frame.number});
  }
  page.frame = frame;
  const now = performance.now();
  page.frames = [...page.frames.filter((at) => at > now - 2000), now];
  if (!page.paused) page.minute.add(frame);
  if (wiring.wiring) wiring.update(frame);
  showFrame(frame);
  if (page.paused || now > page.chartsAt + CHART_MS) {
    page.chartsAt = now;
    drawMinute(byId('minute'), page.minute, frame.stamp, wiring.wiring?.max_steering_rad ?? 0.42);
    detail.trace(page.minute, frame);
  }
}

function showFrame(frame) {
  showSteering(frame.steering, frame.driven);
  setText(byId('mode'), frame.driven === null ? 'the policy alone, nobody drives' : 'bar: policy, line: driven');
  figures(byId('command-figures'), [
    ['steers', side(frame.steering ?? frame.driven)],
    ['driven', side(frame.driven)],
    ['asks for', fixed(frame.asked, 2, ' m/s')],
    ['measured', fixed(frame.speed, 2, ' m/s')]]);
  showCondition(frame.condition, frame.reason);
  const scrub = byId('scrub');
  const behind = page.minute.t.length ? page.minute.t.at(-1) - frame.stamp : 0;
  if (page.paused) {
    if (!page.dragging) scrub.value = 1000 * frame.place / Math.max(1, frame.count - 1);
    setText(byId('when'), behind > 0.05 ? `${behind.toFixed(1)} s before the pause` : 'paused');
  } else {
    scrub.value = 1000;
    setText(byId('when'), 'live');
  }
}

function showCondition(state, reason) {
  const condition = byId('condition');
  setText(condition, state);
  condition.className = `chip ${CLASSES[state] ?? ''}`;
  setText(byId('reason'), reason);
}

function takeStatus({status, quality, adaptation, twins}) {
  Object.assign(page, {status, adaptation});
  const drive = status.drive ?? {}, simulator = status.simulator ?? {};
  const pair = (table, name) => `${fixed(table[`${name}_p50_ms`], 1)}, p99 ${fixed(table[`${name}_p99_ms`], 1)} ms`;
  const rows = [];
  if (status.drive && !page.paused) showCondition(drive.state ?? '', drive.reason ?? '');
  if (status.drive) {
    rows.push(['control rate', `${fixed(drive.rate_hz, 1)}, p1 ${fixed(drive.rate_p1_hz, 1)} Hz`],
      ['receipt to command', pair(drive, 'receipt_to_command')]);
    if (Number.isFinite(Number(drive.stamp_to_command_p50_ms))) {
      rows.push(['stamp to command', pair(drive, 'stamp_to_command')]);
    }
    if (status.simulator) rows.push(['picture to command', pair(simulator, 'picture_to_command')]);
    rows.push(['pictures answered', drive.pictures_answered ?? '–'], ['dropped, late', `${drive.pictures_dropped ?? '–'}, ` +
      `${drive.overruns ?? '–'}`], ['commands cut, slewed', `${drive.clamps ?? '–'}, ${drive.slews ?? '–'}`]);
  }
  if (status.progress) rows.push(['played', status.progress]);
  const rate = page.frames.length > 1 ? 1000 * (page.frames.length - 1) / (page.frames.at(-1) - page.frames[0]) : 0;
  rows.push(['page, quality', page.paused ? 'paused' : `${rate.toFixed(0)} frames/s, ${4 - quality} of 4`]);
  const off = page.frame?.mismatch;
  rows.push(['trace', off === null || off === undefined ? 'none' :
    off < 1e-4 ? 'exact' : `differs by ${off.toPrecision(2)}`]);
  figures(byId('link-figures'), rows);
  setText(byId('policy'), (status.policy ?? '').split('/').pop());
  byId('policy').title = status.policy ?? '';
  setText(byId('trouble'), status.trouble ?? '');
  showLink();
  showAdaptation();
  setText(byId('twins'), !twins ? '' : 'With time constants fixed at their mean of the minute, one tick would steer ' +
    `${fixed(twins['same current'] * DEGREES, 1)}° differently (a CT-RNN: same currents), ` +
    `${fixed(twins['same target'] * DEGREES, 2)}° (same targets).`);
}

function showLink() {
  const link = byId('link');
  const waiting = page.status.waiting;
  setText(link, waiting ? waiting : page.paused ? 'paused' : page.status.source === 'bag' ? 'bag' : 'live');
  link.className = `chip ${waiting ? 'warn' : page.paused ? 'warn' : 'good'}`;
}

function showAdaptation() {
  const turn = page.by === 'turn';
  const pair = page.adaptation[page.by];
  byId('by-turn').setAttribute('aria-pressed', turn);
  byId('by-light').setAttribute('aria-pressed', !turn);
  const note = turn ? 'Median time constant of each neuron while it steers straight and in curves, last minute.' :
    'Median time constant of each neuron in dark and in light pictures of the last minute.';
  const none = !wiring.wiring ? 'Nothing has been heard yet.' :
    page.frame && !page.frame.tau.length ? 'The neurons of this cell have no time constants.' :
      turn ? 'Waiting for curves and straights.' : 'The light has hardly changed in the last minute.';
  setText(byId('adapt-note'), pair ? note : none);
  const svg = byId('dumbbells');
  svg.hidden = !pair;
  svg.toggleAttribute('hidden', !pair);
  if (pair) {
    const names = wiring.columns.slice(1).flatMap(({members}) => members)
      .map(([kind, index]) => [wiring.name(kind, index), index]);
    drawPairs(svg, pair, names, turn ? ['straight', 'curve'] : ['dark', 'light']);
  } else {
    svg.replaceChildren();
  }
}

function choose(kind, index) {
  detail.select(kind, index);
  camera.setRegions(null);
  showOverlayNote();
  showNote();
  wiring.mark(kind ? {node: kind === 'command' ? 'command-0' : `${kind}-${index}`, path: null} : null);
  send({select: kind ? [kind, index] : null});
}

function takeDetail(message) {
  detail.take(message, page.frame);
  showNote();
  const {selected} = detail;
  if (!selected || selected.kind !== message.kind || selected.index !== message.index) return;
  camera.setRegions(message.told?.regions ?? null);
  showOverlayNote();
  if (message.kind === 'command' && message.told) wiring.mark({node: 'command-0', path: message.told.path});
}

// What is selected, in a line under the wiring: on a phone the rest is further down.
function showNote() {
  const {selected, told} = detail;
  const note = byId('wiring-note');
  if (!selected) {
    setText(note, wiring.note ?? '');
    return;
  }
  const name = selected.kind === 'command' ? 'The command' : wiring.name(selected.kind, selected.index);
  const effect = told && told.effect !== undefined ? ` turns the car by ${side(told.effect)};` : ':';
  const more = document.createElement('a');
  more.href = '#why';
  more.textContent = 'why';
  note.replaceChildren(`${name}${effect} `, more);
}

function showOverlayNote() {
  setText(byId('overlay-note'), camera.regions ?
    (detail.selected.kind === 'command' ? 'Marked: parts that turn the car, blue to the left, orange to the right.' :
      'Marked: parts that raise (blue) or lower (orange) this feature.') :
    byId('saliency').checked ? 'Bright: what the vision head responds to (VisualBackProp).' : '');
}

function setPaused(paused) {
  page.paused = paused;
  setText(byId('pause'), paused ? 'Go live' : 'Pause');
  send({pause: paused});
  showLink();
}

let savedTimer = 0;

function showSaved({path, pictures, error}) {
  const saved = byId('saved');
  saved.className = error ? 'bad' : '';
  setText(saved, error ?? `saved ${pictures} pictures to ${path}`);
  clearTimeout(savedTimer);
  savedTimer = setTimeout(() => setText(saved, ''), SAVED_MS);
}

byId('pause').addEventListener('click', () => setPaused(!page.paused));
byId('save').addEventListener('click', () => send({save: true}));
byId('close').addEventListener('click', () => choose(null, 0));
byId('saliency').addEventListener('change', (event) => {
  send({saliency: event.target.checked});
  showOverlayNote();
});
byId('by-turn').addEventListener('click', () => { page.by = 'turn'; showAdaptation(); });
byId('by-light').addEventListener('click', () => { page.by = 'light'; showAdaptation(); });
byId('scrub').addEventListener('input', (event) => {
  page.dragging = true;
  if (!page.paused) setPaused(true);
  send({seek: event.target.value / 1000});
});
byId('scrub').addEventListener('change', () => { page.dragging = false; });
addEventListener('resize', () => showAdaptation());
connect();
