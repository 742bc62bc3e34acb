"""What Athena's expressions are worth: values out of Trino's documentation, each beside the page it stands on.

The pages are docs/src/main/sphinx/functions/PAGE.md of https://github.com/trinodb/trino. Where a page says ``-- 1`` without quotes the text is the
one that Athena writes into its results. The session is that of Athena: its zone is UTC, and where a page was run in another one the example is
left out. What stands under "ours" follows from a rule of the page named there, or from Java's, and was not seen on Trino.
"""

from __future__ import annotations

import duckdb
import pytest

from kumoniwa.languages.athena import cast, cells, query
from kumoniwa.languages.athena.failure import QueryFailure, Unbuilt

NOW_S = 1_700_000_000.123  # 2023-11-14T22:13:20.123Z


@pytest.fixture(scope="module")
def engine():
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    for macro in cast.MACROS:
        connection.execute(macro)
    return connection


def rows(engine, text, *values):
    output = query.Query(text, lambda database, table: None, "db", NOW_S).read(values)
    kinds = [cells.text_of(field.type) for field in output.fields]
    return [[None if value is None else kind(value) for kind, value in zip(kinds, row)] for row in engine.sql(output.sql).fetchall()]


DATETIME = """
date '2012-08-08' + interval '2' day => 2012-08-10
timestamp '2012-08-08 01:00:00.000' + interval '29' hour => 2012-08-09 06:00:00.000
timestamp '2012-10-31 01:00:00.000' + interval '1' month => 2012-11-30 01:00:00.000
interval '2' day + interval '3' hour => 2 03:00:00.000
interval '3' year + interval '5' month => 3-5
date '2012-08-08' - interval '2' day => 2012-08-06
timestamp '2012-08-08 01:00:00.000' - interval '29' hour => 2012-08-06 20:00:00.000
timestamp '2012-10-31 01:00:00.000' - interval '1' month => 2012-09-30 01:00:00.000
interval '2' day - interval '3' hour => 1 21:00:00.000
interval '3' year - interval '5' month => 2-7
timestamp '2012-10-31 01:00 UTC' => 2012-10-31 01:00:00.000 UTC
timestamp '2012-10-31 01:00 UTC' AT TIME ZONE 'America/Los_Angeles' => 2012-10-30 18:00:00.000 America/Los_Angeles
from_iso8601_date('2020-05-11') => 2020-05-11
with_timezone(TIMESTAMP '2022-11-01 09:08:07.321', 'America/Los_Angeles') => 2022-11-01 09:08:07.321 America/Los_Angeles
date_trunc('millisecond', timestamp '2001-08-22 03:04:05.321') => 2001-08-22 03:04:05.321
date_trunc('second', timestamp '2001-08-22 03:04:05.321') => 2001-08-22 03:04:05.000
date_trunc('minute', timestamp '2001-08-22 03:04:05.321') => 2001-08-22 03:04:00.000
date_trunc('hour', timestamp '2001-08-22 03:04:05.321') => 2001-08-22 03:00:00.000
date_trunc('day', timestamp '2001-08-22 03:04:05.321') => 2001-08-22 00:00:00.000
date_trunc('week', timestamp '2001-08-22 03:04:05.321') => 2001-08-20 00:00:00.000
date_trunc('month', timestamp '2001-08-22 03:04:05.321') => 2001-08-01 00:00:00.000
date_trunc('quarter', timestamp '2001-08-22 03:04:05.321') => 2001-07-01 00:00:00.000
date_trunc('year', timestamp '2001-08-22 03:04:05.321') => 2001-01-01 00:00:00.000
date_add('second', 86, TIMESTAMP '2020-03-01 00:00:00.000') => 2020-03-01 00:01:26.000
date_add('hour', 9, TIMESTAMP '2020-03-01 00:00:00.000') => 2020-03-01 09:00:00.000
date_add('day', -1, TIMESTAMP '2020-03-01 00:00:00 UTC') => 2020-02-29 00:00:00.000 UTC
date_diff('second', TIMESTAMP '2020-03-01 00:00:00', TIMESTAMP '2020-03-02 00:00:00') => 86400
date_diff('hour', TIMESTAMP '2020-03-01 00:00:00 UTC', TIMESTAMP '2020-03-02 00:00:00 UTC') => 24
date_diff('day', DATE '2020-03-01', DATE '2020-03-02') => 1
date_diff('second', TIMESTAMP '2020-06-01 12:30:45.000', TIMESTAMP '2020-06-02 12:30:45.123') => 86400
date_diff('millisecond', TIMESTAMP '2020-06-01 12:30:45.000', TIMESTAMP '2020-06-02 12:30:45.123') => 86400123
parse_duration('42.8ms') => 0 00:00:00.043
parse_duration('3.81 d') => 3 19:26:24.000
parse_duration('5m') => 0 00:05:00.000
"""

