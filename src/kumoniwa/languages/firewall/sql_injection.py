"""SQL injection: whether a text, put into a statement, would be more of it than a value.

A text is read in three ways: as it is, and as what follows an open quote of either kind, which it may close. Its first tokens are folded
to a fingerprint of at most five letters (``sql_token.Token`` names them): sums become numbers, lists become one of theirs, words of prose a phrase.
What injections look like is said of fingerprints by the expressions below, which are this project's own. That tokens are folded to a
fingerprint of five is how it is described: https://www.blackhat.com/html/bh-us-12/bh-us-12-briefings.html#Galbreath; AWS's logs
show up to five such tokens: https://docs.aws.amazon.com/waf/latest/developerguide/logging-examples.html
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from kumoniwa.languages.firewall.sql_token import FILES, PAIRS, Token, read

LETTERS = 5
READ_MAX = 500
"""So many tokens of a text are read for one fingerprint; what hides behind more is for the wider expressions."""
_FOLDED_MAX = LETTERS + 4
_VALUES = frozenset("nswvpk")
_BETWEEN = re.compile(r"[\s,:{}\[\]]+\Z|[ )\],.:]")
"""What stands between the strings of JSON, of a program and of prose, and is no value of SQL."""
PACKAGES = ("utl_", "dbms_", "master", "sys", "pg_catalog")


class Finding(NamedTuple):
    tokens: list[str]
    """What gives the injection away, at most five, as they are spelled."""
    letters: str
    read: int
    """Tokens that were read until it was found."""


# Folding ----------------------------------------------------------------------------------------------------------


def _with(token: Token, kind: str) -> Token:
    return token._replace(kind=kind)


def fold(tokens: Iterable[Token]) -> tuple[list[Token], int]:
    """The first tokens that are left of others, and how many were read for them."""
    stack: list[Token] = []
    count = 0
    for token in tokens:
        count += 1
        _push(stack, token)
        if len(stack) > _FOLDED_MAX or count == READ_MAX:
            break
    return stack[:LETTERS], count


def _push(stack: list[Token], token: Token) -> None:
    kind, last = token.kind, stack[-1].kind if stack else ""
    if kind == "w" and token.text == "not" and last in ("", "&", "("):
        return
    if kind == "a" and last not in _VALUES and last not in ")x":
        # A sign before a value; the star of a select is one.
        if token.text == "*":
            stack.append(_with(token, "n"))
        return
    if kind == "(" and last in "(&u":
        return
    if kind == "(" and last in "fF":
        return
    if kind == "e" and last == "(":
        stack[-1] = _with(token, "E")
        return
    if kind == "w" and last == "u" and token.text in ("all", "distinct"):
        return
    if kind == "w" and last in "eE" and token.text in ("distinct", "all", "top"):
        return
    if last == ")" and kind in "&;ucC" and len(stack) > 1:
        stack.pop()
    if kind == ")":
        _close(stack, token)
        return
    if kind == "F" and stack and stack[0].kind == "f":
        # Whatever is called with it is called for its sake.
        stack[0] = token
        return
    stack.append(_of_pair(stack, token))
    while len(stack) > 1 and _reduce(stack):
        pass


def _of_pair(stack: list[Token], token: Token) -> Token:
    """What a token becomes with those before it that belong to it, which are taken away."""
    before = stack[-1] if stack else None
    if before is None:
        return token
    if before.kind == "e":
        if token.text in PAIRS.get(before.text, "").split() or (before.text.startswith("exec") and token.text.startswith(("xp_", "sp_", "master"))):
            return _with(stack.pop(), "D")
        if before.text == "declare" and token.kind == "v":
            return _with(stack.pop(), "D")
    if before.kind == "b" and before.text == "into" and token.text in FILES:
        return _with(stack.pop(), "I")
    if before.kind == "g" and token.text == "by":
        return stack.pop()
    if len(stack) > 1 and stack[-2].kind in "eE" and before.kind in "nwvsk":
        if token.text == "from" and stack[-2].text == "select" and (before.kind != "w" or before.text == ","):
            stack.pop()
            return _with(stack.pop(), "S")
        if token.text == "set" and stack[-2].text == "update":
            stack.pop()
            return _with(stack.pop(), "D")
    return token


def _close(stack: list[Token], token: Token) -> None:
    """A parenthesis that closes one here is gone with it, others are told once."""
    for back in (1, 2):
        if len(stack) >= back and stack[-back].kind in "(fF":
            inner = stack[-1] if back == 2 else None
            if stack[-back].kind == "F":
                del stack[len(stack) - back + 1 :]
            elif inner is None or inner.kind in _VALUES:
                opened = stack[-back]
                del stack[len(stack) - back :]
                stack.append(opened if opened.kind == "f" else inner or _with(opened, "w"))
                while len(stack) > 1 and _reduce(stack):
                    pass
            return
    if stack and stack[-1].kind != ")" and not any(each.kind in "&u" for each in stack):
        stack.append(token)


def _reduce(stack: list[Token]) -> bool:
    """Make one of the last tokens, if they are one."""
    pair = stack[-2].kind + stack[-1].kind
    if pair in ("ww", "pw", "wp", "pp"):
        stack[-2:] = [_with(stack[-2], "p")]
        return True
    if pair == "ss":
        # Strings that stand side by side are one, but the first of all may be what the text was put into.
        if len(stack) > 2:
            stack.pop()
            return True
        return False
    if len(stack) < 3:
        return False
    left, middle, right = (token.kind for token in stack[-3:])
    if middle == "." and left in "wpk" and right in "wpknefF":
        # A method that is called like a function of a database is none, unless it is of a package that attackers know.
        is_known = right == "F" and stack[-3].text.startswith(PACKAGES)
        stack[-3:] = [_with(stack[-3], "w" if right not in "fF" else "F" if is_known else "f")]
        return True
    if middle == "," and left in "nwkvp" and right in "nwkvpf":
        if right == "f":
            return False
        # A list of names is not prose.
        kept = "w" if left == right == "w" else "p" if "p" in (left, right) else "n"
        stack[-3:] = [Token(kept, ",", stack[-2].at)]
        return True
    if middle == "a" and left in "nv" and right in "nv":
        del stack[-2:]
        return True
    if middle == "a" and left == right == "w":
        del stack[-2:]
        return True
    return False


# Fingerprints -------------------------------------------------------------------------------------------------------

_QUERY = r"(?:S|D|F|E|e(?:[nskvfF]|w[b,;c]))"
"""A query or another statement, or a call that only attackers make."""
_ENDS = r"(?:$|[c;&bughl])"

QUOTED = rf"""
    s\)?(?:                                # x' or x')
        &(?:[nskvw]o                       # … or 1=1
          | [nkv]{_ENDS}                   # … or true--
          | s(?:$|[ac;o&u])                # … or '1
          | [fev] | {_QUERY}               # … or sleep(5)
        )
      | [oa](?:s | n(?:{_ENDS}|o) | [fev] | k | {_QUERY})    # '='    '-sleep(5)-'
      | ;(?:{_QUERY} | c | w[fe])          # '; drop table users    '; if … waitfor …
      | c                                  # admin'--
      | u{_QUERY}                          # ' union select 1
      | h[nswvk]o                          # ' having 1=1
      | g[nw](?:[c,;h]|$)                  # ' order by 5--
      | I | ln | b[fF] | D                 # ' into outfile …    ' limit 1    ' procedure analyse(…
      | [^wp]{{0,2}}[FE]                   # ',(select …
      | [,)nk]{{1,3}}D                     # ', null) waitfor delay …
    )
