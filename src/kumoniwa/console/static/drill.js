// A drill while it runs: what its journeys got, second by second, with the faults shaded.

import { element, mark, show, table } from "./dom.js";

const WIDTH = 1200, HEIGHT = 260, LEFT = 50, SECONDS_MIN = 60;
let place, drawn = 0;

export function open(main, cloud) {
  place = element("div");
  main.append(place);
  draw(cloud);
}

export function heard(event, cloud) {
  if ((event.kind === "drill" || event.kind === "fault") && performance.now() - drawn > 250) draw(cloud);
}

export const look = (main, cloud) => draw(cloud);

function draw(cloud) {
  drawn = performance.now();
  const told = cloud.events.filter((event) => event.kind === "drill"), start = told.findLastIndex((event) => event.what === "start");
  if (start < 0) return show(place, element("p", { class: "note" }, "No drill has run against this cloud yet. Start one with "), element("pre", {}, "kumoniwa drill patterns/active_passive/drill.yaml"));
  const run = told.slice(start), began = run[0].t, windows = run.filter((event) => event.what === "window");
  const faults = cloud.events.filter((event) => event.kind === "fault" && event.t >= began && event.confirmed_at);
  const ends = Math.max(SECONDS_MIN, (windows.at(-1)?.t ?? began) - began + 5);
  const x = (t) => LEFT + ((t - began) / ends) * (WIDTH - LEFT - 10), most = Math.max(1, ...windows.map((w) => w.ok + w.fail + w.info));
  const y = (count) => HEIGHT - 30 - (count / most) * (HEIGHT - 60), wide = Math.max(2, (WIDTH - LEFT) / ends - 1);
  const slowest = Math.max(1, ...windows.map((w) => w.p99_ms || 0));
  const shaded = faults.filter((f) => f.what === "confirmed").map((f) => {
    const healed = faults.find((other) => other.id === f.id && other.what === "healed");
    const until = healed ? healed.t : began + ends;
    return element("rect", { class: "fault", x: x(f.confirmed_at), y: 0, width: Math.max(2, x(until) - x(f.confirmed_at)), height: HEIGHT - 30 }, element("title", {}, `${f.fault} ${JSON.stringify(f.target)}`));
  });
  const bars = windows.map((w) => {
    let under = 0;
    return ["ok", "info", "fail"].map((kind) => {
      const bar = element("rect", { class: { ok: "ok", info: "unknown", fail: "fail" }[kind], x: x(w.t) - wide, y: y(under + w[kind]), width: wide, height: y(under) - y(under + w[kind]) });
      under += w[kind];
      return bar;
    });
  });
  // Where nothing was answered the line is broken.
  const way = windows.map((w, n) => w.p99_ms == null ? "" : `${n && windows[n - 1].p99_ms != null ? "L" : "M"}${x(w.t)} ${HEIGHT - 30 - (w.p99_ms / slowest) * (HEIGHT - 60)}`).join("");
  const p99 = element("path", { class: "p99", d: way });
  // Words of marks that stand close together are written below each other.
  const marks = run.filter((event) => event.what === "mark").sort((one, other) => one.t - other.t).map((event, n) =>
    element("g", {}, element("line", { class: "mark-line", x1: x(event.t), x2: x(event.t), y1: 0, y2: HEIGHT - 30 }), element("text", { x: x(event.t) + 3, y: 12 + 14 * (n % 4) }, event.name)));
  const ticks = [];
  for (let s = 0; s <= ends; s += ends > 300 ? 60 : 10) ticks.push(element("text", { x: x(began + s), y: HEIGHT - 10, "text-anchor": "middle" }, `${s} s`));
  const total = windows.reduce((sum, w) => ({ ok: sum.ok + w.ok, fail: sum.fail + w.fail, info: sum.info + w.info }), { ok: 0, fail: 0, info: 0 });
  const counted = (field) => {
    const sums = {};
    for (const w of windows) for (const [name, told] of Object.entries(w[field] || {})) {
      const sum = (sums[name] ??= { name, ok: 0, fail: 0, info: 0 });
      for (const kind of ["ok", "fail", "info"]) sum[kind] += told[kind] || 0;
    }
    const columns = [[field === "regions" ? "region" : "journey", (r) => r.name], ["answered", (r) => r.ok, "number"], ["failed", (r) => r.fail, "number"], ["unknown", (r) => r.info, "number"]];
    return Object.keys(sums).length ? table(field === "regions" ? "By region reached" : "By journey", columns, Object.values(sums).sort((a, b) => a.name.localeCompare(b.name)), "") : null;
  };
  const results = run.filter((event) => event.what === "objective");
  show(place,
    element("h2", {}, run[0].title || "Drill"), element("p", { class: "quiet" }, run.findLast((event) => event.phase)?.phase || ""),
    element("svg", { class: "map", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `Requests each second: ${total.ok} answered, ${total.fail} failed, ${total.info} with unknown outcome` },
      shaded, bars, p99, marks, element("line", { class: "axis", x1: LEFT, x2: WIDTH - 10, y1: HEIGHT - 30, y2: HEIGHT - 30 }), ticks, element("text", { x: 4, y: 22 }, `${most}/s`), element("text", { x: 4, y: HEIGHT - 34 }, "0")),
    element("p", {}, `${total.ok} answered, ${total.fail} failed, ${total.info} with unknown outcome; the line is p99, at most ${slowest.toFixed(0)} ms.`),
    counted("regions"), counted("journeys"),
    results.length ? table("Objectives", [["objective", (r) => r.name], ["asked", (r) => r.asked ?? "", "number"], ["measured", (r) => r.measured ?? "", "number"], ["verdict", (r) => mark(r.verdict)]], results, "") : null);
}
