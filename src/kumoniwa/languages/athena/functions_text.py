"""Trino's functions over texts, numbers, bytes, JSON and URLs, as DuckDB says them.

https://trino.io/docs/current/functions/string.html, …/math.html, …/binary.html, …/json.html, …/regexp.html, …/url.html
"""

from __future__ import annotations

import re
from re import _constants as constants
from re import _parser as parser
from typing import Any

from kumoniwa.languages.athena.cast import cast, guarded
from kumoniwa.languages.athena.failure import QueryFailure, Unbuilt
from kumoniwa.languages.athena.signature import Table, Typed, table
from kumoniwa.languages.athena.types import VARCHAR, decimal, duck, text_of


def constant(arg: Typed, what: str) -> str:
    """A text that must be written out."""
    if not isinstance(arg.value, str):
        raise Unbuilt(f"{what} that is no literal")
    return arg.value


# Regular expressions -----------------------------------------------------------------------------------------

_UNKNOWN_TO_RE2 = re.compile(r"\(\?[=!<>](?!P?<\w)|\(\?<[=!]|(?<!\\)(\\\\)*\\[1-9]|[*+?}]\+|\\[GZzhHRXKk]|&&")


def _pattern(arg: Typed) -> str:
    """RE2 runs it: what only Java's expressions have is refused, and a pattern out of a column could have it."""
    text = constant(arg, "a regular expression")
    if _UNKNOWN_TO_RE2.search(text):
        raise Unbuilt(f"the regular expression '{text}': look-around, back references and possessive quantifiers")
    return text_of(text.replace("(?<", "(?P<") if re.search(r"\(\?<\w", text) else text)


def _takes_part(pattern: str, group: int) -> tuple[bool, bool]:
    """Whether a group takes part in every match, and whether what it matches can be empty."""
    try:
        read = parser.parse(re.sub(r"\(\?<(?=\w)", "(?P<", pattern))
    except (re.error, OverflowError):
        return False, True

    def find(items: Any, is_sure: bool) -> tuple[bool, bool] | None:
        for code, said in items:
            if code is constants.SUBPATTERN:
                if said[0] == group:
                    return is_sure, said[3].getwidth()[0] == 0
                inner = [(said[3], is_sure)]
            elif code in (constants.MAX_REPEAT, constants.MIN_REPEAT):
                inner = [(said[2], is_sure and said[0] > 0)]
            elif code is constants.BRANCH:
                inner = [(each, False) for each in said[1]]
            else:
                continue
            for part, sure in inner:
                if (found := find(part, sure)) is not None:
                    return found
        return None

    return find(read, True) or (True, True)


def _of_group(found: str, pattern: Typed, group: Typed | None) -> str:
    """What a group matched. RE2 gives an empty text for one that took no part, where Trino gives NULL."""
    if group is None or group.value == 0:
        return found
    is_sure, may_be_empty = _takes_part(str(pattern.value), group.value) if isinstance(group.value, int) else (False, True)
    if is_sure:
        return found
    if may_be_empty:
        raise Unbuilt(f"a group of '{pattern.value}' that may take no part in a match, or match nothing")
    return f"nullif({found}, '')"


def _extract(*args: Typed) -> str:
    text, pattern, group = args[0].sql, _pattern(args[1]), args[2] if len(args) > 2 else None
    found = f"regexp_extract({text}, {pattern}, {f'{group.sql}::INTEGER' if group is not None else '0'})"
    return f"(CASE WHEN regexp_matches({text}, {pattern}) THEN {_of_group(found, args[1], group)} END)"


def _replace(*args: Typed) -> str:
    put = constant(args[2], "a replacement") if len(args) > 2 else ""
    spelled = re.sub(r"\\(.)|\$\{?(\w+)\}?", lambda m: (m[1] if m[1] != "\\" else "\\\\") if m[1] else f"\\{m[2]}", put.replace("\\\\", "\\\\\\\\"))
    if re.search(r"\$\{?[A-Za-z]", put):
        raise Unbuilt("replacements by named groups")
    return f"regexp_replace({args[0].sql}, {_pattern(args[1])}, {text_of(spelled)}, 'g')"


