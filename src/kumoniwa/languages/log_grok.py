"""Grok: named patterns of which expressions for logs are made, as ``%{NUMBER:code:INTEGER}``.

An expression is matched with a limit on the work (``backtracking``). The patterns are those of Logstash that CloudWatch Logs lists.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Transformation-Configurable.html#Grok-Patterns
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from kumoniwa.languages import backtracking

FIELDS_MAX, DEPTH_MAX = 20, 12

PATTERNS = {
    "USERNAME": r"[a-zA-Z0-9._-]+", "USER": "%{USERNAME}", "EMAILLOCALPART": r"[a-zA-Z][a-zA-Z0-9_.+=:-]+",
    "EMAILADDRESS": "%{EMAILLOCALPART}@%{HOSTNAME}",
    "INT": r"[+-]?[0-9]+", "BASE10NUM": r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)", "NUMBER": "%{BASE10NUM}", "BASE16NUM": r"[+-]?(?:0x)?[0-9A-Fa-f]+",
    "POSINT": r"[1-9][0-9]*", "NONNEGINT": r"[0-9]+", "BOOLEAN": r"(?:true|false|TRUE|FALSE|True|False)", "WORD": r"\w+",
    "NOTSPACE": r"\S+", "SPACE": r"\s*",
    "DATA": r".*?", "GREEDYDATA": r".*", "GREEDYDATA_MULTILINE": r"[\s\S]*", "QUOTEDSTRING": r"(?:\"(?:\\.|[^\\\"])*\"|'(?:\\.|[^\\'])*')",
    "QS": "%{QUOTEDSTRING}",
    "UUID": r"[A-Fa-f0-9]{8}-(?:[A-Fa-f0-9]{4}-){3}[A-Fa-f0-9]{12}", "URN": r"urn:[0-9A-Za-z][0-9A-Za-z-]{0,31}:[0-9a-zA-Z()+,.:=@;$_!*'/?#-]+",
    "ARN": r"arn:(?:aws|aws-cn|aws-us-gov):[a-zA-Z0-9-]+:[a-zA-Z0-9-]*:[0-9]*:[a-zA-Z0-9_/.:*-]+",
    "MAC": r"(?:[A-Fa-f0-9]{2}[:-]){5}[A-Fa-f0-9]{2}", "CISCOMAC": r"(?:[A-Fa-f0-9]{4}\.){2}[A-Fa-f0-9]{4}",
    "WINDOWSMAC": r"(?:[A-Fa-f0-9]{2}-){5}[A-Fa-f0-9]{2}",
    "COMMONMAC": r"(?:[A-Fa-f0-9]{2}:){5}[A-Fa-f0-9]{2}",
    "IPV4": r"(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])(?:\.(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])){3}",
    "IPV6": r"(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?:%[0-9a-zA-Z]+)?", "IP": "(?:%{IPV4}|%{IPV6})",
    "HOSTNAME": r"[0-9A-Za-z][0-9A-Za-z_-]*(?:\.[0-9A-Za-z][0-9A-Za-z_-]*)*\.?", "HOST": "%{HOSTNAME}", "IPORHOST": "(?:%{IP}|%{HOSTNAME})",
    "HOSTPORT": "%{IPORHOST}:%{POSINT}",
    "PATH": "(?:%{UNIXPATH}|%{WINPATH})", "UNIXPATH": r"(?:/[\w_%!$@:.,+~-]*)+", "WINPATH": r"(?:[A-Za-z]+:|\\)(?:\\[^\\?*]*)+",
    "TTY": r"/dev/(?:pts|tty(?:[pq])?)(?:\w+)?/?[0-9]+",
    "URIPROTO": r"[A-Za-z][A-Za-z0-9+.-]+", "URIHOST": "%{IPORHOST}(?::%{POSINT})?", "URIPATH": r"(?:/[A-Za-z0-9$.+!*'(){},~:;=@#%&_-]*)+",
    "URIPARAM": r"\?[A-Za-z0-9$.+!*'|(){},~@#%&/=:;_?\[\]<>-]*", "URIPATHPARAM": "%{URIPATH}(?:%{URIPARAM})?",
    "URI": "%{URIPROTO}://(?:%{USER}(?::[^@]*)?@)?(?:%{URIHOST})?(?:%{URIPATHPARAM})?",
    "MONTH": r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sep(?:tember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b",
    "MONTHNUM": r"(?:0?[1-9]|1[0-2])", "MONTHNUM2": r"(?:0[1-9]|1[0-2])", "MONTHDAY": r"(?:0[1-9]|[12][0-9]|3[01]|[1-9])",
    "DAY": r"(?:Mon(?:day)?|Tue(?:sday)?|Wed(?:nesday)?|Thu(?:rsday)?|Fri(?:day)?|Sat(?:urday)?|Sun(?:day)?)", "YEAR": r"(?:\d\d){1,2}",
    "HOUR": r"(?:2[0123]|[01]?[0-9])", "MINUTE": r"[0-5][0-9]", "SECOND": r"(?:[0-5]?[0-9]|60)(?:[:.,][0-9]+)?",
    "TIME": r"%{HOUR}:%{MINUTE}(?::%{SECOND})?",
    "DATE_US": "%{MONTHNUM}[/-]%{MONTHDAY}[/-]%{YEAR}", "DATE_EU": "%{MONTHDAY}[./-]%{MONTHNUM}[./-]%{YEAR}",
    "DATE": "(?:%{DATE_US}|%{DATE_EU})", "DATESTAMP": "%{DATE}[- ]%{TIME}",
    "ISO8601_TIMEZONE": r"(?:Z|[+-]%{HOUR}(?::?%{MINUTE}))", "ISO8601_SECOND": "%{SECOND}", "TZ": r"(?:[PMCE][SD]T|UTC|GMT)",
    "TIMESTAMP_ISO8601": r"%{YEAR}-%{MONTHNUM}-%{MONTHDAY}[T ]%{HOUR}:?%{MINUTE}(?::?%{SECOND})?%{ISO8601_TIMEZONE}?",
    "DATESTAMP_RFC822": "%{DAY} %{MONTH} %{MONTHDAY} %{YEAR} %{TIME} %{TZ}",
    "DATESTAMP_RFC2822": "%{DAY}, %{MONTHDAY} %{MONTH} %{YEAR} %{TIME} %{ISO8601_TIMEZONE}",
    "DATESTAMP_OTHER": "%{DAY} %{MONTH} %{MONTHDAY} %{TIME} %{TZ} %{YEAR}",
    "DATESTAMP_EVENTLOG": "%{YEAR}%{MONTHNUM2}%{MONTHDAY}%{HOUR}%{MINUTE}%{SECOND}",
    "HTTPDATE": "%{MONTHDAY}/%{MONTH}/%{YEAR}:%{TIME} %{INT}", "SYSLOGTIMESTAMP": "%{MONTH} +%{MONTHDAY} %{TIME}", "PROG": r"[!-Z\\^-~]+",
    "SYSLOGHOST": "%{IPORHOST}",
    "SYSLOGPROG": r"%{PROG}(?:\[%{POSINT}\])?", "SYSLOGFACILITY": r"<%{NONNEGINT}\.%{NONNEGINT}>",
    "LOGLEVEL": r"(?:[Aa]lert|ALERT|[Tt]race|TRACE|[Dd]ebug|DEBUG|[Nn]otice|NOTICE|[Ii]nfo|INFO|[Ww]arn(?:ing)?|WARN(?:ING)?|[Ee]rr(?:or)?|ERR(?:OR)?|[Cc]rit(?:ical)?|CRIT(?:ICAL)?|[Ff]atal|FATAL|[Ss]evere|SEVERE|EMERG(?:ENCY)?|[Ee]merg(?:ency)?)",
    "HTTPDUSER": "(?:%{EMAILADDRESS}|%{USER})",
    "APACHE_ACCESS_LOG": r'%{IPORHOST:clientip} %{HTTPDUSER:ident} %{USER:auth} \[%{HTTPDATE:timestamp}\] "(?:%{WORD:verb} %{NOTSPACE:request}(?: HTTP/%{NUMBER:httpversion})?|%{DATA:rawrequest})" %{NUMBER:response} (?:%{NUMBER:bytes}|-)',
}  # fmt: skip
"""The last one is AWS's own name of what Logstash calls COMMONAPACHELOG."""
PATTERNS |= {"COMMONAPACHELOG": PATTERNS["APACHE_ACCESS_LOG"]}
PATTERNS["COMBINEDAPACHELOG"] = PATTERNS["COMMONAPACHELOG"] + " %{QS:referrer} %{QS:agent}"

