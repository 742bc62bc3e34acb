// The two doors: the admin door, and AWS's own, to which we sign as any client does.

export async function admin(path, method = "GET", body) {
  const answer = await fetch(`/_kumoniwa/${path}`, { method, body: body && JSON.stringify(body) });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.message);
  return said;
}

// Events are timed by the machine's monotonic clock; health tells how that reads now.
let began = 0;

export async function health() {
  const said = await admin("health");
  began = Date.now() - said.t * 1000;
  return said;
}

export const clock = (t) => new Date(began + t * 1000).toLocaleTimeString("en-GB", { fractionalSecondDigits: 3 });

// Calls heard(event) for each event after `since`, for ever; the cloud may go and come back. A browser keeps few connections to one
// host, and pages that were left may be kept alive: they give theirs back.
export async function listen(heard, since = 0) {
  for (;;) {
    const left = new AbortController();
    addEventListener("pagehide", () => left.abort(), { once: true });
    try {
      const answer = await fetch(`/_kumoniwa/events?since=${since}`, { signal: left.signal });
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        const lines = (rest + value).split("\n");
        rest = lines.pop();
        for (const line of lines) {
          if (!line) continue;
          const event = JSON.parse(line);
          since = event.n;
          heard(event);
        }
      }
    } catch { /* the cloud is away: try again */ }
    await new Promise((again) => setTimeout(again, 1000));
    const reached = await health().catch(() => null);
    if (reached && reached.uptime_s < 5) since = 0;
  }
}

export const keys = {
  get id() { return sessionStorage.getItem("key") || "test"; },
  get secret() { return sessionStorage.getItem("secret") || "test"; },
  keep(id, secret) { sessionStorage.setItem("key", id); sessionStorage.setItem("secret", secret); },
};

const text = new TextEncoder();
const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const digest = async (body) => hex(await crypto.subtle.digest("SHA-256", text.encode(body)));

async function hmac(key, message) {
  const imported = await crypto.subtle.importKey("raw", typeof key === "string" ? text.encode(key) : key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return crypto.subtle.sign("HMAC", imported, text.encode(message));
}

// One AWS call, signed (Signature Version 4). Answers the parsed body: JSON, or a document for XML.
export async function aws(service, region, { method = "POST", path = "/", query = "", headers = {}, body = "" } = {}) {
  const date = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const scope = `${date.slice(0, 8)}/${region}/${service}/aws4_request`;
  const hashed = await digest(body);
  const signed = { ...headers, host: location.host, "x-amz-content-sha256": hashed, "x-amz-date": date };
  const names = Object.keys(signed).map((name) => name.toLowerCase()).sort();
  const values = Object.fromEntries(Object.entries(signed).map(([name, value]) => [name.toLowerCase(), value]));
  const canonical = [method, path, query.split("&").sort().join("&"), ...names.map((name) => `${name}:${values[name]}`), "", names.join(";"), hashed].join("\n");
  let key = `AWS4${keys.secret}`;
  for (const part of scope.split("/")) key = await hmac(key, part);
  const signature = hex(await hmac(key, ["AWS4-HMAC-SHA256", date, scope, await digest(canonical)].join("\n")));
  delete signed.host;
  const authorization = `AWS4-HMAC-SHA256 Credential=${keys.id}/${scope}, SignedHeaders=${names.join(";")}, Signature=${signature}`;
  const answer = await fetch(path + (query && `?${query}`), { method, headers: { ...signed, Authorization: authorization }, body: method === "GET" ? undefined : body });
  const said = await answer.text();
  if (!answer.ok) throw new Error(answer.headers.get("x-kumoniwa-hint") || said || answer.statusText);
  return said.startsWith("<") ? new DOMParser().parseFromString(said, "text/xml") : said && JSON.parse(said);
}

// JSON protocols: target("sqs", "us-east-1", "AmazonSQS.ListQueues", {})
export const target = (service, region, name, said = {}, version = "1.0") =>
  aws(service, region, { headers: { "content-type": `application/x-amz-json-${version}`, "x-amz-target": name }, body: JSON.stringify(said) });

// Query protocols: action("cloudformation", "us-east-1", "2010-05-15", "ListStacks")
export const action = (service, region, version, name, more = "") =>
  aws(service, region, { headers: { "content-type": "application/x-www-form-urlencoded" }, body: `Action=${name}&Version=${version}${more}` });

// The texts of every element of a name in a document.
export const texts = (document, name) => [...document.getElementsByTagName(name)].map((found) => found.textContent);