ARRAY = """
ARRAY[1, 2, 4] => [1, 2, 4]
ARRAY['foo', 'bar', 'bazz'] => [foo, bar, bazz]
ARRAY[1, 1.2, 4] => [1.0, 1.2, 4.0]
ARRAY[1, 1.2, 4][2] => 1.2
ARRAY[1] || ARRAY[2] => [1, 2]
ARRAY[1] || 2 => [1, 2]
2 || ARRAY[1] => [2, 1]
filter(ARRAY[], x -> true) => []
filter(ARRAY[5, -6, NULL, 7], x -> x > 0) => [5, 7]
filter(ARRAY[5, NULL, 7, NULL], x -> x IS NOT NULL) => [5, 7]
ngrams(ARRAY['foo', 'bar', 'baz', 'foo'], 2) => [[foo, bar], [bar, baz], [baz, foo]]
ngrams(ARRAY['foo', 'bar', 'baz', 'foo'], 4) => [[foo, bar, baz, foo]]
ngrams(ARRAY['foo', 'bar', 'baz', 'foo'], 5) => [[foo, bar, baz, foo]]
reduce(ARRAY[], 0, (s, x) -> s + x, s -> s) => 0
reduce(ARRAY[5, 20, 50], 0, (s, x) -> s + x, s -> s) => 75
reduce(ARRAY[5, 20, NULL, 50], 0, (s, x) -> s + x, s -> s) => NULL
reduce(ARRAY[5, 20, NULL, 50], 0, (s, x) -> s + coalesce(x, 0), s -> s) => 75
reduce(ARRAY[5, 20, NULL, 50], 0, (s, x) -> IF(x IS NULL, s, s + x), s -> s) => 75
reduce(ARRAY[2147483647, 1], BIGINT '0', (s, x) -> s + x, s -> s) => 2147483648
reduce(ARRAY[5, 6, 10, 20], CAST(ROW(0.0, 0) AS ROW(sum DOUBLE, count INTEGER)), (s, x) -> CAST(ROW(x + s.sum, s.count + 1) AS ROW(sum DOUBLE, count INTEGER)), s -> IF(s.count = 0, NULL, s.sum / s.count)) => 10.25
trim_array(ARRAY[1, 2, 3, 4], 1) => [1, 2, 3]
trim_array(ARRAY[1, 2, 3, 4], 2) => [1, 2]
transform(ARRAY[], x -> x + 1) => []
transform(ARRAY[5, 6], x -> x + 1) => [6, 7]
transform(ARRAY[5, NULL, 6], x -> coalesce(x, 0) + 1) => [6, 1, 7]
transform(ARRAY['x', 'abc', 'z'], x -> x || '0') => [x0, abc0, z0]
transform(ARRAY[ARRAY[1, NULL, 2], ARRAY[3, NULL]], a -> filter(a, x -> x IS NOT NULL)) => [[1, 2], [3]]
zip(ARRAY[1, 2], ARRAY['1b', null, '3b']) => [{field0=1, field1=1b}, {field0=2, field1=null}, {field0=null, field1=3b}]
zip_with(ARRAY[1, 3, 5], ARRAY['a', 'b', 'c'], (x, y) -> (y, x)) => [{field0=a, field1=1}, {field0=b, field1=3}, {field0=c, field1=5}]
zip_with(ARRAY[1, 2], ARRAY[3, 4], (x, y) -> x + y) => [4, 6]
zip_with(ARRAY['a', 'b', 'c'], ARRAY['d', 'e', 'f'], (x, y) -> concat(x, y)) => [ad, be, cf]
zip_with(ARRAY['a'], ARRAY['d', null, 'f'], (x, y) -> coalesce(x, y)) => [a, null, f]
"""

