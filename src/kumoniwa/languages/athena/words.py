"""The words of a statement, one after the other: what a grammar of few statements reads them by."""

from __future__ import annotations

import re
from typing import NamedTuple

from kumoniwa.languages.athena.failure import Malformed, line_and_column

_WORD = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)|(?P<text>'(?:[^'\\]|''|\\.)*')|(?P<quoted>"(?:[^"]|"")+"|`(?:[^`]|``)+`)"""
    r"|(?P<number>\d+(?:\.\d+)?)|(?P<name>\w[\w$]*)|(?P<sign><>|!=|<=|>=|.)",
    re.DOTALL,
)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "0": "\0", "b": "\b", "Z": "\x1a"}


class Word(NamedTuple):
    kind: str
    value: str
    start: int
    end: int

    @property
    def upper(self) -> str:
        return self.value.upper() if self.kind == "name" else self.value if self.kind == "sign" else ""


def blanked(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)


def words(text: str) -> list[Word]:
    found = []
    for match in _WORD.finditer(text):
        kind = match.lastgroup or ""
        if kind != "space":
            value = match[0][1:-1].replace(match[0][0] * 2, match[0][0]) if kind in ("quoted", "text") else match[0]
            found.append(Word(kind, value, match.start(), match.end()))
    return found


class Reader:
    """Reads words in turn. What does not stand where it should is Malformed, as Athena's parsers say it."""

    def __init__(self, text: str) -> None:
        self.text, self.words, self.place = text, words(text), 0

    @property
    def next(self) -> Word:
        return self.words[self.place] if self.place < len(self.words) else Word("end", "<EOF>", len(self.text), len(self.text))

    @property
    def is_over(self) -> bool:
        return self.place >= len(self.words)

    def wrong(self, word: Word | None = None) -> Malformed:
        word = word or self.next
        return Malformed(f"mismatched input '{word.value}'", line_and_column(self.text, word.start))

    def has(self, *wanted: str) -> bool:
        """Take these words, if they are next."""
        ahead = self.words[self.place : self.place + len(wanted)]
        if [each.upper for each in ahead] != list(wanted):
            return False
        self.place += len(wanted)
        return True

    def sees(self, *wanted: str) -> bool:
        return [each.upper for each in self.words[self.place : self.place + len(wanted)]] == list(wanted)

    def need(self, *wanted: str) -> None:
        for each in wanted:
            if not self.has(each):
                raise self.wrong()

    def either(self, *wanted: str) -> str:
        for each in wanted:
            if self.has(each):
                return each
        raise self.wrong()

    def name(self) -> str:
        word = self.next
        if word.kind not in ("name", "quoted"):
            raise self.wrong()
        self.place += 1
        return word.value.lower()

    def of_database(self) -> tuple[str, str]:
        """``[database.]name``; the database is empty where none is said."""
        first = self.name()
        if self.has("."):
            second = self.name()
            if self.has("."):
                return second, self.name()
            return first, second
        return "", first

    def string(self) -> str:
        """A text, in which Hive's backslashes are read."""
        word = self.next
        if word.kind != "text" and not (word.kind == "quoted" and self.text[word.start] == '"'):
            raise self.wrong()
        self.place += 1
        octal = re.sub(r"\\([0-3][0-7]{2})", lambda found: chr(int(found[1], 8)), word.value)
        return re.sub(r"\\u([0-9a-fA-F]{4})|\\(.)", lambda found: chr(int(found[1], 16)) if found[1] else _ESCAPED.get(found[2], found[2]), octal)

    def number(self) -> int:
        word = self.next
        if word.kind != "number" or not word.value.isdigit():
            raise self.wrong()
        self.place += 1
        return int(word.value)

    def rest(self) -> str:
        """The text that is left, all of it."""
        start = self.next.start
        self.place = len(self.words)
        return self.text[start:]

    def query(self) -> str:
        """The same, with blanks for what stands before it: so places in it are places in the whole text."""
        start = self.next.start
        return blanked(self.text[:start]) + self.rest()

    def in_brackets(self, padded: bool = False) -> str:
        """The text between a bracket and its fellow; padded as ``query`` is."""
        self.need("(")
        start, depth = self.next.start, 1
        while not self.is_over:
            word = self.next
            depth += {"(": 1, ")": -1}.get(word.upper, 0)
            self.place += 1
            if not depth:
                return blanked(self.text[:start]) + self.text[start : word.start] if padded else self.text[start : word.start]
        raise self.wrong()

    def end(self) -> None:
        if not self.is_over:
            raise self.wrong()
