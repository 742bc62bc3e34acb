// What AWS would ask for what was used here, by its list prices, and for a month of so many times as much.

import { admin } from "./door.js";
import { element, show, table } from "./dom.js";

const EVERY_MS = 5000;
let place, times, isByResource, asked;

export function open(main) {
  times = element("input", { type: "number", min: 1, size: 10, placeholder: "what was used", oninput: () => (asked = 0) });
  isByResource = element("input", { type: "checkbox", onchange: () => (asked = 0) });
  place = element("div");
  asked = 0;
  main.append(element("div", { class: "row" }, element("label", {}, "A month of so many times as much", times), element("label", {}, "By resource ", isByResource)), place);
}

export async function look() {
  if (Date.now() - asked < EVERY_MS) return;
  asked = Date.now();
  const words = new URLSearchParams({ ...(times.value >= 1 && { times: Math.floor(times.value) }), ...(isByResource.checked && { by: "resource" }) });
  const cost = await admin(`cost?${words}`);
  const money = (usd) => (usd === null ? "–" : usd.toFixed(6));
  const silent = Object.entries(cost.silent).map(([name, state]) => element("p", { class: "error" }, `${name} is ${state}: what was used there is missing.`));
  const free = cost.free_usd ? ` Of it ${money(cost.free_usd)} always free, if this is all that the account uses in the month.` : "";
  show(place, silent, table(`Estimated at AWS's list prices, in ${cost.currency}`, [
    ["account", (line) => line.account], ["region", (line) => line.region], ["used", (line) => `${line.usage} ${line.resource}`.trim()],
    ["how much", (line) => line.quantity.toLocaleString("en", { maximumSignificantDigits: 6 }), "number"], ["of", (line) => line.unit],
    [cost.currency, (line) => money(line.usd), "number"], ["", (line) => line.note],
  ], cost.lines, "Nothing was used that AWS bills."), element("p", {}, `Together ${money(cost.usd)} ${cost.currency}.${free}`));
}
