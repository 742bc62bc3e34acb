"""Cross-site scripts: whether a text would bring a script into a page, wherever in it a careless page puts it.

A text is read in five ways: as what stands between tags, and as the value of an attribute without quotes or within one of three kinds, which
it may close. Tags are taken apart as browsers do it, leniently: https://html.spec.whatwg.org/multipage/parsing.html#tokenization. What
is dangerous in them follows the published evasions: https://cheatsheetseries.owasp.org/cheatsheets/XSS_Filter_Evasion_Cheat_Sheet.html.
Python's own reader of HTML is no help: it begins anew at every flaw, so that a text of flaws takes it the square of its length.
"""

from __future__ import annotations

import functools
import html
import re
from typing import NamedTuple

_TAGS = (
    "script style iframe frame frameset object embed applet base link meta svg math xml portal layer ilayer bgsound isindex xss "
    "animate animatetransform animatemotion set foreignobject handler listener noembed noscript plaintext"
)
SCRIPTING_TAGS = frozenset(_TAGS.split())
"""Tags that run, load or frame something, or stand for what does."""
_FAMILIES = ("svg:", "xsl:", "math:", "xml:", "v:vml")
_EVENTS = (
    "abort activate afterprint afterscriptexecute animationcancel animationend animationiteration animationstart auxclick beforecopy "
    "beforecut beforeinput beforematch beforepaste beforeprint beforescriptexecute beforetoggle beforeunload begin blur bounce cancel canplay "
    "canplaythrough change click close command contentvisibilityautostatechange contextlost contextmenu contextrestored copy cuechange cut "
    "dblclick drag dragend dragenter dragexit dragleave dragover dragstart drop durationchange emptied end ended error finish focus focusin "
    "focusout formdata fullscreenchange gamepadconnected gesturestart gotpointercapture hashchange input invalid keydown keypress keyup "
    "languagechange load loadeddata loadedmetadata loadend loadstart lostpointercapture message messageerror mousedown mouseenter "
    "mouseleave mousemove mouseout mouseover mouseup mousewheel offline online open orientationchange pagehide pagereveal pageshow pageswap "
    "paste pause play playing pointercancel pointerdown pointerenter pointerleave pointermove pointerout pointerover pointerrawupdate "
    "pointerup popstate progress propertychange ratechange readystatechange rejectionhandled repeat reset resize scroll scrollend "
    "scrollsnapchange search securitypolicyviolation seeked seeking select selectionchange selectstart show slotchange stalled start "
    "storage submit suspend timeupdate toggle touchcancel touchend touchmove touchstart transitioncancel transitionend transitionrun "
    "transitionstart unhandledrejection unload volumechange waiting webkitanimationend webkitanimationiteration webkitanimationstart "
    "webkittransitionend wheel"
)
EVENTS = frozenset(_EVENTS.split())
"""Without ``on``: of the standard (https://html.spec.whatwg.org/multipage/webappapis.html#event-handlers) and what browsers add to it."""
_URLS = (
    "href src action formaction data poster background xlink:href from to by values dynsrc lowsrc folder codebase manifest ping cite "
    "longdesc profile usemap classid archive code content"
)
URLS = frozenset(_URLS.split())
_RUNNING_URL = re.compile(r"(?:java|vb|live|j)script:|data:(?!image/(?:png|gif|jpe?g|webp|avif|bmp|x-icon)|font/|audio/|video/)")
_RUNNING_VALUE = re.compile(r"(?:javascript|vbscript|livescript):[^\s].*[(=`&%]|data:(?:text/html|image/svg|text/xml|application/xhtml)")
_RUNNING_STYLE = re.compile(r"expression\s*\(|(?:java|vb)script:|behaviou?r\s*:|-moz-binding|@import|url\s*\(\s*['\"]?\s*(?:data:text|java)")
_DECLARATION = re.compile(r"<!(?:entity|\[cdata\[\s*<|doctype[^>]{0,200}\[|--\[if)|<\?(?:xml-stylesheet|import|php|=)")
_TAG = re.compile(r"<[\x00]*/?[\x00]*([a-z][^\s/>\x00<=\"'()]*)")
_SKIPPED = re.compile(r"[\s/\x00\"']*+")
_ATTRIBUTE = re.compile(
    r"([^\s=>/\x00\"'<][^\s=>/\x00<]*+)[\s\x00]*+(?:=[\s\x00]*+(?:\"([^\"]*+)\"?|'([^']*+)'?|`([^`]*+)`?|([^\s>]*+)))?"
)
_BLANKS = re.compile(r"[\x00-\x20\x7f-\xa0]+")
_TRACES = re.compile(r"<[\x00/]*[a-z!?]|\bon[a-z]{3,}[\s\x00]*=|script|data:|style|srcdoc|&[#a-z]|[a-z][\t\n\r\x00][a-z]")
"""Without any of these nothing here is dangerous; most texts have none, and that is found at once."""
_ATTRIBUTE_TRACES = re.compile(r"\bon[a-z]{3,}[\s\x00]*=|script|data:|style|srcdoc|xmlns|&[#a-z]|[a-z][\t\n\r\x00][a-z]")