"""
"""What follows a string that the text has closed."""

BARE = rf"""
      [nvk]\)?&(?:[nswvk]o | f)            # 1 or 1=1
    | w&(?:no[nsk] | so)                   # x or 1=1
    | [nwvkp]&(?:{_QUERY} | [nk][c;])      # 1 and sleep(5)    1 or true--
    | [nvk]&s[oc]                          # 1 or '1'='1
    | [nwskvp]?\)?;{_QUERY}                # 1; drop table users
    | n\)?;c                               # 1;--
    | .{{0,3}}u{_QUERY}                    # 1 union select 1
    | [nws][oa](?:F | E | S)               # 1-sleep(5)    1=(select …
    | &(?:no[nskFf] | so | {_QUERY})       # or 1=1
    | hno | gF | Ds | ,E                   # having 1=1    order by sleep(5)    waitfor delay '…
    | [^wp]{{0,4}}F                        # sleep(5)
    | E(?:[nskvfFSD]|w[b,]) | S            # (select 1    select * from …
    | n\)?(?:h[nswvk]o | g[nw](?:[c,;h]|$) | I | ln)    # 1 order by 10--
    | no[ns]c                              # 1=1--
    | n\)c                                 # 1)--
"""
"""What follows nothing."""
WIDE_QUOTED = r"s\)?(?:&[nswvkp]|[oa][nswvkfe]|C|;|[ughlIbD]|u[ep])"
WIDE_BARE = r"[nwp]\)?&(?:[nsw]o|n$)|&wo|n\)?[cC]|wc|D|ew?b|[nwp]\)?;[eDSfF]|.{0,3}u[e(]|n\)?[ghI]|[ns][oa][fe]"
"""What HIGH sensitivity takes for an injection as well."""

SIGNATURES = (
    r"(?i)\bunion(?:[\s+(]|/\*[^*]{0,40}\*/|\ball\b|\bdistinct\b)+select\b|\bselect\b[\s\S]{1,80}\bfrom\b[\s\S]{1,40}\b(?:where|limit|information_schema)\b"
    r"|(?:^|[^.\w])(?:pg_)?sleep\s*\(\s*\d|\bbenchmark\s*\(|\bwaitfor\s+delay\b|\bxp_(?:cmdshell|dirtree|regread)\b|\binto\s+(?:out|dump)file\b"
    r"|\bload_file\s*\(|\binformation_schema\s*\.|\b(?:extractvalue|updatexml)\s*\(|\butl_(?:http|inaddr)\b|\bsys\.(?:databases|tables)\b"
    r"|;\s*(?:drop|alter|truncate)\s+(?:table|database)\b|\bor\b\s+['\"]?(\w+)['\"]?\s*=\s*['\"]?\w|/\*!\d*\s*(?:union|select)"
)
"""For an automaton: traces that may stand anywhere in a text."""


@functools.cache
def _matching(expression: str) -> Callable[[str], object]:
    """Compiled when it is first asked for: most regions never are."""
    return re.compile(expression, re.VERBOSE).match


def found(value: bytes, *, is_wide: bool = False) -> Finding | None:
    """What makes a text an injection. ``is_wide``: the sensitivity HIGH. At most 5 × ``READ_MAX`` tokens are read."""
    whole, count = value.decode("latin-1"), 0
    text = whole.lower()
    ways = [("", False)]
    for quote in "'\"":
        if quote in text:
            ways += [(quote, False), (quote, True)] if "\\" in text else [(quote, False)]
    for quote, is_plain in ways:
        tokens, steps = fold(read(text, quote, is_plain=is_plain))
        count += steps
        if any(token.kind == "s" and _BETWEEN.match(token.text) for token in tokens[1:]):
            continue
        letters = "".join(token.kind for token in tokens)
        shapes = (QUOTED, WIDE_QUOTED) if quote else (BARE, WIDE_BARE)
        if any(_matching(shape)(letters) for shape in (shapes if is_wide else shapes[:1])):
            return Finding([whole[token.at : token.at + len(token.text)] for token in tokens if token.text], letters, count)
    return None