MAP = """
MAP(ARRAY['key1', 'key2', 'key3' ], ARRAY[2373, 3463, 45837]) => {key1=2373, key2=3463, key3=45837}
MAP(ARRAY['key1', 'key2', 'key3' ], ARRAY[23, 34.63, 45.837]) => {key1=23.000, key2=34.630, key3=45.837}
MAP(ARRAY['key1', 'key2', 'key3' ], ARRAY['v1', 'v2', 'v3'])['key2'] => v2
map() => {}
map(ARRAY[1,3], ARRAY[2,4]) => {1=2, 3=4}
map_from_entries(ARRAY[(1, 'x'), (2, 'y')]) => {1=x, 2=y}
map_entries(MAP(ARRAY[1, 2], ARRAY['x', 'y'])) => [{field0=1, field1=x}, {field0=2, field1=y}]
map_filter(MAP(ARRAY[10, 20, 30], ARRAY['a', NULL, 'c']), (k, v) -> v IS NOT NULL) => {10=a, 30=c}
map_filter(MAP(ARRAY['k1', 'k2', 'k3'], ARRAY[20, 3, 15]), (k, v) -> v > 10) => {k1=20, k3=15}
transform_keys(MAP(ARRAY [1, 2, 3], ARRAY ['a', 'b', 'c']), (k, v) -> k + 1) => {2=a, 3=b, 4=c}
transform_keys(MAP(ARRAY ['a', 'b', 'c'], ARRAY [1, 2, 3]), (k, v) -> v * v) => {1=1, 4=2, 9=3}
transform_keys(MAP(ARRAY ['a', 'b'], ARRAY [1, 2]), (k, v) -> k || CAST(v as VARCHAR)) => {a1=1, b2=2}
transform_keys(MAP(ARRAY [1, 2], ARRAY [1.0, 1.4]), (k, v) -> MAP(ARRAY[1, 2], ARRAY['one', 'two'])[k]) => {one=1.0, two=1.4}
transform_values(MAP(ARRAY [1, 2, 3], ARRAY [10, 20, 30]), (k, v) -> v + k) => {1=11, 2=22, 3=33}
transform_values(MAP(ARRAY ['a', 'b'], ARRAY [1, 2]), (k, v) -> k || CAST(v as VARCHAR)) => {a=a1, b=b2}
transform_values(MAP(ARRAY [1, 2], ARRAY [1.0, 1.4]), (k, v) -> MAP(ARRAY[1, 2], ARRAY['one', 'two'])[k] || '_' || CAST(v AS VARCHAR)) => {1=one_1.0, 2=two_1.4}
"""

REGEXP = r"""
regexp_count('1a 2b 14m', '\s*[a-z]+\s*') => 3
regexp_extract_all('1a 2b 14m', '\d+') => [1, 2, 14]
regexp_extract_all('1a 2b 14m', '(\d+)([a-z]+)', 2) => [a, b, m]
regexp_extract('1a 2b 14m', '\d+') => 1
regexp_extract('1a 2b 14m', '(\d+)([a-z]+)', 2) => a
regexp_like('1a 2b 14m', '\d+b') => true
regexp_replace('1a 2b 14m', '\d+[ab] ') => 14m
regexp_replace('1a 2b 14m', '(\d+)([ab]) ', '3c$2 ') => 3ca 3cb 14m
regexp_split('1a 2b 14m', '\s*[a-z]+\s*') => [1, 2, 14, ]
"""

STRING = """
translate('abcda', 'a', 'z') => zbcdz
translate('Palhoça', 'ç','c') => Palhoca
translate('abcd', 'a', '') => bcd
translate('abcd', 'a', 'zy') => zbcd
translate('abcd', 'ac', 'z') => zbd
trim('!' FROM '!foo!') => foo
trim(LEADING FROM '  abcd') => abcd
trim(BOTH '$' FROM '$var$') => var
trim(TRAILING 'ER' FROM upper('worker')) => WORK
"""