def _extract_all(*args: Typed) -> str:
    group = args[2] if len(args) > 2 else None
    found = f"regexp_extract_all({args[0].sql}, {_pattern(args[1])}, {f'{group.sql}::INTEGER' if group is not None else '0'})"
    one = _of_group("g", args[1], group)
    return found if one == "g" else f"list_transform({found}, lambda g: {one})"


_ARG = re.compile(r"%(?:%|([-+0,]*)(\d*)(?:\.(\d+))?([sdfx]))")


def _format(*args: Typed) -> str:
    """Java's format strings: %s, %d, %x and %.nf with widths; whatever else they have is refused."""
    text, place, parts, given = constant(args[0], "a format"), 0, [], list(args[1:])
    for found in _ARG.finditer(text):
        parts.append(text_of(text[place : found.start()]))
        place = found.end()
        if found[0] == "%%":
            parts.append("'%'")
            continue
        if not given:
            raise QueryFailure("INVALID_FUNCTION_ARGUMENT", f"Format specifier '{found[0]}'")
        arg, (flags, width, digits, kind) = given.pop(0), found.groups()
        if kind == "s" and not digits:
            value = f"coalesce({cast(arg.sql, arg.type, VARCHAR)}, 'null')"
        elif kind == "f" and arg.type.kind in ("double", "real", "decimal"):
            value = f"format('{{:{',' if ',' in flags else ''}.{digits or 6}f}}', CAST({arg.sql} AS DOUBLE))"
        elif kind in "dx" and arg.type.kind in ("tinyint", "smallint", "integer", "bigint"):
            value = f"format('{{:{',' if ',' in flags else ''}{kind}}}', CAST({arg.sql} AS BIGINT))"
        else:
            raise Unbuilt(f"format('{found[0]}') of {arg.type}")
        if "+" in flags:
            raise Unbuilt(f"format('{found[0]}')")
        if width:
            fill, side = ("'0'", "lpad") if "0" in flags else ("' '", "rpad" if "-" in flags else "lpad")
            if "0" in flags:
                sign = f"CASE WHEN starts_with({value}, '-') THEN '-' ELSE '' END"
                value = f"({sign} || lpad(ltrim({value}, '-'), greatest({width} - CASE WHEN starts_with({value}, '-') THEN 1 ELSE 0 END, length(ltrim({value}, '-')))::INTEGER, '0'))"
            else:
                value = f"{side}({value}, greatest({width}, length({value}))::INTEGER, {fill})"
        parts.append(value)
    rest = text[place:]
    if "%" in rest or any("%" in part for part in parts if part.startswith("'") and part != "'%'"):
        raise Unbuilt(f"the format '{text}'")
    return "(" + " || ".join([*parts, text_of(rest)]) + ")"


# JSON --------------------------------------------------------------------------------------------------------

_STEP = re.compile(r"""\.(?P<name>[A-Za-z0-9_\-$:@]+)|\[(?P<index>\d+)\]|\[(?P<quote>["'])(?P<key>(?:\\.|(?!(?P=quote)).)*)(?P=quote)\]|\["(?P<key2>[^"]*)"\]""")


def _path(arg: Typed) -> str:
    """A JSON path of plain steps, as DuckDB spells it."""
    text = constant(arg, "a JSON path")
    if not text.startswith("$"):
        text = "$." + text if re.match(r"\w", text) else "$" + text
    spelled, place = "$", 1
    while place < len(text):
        found = _STEP.match(text, place)
        if found is None:
            raise Unbuilt(f"the JSON path '{text}'")
        key = found["name"] if found["name"] is not None else found["key"]
        spelled += f"[{found['index']}]" if found["index"] is not None else '."' + (key or "").replace('"', '\\"') + '"'
        place = found.end()
    return text_of(spelled)


def _valid(sql: str) -> str:
    return f"(CASE WHEN json_valid({sql}) THEN {sql} END)"


def _json_extract(json: Typed, path: Typed) -> str:
    return f"CAST(json_extract({_valid(json.sql)}, {_path(path)}) AS VARCHAR)"


def _json_scalar(json: Typed, path: Typed) -> str:
    found, where = _valid(json.sql), _path(path)
    return f"(CASE WHEN json_type({found}, {where}) NOT IN ('ARRAY', 'OBJECT', 'NULL') THEN json_extract_string({found}, {where}) END)"