@functools.cache
def _beyond() -> re.Pattern[str]:
    """What is looked for behind the tags and attributes that are taken apart. Compiled when it is first asked for: few texts have so many."""
    tags, events = "|".join(sorted(SCRIPTING_TAGS)), "|".join(sorted(EVENTS))
    return re.compile(rf"<[\x00/]*(?:{tags})[\s/>]|[\s/\"'`]on(?:{events})[\s\x00]*=|(?:java|vb)script:")


_CLOSING = {"'": re.compile(r"[^']*'"), '"': re.compile(r'[^"]*"'), "`": re.compile(r"[^`]*`"), " ": re.compile(r"[^\s>]*(?=[\s>/])")}
READ_MAX = 2_000
"""So many tags and attributes of a text are taken apart."""
VALUE_MAX = 1_024
"""Characters of an attribute's value that are unwrapped."""


class Finding(NamedTuple):
    tokens: list[str]
    """What gives the script away."""
    read: int
    """Tags and attributes that were read until it was found."""


def _unwrapped(value: str) -> str:
    value = value[:VALUE_MAX]
    return html.unescape(value).lower() if "&" in value else value


def _attribute(name: str, value: str | None) -> list[str] | None:
    """What is dangerous in one attribute."""
    if name.startswith("on") and name[2:] in EVENTS:
        return [name] if value is not None else None
    if name in ("srcdoc", "fscommand", "seeksegmenttime"):
        return [name] if value else None
    if not value:
        return None
    if name in URLS or name.endswith(":href"):
        bare = _BLANKS.sub("", _unwrapped(value))
        return [name, bare[:64]] if _RUNNING_URL.search(bare) else None
    if name in ("style", "xmlns"):
        bare = re.sub(r"/\*.*?\*/|\\", "", _unwrapped(value))
        return [name, bare[:64]] if _RUNNING_STYLE.search(bare) else None
    return None


class _Reading:
    """How far a text is read, and what that took."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.read = text, 0, 0

    def attributes(self) -> list[str] | None:
        """What is dangerous in the attributes up to the end of a tag, which is then behind us."""
        text = self.text
        while self.read < READ_MAX:
            self.at = _SKIPPED.match(text, self.at).end()
            if self.at == len(text) or text[self.at] == "<":
                # Browsers begin no tag within another, but pages that strip tags do.
                return None
            if text[self.at] in ">=":
                self.at += 1
                if text[self.at - 1] == ">":
                    return None
                continue
            found = _ATTRIBUTE.match(text, self.at)
            self.read += 1
            self.at = found.end()
            value = next((each for each in found.groups()[1:] if each is not None), None)
            if (danger := _attribute(found[1], value)) is not None:
                return danger
        return None

    def tags(self, *, with_attributes: bool) -> list[str] | None:
        while self.read < READ_MAX and (found := _TAG.search(self.text, self.at)) is not None:
            self.read += 1
            name, self.at = found[1], found.end()
            if name in SCRIPTING_TAGS or name.startswith(_FAMILIES):
                return ["<", name]
            if with_attributes and (danger := self.attributes()) is not None:
                return ["<", name, *danger]
        return None


def found(value: bytes) -> Finding | None:
    """What would make a page run a script."""
    text = value.decode("latin-1").lower()
    if _TRACES.search(text) is None:
        return None
    if (declared := _DECLARATION.search(text)) is not None:
        return Finding([declared[0]], 1)
    reading = _Reading(text)
    has_traces = _ATTRIBUTE_TRACES.search(text) is not None
    if (danger := reading.tags(with_attributes=has_traces)) is not None:
        return Finding(danger, reading.read)
    read = reading.read
    if read == READ_MAX and (beyond := _beyond().search(text, reading.at)) is not None:
        return Finding([beyond[0]], read)
    if not has_traces:
        return None
    head = _BLANKS.sub("", _unwrapped(text))
    if _RUNNING_VALUE.match(head):
        return Finding([head[:64]], read + 1)
    for closing in _CLOSING.values():
        closed = closing.match(text)
        if closed is None:
            continue
        reading = _Reading(text)
        reading.at = closed.end()
        danger = reading.attributes()
        read += reading.read
        if danger is not None:
            return Finding(danger, read)
    return None
