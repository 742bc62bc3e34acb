// What is broken, what may be broken, and how it is mended.

import { admin } from "./door.js";
import { element, mark, show, table } from "./dom.js";

let catalogue = null, list, fields, said, chosen;

export async function open(main, cloud) {
  catalogue ??= await admin("faults/catalogue");
  const kinds = element("select", { onchange: (event) => choose(event.target.value, cloud) }, Object.keys(catalogue).map((name) => element("option", {}, name)));
  fields = element("div", { class: "row" });
  said = element("p", { role: "status" });
  list = element("div");
  main.append(element("form", { onsubmit: inject }, element("h2", {}, "Break something"), element("div", { class: "row" }, element("label", {}, "Fault", kinds)), fields,
    element("div", { class: "row" }, element("button", { class: "danger" }, "Inject"), element("button", { type: "button", onclick: () => heal() }, "Heal everything"))), said, list);
  choose(kinds.value, cloud);
}

function choose(name, cloud) {
  const kind = catalogue[name], regions = Object.keys(cloud.health?.regions || {}).filter((region) => !region.startsWith("aws-"));
  chosen = name;
  const field = (label, isTarget) => {
    const isRegion = ["region", "from", "to"].includes(label);
    const input = isRegion
      ? element("select", { name: label, "data-target": isTarget }, kind.needs.includes(label) ? null : element("option", { value: "" }, "any"), regions.map((region) => element("option", {}, region)))
      : element("input", { name: label, "data-target": isTarget, required: kind.needs.includes(label), size: 14 });
    return element("label", {}, kind.needs.includes(label) ? `${label} (needed)` : label, input);
  };
  show(fields, element("p", { class: "note" }, kind.does), kind.targets.map((label) => field(label, true)), kind.parameters.map((label) => field(label, false)));
}

async function inject(event) {
  event.preventDefault();
  const body = { fault: chosen, target: {} };
  for (const input of fields.querySelectorAll("input, select")) {
    if (input.value === "") continue;
    const value = /^-?\d+(\.\d+)?$/.test(input.value) ? Number(input.value) : input.value === "true" ? true : input.value === "false" ? false : input.value;
    (input.dataset.target !== undefined ? body.target : body)[input.name] = value;
  }
  try {
    const fault = await admin("faults", "POST", body);
    said.textContent = `${fault.id} acts since ${((fault.confirmed_at - fault.started_at) * 1000).toFixed(0)} ms after it was asked for.`;
    said.className = "";
  } catch (error) {
    said.textContent = error.message;
    said.className = "error";
  }
}

async function heal(id) {
  const done = await admin(id ? `faults/${id}` : "faults", "DELETE");
  said.textContent = done.left.length ? `Not seen to be healed: ${done.left.join(", ")}` : `Healed: ${done.healed.join(", ") || "nothing was broken"}`;
}

export async function look() {
  if (!list) return;
  const { faults } = await admin("faults");
  const words = (said) => Object.entries(said).map(([name, value]) => `${name} ${value}`).join(", ");
  show(list, table("Faults of this cloud's life, the latest first", [
    ["fault", (fault) => fault.id], ["kind", (fault) => fault.fault], ["state", (fault) => mark(fault.state)], ["aimed at", (fault) => words(fault.target)], ["how", (fault) => words(fault.params)],
    ["acted for", (fault) => (fault.ended_at ? `${(fault.ended_at - fault.confirmed_at).toFixed(1)} s` : ""), "number"],
    ["", (fault) => (fault.state === "active" ? element("button", { "data-keep": `heal ${fault.id}`, onclick: () => heal(fault.id) }, "heal") : "")],
  ], faults.reverse(), "Nothing was injected."));
}