def _json_size(json: Typed, path: Typed) -> str:
    found, where = _valid(json.sql), _path(path)
    return (
        f"(CASE json_type({found}, {where}) WHEN 'ARRAY' THEN json_array_length({found}, {where})::BIGINT "
        f"WHEN 'OBJECT' THEN len(json_keys({found}, {where}))::BIGINT WHEN NULL THEN NULL ELSE CASE WHEN json_exists({found}, {where}) THEN 0 END END)"
    )


def _json_parse(json: Typed) -> str:
    return guarded(f"NOT json_valid({json.sql})", f"CAST(json({json.sql}) AS VARCHAR)", "INVALID_FUNCTION_ARGUMENT",
                   f"'Cannot convert value to JSON: ''' || {json.sql} || ''''")  # fmt: skip


# URLs --------------------------------------------------------------------------------------------------------

_URL = r"^([A-Za-z][A-Za-z0-9+.\-]*:)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$"


def _url_part(group: int, decode: bool = False):
    def part(url: Typed) -> str:
        found = f"regexp_extract({url.sql}, '{_URL}', {group})"
        return f"url_decode({found})" if decode else found

    return part


def _url_host(url: Typed) -> str:
    return f"regexp_extract(regexp_extract({url.sql}, '{_URL}', 2), '^(?:[^@]*@)?(\\[[^\\]]*\\]|[^:]*)', 1)"


def _url_protocol(url: Typed) -> str:
    return f"rtrim(regexp_extract({url.sql}, '{_URL}', 1), ':')"


def _url_port(url: Typed) -> str:
    return f"TRY_CAST(nullif(regexp_extract(regexp_extract({url.sql}, '{_URL}', 2), ':([0-9]+)$', 1), '') AS BIGINT)"


def _url_parameter(url: Typed, name: Typed) -> str:
    query = f"regexp_extract({url.sql}, '{_URL}', 4)"
    pairs = f"list_filter(string_split({query}, '&'), lambda p: split_part(p, '=', 1) = {name.sql})"
    return f"(CASE WHEN len({pairs}) > 0 THEN url_decode(substr({pairs}[1], length({name.sql}) + 2)) END)"


# Texts -------------------------------------------------------------------------------------------------------


def _substr(*args: Typed) -> str:
    """From 1; a start before the text, or 0, gives an empty text, as does a length that is none."""
    text, start = args[0].sql, args[1].sql
    first = f"(CASE WHEN {start} < 0 THEN length({text}) + {start} + 1 ELSE {start} END)"
    taken = f"substr({text}, {first}, greatest({args[2].sql}, 0))" if len(args) > 2 else f"substr({text}, {first})"
    return f"(CASE WHEN {first} < 1 THEN '' ELSE {taken} END)" if not (args[1].value and int(args[1].value) > 0) else taken


def _split_part(text: Typed, by: Typed, index: Typed) -> str:
    parts = f"string_split({text.sql}, {by.sql})"
    found = f"(CASE WHEN {index.sql} <= len({parts}) THEN {parts}[{index.sql}] END)"
    return guarded(f"{index.sql} < 1", found, "INVALID_FUNCTION_ARGUMENT", "'Index must be greater than zero'")


def _split(*args: Typed) -> str:
    whole = f"string_split({args[0].sql}, {args[1].sql})"
    if len(args) == 2:
        return whole
    most = args[2].sql
    rest = f"array_to_string({whole}[{most}:], {args[1].sql})"
    return f"(CASE WHEN len({whole}) <= {most} THEN {whole} ELSE list_append({whole}[:{most} - 1], {rest}) END)"


def _pad(side: str):
    return lambda text, size, fill: guarded(f"{size.sql} < 0 OR {fill.sql} = ''", f"{side}({text.sql}, {size.sql}::INTEGER, {fill.sql})",
                                            "INVALID_FUNCTION_ARGUMENT", "'Padding string must not be empty'")  # fmt: skip


