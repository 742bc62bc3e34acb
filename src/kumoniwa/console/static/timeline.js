// After an incident: calls, alarms, stacks and configurations in the one order in which they happened, asked of AWS's own endpoints.

import { action, target, texts } from "./door.js";
import { element, show, table } from "./dom.js";

const SPANS = { "15 minutes": 15, "1 hour": 60, "6 hours": 360, "1 day": 1440 };
const CALLS_MAX = 500, WAIT_MS = 600;
let place, told, minutes = 60, sought = "", found = [], asked = 0;

const text = (node, name) => node.getElementsByTagName(name)[0]?.textContent || "";
const members = (document, list) => [...(document.getElementsByTagName(list)[0]?.children || [])];

// Each source answers what happened since a moment, and calls leave() if there is more than it has asked for.

const rest = () => new Promise((again) => setTimeout(again, WAIT_MS));

// CloudTrail answers two requests a second: between pages we rest, and again where others ask as well.
async function patiently(ask) {
  for (let turn = 0; ; turn++) {
    try { return await ask(); } catch (error) {
      if (turn > 20 || !error.message.includes("Throttling")) throw error;
      await rest();
    }
  }
}

async function calls(region, since, leave) {
  const happened = [];
  let token;
  do {
    if (token) await rest();
    const said = await patiently(() => target("cloudtrail", region, "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents",
      { StartTime: since / 1000, LookupAttributes: [{ AttributeKey: "ReadOnly", AttributeValue: "false" }], ...(token && { NextToken: token }) }, "1.1"));
    for (const event of said.Events || []) {
      const whole = JSON.parse(event.CloudTrailEvent);
      happened.push({ at: event.EventTime * 1000, kind: "call", what: `${event.EventSource.replace(".amazonaws.com", "")}:${event.EventName}`, resource: (event.Resources || []).map((one) => one.ResourceName).filter(Boolean).join(", "),
        detail: `by ${event.Username || "root"}${whole.errorCode ? `, refused: ${whole.errorCode}` : ""}`, isBad: Boolean(whole.errorCode), more: JSON.stringify(whole.requestParameters) });
    }
    token = said.NextToken;
  } while (token && happened.length < CALLS_MAX);
  if (token) leave();
  return happened;
}

async function alarms(region, since, leave) {
  const said = await action("monitoring", region, "2010-08-01", "DescribeAlarmHistory", `&StartDate=${encodeURIComponent(new Date(since).toISOString())}`);
  if (text(said, "NextToken")) leave();
  return members(said, "AlarmHistoryItems").map((item) => ({ at: Date.parse(text(item, "Timestamp")), kind: "alarm", what: text(item, "HistoryItemType"), resource: text(item, "AlarmName"), detail: text(item, "HistorySummary"), isBad: text(item, "HistorySummary").endsWith("to ALARM"), more: "" }));
}

async function stacks(region, since, leave) {
  const happened = [];
  const listed = await action("cloudformation", region, "2010-05-15", "ListStacks");
  if (text(listed, "NextToken")) leave();
  for (const id of texts(listed, "StackId")) {
    const said = await action("cloudformation", region, "2010-05-15", "DescribeStackEvents", `&StackName=${encodeURIComponent(id)}`);
    const events = members(said, "StackEvents");
    if (text(said, "NextToken") && Date.parse(text(events.at(-1), "Timestamp")) >= since) leave();
    for (const event of events) {
      const status = text(event, "ResourceStatus");
      happened.push({ at: Date.parse(text(event, "Timestamp")), kind: "stack", what: status, resource: [...new Set([text(event, "StackName"), text(event, "LogicalResourceId")])].join("/"),
        detail: `${text(event, "ResourceType")} ${text(event, "ResourceStatusReason")}`.trim(), isBad: status.includes("FAILED") || status.includes("ROLLBACK"), more: text(event, "PhysicalResourceId") });
    }
  }
  return happened.filter((event) => event.at >= since);
}

async function configurations(region, since, leave) {
  const config = (name, said) => target("config", region, `StarlingDoveService.${name}`, said, "1.1");
  const happened = [];
  if (!(await config("DescribeConfigurationRecorders", {})).ConfigurationRecorders.length) return happened;
  const counts = await config("GetDiscoveredResourceCounts", {});
  if (counts.nextToken) leave();
  for (const { resourceType } of counts.resourceCounts) {
    const listed = await config("ListDiscoveredResources", { resourceType, includeDeletedResources: true });
    if (listed.nextToken) leave();
    for (const { resourceId } of listed.resourceIdentifiers) {
      const said = await config("GetResourceConfigHistory", { resourceType, resourceId, earlierTime: since / 1000 });
      if (said.nextToken) leave();
      for (const item of said.configurationItems) {
        happened.push({ at: item.configurationItemCaptureTime * 1000, kind: "config", what: item.configurationItemStatus, resource: item.resourceName || resourceId, detail: resourceType, isBad: false, more: item.arn || "" });
      }
    }
  }
  return happened;
}

async function ask(cloud) {
  const mine = ++asked, since = Date.now() - minutes * 60000, gathered = [], failed = new Set();
  told.textContent = "Asking …";
  const regions = Object.keys(cloud.health?.regions || {}).filter((name) => !name.startsWith("aws-"));
  for (const region of regions) {
    for (const [name, source] of Object.entries({ calls, alarms, stacks, configurations })) {
      const leave = () => failed.add(`${region}: there are more ${name} than are shown`);
      try { gathered.push(...(await source(region, since, leave)).map((one) => ({ region, ...one }))); } catch (error) { failed.add(`${region}: ${name}: ${error.message}`); }
    }
  }
  if (mine !== asked) return;
  found = gathered.sort((one, other) => one.at - other.at);
  told.textContent = [...failed].join(" · ") || `${found.length} in ${regions.join(", ") || "no region"}`;
  told.className = failed.size ? "error" : "quiet";
  fill();
}

function fill() {
  const rows = found.filter((one) => `${one.region} ${one.kind} ${one.what} ${one.resource} ${one.detail} ${one.more}`.toLowerCase().includes(sought));
  show(place, table("What happened, the first first", [
    ["when", (one) => new Date(one.at).toISOString().replace("T", " ").slice(0, 23), "tight"],
    ["region", (one) => one.region, "tight"],
    ["kind", (one) => one.kind, "tight"],
    ["what", (one) => element("span", { class: one.isBad ? "error" : "" }, one.what)],
    ["of", (one) => one.resource],
    ["", (one) => one.detail, "wide quiet"],
  ], rows, "Nothing that is sought happened in this time."));
}

export function open(main, cloud) {
  const span = element("select", { onchange: (event) => { minutes = Number(event.target.value); ask(cloud); } }, Object.entries(SPANS).map(([name, value]) => element("option", { value, selected: value === minutes }, name)));
  const seek = element("input", { type: "search", placeholder: "a resource, a call, ALARM …", value: sought, oninput: (event) => { sought = event.target.value.toLowerCase(); fill(); } });
  told = element("p", { role: "status", class: "quiet" });
  place = element("div");
  main.append(element("div", { class: "row" }, element("label", {}, "Of the last", span), element("label", {}, "Show only", seek), element("button", { onclick: () => ask(cloud) }, "Ask again")), told, place);
  if (cloud.health) ask(cloud);
}

// The first look of the frame may come after the page was opened.
export function look(main, cloud) {
  if (!asked) ask(cloud);
}
