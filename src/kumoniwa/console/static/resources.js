// What stands in a region, asked of AWS's own endpoints with the reader's keys.

import { action, aws, keys, target, texts } from "./door.js";
import { element, show } from "./dom.js";

const names = (of) => of || [];

// title, list(region) → names, detail(region, name) → anything worth reading
const KINDS = [
  ["DynamoDB tables", async (r) => names((await target("dynamodb", r, "DynamoDB_20120810.ListTables")).TableNames),
    async (r, name) => ({ table: (await target("dynamodb", r, "DynamoDB_20120810.DescribeTable", { TableName: name })).Table, first_items: (await target("dynamodb", r, "DynamoDB_20120810.Scan", { TableName: name, Limit: 20 })).Items })],
  ["SQS queues", async (r) => names((await target("sqs", r, "AmazonSQS.ListQueues")).QueueUrls).map((url) => url.split("/").slice(-2).join("/")),
    async (r, name) => (await target("sqs", r, "AmazonSQS.GetQueueAttributes", { QueueUrl: `${location.origin}/${name}`, AttributeNames: ["All"] })).Attributes],
  ["S3 buckets", async (r) => texts(await aws("s3", r, { method: "GET", path: "/", query: `bucket-region=${r}` }), "Name"),
    async (r, name) => texts(await aws("s3", r, { method: "GET", path: `/${name}`, query: "list-type=2&max-keys=100" }), "Key")],
  ["Lambda functions", async (r) => names((await aws("lambda", r, { method: "GET", path: "/2015-03-31/functions" })).Functions).map((f) => f.FunctionName),
    async (r, name) => aws("lambda", r, { method: "GET", path: `/2015-03-31/functions/${name}` })],
  ["REST APIs", async (r) => names((await aws("apigateway", r, { method: "GET", path: "/restapis" })).item).map((api) => `${api.name} (${api.id})`),
    async (r, name) => aws("apigateway", r, { method: "GET", path: `/restapis/${name.match(/\((\w+)\)$/)[1]}/stages` })],
  ["Log groups", async (r) => names((await target("logs", r, "Logs_20140328.DescribeLogGroups", {}, "1.1")).logGroups).map((group) => group.logGroupName),
    async (r, name) => names((await target("logs", r, "Logs_20140328.FilterLogEvents", { logGroupName: name, limit: 100 }, "1.1")).events).map((event) => `${new Date(event.timestamp).toISOString()} ${event.message.trimEnd()}`)],
  ["Stacks", async (r) => [...new Set(texts(await action("cloudformation", r, "2010-05-15", "DescribeStacks"), "StackName"))],
    async (r, name) => { const said = await action("cloudformation", r, "2010-05-15", "DescribeStackResources", `&StackName=${name}`); const status = texts(said, "ResourceStatus"), kind = texts(said, "ResourceType"); return texts(said, "LogicalResourceId").map((id, n) => `${id}  ${kind[n]}  ${status[n]}`); }],
];
const EVERYWHERE = [
  ["Hosted zones", async () => { const said = await aws("route53", "us-east-1", { method: "GET", path: "/2013-04-01/hostedzone" }); const ids = texts(said, "Id"); return texts(said, "Name").map((name, n) => `${name} (${ids[n].split("/").pop()})`); },
    async (r, name) => { const said = await aws("route53", "us-east-1", { method: "GET", path: `/2013-04-01/hostedzone/${name.match(/\((\w+)\)$/)[1]}/rrset` }); return [...said.getElementsByTagName("ResourceRecordSet")].map((set) => [...set.children].map((part) => part.textContent).join("  ")); }],
  ["IAM roles", async () => texts(await action("iam", "us-east-1", "2010-05-08", "ListRoles"), "RoleName"),
    async (r, name) => texts(await action("iam", "us-east-1", "2010-05-08", "ListRolePolicies", `&RoleName=${name}`), "member")],
];

let region = null, place;

export function open(main, cloud) {
  const used = Object.keys(cloud.health?.regions || {}).filter((name) => !name.startsWith("aws-"));
  region = used.includes(region) ? region : used[0];
  const chosen = element("select", { onchange: (event) => { region = event.target.value; list(); } }, used.map((name) => element("option", { selected: name === region }, name)));
  const id = element("input", { value: keys.id, size: 22, autocomplete: "off" }), secret = element("input", { type: "password", value: keys.secret, size: 22, autocomplete: "off" });
  place = element("div");
  main.append(element("div", { class: "row" }, element("label", {}, "Region", chosen), element("label", {}, "Access key", id), element("label", {}, "Secret", secret),
    element("button", { onclick: () => { keys.keep(id.value, secret.value); list(); } }, "Look again")), place);
  if (region) list();
  else show(place, element("p", { class: "note" }, "No region has been used yet."));
}

async function list() {
  show(place, element("p", { class: "quiet" }, "Asking …"));
  const groups = await Promise.all([...KINDS.map((kind) => [kind, region]), ...EVERYWHERE.map((kind) => [kind, "everywhere"])].map(async ([kind, where]) => {
    try {
      return group(kind, where, await kind[1](region));
    } catch (error) {
      return element("section", {}, element("h2", {}, kind[0]), element("p", { class: "error" }, error.message));
    }
  }));
  show(place, ...groups);
}

function group([title, , detail], where, found) {
  return element("section", {}, element("h2", {}, `${title} (${found.length}${where === "everywhere" ? ", of all regions" : ""})`), found.map((name) => {
    const told = element("pre", { tabindex: 0 }, "…");
    const opened = element("details", { ontoggle: async () => {
      if (!opened.open) return;
      try { const said = await detail(region, name); told.textContent = Array.isArray(said) ? said.join("\n") || "nothing" : JSON.stringify(said, null, 2); } catch (error) { told.textContent = error.message; }
    } }, element("summary", {}, name), told);
    return opened;
  }));
}