def _split_to_map(text: Typed, entry: Typed, pair: Typed) -> str:
    made = f"list_transform(string_split({text.sql}, {entry.sql}), lambda e: struct_pack(k := split_part(e, {pair.sql}, 1), v := substr(e, strpos(e, {pair.sql}) + length({pair.sql}))))"
    bad = f"len(list_filter(string_split({text.sql}, {entry.sql}), lambda e: strpos(e, {pair.sql}) = 0)) > 0"
    return guarded(bad, f"map_from_entries({made})", "INVALID_FUNCTION_ARGUMENT", "'Key-value delimiter must appear exactly once in each entry'")


def _round_to(number: Typed, digits: Typed) -> str:
    return f"CAST(round({number.sql}, {digits.sql}::INTEGER) AS DOUBLE)"


def _round_decimal(*args: Typed) -> Typed:
    precision, scale = args[0].type.args
    if len(args) == 1:
        to = decimal(min(precision - scale + min(scale, 1), 38), 0)
        return Typed(f"CAST(round({args[0].sql}) AS DECIMAL({to.args[0]},0))", to)
    to = decimal(precision + 1, scale)
    return Typed(f"CAST(round({args[0].sql}, {args[1].sql}::INTEGER) AS DECIMAL({to.args[0]},{scale}))", to)


def _whole(name: str):
    def of_decimal(number: Typed) -> Typed:
    
        precision, scale = number.type.args
        to = decimal(precision - scale + min(scale, 1), 0)
        return Typed(f"CAST({name}({number.sql}) AS DECIMAL({to.args[0]},0))", to)

    return of_decimal


def _same(template: str):
    return lambda number: Typed(f"CAST({template.format(number.sql)} AS {duck(number.type)})", number.type)