OURS = """
7 / 2 => 3
-7 / 2 => -3
-7 % 2 => -1
7 / 2.0 => 3.5
1.0 / 3 => 0.3
7e0 / 2 => 3.5
1e0 / 0 => Infinity
round(2.5e0) => 3.0
cast(2.5e0 as bigint) => 3
cast(-2.5e0 as bigint) => -3
cast(1e10 as varchar) => 1.0E10
cast(123456789.25e0 as varchar) => 1.2345678925E8
cast(0.00012e0 as varchar) => 1.2E-4
1e7 => 1.0E7
1e0 / 3 => 0.3333333333333333
cast('true' as boolean) => true
cast(timestamp '2020-01-02 03:04:05.678' as varchar) => 2020-01-02 03:04:05.678
cast(date '2020-01-02' as varchar) => 2020-01-02
cast('2020-01-02 03:04' as timestamp) => 2020-01-02 03:04:00.000
cast('abcdef' as varchar(3)) => abc
cast(row(1, 'x') as row(a integer, b varchar)).b => x
row(1, 'x')[1] => 1
date_diff('day', timestamp '2020-01-01 23:00:00', timestamp '2020-01-02 01:00:00') => 0
date_diff('month', date '2020-01-31', date '2020-02-29') => 1
date_diff('year', date '2020-02-29', date '2021-02-28') => 1
date_diff('week', date '2020-01-01', date '2020-01-15') => 2
date_trunc('month', date '2020-05-17') => 2020-05-01
date_format(timestamp '2020-01-02 03:04:05.678', '%Y-%m-%d %H:%i:%s.%f %a %b %j %W') => 2020-01-02 03:04:05.678000 Thu Jan 002 Thursday
date_parse('2020-01-02 03:04:05', '%Y-%m-%d %H:%i:%s') => 2020-01-02 03:04:05.000
date_parse('02/Jan/2020', '%d/%b/%Y') => 2020-01-02 00:00:00.000
format_datetime(timestamp '2020-01-02 03:04:05.678', 'yyyy-MM-dd''T''HH:mm:ss.SSS') => 2020-01-02T03:04:05.678
parse_datetime('02/01/2020 03:04', 'dd/MM/yyyy HH:mm') => 2020-01-02 03:04:00.000 UTC
parse_datetime('2020-01-02 03:04 +0900', 'yyyy-MM-dd HH:mm Z') => 2020-01-01 18:04:00.000 UTC
from_iso8601_timestamp('2020-05-11T11:15:05Z') => 2020-05-11 11:15:05.000 UTC
from_iso8601_timestamp('2020-05-11') => 2020-05-11 00:00:00.000 UTC
from_unixtime(1577934245.678) => 2020-01-02 03:04:05.678 UTC
to_unixtime(timestamp '2020-01-02 03:04:05 UTC') => 1.577934245E9
to_iso8601(date '2020-01-02') => 2020-01-02
current_timestamp => 2023-11-14 22:13:20.123 UTC
now() - interval '1' day => 2023-11-13 22:13:20.123 UTC
current_date => 2023-11-14
timestamp '2020-01-02 00:00:00' - timestamp '2020-01-01 12:00:00' => 0 12:00:00.000
day_of_week(date '2020-01-05') => 7
week(date '2020-01-01') => 1
extract(hour from timestamp '2020-01-02 03:04:05') => 3
last_day_of_month(date '2020-02-03') => 2020-02-29
substr('hello', 2, 3) => ell
substr('hello', -3) => llo
substr('hello', 0) => 
split('a,b,,c', ',') => [a, b, , c]
split('a,b,c', ',', 2) => [a, b,c]
split_part('a,b', ',', 3) => NULL
strpos('abc', 'z') => 0
lpad('abc', 2, 'x') => ab
concat('a', 'b', 'c') => abc
'a' || cast(1 as varchar) => a1
length('日本') => 2
'a' like '_' => true
'100%' like '100#%' escape '#' => true
split_to_map('a=1;b=2', ';', '=') => {a=1, b=2}
format('%s has %d and %.2f%%', 'x', 5, 1.5e0) => x has 5 and 1.50%
format('%05d', 42) => 00042
json_extract_scalar('{"a": {"b": [1, "x"]}}', '$.a.b[1]') => x
json_extract_scalar('{"a": {"b": 1}}', '$.a') => NULL
json_extract_scalar('not json', '$.a') => NULL
json_extract('{"a": [1, 2]}', '$.a') => [1,2]
json_array_length('[1, 2, 3]') => 3
json_size('{"x": {"a": 1, "b": 2}}', '$.x') => 2
cast(json_parse('{"a": 1, "b": 2}') as map(varchar, bigint)) => {a=1, b=2}
cast(json_parse('[1, "2", null]') as array(integer)) => [1, 2, null]
cast(json_parse('{"x": 1, "y": "z"}') as row(x integer, y varchar)) => {x=1, y=z}
json_format(cast(array[1, null] as json)) => [1,null]
json_format(cast(row(1, 'x') as json)) => [1,"x"]
url_extract_host('http://user@example.com:8080/a%20b?k=v&q=1+2#f') => example.com
url_extract_port('http://user@example.com:8080/a%20b?k=v&q=1+2#f') => 8080
url_extract_path('http://example.com/a/b?k=v') => /a/b
url_extract_query('http://example.com/a/b?k=v') => k=v
url_extract_parameter('http://example.com/a?k=v&q=1', 'q') => 1
url_extract_parameter('http://example.com/a?k=v', 'z') => NULL
url_extract_fragment('http://example.com/a#f') => f
url_extract_protocol('https://example.com') => https
url_encode('a b&c') => a+b%26c
element_at(array[1, 2], 3) => NULL
element_at(array[1, 2], -1) => 2
element_at(map(array['a'], array[1]), 'b') => NULL
contains(array[1, null], 2) => NULL
array_distinct(array[2, 1, 2, null, null]) => [2, 1, null]
array_sort(array[3, null, 1]) => [1, 3, null]
array_max(array[1, null]) => NULL
array_join(array[1, null, 2], '-') => 1-2
array_join(array[1, null, 2], '-', 'x') => 1-x-2
array_position(array['a', 'b'], 'b') => 2
array_except(array[1, 2, 3], array[2]) => [1, 3]
arrays_overlap(array[1, null], array[2]) => NULL
any_match(array[1, 2], x -> x > 1) => true
all_match(array[1, null], x -> x > 0) => NULL
none_match(array[1, 2], x -> x > 2) => true
cardinality(map(array['a', 'b'], array[1, 2])) => 2
slice(array[1, 2, 3, 4], 2, 2) => [2, 3]
slice(array[1, 2, 3, 4], -2, 2) => [3, 4]
sequence(1, 5, 2) => [1, 3, 5]
sequence(3, 1) => [3, 2, 1]
sequence(date '2020-01-30', date '2020-02-01') => [2020-01-30, 2020-01-31, 2020-02-01]
flatten(array[array[1], array[2, 3]]) => [1, 2, 3]
repeat('a', 2) => [a, a]
try(1 / 0) => NULL
try_cast('x' as integer) => NULL
try(coalesce(1 / 0, 5)) => NULL
coalesce(null, 2) => 2
nullif(1, 1) => NULL
greatest(1, 2, null) => NULL
least(3, 2.5) => 2.5
if(1 > 2, 'a') => NULL
case 2 when 1 then 'a' when 2 then 'b' end => b
typeof(1) => integer
typeof(1.50) => decimal(3,2)
typeof(array[1]) => array(integer)
typeof(date_add('day', 1, date '2020-01-01')) => date
typeof(sum(1)) => bigint
nan() = nan() => false
array[1, null] = array[1, null] => NULL
array[1, null] = array[2, null] => false
array[1, 2] = array[1, 2] => true
row(1, null) = row(1, null) => NULL
row(1, null) = row(2, null) => false
array[row(1, 'a')] <> array[row(1, 'b')] => true
regexp_extract('b', '(a)?(b)', 1) => NULL
regexp_extract('ab', '(a)?(b)', 1) => a
regexp_extract('x', '(y)') => NULL
cast(cast(1e10 as real) as varchar) => 1.0E10
cast(real '1.5' as varchar) => 1.5
date_diff('day', timestamp '2020-01-01 23:00 America/New_York', timestamp '2020-01-03 03:00 UTC') => 0
nan() <> nan() => true
1 is distinct from null => true
null is not distinct from null => true
1 between 0 and 2 => true
1 in (2, null) => NULL
3 not in (1, 2) => true
x'68656c' => 68 65 6c
to_hex(md5(to_utf8('hello'))) => 5D41402ABC4B2A76B9719D911017C592
from_base64('aGVsbG8=') => 68 65 6c 6c 6f
bitwise_and(6, 3) => 2
power(2, 10) => 1024.0
mod(10, 3) => 1
abs(-5) => 5
ceil(1.2) => 2
floor(-1.2) => -2
round(1.255, 2) => 1.260
truncate(1.9e0) => 1.0
ln(0e0) => -Infinity
"""


