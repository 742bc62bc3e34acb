// The regions in use where they lie on the globe, their links, and what may be done to them.

import { admin } from "./door.js";
import { bytes, element, mark, show, table } from "./dom.js";

const WIDTH = 1200, HEIGHT = 520, NORTH = 78, SOUTH = -58;
const BESIDE = { "aws-global": [60, 470], "aws-edge": [60, 495] };
let places = null, land = [], before = new Map(), drawing, below, measured = {};

const x = (longitude) => ((longitude + 180) / 360) * WIDTH;
const y = (latitude) => ((NORTH - latitude) / (NORTH - SOUTH)) * HEIGHT;
const at = (name) => (places[name] ? [x(places[name].longitude), y(places[name].latitude)] : BESIDE[name]);

export async function open(main) {
  if (!places) ({ regions: places, land } = await admin("regions.json"));
  drawing = element("div");
  below = element("div");
  main.append(drawing, below);
}

export async function look(main, cloud) {
  if (!places) return;
  const { links } = await admin("links");
  const reports = await replicas(cloud.health.regions);
  for (const link of links) {
    const key = `${link.from} ${link.to}`, now = performance.now(), last = before.get(key);
    link.rate = last ? Math.max(0, ((link.bytes - last.bytes) / (now - last.at)) * 1000) : 0;
    before.set(key, { bytes: link.bytes, at: now });
  }
  show(drawing, draw(cloud.health.regions, links));
  show(below, regionTable(cloud.health.regions), linkTable(links), lagTable(reports));
}

// What is on its way between regions, as the services' reports tell it.
async function replicas(regions) {
  const running = Object.keys(regions).filter((name) => regions[name].state === "running");
  const reports = await Promise.all(running.map((name) => admin(`report/${name}`).catch(() => ({}))));
  return running.flatMap((from, n) => [...tables(reports[n].dynamodb, from), ...buckets(reports[n].s3_replication, from)]);
}

function tables(report, from) {
  return (report?.replication || []).map(({ table: name, to, backlog }) => {
    const minute = report.latency.filter((row) => row.table === name && row.receiving_region === to).at(-1);
    return { what: `table ${name}`, from, to, backlog, lag: minute && `${(minute.total_ms / minute.samples).toFixed(0)} ms, at most ${minute.most_ms.toFixed(0)} ms` };
  });
}

function buckets(report, from) {
  return Object.entries(report || {}).map(([lane, { pending, oldest_s }]) => {
    const [name, to] = lane.split(">");
    return { what: `bucket ${name}`, from, to, backlog: pending, lag: `the oldest waits ${oldest_s.toFixed(1)} s` };
  });
}

