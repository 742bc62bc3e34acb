// Elements without templates: element("td", {class: "number"}, "12"), and tables of rows.

const SVG = "http://www.w3.org/2000/svg";
const DRAWN = new Set(["svg", "g", "circle", "path", "line", "rect", "text", "title", "polyline"]);

export function element(name, attributes = {}, ...children) {
  const made = DRAWN.has(name) ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, value);
  }
  made.append(...children.flat(Infinity).filter((child) => child != null));
  return made;
}

export const mark = (state) => element("span", { class: `mark ${state}` }, state);

// columns: [[title, cell(row), class?], …]
export function table(caption, columns, rows, empty) {
  if (!rows.length) return element("div", {}, element("h2", {}, caption), element("p", { class: "quiet" }, empty));
  const head = element("tr", {}, columns.map(([title, , kind]) => element("th", { scope: "col", class: kind }, title)));
  const body = rows.map((row) => element("tr", {}, columns.map(([, cell, kind]) => element("td", { class: kind }, cell(row)))));
  return element("div", { class: "scroll" }, element("table", {}, element("caption", {}, caption), element("thead", {}, head), element("tbody", {}, body)));
}

export function bytes(count) {
  const units = ["B", "kB", "MB", "GB"];
  let unit = 0;
  while (count >= 1000 && unit < units.length - 1) [count, unit] = [count / 1000, unit + 1];
  return `${count < 10 && unit ? count.toFixed(1) : Math.round(count)} ${units[unit]}`;
}

// Replace what a place holds and keep the keyboard where it was.
export function show(place, ...children) {
  const held = document.activeElement?.dataset?.keep;
  place.replaceChildren(...children.flat(Infinity).filter((child) => child != null));
  if (held) place.querySelector(`[data-keep="${CSS.escape(held)}"]`)?.focus();
}