def cases(page, text):
    for line in text.strip("\n").splitlines():
        expression, _, value = line.rpartition(" => ")
        yield pytest.param(expression, None if value == "NULL" else value, id=f"{page}: {expression[:60]}")


PAGES = {"datetime": DATETIME, "array": ARRAY, "map": MAP, "regexp": REGEXP, "string": STRING, "ours": OURS}


@pytest.mark.parametrize("expression, value", [case for page, text in PAGES.items() for case in cases(page, text)])
def test_an_expression_is_worth_what_trino_says(engine, expression, value):
    assert rows(engine, f"SELECT {expression}") == [[value]]


@pytest.mark.parametrize("expression, code", [
    ("1 / 0", "Division by zero"),
    ("array[1, 2][3]", "INVALID_FUNCTION_ARGUMENT: Array subscript must be less than or equal to array length: 3 > 2"),
    ("array[1][0]", "INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1"),
    ("map(array['a'], array[1])['b']", "INVALID_FUNCTION_ARGUMENT: Key not present in map: b"),
    ("cast('x' as integer)", "INVALID_CAST_ARGUMENT: Cannot cast 'x' to INT"),
    ("cast('12.5' as bigint)", "INVALID_CAST_ARGUMENT: Cannot cast '12.5' to BIGINT"),
    ("cast(' 12' as bigint)", "INVALID_CAST_ARGUMENT: Cannot cast ' 12' to BIGINT"),
    ("cast('yes' as boolean)", "INVALID_CAST_ARGUMENT: Cannot cast 'yes' to BOOLEAN"),
    ("cast('2020-1' as date)", "INVALID_CAST_ARGUMENT: Value cannot be cast to date: 2020-1"),
    ("date '2020-01-01' + interval '1' hour", "Cannot add hour, minutes or seconds to a date"),
    ("2147483647 + 1", "Overflow"),
    ("(select x from (values 1, 2) t(x))", "More than one row"),
    ("json_parse('{')", "INVALID_FUNCTION_ARGUMENT: Cannot convert value to JSON"),
    ("from_iso8601_timestamp('2020-05-11T11:15:05.055+01:00')", "NOT_SUPPORTED"),
])  # fmt: skip
def test_what_fails_in_trino_fails_while_it_runs(engine, expression, code):
    with pytest.raises(duckdb.Error) as raised:
        rows(engine, f"SELECT {expression}")
    assert code in str(raised.value)


