// The page of a sweep: one file that shows all of it in a browser.
#include <fmt/format.h>

#include "analysis/formats/svg.hpp"
#include "analysis/sweeps/sweep_figures.hpp"

namespace spillway::analysis {

namespace {

constexpr const char* page_style = R"css(
body { font: 14px Helvetica, Arial, sans-serif; color: #222; margin: 24px; background: #fff; }
h1 { font-size: 20px; margin: 0 0 4px; }
p { margin: 4px 0 12px; color: #555; }
#lines { width: 100%; height: 420px; display: block; }
#lines path { fill: none; stroke-width: 1.2; opacity: 0.45; cursor: pointer; }
#lines path.front { stroke-width: 2.2; opacity: 0.95; }
#lines path.on { stroke: #c8553d !important; stroke-width: 3.5; opacity: 1; }
#lines path.out { display: none; }
#lines line { stroke: #999; }
#lines text { font-size: 12px; fill: #222; }
#lines text.mark { font-size: 10px; fill: #444; stroke: #fff; stroke-width: 3px;
  paint-order: stroke; }
#lines rect.band { fill: transparent; cursor: crosshair; }
#lines rect.range { fill: #1b6ca8; opacity: 0.18; pointer-events: none; }
table { border-collapse: collapse; margin-top: 16px; }
th, td { padding: 3px 10px; text-align: right; border-bottom: 1px solid #e5e5e5; }
th { cursor: pointer; position: sticky; top: 0; background: #f4f4f4; white-space: nowrap; }
td.text, th.text { text-align: left; }
tr.front td { font-weight: bold; }
tr.on td { background: #fbe3dd; }
#hover { position: fixed; display: none; background: #fff; border: 1px solid #888;
  padding: 6px 10px;
  box-shadow: 2px 2px 6px #0003; font-size: 12px; pointer-events: none; z-index: 9; }
#hover b { display: block; margin-bottom: 3px; }
)css";

constexpr const char* page_script = R"js(
'use strict';
const sweep = JSON.parse(document.getElementById('data').textContent);
const points = sweep.points;
const columns = [{name: 'point', of: p => p.point}]
  .concat(sweep.axes.map(a => ({name: a.name, exact: true, of: p => p.settings[a.name]})))
  .concat(sweep.metrics.map(m => ({name: m.name, unit: m.unit, of: p => p.metrics[m.name]})));
for (const c of columns) {
  const values = points.map(c.of).filter(v => v !== null && v !== undefined);
  c.numeric = values.length > 0 && values.every(v => typeof v === 'number');
}
const shown = v => {
  if (v === null || v === undefined) return '-';
  if (typeof v !== 'number') return v;
  if (Number.isInteger(v)) return String(v).replace(/\B(?=(\d{3})+$)/g, '\u2009');
  return String(Number(v.toPrecision(5)));
};

// The settings of the point below the pointer.
const hover = document.getElementById('hover');
function showPoint(p, event) {
  hover.textContent = '';
  const head = document.createElement('b');
  head.textContent = 'point ' + p.point + (p.front ? ', on the Pareto front' : '') +
    (p.status === 'done' ? '' : ', ' + p.status);
  hover.append(head);
  for (const c of columns.slice(1)) {
    const row = document.createElement('div');
    const unit = c.unit && c.unit !== c.name ? ' ' + c.unit : '';
    row.textContent = c.name + ': ' + shown(c.of(p)) + unit;
    hover.append(row);
  }
  if (p.message) hover.append(p.message);
  hover.style.display = 'block';
  const wide = hover.offsetWidth, high = hover.offsetHeight;
  hover.style.left = Math.min(event.clientX + 14, innerWidth - wide - 8) + 'px';
  hover.style.top = Math.min(event.clientY + 14, innerHeight - high - 8) + 'px';
}
function light(p, on) {
  for (const each of document.querySelectorAll('[data-point="' + p.point + '"]')) {
    each.classList.toggle('on', on);
  }
  if (!on) hover.style.display = 'none';
}
function follow(element, p) {
  element.dataset.point = p.point;
  element.addEventListener('mousemove', e => showPoint(p, e));
  element.addEventListener('mouseenter', () => light(p, true));
  element.addEventListener('mouseleave', () => light(p, false));
}

// Parallel coordinates: an axis for each column that has two values or more.
const svg = document.getElementById('lines'), space = 'http://www.w3.org/2000/svg';
function make(name, attributes, text) {
  const element = document.createElementNS(space, name);
  for (const key in attributes) element.setAttribute(key, attributes[key]);
  if (text !== undefined) element.textContent = text;
  return element;
}
const done = points.filter(p => p.status === 'done');
const drawn = done.filter(p => p.front).concat(done.filter(p => !p.front)).slice(0, 4000);
const coordinates = columns.slice(1).filter(
  c => new Set(done.map(c.of).filter(v => v !== null)).size > 1);
const ranges = new Map();
function scaleOf(c, top, bottom) {
  const values = done.map(c.of).filter(v => v !== null);
  if (!c.numeric) {
    const names = [...new Set(values)];
    const place = v => bottom - (bottom - top) * (names.indexOf(v) + 0.5) / names.length;
    return {place, marks: names.map(n => [place(n), n])};
  }
  const low = Math.min(...values), high = Math.max(...values);
  const log = low > 0 && high / low >= 20;
  const f = log ? Math.log : v => v;
  const place = v => bottom - (bottom - top) * (f(v) - f(low)) / (f(high) - f(low));
  const distinct = [...new Set(values)].sort((a, b) => a - b);
  const middle = log ? Math.sqrt(low * high) : (low + high) / 2;
  const marked = distinct.length <= 8 ? distinct : [low, middle, high];
  const text = v => shown(c.exact ? v : Number(v.toPrecision(4)));
  return {place, marks: marked.map(v => [place(v), text(v)])};
}
function draw() {
  svg.textContent = '';
  const width = svg.clientWidth || 1000, top = 40, bottom = 390, left = 60, right = width - 70;
  const at = i => coordinates.length < 2 ? (left + right) / 2 :
    left + (right - left) * i / (coordinates.length - 1);
  const scales = coordinates.map(c => scaleOf(c, top, bottom));
  const first = scales[0];
  const hues = new Map();
  for (const p of [...drawn].reverse()) {
    let path = '', on = false;
    coordinates.forEach((c, i) => {
      const v = c.of(p);
      if (v === null || v === undefined) { on = false; return; }
      path += (on ? 'L' : 'M') + at(i).toFixed(1) + ' ' + scales[i].place(v).toFixed(1);
      on = true;
    });
    const key = first ? coordinates[0].of(p) : 0;
    if (!hues.has(key)) hues.set(key, (hues.size * 137 + 205) % 360);
    const colour = p.feasible ? 'hsl(' + hues.get(key) + ' 55% 42%)' : '#bbb';
    const line = make('path', {d: path, stroke: colour});
    if (p.front) line.classList.add('front');
    line.classList.toggle('out', coordinates.some((c, i) => {
      const r = ranges.get(c), v = c.of(p);
      return r && (v === null || scales[i].place(v) < r[0] || scales[i].place(v) > r[1]);
    }));
    follow(line, p);
    svg.append(line);
  }
  coordinates.forEach((c, i) => {
    svg.append(make('line', {x1: at(i), x2: at(i), y1: top, y2: bottom}));
    const anchor = i === 0 ? 'start' : i === coordinates.length - 1 ? 'end' : 'middle';
    const shift = anchor === 'start' ? -50 : anchor === 'end' ? 60 : 0;
    const unit = c.unit && c.unit !== c.name ? ', ' + c.unit : '';
    svg.append(make('text', {x: at(i) + shift, y: 18, 'text-anchor': anchor}, c.name + unit));
    for (const [y, text] of scales[i].marks) {
      svg.append(make('text', {x: at(i) + 5, y: y + 3, class: 'mark'}, text));
    }
    const r = ranges.get(c);
    const x = at(i) - 8, width = 16;
    if (r) svg.append(make('rect', {class: 'range', x, width, y: r[0], height: r[1] - r[0]}));
    const band = make('rect', {class: 'band', x, width, y: top - 8, height: bottom - top + 16});
    band.addEventListener('mousedown', e => choose(e, c));
    svg.append(band);
  });
}
// Drawing along an axis chooses a range of it; a click lets all through again.
function choose(event, c) {
  event.preventDefault();
  const offset = svg.getBoundingClientRect().top, begin = event.clientY - offset;
  const move = e => {
    const y = e.clientY - offset;
    if (Math.abs(y - begin) > 3) ranges.set(c, [Math.min(begin, y), Math.max(begin, y)]);
    draw();
  };
  const end = e => {
    removeEventListener('mousemove', move);
    removeEventListener('mouseup', end);
    if (Math.abs(e.clientY - offset - begin) <= 3) ranges.delete(c);
    draw();
  };
  addEventListener('mousemove', move);
  addEventListener('mouseup', end);
}

// The table, sorted by a click on a heading.
const table = document.getElementById('table');
let sorted = null, up = true;
function fill() {
  table.textContent = '';
  const head = table.insertRow();
  for (const c of columns) {
    const cell = document.createElement('th');
    cell.textContent = c.name + (c === sorted ? (up ? ' \u25b2' : ' \u25bc') : '');
    if (!c.numeric) cell.className = 'text';
    cell.addEventListener('click', () => {
      up = sorted === c ? !up : true;
      sorted = c;
      fill();
    });
    head.append(cell);
  }
  const rows = [...points];
  if (sorted) {
    const missing = v => v === null || v === undefined;
    rows.sort((p, q) => {
      const a = sorted.of(p), b = sorted.of(q);
      if (missing(a) || missing(b)) return missing(a) - missing(b);
      return (up ? 1 : -1) * (a < b ? -1 : a > b ? 1 : 0);
    });
  }
  for (const p of rows.slice(0, 5000)) {
    const row = table.insertRow();
    if (p.front) row.className = 'front';
    for (const c of columns) {
      const cell = row.insertCell();
      cell.textContent = shown(c.of(p));
      if (!c.numeric) cell.className = 'text';
    }
    follow(row, p);
  }
}
document.getElementById('note').textContent =
  points.length + ' points, ' + done.length + ' done, ' + points.filter(p => p.front).length + ' on the Pareto front' +
  (sweep.objectives.length ? ' of ' + sweep.objectives.map(
    o => (o.maximise ? 'most ' : 'least ') + o.metric).join(', ') : '') +
  (drawn.length < done.length ? '; ' + drawn.length + ' of them drawn' : '');
addEventListener('resize', draw);
fill();
draw();
)js";

/// Text fit for a script element: nothing in it ends the element.
std::string within_script(std::string text) {
  for (std::size_t at = 0; (at = text.find("</", at)) != std::string::npos; at += 3) {
    text.insert(at + 1, 1, '\\');
  }
  return text;
}

}  // namespace

std::string sweep_page(const SweepTable& table) {
  std::string json;
  table_json(table, false, [&](std::string_view part) { json += part; });
  const std::string title = svg::escaped(table.title);
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{}</title>\n"
      "<link rel=\"icon\" href=\"data:,\">\n<style>{}</style>\n</head>\n<body>\n<h1>{}</h1>\n"
      "<p id=\"note\"></p>\n<svg id=\"lines\"></svg>\n<p>Bold lines and rows are on the front. "
      "Draw "
      "along an axis to keep the points that pass there; click it to keep all. A heading "
      "sorts.</p>\n"
      "<table id=\"table\"></table>\n<div id=\"hover\"></div>\n"
      "<script type=\"application/json\" id=\"data\">{}</script>\n<script>{}</script>\n</body>\n"
      "</html>\n",
      title, page_style, title, within_script(json), page_script);
}

}  // namespace spillway::analysis
