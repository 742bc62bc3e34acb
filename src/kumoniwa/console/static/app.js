// The frame: which page is shown, what the cloud says of itself, and the keyboard.

import { health, listen } from "./door.js";
import { element, show } from "./dom.js";
import * as calls from "./calls.js";
import * as cost from "./cost.js";
import * as drill from "./drill.js";
import * as faults from "./faults.js";
import * as gaps from "./gaps.js";
import * as mail from "./mail.js";
import * as map from "./map.js";
import * as resources from "./resources.js";
import * as timeline from "./timeline.js";

const pages = { map, resources, calls, faults, drill, gaps, mail, timeline, cost };
const main = document.querySelector("main");
const status = document.querySelector("#status");
export const cloud = { health: null, events: [] };
let current = null;

function turn() {
  const name = location.hash.slice(1) in pages ? location.hash.slice(1) : "map";
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  current = pages[name];
  document.title = `${name[0].toUpperCase()}${name.slice(1)} · Kumoniwa`;
  main.replaceChildren();
  current.open(main, cloud);
}

async function look() {
  try {
    cloud.health = await health();
    const running = Object.values(cloud.health.regions).filter((region) => region.state === "running").length;
    status.textContent = `version ${cloud.health.version}, up ${Math.round(cloud.health.uptime_s)} s, ${running} running`;
    status.className = "";
    await current?.look?.(main, cloud);
  } catch (error) {
    status.textContent = `The cloud does not answer: ${error.message}`;
    status.className = "error";
  }
  setTimeout(look, 1000);
}

addEventListener("hashchange", () => { turn(); main.focus(); });
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || /INPUT|SELECT|TEXTAREA/.test(event.target.tagName)) return;
  document.querySelector(`nav a[data-key="${CSS.escape(event.key)}"]`)?.click();
});

look();
turn();
listen((event) => {
  cloud.events.push(event);
  // Calls come by the hundred: what a drill told, and what it broke, must outlast them.
  if (cloud.events.length > 5000) cloud.events = cloud.events.filter((one, n) => n >= 1000 || one.kind === "drill" || one.kind === "fault");
  current?.heard?.(event, cloud);
});
