"""Velocity as API Gateway renders it. Renderings marked "recorded" are real AWS's, from published recordings of its answers."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kumoniwa.languages import vtl
from kumoniwa.languages.vtl_value import TemplateError, of_json

DATA = of_json(
    {
        "name": "Ada",
        "none": None,
        "no": False,
        "list": ["a", {"b": "c"}],
        "map": {"x": 1, "in": {"deep": [1, 2]}},
        "pi": 3.5,
    }
)


def rendered(template: str, **names) -> str:
    return vtl.compiled(template).render(**{**DATA, **names})


@pytest.mark.parametrize(
    ("template", "wanted"),
    [
        ("Hello $name, ${name}! $!name", "Hello Ada, Ada! Ada"),
        ("[$nobody][$!nobody][${no.body}][$none]", "[][][][]"),  # recorded: what is unknown is empty
        ("$ 5 $5 # #1 #fff a$", "$ 5 $5 # #1 #fff a$"),
        ("$name} $name.", "Ada} Ada."),
        (
            "$map $map.in.deep $list",
            '{x=1, in={deep=[1,2]}} [1,2] ["a",{"b":"c"}]',
        ),  # recorded: arrays of JSON are JSON
        (
            "#set($l = ['a', 1, true])$l #set($m = {'k': $l, \"z\": {}})$m",
            "[a, 1, true] {k=[a, 1, true], z={}}",
        ),
        ("$list[1].b $list.get(0) $map['x'] $map.in.deep[-1]", "c a 1 2"),
        ("#set($m = {})#set($m.a = 1)#set($m['b'] = 2)#set($x = $m.put('c', 3))$m$x", "{a=1, b=2, c=3}"),
        (
            "#set($l = [1, 2])#set($l[0] = 'x')$l.set(1, 'y')$l",
            "2[x, y]",
        ),  # recorded: set and put answer what was there
        ('#set($s = "<$name> ""q"" #if(true)y#end")$s', '<Ada> "q" y'),
        ("#set($s = '$name ''q''')$s", "$name 'q'"),
        ("a ## comment\nb#* c\n *#d #[[ $name #if ]]#", "a bd  $name #if "),
        (r"\$name \\$name \\\$name \x \#set \#nothing", r"$name \Ada \$name \x #set \#nothing"),
        (
            "#if($nobody)yes#{else}no#end",
            "yes",
        ),  # recorded: the empty string is true, and so is what is unknown
        ("#if($no)1#elseif($nobody == '')2#{else}3#end", "2"),
        ("#if($none == $null && !$no)1#end#if(not ($pi lt 3 or 2 ge 3))2#end", "12"),
        ("#if('1' == 1)same#end#if($list != [])more#end", "samemore"),
        ("#set($x = 1 + 2 * 3 - 4 / 3 % 2)$x #set($y = (1 + 2) * -3)$y #set($z = 7 / 2.0)$z", "6 -9 3.5"),
        ("#set($x = 'a' + 1)$x #set($x = 1 / 0)[$x] #set($x = -7 / 2)$x #set($x = -7 % 3)$x", "a1 [] -3 -1"),
        ("#set($x = 12345678.5)$x #set($x = 0.0001)$x #set($x = 100.0 / 50)$x", "1.23456785E7 1.0E-4 2.0"),
        ("#foreach($i in [1..3])$i$foreach.count$foreach.index#if($foreach.hasNext),#end#end", "110,221,332"),
        ("#foreach($v in $map)$v;#end#foreach($k in $map.keySet())$k;#end", "1;{deep=[1,2]};x;in;"),
        ("#foreach($e in $map.entrySet())$e.key=$e.getValue() #end", "x=1 in={deep=[1,2]} "),
        ("#set($i = 9)#foreach($i in [2..0])$i#if($i == 1)#break#end#end$i", "219"),
        ("#foreach($i in $nobody)x#end#foreach($i in 'text')x#end", ""),
        (
            "#foreach($i in [1..2])#foreach($j in [1..2])$foreach.parent.index$foreach.index #end#end",
            "00 01 10 11 ",
        ),
        ("#foreach($i in [1..2])$velocityCount#if($velocityHasNext)-#end#end", "1-2"),  # recorded
        ("a#stop b", "a"),
        ("#define($block)<$x>#end#set($x = 1)$block#set($x = 2)$block", "<1><2>"),
        (
            "#macro(m $a)[$a]#end#m('x') #evaluate($name)",
            "#m('x') #evaluate(Ada)",
        ),  # recorded: AWS expands no macros
        ("  #set($x = 1)\n  #if(true)\n  y\n  #end\nz", "      y\n  z"),
        ("#set($x = '5')#set($n = 0)#set($y = $n.parseInt($x) + 1)$y", "6"),
    ],
)
def test_a_template_renders_as_on_aws(template, wanted):
    assert rendered(template) == wanted


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        ("$s.length() $s.isEmpty() $s.toUpperCase() $s.trim()", "7 false FOO BAR foo bar"),
        ("$s.substring(4) $s.substring(0, 3) $s.charAt(1)", "bar foo o"),
        (
            "$s.indexOf('o') $s.lastIndexOf('o') $s.contains('bar') $s.startsWith('x') $s.endsWith('r')",
            "1 2 true false true",
        ),
        (
            "$s.replace('o', '0') $s.replaceAll('o+', '<$0>') $s.replaceFirst('o', '')",
            "f00 bar f<oo> bar fo bar",
        ),
        (
            "$s.split(' ') $s.matches('f.*r') $s.matches('foo') $s.equals('foo bar')",
            "[foo, bar] true false true",
        ),
        ("$s.equalsIgnoreCase('FOO BAR') $s.concat('!') $h.hashCode()", "true foo bar! 99162322"),
        ("$l.size() $l.contains(2) $l.indexOf(3) $l.isEmpty() $l.subList(0, 2)", "3 true 2 false [1, 2]"),
        ("$l.add(4)$l.remove(0)$l.addAll([7, 8])$l", "true1true[2, 3, 4, 7, 8]"),
        (
            "$m.size() $m.containsKey('a') $m.get('zz') $m.values() $m.keySet() $m.remove('a')$m",
            "1 true  [1] [a] 1{}",
        ),
        ("$m.putAll({'b': 2})$m.getOrDefault('q', 'd')$m.containsValue(2)", "dtrue"),
        ("$s.getClass().forName('x')$s.nothing()", ""),
    ],
)
def test_javas_methods_answer_as_in_java(call, wanted):
    assert (
        rendered("#set($h = 'hello')#set($s = 'foo bar')#set($l = [1, 2, 3])#set($m = {'a': 1})" + call)
        == wanted
    )


@pytest.mark.parametrize(
    "template",
    [
        "#if(true)",
        "#end",
        "#set($x = )",
        "${x",
        "$x.y(",
        "$x[",
        "#set(x = 1)",
        "#foreach($x of [1])#end",
        "#if(" + "(" * 500 + "1" + ")" * 500 + ")#end",
        "#if(true)" * 500 + "#end" * 500,
        "#set($x = 'abc')$x.substring(9)",
        "#set($x = [1])$x.get(3)",
        "#set($l = [1])#set($q = $l.add($l))$l",
        "#set($x = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')$x.matches('(a|a)*b')",
        "#set($s = 'aaaaaaaaaa')#foreach($i in [1..900])#set($s = \"$s$s\")#end",
        "#set($n = 10)#foreach($i in [1..900])#set($n = $n * $n)#end",
        "#foreach($i in [1..1000])#foreach($j in [1..1000])#set($x = 1)#end#end",
        "#set($l = [1])#foreach($i in [1..900])#set($q = $l.addAll($l))#end",
        "#set($x = [1..2000000000])",
        "#define($a)$a#end$a",
        "#parse('x')",
    ],
)
def test_what_cannot_be_read_or_goes_too_far_is_refused_soon(template):
    begun = time.perf_counter()
    with pytest.raises(TemplateError):
        vtl.Template(template).render()
    assert time.perf_counter() - begun < 5


def test_a_loop_ends_after_a_thousand_turns():
    assert rendered("#foreach($i in [1..5000])x#end") == "x" * 1000


PIECES = st.sampled_from(
    [
        "#if(",
        "#elseif(",
        "#else",
        "#end",
        "#foreach(",
        "$i",
        "in",
        "#set(",
        "$x",
        "=",
        "#define(",
        "#macro(",
        "${",
        "$!",
        "$x",
        "$x.",
        ".size()",
        "[",
        "]",
        "{",
        "}",
        "(",
        ")",
        "'",
        '"',
        "\\",
        "\\\\",
        "##",
        "#*",
        "*#",
        "#[[",
        "]]#",
        "1",
        "-2",
        ".5",
        "1..3",
        ",",
        ":",
        "==",
        "!=",
        "&&",
        "||",
        "!",
        "+",
        "*",
        "/",
        "%",
        "true",
        "null",
        ".get(0)",
        ".replaceAll('a*','$1')",
        "a",
    ]  # noqa: SIM905
)


@settings(max_examples=400, deadline=None)
@given(st.lists(st.one_of(PIECES, st.text(max_size=4)), max_size=25))
def test_any_text_is_a_template_or_refused(pieces):
    for joint in ("", " "):
        try:
            vtl.Template(joint.join(pieces)).render(**DATA)
        except TemplateError:
            pass
