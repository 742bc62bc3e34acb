"""A function's JavaScript, run on one event: ``handler(event)`` answers a request or a response.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/functions-event-structure.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from kumoniwa.engines import javascript
from kumoniwa.gate import edge_store
from kumoniwa.gate.edge import EdgeResource
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.cloudfront import answer, errors

ALLOWED_S = javascript.QUICK_S
_RUNTIME = """
var __logs = [], __outcome = null;
function __shown(value) { return typeof value === 'string' ? value : JSON.stringify(value); }
function __log() { __logs.push(Array.prototype.map.call(arguments, __shown).join(' ')); }
var console = { log: __log, info: __log, warn: __log, error: __log };
function __kept(value) { __outcome = JSON.stringify({ value: value === undefined ? null : value, logs: __logs }); }
function __failed(error) { __outcome = JSON.stringify({ error: String(error), logs: __logs }); }
function __run(text) {
  __logs = []; __outcome = null;
  try {
    var value = __handler(JSON.parse(text));
    if (value && typeof value.then === 'function') { value.then(__kept, __failed); return undefined; }
    __kept(value);
  } catch (error) { __failed(error); }
  return __outcome;
}
var __stores = {}, __associated = null;
function __store(id) {
  var store = __stores[id === undefined ? __associated : id];
  if (!store) { throw new Error('KeyValueStoreNotFound'); }
  var pairs = store.items;
  return {
    get: async function (key, options) {
      if (!Object.prototype.hasOwnProperty.call(pairs, key)) { throw new Error('KeyNotFound'); }
      var format = options && options.format, value = pairs[key];
      if (format === 'json') { return JSON.parse(value); }
      if (format !== 'bytes') { return value; }
      return Array.from(unescape(encodeURIComponent(value)), function (character) { return character.charCodeAt(0); });
    },
    exists: async function (key) { return Object.prototype.hasOwnProperty.call(pairs, key); },
    count: async function () { return Object.keys(pairs).length; },
    meta: async function () {
      return { creationDateTime: store.created, lastUpdatedDateTime: store.filled, keyCount: Object.keys(pairs).length };
    }
  };
}
var __cloudfront = { kvs: __store };
function __settled() { return __outcome === null ? JSON.stringify({ error: 'The promise was never settled.', logs: __logs }) : __outcome; }
"""


class Outcome(NamedTuple):
    value: dict[str, Any] | None
    error: str
    """Empty if it did what it should."""
    logs: tuple[str, ...]


_IMPORT = re.compile(rb"""import\s+([A-Za-z_$][\w$]*)\s+from\s+(['"])cloudfront\2\s*;?""")


def check(code: str) -> None:
    """Raise what CreateFunction answers to code that cannot run here."""
    root = javascript.tree(code.encode())
    if root.has_error:
        raise errors.InvalidArgument("The function code has a syntax error.")
    for node in javascript.nodes(root):
        callee = node.child_by_field_name("function") if node.type == "call_expression" else None
        is_other = node.type == "import_statement" and not _IMPORT.fullmatch(node.text)
        if is_other or (callee is not None and callee.text == b"require"):
            raise NotImplementedHere("modules other than cloudfront in CloudFront Functions")


@lru_cache(maxsize=256)
def _loadable(code: str) -> str:
    """The code as a script, in which the module ``cloudfront`` is a variable."""
    source = code.encode()
    for node in reversed([each for each in javascript.nodes(javascript.tree(source)) if each.type == "import_statement"]):
        name = _IMPORT.fullmatch(node.text)[1]
        source = source[: node.start_byte] + b"var " + name + b" = __cloudfront;" + source[node.end_byte :]
    return f"var __handler = (function () {{ {source.decode()}\nreturn handler; }})();"


def _stores(home: Any, config: dict[str, Any]) -> str:
    """What loads the store of a function; the same text as long as the store is the same."""
    arns = [each["KeyValueStoreARN"] for each in (config.get("KeyValueStoreAssociations") or {}).get("Items") or ()]
    store = edge_store.found(home, arns[0]) if arns else None
    if store is None:
        return ""
    held = home.memory.get(("cloudfront stores", store.id))
    if held is None or held[0] is not store:
        told = {"items": edge_store.items(store), "created": answer.moment(store.created), "filled": answer.moment(store.more["filled"])}
        text = f"__associated = {json.dumps(store.id)}; __stores[__associated] = JSON.parse({json.dumps(json.dumps(told))});"
        held = home.memory["cloudfront stores", store.id] = (store, text)
    return held[1]


def _scripts(home: Any) -> javascript.Scripts:
    held = home.memory.get(("cloudfront", javascript.Scripts))
    if held is None:
        held = home.memory["cloudfront", javascript.Scripts] = javascript.Scripts()
    return held


async def run(home: Any, function: EdgeResource, event: dict[str, Any]) -> Outcome:
    """What the function's handler makes of an event, or how it failed."""
    sources = (_RUNTIME, _stores(home, function.config), _loadable(function.more["code"]))
    try:
        said = orjson.loads(await _scripts(home).call(sources, "__run", orjson.dumps(event).decode()))
    except javascript.ScriptEndless:
        return Outcome(None, "The function took too long.", ())
    except javascript.ScriptFailed as error:
        return Outcome(None, str(error).partition("\n")[0], ())
    logs = tuple(said["logs"])
    if "error" in said:
        return Outcome(None, said["error"], logs)
    if not isinstance(said["value"], dict):
        return Outcome(None, "The function returned an invalid value: neither a request nor a response.", logs)
    return Outcome(said["value"], "", logs)


# Headers, cookies and query strings in the event's form ------------------------------------------------------------


def spread(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Names with their values; a name that comes more than once has all of them under ``multiValue``."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name not in found:
            found[name] = {"value": value}
        else:
            found[name].setdefault("multiValue", [{"value": found[name]["value"]}]).append({"value": value})
    return found


def gathered(said: Any) -> list[tuple[str, str]]:
    """The pairs again. What is not of the form is left out."""
    pairs = []
    for name, each in said.items() if isinstance(said, dict) else ():
        many = each.get("multiValue") if isinstance(each, dict) else None
        for one in many if isinstance(many, list) and many else [each]:
            if isinstance(one, dict) and "value" in one:
                pairs.append((str(name), str(one["value"])))
    return pairs


def cookies_of(header: str) -> list[tuple[str, str]]:
    parts = (part.strip().partition("=") for part in header.split(";") if part.strip())
    return [(name, value) for name, _, value in parts]


def query_of(text: str) -> list[tuple[str, str]]:
    """A query string's pairs, still percent-encoded."""
    parts = (part.partition("=") for part in text.split("&") if part)
    return [(name, value) for name, _, value in parts]


def set_cookies(said: Any) -> list[str]:
    """``Set-Cookie`` lines out of a response's cookies."""
    lines = []
    for name, each in said.items() if isinstance(said, dict) else ():
        for one in (each.get("multiValue") or [each]) if isinstance(each, dict) else ():
            attributes = f"; {one['attributes']}" if one.get("attributes") else ""
            lines.append(f"{name}={one.get('value', '')}{attributes}")
    return lines