REFUSED = r"""
x || 1 from (values 'a') t(x) => FUNCTION_NOT_FOUND: line 1:8: Unexpected parameters (varchar(1), integer) for function concat
'a' = 1 => TYPE_MISMATCH: line 1:8: Cannot apply operator: varchar(1) = integer
1 + 'a' => TYPE_MISMATCH: line 1:8: Cannot apply operator: integer + varchar(1)
date '2020-01-01' > '2019-01-01' => TYPE_MISMATCH: line 1:13: Cannot apply operator: date > varchar(10)
percentile_approx(1, 0.5) => FUNCTION_NOT_FOUND: line 1:8: Function 'percentile_approx' not registered
upper(1) => FUNCTION_NOT_FOUND: line 1:8: Unexpected parameters (integer) for function upper. Expected: upper(varchar)
nothing => COLUMN_NOT_FOUND: line 1:8: Column 'nothing' cannot be resolved
extract(epoch from now()) => Invalid EXTRACT field: EPOCH
x, count(*) from (values 1) t(x) => EXPRESSION_NOT_AGGREGATE: line 1:8: 'x' must be an aggregate expression or appear in GROUP BY clause
x from (values 1) t(x) where count(*) > 1 => EXPRESSION_NOT_SCALAR
sum(count(x)) from (values 1) t(x) => NESTED_AGGREGATION
x from (values 1) a(x), (values 2) b(x) => AMBIGUOUS_NAME: line 1:8: Column 'x' is ambiguous
x as y, count(*) from (values 1) t(x) group by y => COLUMN_NOT_FOUND
* from missing => TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.db.missing' does not exist
1 union select 'a' => TYPE_MISMATCH: column 1 in UNION query has incompatible types: integer, varchar(1)
1 union select 1, 2 => TYPE_MISMATCH: UNION query has different number of fields: 1, 2
distinct x from (values (1, 2)) t(x, y) order by y => EXPRESSION_NOT_IN_DISTINCT
cast(1 as date) => TYPE_MISMATCH: line 1:13: Cannot cast integer to date
row_number() => MISSING_OVER
mod(1) => FUNCTION_NOT_FOUND: line 1:8: Unexpected number of arguments for function mod: 1
upper('a') filter (where true) => FUNCTION_NOT_AGGREGATE
cast('a' as varchar(x)) => TYPE_NOT_FOUND
cast('a' as map(varchar)) => TYPE_NOT_FOUND
interval '3' => SYNTAX_ERROR
cast(json_parse('1') as date) => TYPE_MISMATCH
1 from (values 1) t(x) where x => TYPE_MISMATCH: line 1:37: WHERE clause must evaluate to a boolean: actual type integer
"""


