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

// Small tools: elements, SVG, numbers in words.

const SVG = 'http://www.w3.org/2000/svg';

export const byId = (id) => document.getElementById(id);

export function element(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function drawn(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function figures(list, rows) {
  if (list.childElementCount !== 2 * rows.length) {
    list.replaceChildren(...rows.flatMap(() => [element('dt'), element('dd')]));
  }
  rows.forEach(([name, value], row) => {
    setText(list.children[2 * row], name);
    setText(list.children[2 * row + 1], value);
  });
}

const known = (value) => value !== null && value !== undefined && value !== '' && Number.isFinite(Number(value));

export function fixed(value, digits, unit = '') {
  return known(value) ? `${Number(value).toFixed(digits)}${unit}` : '–';
}

export function significant(value) {
  if (!known(value)) return '–';
  const size = Math.abs(value);
  return Number(value).toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

export function signed(value, digits) {
  const text = Number(value).toFixed(digits);
  return text.startsWith('-') ? `−${text.slice(1)}` : `+${text}`;
}

export function side(radians) {
  if (!known(radians)) return '–';
  const degrees = radians * 180 / Math.PI;
  if (Math.abs(degrees) < 0.05) return '0.0° straight';
  return `${Math.abs(degrees).toFixed(1)}° ${degrees > 0 ? 'left' : 'right'}`;
}