TEXT: Table = table({
    "upper": ("(varchar) -> varchar", "upper({0})"), "lower": ("(varchar) -> varchar", "lower({0})"),
    "length": ("(varchar) -> bigint", "length({0})", "(varbinary) -> bigint", "octet_length({0})"),
    "concat": ("(varchar...) -> varchar", lambda *args: "(" + " || ".join(each.sql for each in args) + ")",
               "(array(T), array(T)) -> array(T)", "(CASE WHEN {0} IS NOT NULL AND {1} IS NOT NULL THEN list_concat({0}, {1}) END)",
               "(array(T), T) -> array(T)", "(CASE WHEN {0} IS NOT NULL THEN list_append({0}, {1}) END)",
               "(T, array(T)) -> array(T)", "(CASE WHEN {1} IS NOT NULL THEN list_prepend({0}, {1}) END)",
               "(varbinary, varbinary) -> varbinary", "({0} || {1})"),
    "concat_ws": ("(varchar, varchar...) -> varchar", "concat_ws({all})",
                  "(varchar, array(varchar)) -> varchar", "array_to_string({1}, {0})"),
    "trim": ("(varchar) -> varchar", "trim({0})"), "ltrim": ("(varchar) -> varchar", "ltrim({0})"),
    "rtrim": ("(varchar) -> varchar", "rtrim({0})"),
    "replace": ("(varchar, varchar) -> varchar", "replace({0}, {1}, '')",
                "(varchar, varchar, varchar) -> varchar",
                "(CASE WHEN {1} = '' THEN regexp_replace({0}, '', replace({2}, '\\', '\\\\'), 'g') ELSE replace({0}, {1}, {2}) END)"),
    "reverse": ("(varchar) -> varchar", "reverse({0})", "(array(T)) -> array(T)", "list_reverse({0})"),
    "substr": ("(varchar, bigint) -> varchar", _substr, "(varchar, bigint, bigint) -> varchar", _substr),
    "substring": ("(varchar, bigint) -> varchar", _substr, "(varchar, bigint, bigint) -> varchar", _substr),
    "strpos": ("(varchar, varchar) -> bigint", "strpos({0}, {1})"), "position": ("(varchar, varchar) -> bigint", "strpos({1}, {0})"),
    "ends_with": ("(varchar, varchar) -> boolean", "ends_with({0}, {1})"), "starts_with": ("(varchar, varchar) -> boolean", "starts_with({0}, {1})"),
    "split": ("(varchar, varchar) -> array(varchar)", _split, "(varchar, varchar, bigint) -> array(varchar)", _split),
    "split_part": ("(varchar, varchar, bigint) -> varchar", _split_part),
    "split_to_map": ("(varchar, varchar, varchar) -> map(varchar, varchar)", _split_to_map),
    "lpad": ("(varchar, bigint, varchar) -> varchar", _pad("lpad")), "rpad": ("(varchar, bigint, varchar) -> varchar", _pad("rpad")),
    "chr": ("(bigint) -> varchar", "chr({0}::INTEGER)"), "codepoint": ("(varchar) -> integer", "unicode({0})"),
    "translate": ("(varchar, varchar, varchar) -> varchar", "translate({0}, {1}, {2})"),
    "levenshtein_distance": ("(varchar, varchar) -> bigint", "levenshtein({0}, {1})"),
    "hamming_distance": ("(varchar, varchar) -> bigint", "hamming({0}, {1})"),
    "normalize": ("(varchar) -> varchar", "nfc_normalize({0})"),
    "format": ("(varchar, any...) -> varchar", _format),
    "regexp_like": ("(varchar, varchar) -> boolean", lambda text, pattern: f"regexp_matches({text.sql}, {_pattern(pattern)})"),
    "regexp_extract": ("(varchar, varchar) -> varchar", _extract, "(varchar, varchar, bigint) -> varchar", _extract),
    "regexp_extract_all": ("(varchar, varchar) -> array(varchar)", _extract_all, "(varchar, varchar, bigint) -> array(varchar)", _extract_all),
    "regexp_replace": ("(varchar, varchar) -> varchar", _replace, "(varchar, varchar, varchar) -> varchar", _replace),
    "regexp_split": ("(varchar, varchar) -> array(varchar)", lambda text, pattern: f"regexp_split_to_array({text.sql}, {_pattern(pattern)})"),
    "regexp_count": ("(varchar, varchar) -> bigint", lambda text, pattern: f"len(regexp_extract_all({text.sql}, {_pattern(pattern)}))"),
    "json_extract": ("(json, varchar) -> json", _json_extract, "(varchar, varchar) -> json", _json_extract),
    "json_extract_scalar": ("(json, varchar) -> varchar", _json_scalar, "(varchar, varchar) -> varchar", _json_scalar),
    "json_size": ("(json, varchar) -> bigint", _json_size, "(varchar, varchar) -> bigint", _json_size),
    "json_parse": ("(varchar) -> json", _json_parse), "json_format": ("(json) -> varchar", "{0}"),
    "json_array_length": ("(json) -> bigint", "(CASE WHEN json_type({0}) = 'ARRAY' THEN json_array_length({0})::BIGINT END)",
                          "(varchar) -> bigint",
                          "(CASE WHEN json_type(CASE WHEN json_valid({0}) THEN {0} END) = 'ARRAY' THEN json_array_length({0})::BIGINT END)"),
    "json_array_get": ("(json, bigint) -> json", "CAST(json_extract({0}, ({1})::BIGINT) AS VARCHAR)",
                       "(varchar, bigint) -> json", "CAST(json_extract(CASE WHEN json_valid({0}) THEN {0} END, ({1})::BIGINT) AS VARCHAR)"),
    "is_json_scalar": ("(json) -> boolean", "(json_type({0}) NOT IN ('ARRAY', 'OBJECT'))", "(varchar) -> boolean", "(json_type({0}) NOT IN ('ARRAY', 'OBJECT'))"),
    "url_extract_protocol": ("(varchar) -> varchar", _url_protocol), "url_extract_host": ("(varchar) -> varchar", _url_host),
    "url_extract_port": ("(varchar) -> bigint", _url_port), "url_extract_path": ("(varchar) -> varchar", _url_part(3, decode=True)),
    "url_extract_query": ("(varchar) -> varchar", _url_part(4)), "url_extract_fragment": ("(varchar) -> varchar", _url_part(5)),
    "url_extract_parameter": ("(varchar, varchar) -> varchar", _url_parameter),
    "url_decode": ("(varchar) -> varchar", "url_decode(replace({0}, '+', ' '))"),
    "url_encode": ("(varchar) -> varchar", "replace(replace(replace(url_encode({0}), '%20', '+'), '~', '%7E'), '%2A', '*')"),
    "md5": ("(varbinary) -> varbinary", "unhex(md5({0}))"), "sha1": ("(varbinary) -> varbinary", "unhex(sha1({0}))"),
    "sha256": ("(varbinary) -> varbinary", "unhex(sha256({0}))"),
    "to_hex": ("(varbinary) -> varchar", "hex({0})"), "from_hex": ("(varchar) -> varbinary", "unhex({0})"),
    "to_utf8": ("(varchar) -> varbinary", "encode({0})"), "from_utf8": ("(varbinary) -> varchar", "decode({0})"),
    "to_base64": ("(varbinary) -> varchar", "to_base64({0})"), "from_base64": ("(varchar) -> varbinary", "from_base64({0})"),
})  # fmt: skip
NUMBER: Table = table({
    "abs": ("(integral) -> integral", _same("abs({0})"), "(number) -> number", _same("abs({0})")),
    "ceil": ("(integral) -> integral", lambda n: n, "(double) -> double", "ceil({0})"),
    "floor": ("(integral) -> integral", lambda n: n, "(double) -> double", "floor({0})"),
    "round": ("(integral) -> integral", lambda n: n, "(double) -> double", "CAST(round({0}) AS DOUBLE)", "(double, bigint) -> double", _round_to),
    "truncate": ("(double) -> double", "trunc({0})"),
    "sign": ("(integral) -> integral", _same("sign({0})"), "(double) -> double", "(CASE WHEN isnan({0}) THEN {0} ELSE sign({0})::DOUBLE END)"),
    "power": ("(double, double) -> double", "pow({0}, {1})"), "pow": ("(double, double) -> double", "pow({0}, {1})"),
    "sqrt": ("(double) -> double", "(CASE WHEN {0} < 0 THEN 'NaN'::DOUBLE ELSE sqrt({0}) END)"), "cbrt": ("(double) -> double", "cbrt({0})"),
    "exp": ("(double) -> double", "exp({0})"),
    "ln": ("(double) -> double", "(CASE WHEN {0} < 0 THEN 'NaN'::DOUBLE WHEN {0} = 0 THEN '-Infinity'::DOUBLE ELSE ln({0}) END)"),
    "log2": ("(double) -> double", "(CASE WHEN {0} < 0 THEN 'NaN'::DOUBLE WHEN {0} = 0 THEN '-Infinity'::DOUBLE ELSE log2({0}) END)"),
    "log10": ("(double) -> double", "(CASE WHEN {0} < 0 THEN 'NaN'::DOUBLE WHEN {0} = 0 THEN '-Infinity'::DOUBLE ELSE log10({0}) END)"),
    "log": ("(double, double) -> double", "(ln({1}) / ln({0}))"),
    "pi": ("() -> double", "pi()"), "e": ("() -> double", "exp(1.0::DOUBLE)"), "nan": ("() -> double", "'NaN'::DOUBLE"),
    "infinity": ("() -> double", "'Infinity'::DOUBLE"), "is_nan": ("(double) -> boolean", "isnan({0})"),
    "is_finite": ("(double) -> boolean", "isfinite({0})"), "is_infinite": ("(double) -> boolean", "isinf({0})"),
    **{name: ("(double) -> double", name + "({0})") for name in ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "degrees", "radians")},
    "atan2": ("(double, double) -> double", "atan2({0}, {1})"),
    "rand": ("() -> double", "random()"), "random": ("() -> double", "random()"),
    "bitwise_and": ("(bigint, bigint) -> bigint", "({0} & {1})"), "bitwise_or": ("(bigint, bigint) -> bigint", "({0} | {1})"),
    "bitwise_xor": ("(bigint, bigint) -> bigint", "xor({0}, {1})"), "bitwise_not": ("(bigint) -> bigint", "(~{0})"),
    "to_base": ("(bigint, bigint) -> varchar", "(CASE WHEN {0} < 0 THEN '-' ELSE '' END || lower(to_base(abs({0}), {1}::INTEGER)))"),
    "uuid": ("() -> varchar", "uuid()::VARCHAR"),
})  # fmt: skip
DECIMAL = {"round": _round_decimal, "ceil": _whole("ceil"), "floor": _whole("floor"), "abs": _same("abs({0})"), "truncate": _whole("trunc"),
           "sign": lambda n: Typed(f"CAST(sign({n.sql}) AS DECIMAL(1,0))", decimal(1, 0))}  # fmt: skip
"""What gives a decimal where it is given one."""