function draw(regions, links) {
  const grid = [];
  for (let longitude = -150; longitude < 180; longitude += 30) grid.push(element("path", { class: "grid", d: `M${x(longitude)} 0V${HEIGHT}` }));
  for (let latitude = -30; latitude <= 60; latitude += 30) grid.push(element("path", { class: "grid", d: `M0 ${y(latitude)}H${WIDTH}` }));
  const dots = land.map(([latitude, longitude]) => element("circle", { class: "land", cx: x(longitude), cy: y(latitude), r: 3 }));
  const idle = Object.entries(places).filter(([name]) => !(name in regions)).map(([name, place]) =>
    element("circle", { class: "idle", cx: x(place.longitude), cy: y(place.latitude), r: 2.5 }, element("title", {}, `${name}, ${place.name}: not in use`)));
  const title = `${Object.keys(regions).length} regions in use`;
  return element("svg", { class: "map", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": `Map: ${title}; the tables below say the same` },
    grid, dots, idle, links.filter((link) => link.from < link.to || link.state === "cut").map((link) => arc(link, links)), Object.entries(regions).map(region));
}

function arc(link, links) {
  const [ax, ay] = at(link.from), [bx, by] = at(link.to);
  const back = links.find((other) => other.from === link.to && other.to === link.from);
  const rate = link.rate + (back?.rate || 0), lift = Math.hypot(bx - ax, by - ay) * (link.from < link.to ? 0.18 : 0.28);
  const mx = (ax + bx) / 2, my = (ay + by) / 2 - lift;
  const kind = `link ${link.state === "up" && back?.state !== "up" ? back.state : link.state} ${rate > 0 ? "busy" : ""}`;
  const isFar = places[link.from] && places[link.to];
  return element("g", {},
    element("path", { class: kind, d: `M${ax} ${ay}Q${mx} ${my} ${bx} ${by}`, "stroke-width": isFar ? 1.5 + Math.log10(1 + rate) / 2 : 0.7, opacity: isFar ? 1 : 0.5 },
      element("title", {}, `${link.from} to ${link.to}: ${link.state}, ${link.rtt_ms} ms, ${bytes(rate)}/s`)),
    isFar ? element("text", { class: "rtt", x: mx, y: my + lift / 2, "text-anchor": "middle" }, link.state === "cut" ? "cut" : `${link.rtt_ms.toFixed(0)} ms`) : null);
}

function region([name, told]) {
  const [cx, cy] = at(name);
  return element("g", { class: `region ${told.state}` },
    element("circle", { cx, cy, r: 6 + Math.min(6, told.connections / 4) }, element("title", {}, `${name}: ${told.state}, ${told.connections} connections`)),
    element("text", { x: cx + 12, y: cy + 4 }, told.state === "running" ? name : `${name} (${told.state})`));
}

function regionTable(regions) {
  const act = (name, what, kind) =>
    element("button", { class: kind, "data-keep": `${what} ${name}`, onclick: () => admin(`regions/${name}/${what}`, "POST") }, what);
  return table("Regions", [
    ["region", ([name]) => name],
    ["place", ([name]) => places[name]?.name || ""],
    ["state", ([, told]) => mark(told.state)],
    ["address", ([, told]) => told.address],
    ["process", ([, told]) => told.pid ?? "", "number"],
    ["connections", ([, told]) => told.connections, "number"],
    ["", ([name, told]) => element("span", { class: "row" },
      told.state === "running" ? [act(name, "kill", "danger"), act(name, "pause"), act(name, "restart")] : told.state === "paused" ? [act(name, "resume"), act(name, "kill", "danger")] : act(name, "restart"))],
  ], Object.entries(regions), "No region has been used yet: call one, and it starts.");
}

function linkTable(links) {
  const measure = async (link) => {
    measured[`${link.from} ${link.to}`] = "…";
    const said = await admin("links/measure", "POST", { from: link.from, to: link.to, count: 9 }).catch((error) => ({ unreachable: error.message }));
    measured[`${link.from} ${link.to}`] = said.unreachable || `${said.p50_ms.toFixed(1)} ms`;
  };
  return table("Links", [
    ["from", (link) => link.from], ["to", (link) => link.to], ["state", (link) => mark(link.state)],
    ["round trip", (link) => `${link.rtt_ms.toFixed(1)} ms`, "number"],
    ["limit", (link) => (link.mbps ? `${link.mbps} Mbit/s` : ""), "number"],
    ["now", (link) => `${bytes(link.rate)}/s`, "number"], ["so far", (link) => bytes(link.bytes), "number"], ["under way", (link) => bytes(link.queued_bytes), "number"],
    ["measured", (link) => measured[`${link.from} ${link.to}`] || element("button", { "data-keep": `measure ${link.from} ${link.to}`, onclick: () => measure(link) }, "measure"), "number"],
  ], links.filter((link) => places[link.from] && places[link.to]), "No two regions are in use.");
}

function lagTable(rows) {
  return table("Replication", [
    ["what", (row) => row.what], ["from", (row) => row.from], ["to", (row) => row.to],
    ["not yet there", (row) => row.backlog, "number"], ["lag", (row) => row.lag || "", "number"],
  ], rows, "Nothing is replicated between regions.");
}
