// Every call of the cloud as it is answered.

import { clock } from "./door.js";
import { element } from "./dom.js";

const ROWS_MAX = 500;
let body, filter = "", isHeld = false, shown = 0;

export function open(main, cloud) {
  const sought = element("input", { type: "search", placeholder: "sqs, PutItem, AccessDenied, 503 …", value: filter, oninput: (event) => { filter = event.target.value.toLowerCase(); refill(cloud); } });
  const hold = element("button", { "aria-pressed": String(isHeld), onclick: () => { isHeld = !isHeld; hold.setAttribute("aria-pressed", String(isHeld)); hold.textContent = isHeld ? "Go on" : "Hold"; if (!isHeld) refill(cloud); } }, isHeld ? "Go on" : "Hold");
  body = element("tbody");
  const head = ["when", "region", "service", "operation", "answer", ""].map((title) => element("th", { scope: "col" }, title));
  main.append(element("div", { class: "row" }, element("label", {}, "Show only", sought), hold),
    element("div", { class: "scroll" }, element("table", {}, element("caption", {}, "Calls, the latest first"), element("thead", {}, element("tr", {}, head)), body)));
  refill(cloud);
}

function refill(cloud) {
  body.replaceChildren();
  shown = 0;
  for (const event of cloud.events) heard(event);
}

export function heard(event) {
  if (event.kind !== "call" || isHeld || !body) return;
  const line = `${event.region} ${event.service} ${event.operation} ${event.status} ${event.code || ""}`.toLowerCase();
  if (filter && !line.includes(filter)) return;
  body.prepend(element("tr", {},
    element("td", { class: "tight" }, clock(event.t)), element("td", { class: "tight" }, event.region), element("td", {}, event.service || ""), element("td", {}, event.operation || ""),
    element("td", { class: event.status >= 400 ? "error" : "" }, `${event.status || "severed"} ${event.code || ""}`),
    element("td", { class: "wide quiet" }, event.code ? [event.text, event.hint].filter(Boolean).join(" — ") : "")));
  if (++shown > ROWS_MAX) body.lastElementChild.remove();
}
