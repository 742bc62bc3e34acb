// What clients asked for that this cloud does not implement.

import { admin } from "./door.js";
import { element, show, table } from "./dom.js";

let place;

export function open(main) {
  place = element("div");
  main.append(place);
}

export async function look() {
  const gaps = Object.entries(await admin("gaps"));
  show(place, table("Asked for and not implemented, most often first", [["what", ([what]) => what], ["times", ([, count]) => count, "number"]], gaps, "Nothing was asked for that is not implemented."));
}
