"""What is done to a piece of a request before it is compared, so that it cannot hide behind an unusual spelling.

https://docs.aws.amazon.com/waf/latest/developerguide/waf-rule-statement-transformation.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Iterable
from typing import Any

Transform = Callable[[bytes], bytes]

_FULL_WIDTH = range(0xFF01, 0xFF5F)
_ESCAPES = {
    b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v", b"\\": b"\\", b"?": b"?", b"'": b"'", b'"': b'"',
}  # fmt: skip
_ENTITIES = {b"quot": b'"', b"nbsp": b"\xa0", b"lt": b"<", b"gt": b">"}


def _narrow(code: int) -> bytes:
    """One byte for a character: those of full width stand for their ASCII twins, of others the lower byte is left."""
    return bytes([code - 0xFEE0 if code in _FULL_WIDTH else code & 0xFF])


def _compress(text: bytes) -> bytes:
    return re.sub(rb" {2,}", b" ", re.sub(rb"[\t\n\v\f\r\xa0]", b" ", text))


def _entities(text: bytes) -> bytes:
    def decoded(found: re.Match[bytes]) -> bytes:
        if found["name"]:
            return _ENTITIES[found["name"]]
        code = int(found["hex"], 16) if found["hex"] else int(found["decimal"])
        return bytes([code & 0xFF])

    return re.sub(rb"&(?:#[xX](?P<hex>[0-9a-fA-F]{1,6})|#(?P<decimal>[0-9]{1,7})|(?P<name>quot|nbsp|lt|gt));", decoded, text)


def _command_line(text: bytes) -> bytes:
    text = re.sub(rb"[\\\"'^]", b"", text)
    text = re.sub(rb"[,;]", b" ", text)
    text = re.sub(rb"\s{2,}", b" ", text)
    return re.sub(rb" +(?=[/(])", b"", text).lower()


def _url(text: bytes) -> bytes:
    text = text.replace(b"+", b" ")
    return re.sub(rb"%([0-9a-fA-F]{2})", lambda found: bytes.fromhex(found[1].decode()), text) if b"%" in text else text


def _url_uni(text: bytes) -> bytes:
    def decoded(found: re.Match[bytes]) -> bytes:
        return _narrow(int(found[1], 16)) if found[1] else bytes([int(found[2], 16)])

    text = text.replace(b"+", b" ")
    return re.sub(rb"%(?:[uU]([0-9a-fA-F]{4})|([0-9a-fA-F]{2}))", decoded, text) if b"%" in text else text


def _base64(text: bytes) -> bytes:
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return text


def _base64_forgiving(text: bytes) -> bytes:
    kept = re.sub(rb"[^A-Za-z0-9+/]", b"", text)
    kept = kept[:-1] if len(kept) % 4 == 1 else kept
    return base64.b64decode(kept + b"=" * (-len(kept) % 4))


def _hex(text: bytes) -> bytes:
    try:
        return binascii.unhexlify(text)
    except binascii.Error:
        return text


def _escapes(text: bytes) -> bytes:
    def decoded(found: re.Match[bytes]) -> bytes:
        if found["hex"]:
            return bytes([int(found["hex"], 16)])
        if found["octal"]:
            return bytes([int(found["octal"], 8) & 0xFF])
        return _ESCAPES[found["letter"]]

    return re.sub(rb"\\(?:x(?P<hex>[0-9a-fA-F]{2})|0(?P<octal>[0-7]{1,3})|(?P<letter>[abfnrtv\\?'\"]))", decoded, text)


def _css(text: bytes) -> bytes:
    def decoded(found: re.Match[bytes]) -> bytes:
        if found["hex"]:
            return _narrow(int(found["hex"], 16))
        return b"" if found["other"] == b"\n" else found["other"]

    return re.sub(rb"\\(?:(?P<hex>[0-9a-fA-F]{1,6})\s?|(?P<other>[\s\S]))", decoded, text)


def _script(text: bytes) -> bytes:
    def decoded(found: re.Match[bytes]) -> bytes:
        if found["unicode"]:
            return _narrow(int(found["unicode"], 16))
        if found["hex"]:
            return bytes([int(found["hex"], 16)])
        if found["octal"]:
            return bytes([int(found["octal"], 8)])
        return _ESCAPES.get(found["other"], found["other"])

    return re.sub(rb"\\(?:u(?P<unicode>[0-9a-fA-F]{4})|x(?P<hex>[0-9a-fA-F]{2})|(?P<octal>[0-3]?[0-7]{1,2})|(?P<other>[\s\S]))", decoded, text)


def _sql_hex(text: bytes) -> bytes:
    return re.sub(rb"0[xX]((?:[0-9a-fA-F]{2})+)", lambda found: bytes.fromhex(found[1].decode()), text)


def _path(text: bytes) -> bytes:
    """Without double slashes, references to the same folder, and those back that do not stand at the beginning."""
    is_rooted, ends = text.startswith(b"/"), text.endswith((b"/", b"/.", b"/.."))
    kept: list[bytes] = []
    for part in text.split(b"/"):
        if part in (b"", b"."):
            continue
        if part == b".." and kept and kept[-1] != b"..":
            kept.pop()
        elif part != b".." or not is_rooted:
            kept.append(part)
    joined = (b"/" if is_rooted else b"") + b"/".join(kept)
    return joined + b"/" if ends and kept else joined


def _unicode(text: bytes) -> bytes:
    """Sequences of UTF-8 beyond ASCII as ``%uHHHH``."""

    def decoded(found: re.Match[bytes]) -> bytes:
        try:
            return b"".join(b"%%u%04x" % ord(character) for character in found[0].decode())
        except UnicodeDecodeError:
            return found[0]

    return re.sub(rb"[\xc2-\xf4][\x80-\xbf]{1,3}", decoded, text)


TRANSFORMS: dict[str, Transform] = {
    "NONE": lambda text: text,
    "LOWERCASE": bytes.lower,
    "UPPERCASE": bytes.upper,
    "TRIM": bytes.strip,
    "TRIM_LEFT": bytes.lstrip,
    "TRIM_RIGHT": bytes.rstrip,
    "REMOVE_WHITESPACE": lambda text: re.sub(rb"[\s\xa0]", b"", text),
    "COMPRESS_WHITE_SPACE": _compress,
    "HTML_ENTITY_DECODE": _entities,
    "CMD_LINE": _command_line,
    "URL_DECODE": _url,
    "URL_DECODE_UNI": _url_uni,
    "BASE64_DECODE": _base64,
    "BASE64_DECODE_EXT": _base64_forgiving,
    "HEX_DECODE": _hex,
    "MD5": lambda text: hashlib.md5(text, usedforsecurity=False).digest(),
    "REPLACE_COMMENTS": lambda text: re.sub(rb"/\*[\s\S]*?(?:\*/|$)", b" ", text),
    "REMOVE_COMMENTS_CHAR": lambda text: re.sub(rb"/\*|\*/|--|#", b"", text),
    "ESCAPE_SEQ_DECODE": _escapes,
    "SQL_HEX_DECODE": _sql_hex,
    "CSS_DECODE": _css,
    "JS_DECODE": _script,
    "NORMALIZE_PATH": _path,
    "NORMALIZE_PATH_WIN": lambda text: _path(text.replace(b"\\", b"/")),
    "REMOVE_NULLS": lambda text: text.replace(b"\0", b""),
    "REPLACE_NULLS": lambda text: text.replace(b"\0", b" "),
    "UTF8_TO_UNICODE": _unicode,
}
"""Those whose outcome AWS documents; CMD_LINE_WIN, CMD_LINE_UNIX, JS_DECODE_EXT and SHA256 are named by its model alone."""


def compiled(transformations: Iterable[dict[str, Any]]) -> Transform | None:
    """All of them, the lowest priority first; None for none."""
    steps = [TRANSFORMS[each["Type"]] for each in sorted(transformations, key=lambda each: each["Priority"]) if each["Type"] != "NONE"]
    if len(steps) < 2:
        return steps[0] if steps else None

    def transform(text: bytes) -> bytes:
        for step in steps:
            text = step(text)
        return text

    return transform
