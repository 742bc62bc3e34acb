// The mailboxes of all regions: what SES sent, which never left this machine.

import { admin } from "./door.js";
import { bytes, element, show, table } from "./dom.js";

let list, letter;

export function open(main) {
  list = element("div");
  letter = element("section", { "aria-live": "polite" });
  main.append(list, letter);
  fill();
}

async function fill() {
  const into = list;
  try {
    const { mails } = await admin("mail");
    show(into, table("Mails, the newest first", [
      ["when", (mail) => mail.time.replace("T", " ").slice(0, 19), "tight"],
      ["region", (mail) => mail.region, "tight"],
      ["from", (mail) => mail.from, "tight"],
      ["to", (mail) => [...mail.to, ...mail.cc, ...mail.bcc].join(", "), "tight"],
      ["subject", (mail) => element("button", { "data-keep": mail.id, onclick: () => read(mail) }, mail.subject || "(no subject)")],
      ["", (mail) => [...new Set(Object.values(mail.outcome))].join(", ")],
      ["size", (mail) => bytes(mail.size_bytes), "number"],
    ], mails, "Nothing was sent yet. SES puts every mail here instead of sending it away."));
  } catch (error) {
    show(into, element("p", { class: "error" }, error.message));
  }
}

async function read({ region, id }) {
  const at = `mail/${region}/${encodeURIComponent(id)}`;
  try {
    const mail = await admin(at);
    show(letter,
      element("h2", { tabindex: -1 }, mail.subject || "(no subject)"),
      table("Recipients", [["address", ([address]) => address], ["outcome", ([, outcome]) => outcome]], Object.entries(mail.outcome), "None."),
      mail.html == null ? null : element("iframe", { class: "mail", title: "The mail's HTML", src: `/_kumoniwa/${at}/html`, sandbox: "allow-popups allow-popups-to-escape-sandbox", referrerpolicy: "no-referrer" }),
      mail.text == null ? null : element("pre", { class: "mail", tabindex: 0 }, linked(mail.text)),
      mail.attachments.length ? element("ul", {}, mail.attachments.map((one, n) => element("li", {}, element("a", { href: `/_kumoniwa/${at}/attachments/${n + 1}`, download: one.name }, one.name), ` ${one.type}, ${bytes(one.size_bytes)}`))) : null,
      element("details", {}, element("summary", {}, "Headers"), table("", [["name", ([name]) => name, "tight"], ["value", ([, value]) => value, "wide"]], mail.headers, "")),
      element("details", {}, element("summary", {}, "Source"), element("pre", { tabindex: 0 }, mail.raw), element("a", { href: `/_kumoniwa/${at}/raw`, target: "_blank", rel: "noopener noreferrer" }, "alone")));
    letter.querySelector("h2").focus();
  } catch (error) {
    show(letter, element("p", { class: "error" }, error.message));
  }
}

// Addresses in a text can be opened: http and https alone.
function linked(text) {
  return text.split(/(https?:\/\/[^\s<>"']+)/).map((part, n) => n % 2 ? element("a", { href: part, target: "_blank", rel: "noopener noreferrer" }, part) : part);
}

export function heard(event) {
  if (event.kind === "mail" && list?.isConnected) fill();
}