_REFERENCE = re.compile(r"%\{(\w+)(?::([\w.@\[\]-]+))?(?::(\w+))?\}")
_OPENED = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\((?!\?)", re.DOTALL)
KINDS: dict[str, Callable[[str], Any]] = {"STRING": str, "INTEGER": int, "INT": int, "LONG": int, "FLOAT": float, "DOUBLE": float}


class InvalidGrok(ValueError):
    """Not a pattern that there is."""


class Field(NamedTuple):
    group: int
    name: str
    kind: Callable[[str], Any]


class Grok(NamedTuple):
    expression: backtracking.Expression
    fields: tuple[Field, ...]

    def found(self, text: str) -> dict[str, Any] | None:
        """What the first match names; None where there is none. Raises backtracking.TooMuchWork."""
        match = next(self.expression.found(text), None)
        if match is None:
            return None
        made = {}
        for field in self.fields:
            if (value := match.groups[field.group]) is not None:
                try:
                    made[field.name] = field.kind(value)
                except ValueError:
                    made[field.name] = value
        return made


@lru_cache(maxsize=128)
def compiled(pattern: str) -> Grok:
    """Raises InvalidGrok."""
    fields: list[Field] = []
    count = 0

    def written(text: str, depth: int) -> str:
        nonlocal count
        if depth > DEPTH_MAX:
            raise InvalidGrok("patterns lie too deep")
        made, last = [], 0
        for found in _REFERENCE.finditer(text):
            plain = text[last : found.start()]
            count += sum(each[0] == "(" for each in _OPENED.findall(plain))
            made.append(plain)
            last = found.end()
            name, field, kind = found.groups()
            if name not in PATTERNS:
                # Seen of AWS by cdk-preflight: pf-logs-transformer-grok-pattern.
                raise InvalidGrok(f"No definition for key '{name}' found")
            if field is None:
                made.append(f"(?:{written(PATTERNS[name], depth + 1)})")
                continue
            if kind is not None and kind.upper() not in KINDS:
                raise InvalidGrok(f"there is no type {kind}")
            count += 1
            fields.append(Field(count, field, KINDS[(kind or "STRING").upper()]))
            made.append(f"({written(PATTERNS[name], depth + 1)})")
        plain = text[last:]
        count += sum(each[0] == "(" for each in _OPENED.findall(plain))
        return "".join([*made, plain])

    expression = written(pattern, 0)
    if not fields or len(fields) > FIELDS_MAX:
        raise InvalidGrok(f"a pattern names 1 to {FIELDS_MAX} fields")
    try:
        return Grok(backtracking.compiled(expression), tuple(fields))
    except backtracking.InvalidPattern as error:
        raise InvalidGrok(str(error)) from None