@pytest.mark.parametrize("expression, said", list(cases("", REFUSED)))
def test_what_trino_refuses_is_refused_before_it_runs(engine, expression, said):
    with pytest.raises(QueryFailure) as raised:
        rows(engine, f"SELECT {expression}")
    assert said in str(raised.value) or all(part in str(raised.value) for part in said.split(": ", 1))


@pytest.mark.parametrize("expression", [
    "regexp_extract('b', '(a*)|(b)', 1)", "map(array[1], array[2]) = map(array[1], array[2])", "checksum(1)", "format('%e', 1e0)", "regexp_like('a', '(?<=a)b')", "regexp_like('a', x) from (values 'a') t(x)", "time '10:00'",
    "cast('a' as char(3))", "json_extract('{}', '$..a')", "approx_percentile(1, 2, 0.5)", "x from (values 1) t(x) tablesample bernoulli (10)",
    "x from (values timestamp '2020-01-01 00:00:00 Asia/Tokyo', timestamp '2020-01-01 00:00:00 UTC') t(x)",
])  # fmt: skip
def test_what_has_no_true_translation_is_refused_by_name(engine, expression):
    with pytest.raises(Unbuilt):
        rows(engine, f"SELECT {expression}")


QUERIES = [
    ("SELECT x, count(*) AS n FROM (VALUES 1, 2, 2) AS t(x) GROUP BY x ORDER BY n DESC, x", [["2", "2"], ["1", "1"]]),
    ("SELECT x FROM (VALUES 2, NULL, 1) t(x) ORDER BY x", [["1"], ["2"], [None]]),
    ("SELECT x FROM (VALUES 2, NULL, 1) t(x) ORDER BY x DESC", [["2"], ["1"], [None]]),
    ("SELECT x FROM (VALUES 2, NULL, 1) t(x) ORDER BY x NULLS FIRST", [[None], ["1"], ["2"]]),
    ("SELECT x FROM (VALUES 1, 2, 3, 4) t(x) ORDER BY x OFFSET 1 LIMIT 2", [["2"], ["3"]]),
    ("SELECT numbers, n FROM (VALUES (ARRAY[5, 6])) AS x (numbers) CROSS JOIN UNNEST(numbers) AS t (n)", [["[5, 6]", "5"], ["[5, 6]", "6"]]),
    # https://trino.io/docs/current/sql/select.html#unnest
    ("SELECT * FROM UNNEST(ARRAY[2, 5], ARRAY[7, 8, 9]) AS t (n1, n2)", [["2", "7"], ["5", "8"], [None, "9"]]),
    ("SELECT animal, n FROM UNNEST(MAP(ARRAY['dog', 'cat'], ARRAY[1, 2])) AS t (animal, n)", [["dog", "1"], ["cat", "2"]]),
    ("SELECT * FROM UNNEST(ARRAY[ROW('Java', 1995), ROW('SQL', 1974)]) AS t(language, first_appeared)", [["Java", "1995"], ["SQL", "1974"]]),
    ("SELECT a, b, rownumber FROM UNNEST (ARRAY[2, 5], ARRAY[7, 8, 9]) WITH ORDINALITY AS t(a, b, rownumber)",
     [["2", "7", "1"], ["5", "8", "2"], [None, "9", "3"]]),
    ("SELECT id, n FROM (VALUES (1, ARRAY[2]), (2, NULL)) t(id, a) LEFT JOIN UNNEST(a) AS u(n) ON true ORDER BY id", [["1", "2"], ["2", None]]),
    ("WITH a AS (SELECT 1 x UNION ALL SELECT 2) SELECT sum(x) OVER (ORDER BY x) FROM a ORDER BY 1 DESC", [["3"], ["1"]]),
    ("SELECT x, lag(x) OVER (ORDER BY x), row_number() OVER (ORDER BY x DESC) FROM (VALUES 1, 2) t(x) ORDER BY 1", [["1", None, "2"], ["2", "1", "1"]]),
    ("SELECT a.x, b.y FROM (VALUES 1, 2) a(x) LEFT JOIN (VALUES (2, 'b')) b(x, y) ON a.x = b.x ORDER BY a.x", [["1", None], ["2", "b"]]),
    ("SELECT x, y FROM (VALUES (1, 'a')) a(x, y) JOIN (VALUES (1, 'b')) b(x, z) USING (x)", [["1", "a"]]),
    ("SELECT x FROM (VALUES 1, 2) a(x) WHERE x IN (SELECT y FROM (VALUES 2) b(y)) AND EXISTS (SELECT 1 FROM (VALUES 2) c(z) WHERE c.z = a.x)", [["2"]]),
    ("SELECT x, (SELECT max(y) FROM (VALUES 1, 5) b(y) WHERE y <= a.x) FROM (VALUES 3, 9) a(x) ORDER BY 1", [["3", "1"], ["9", "5"]]),
    ("SELECT avg(x), sum(x), avg(y), max(x) FROM (VALUES (1.5, 1), (2.25, 2)) t(x, y)", [["1.88", "3.75", "1.5", "2.25"]]),
    ("SELECT approx_percentile(x, 0.5), approx_distinct(x), count_if(x > 1), max_by(x, -x) FROM (VALUES 1, 2, 3) t(x)", [["2", "3", "2", "1"]]),
    ("SELECT max_by(x, y) FROM (VALUES (NULL, 3), ('a', 2)) t(x, y)", [[None]]),
    ("SELECT array_agg(x ORDER BY x DESC) FILTER (WHERE x > 1), listagg(y, '-') WITHIN GROUP (ORDER BY x) FROM (VALUES (1, 'a'), (2, 'b'), (3, 'c')) t(x, y)",
     [["[3, 2]", "a-b-c"]]),
    ("SELECT map_agg(x, y), histogram(x) FROM (VALUES ('a', 1), ('a', 2)) t(x, y)", [["{a=1}", "{a=2}"]]),
    ("SELECT x, y, sum(z), grouping(x, y) FROM (VALUES ('a', 'b', 1), ('a', 'c', 2)) t(x, y, z) GROUP BY ROLLUP (x, y) ORDER BY x, y",
     [["a", "b", "1", "0"], ["a", "c", "2", "0"], ["a", None, "3", "1"], [None, None, "3", "3"]]),
    ("SELECT x FROM (VALUES 1, 2) t(x) EXCEPT SELECT 1", [["2"]]),
    ("SELECT DISTINCT x FROM (VALUES 1, 1) t(x)", [["1"]]),
    ("SELECT x FROM (VALUES 1) t(x) ORDER BY 'a'", [["1"]]),
    ("SELECT t.*, x + 1 AS y FROM (VALUES 1) t(x)", [["1", "2"]]),
    ("SELECT count(*), count(DISTINCT x), sum(x) FROM (VALUES 1, 1, NULL) t(x)", [["3", "1", "2"]]),
    ("SELECT sum(x) FROM (VALUES 1) t(x) WHERE x > 1", [[None]]),
    ("SELECT date(x) AS day, count(*) FROM (VALUES timestamp '2023-12-01 10:00:00') t(x) GROUP BY date(x) ORDER BY day", [["2023-12-01", "1"]]),
    ("VALUES (1, 'a'), (2, 'b')", [["1", "a"], ["2", "b"]]),
]  # fmt: skip


@pytest.mark.parametrize("text, found", QUERIES)
def test_a_query_finds_what_trino_finds(engine, text, found):
    assert rows(engine, text) == found


def test_parameters_stand_where_they_are_marked(engine):
    assert rows(engine, "SELECT ? + x FROM (VALUES 1, 2) t(x) WHERE x < ?", "10", "2") == [["11"]]
    with pytest.raises(QueryFailure, match="INVALID_PARAMETER_USAGE"):
        rows(engine, "SELECT ?")
