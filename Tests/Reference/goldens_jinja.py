"""Jinja cases with jinja2's own answers, in the environment `transformers` gives a chat template.

Writes `jinja/language.json` (small cases, and random ones from a fixed seed), `jinja/chat.json` (chat templates of every family against many conversations). A case is
{template, context, expected} or {template, context, error}. `jinja/continued.json` holds what `transformers` makes of conversations whose last message is continued. Files in `chat_templates/` are written for these tests.
"""

import copy
import datetime
import functools
import itertools
import json
from pathlib import Path

import jinja2
import jinja2.ext
import jinja_random
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

DEPENDS = ["Tests/Reference/chat_templates"]
SECONDS = 10
RANDOM_SEED = 20
RANDOM_CASES = 5000
NOW = datetime.datetime(2025, 3, 9, 8, 5, 7)


class Generation(jinja2.ext.Extension):
    """`{% generation %}`, as a scope whose text stays where it is."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_show"), [], [], body).set_lineno(line)

    @jinja2.pass_eval_context
    def _show(self, context, caller):
        return caller()


def environment() -> ImmutableSandboxedEnvironment:
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)

    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda format: NOW.strftime(format)
    return env


ENVIRONMENT = environment()


@functools.cache
def compiled(template: str) -> jinja2.Template:
    return ENVIRONMENT.from_string(template)


def answer(template: str, context: dict) -> dict:
    case = {"template": template, "context": context}
    try:
        case["expected"] = compiled(template).render(**context)
    except Exception as error:  # whatever Python raises, the Swift side must refuse too
        case["error"] = f"{type(error).__name__}: {error}"
    return case


# ---------------------------------------------------------------------------------------------------------------------- language

DATA = {
    "a": 7, "b": -3, "x": 2.5, "big": 12345678901, "t": True, "f": False, "n": None, "s": "Hello, Wörld", "empty": "",
    "sp": "  padded\t\n", "text": "the quick  brown fox\njumps over\r\nthe lazy dog", "l": [3, 1, 2], "words": ["pear", "Apple", "fig", "apple"],
    "nested": [[1, 2], [3, [4, 5]]], "d": {"one": 1, "two": 2, "Three": 3}, "html": "<b>\"A\" & 'B'</b>",
    "users": [{"name": "Ada", "age": 36, "tags": ["x"]}, {"name": "bob", "age": 25, "tags": []}, {"name": "Cy", "age": 36, "tags": ["y", "z"]}],
    "tree": [{"v": 1, "kids": [{"v": 2, "kids": []}, {"v": 3, "kids": [{"v": 4, "kids": []}]}]}, {"v": 5, "kids": []}],
    "emoji": "a👩‍👩‍👧b é e\u0301 \u200b \u00a0|", "floats": [0.1, 1e16, 1e-5, 123456789.125, -0.0, 1e22, 5e-324, 3.0, 100000.0, 1.7976931348623157e308, 0.0001],
    "mixed": [1, "1", 1.0, True, None, [1], {"k": "v'"}], "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}],
    "items_dict": {"items": 5, "keys": 6, "get": 7}, "quote": "it's \"x\"\\ \n\t\x07\u2028",
    "huge": 10**30, "low": -(2**70), "edge": 2**63, "infinite": float("inf"),
}

EXPRESSIONS = r"""
1 + 2 * 3
(1 + 2) * 3
7 // 2
-7 // 2
7 % 3
-7 % 3
7 % -3
7.5 // 2
-7.5 // 2
-7.5 % 2
7 / 2
6 / 2
2 ** 10
2 ** -1
2 ** 0.5
2 ** 3 ** 2
-2 ** 2
- a
+a
--a
1_000 + 0x1F + 0b11 + 0o17
1.5e3
1e-7
1_0.2_5
1 / 3
10 ** 15 * 1.0
10.0 ** 16
1e100
0.1 + 0.2
1 / 0
1 // 0
1 % 0
1.0 / 0
"a" "b" 'c'
"a" + "b"
"a" ~ 1 ~ none ~ true ~ 2.0
"ab" * 3
3 * "ab"
"ab" * -1
[1] * 3
[1] + [2]
(1,) + (2,)
[1] + (2,)
"a" + 1
1 + "a"
none + 1
[1] - [2]
true + 1
true == 1
1 == 1.0
"1" == 1
none == false
[1, 2] == [1, 2]
[1, 2] == (1, 2)
{"a": 1} == {"a": 1.0}
1 < 2 < 3
1 < 3 < 2
3 > 2 >= 2 != 1
"a" < "b"
"Z" < "a"
[1, 2] < [1, 3]
1 < "a"
none < 1
undefined_thing < 1
not true
not not 1
not a == 7
true and "x"
false and "x"
"" or "fallback"
0 or none or []
none or undefined_thing
a and b or x
1 if true else 2
1 if false else 2
1 if false
(1 if false) is defined
1 if false else 2 if false else 3
"x" in "xyz"
"q" not in "xyz"
1 in [1, 2]
"one" in d
"nope" in d
1 in "123"
[] in [[]]
not 1 in [2]
1 in undefined_thing
"a" in none
s[0]
s[-1]
s[100]
s[1:4]
s[::-1]
s[::2]
s[-3:]
s[:-3]
s[5:2]
s[10:0:-3]
l[::-1]
l[1:]
l[:1]
l[-1]
l[5]
l[5].x
l["x"]
l[1.5]
(1, 2, 3)[::-1]
(1, 2, 3)[1]
nested[1][1][0]
nested.1.1.0
d.one
d["one"]
d.nope
d["nope"]
d.nope.deeper
d[["unhashable"]]
d.keys()|list
d.values()|list
d.items()|list
d.get("one")
d.get("nope")
d.get("nope", 5)
d.copy()
items_dict["items"]
items_dict.get("get")
items_dict["keys"]
undefined_thing
undefined_thing.x
undefined_thing["x"]
undefined_thing()
undefined_thing + 1
1 + undefined_thing
undefined_thing ~ "x"
undefined_thing|length
undefined_thing|list
undefined_thing|default("dflt")
undefined_thing == other_undefined
none.x
none.x.y
none[0]
none()
a()
a.x
"abc".nope
"abc".nope()
[1, 2.0, "x'y", none, true, undefined_thing]
(1,)
()
(1, 2)
{}
{"a": 1, 'b': [1, {"c": none}], 3: 4, none: 5, 1.5: 6, true: 7}
{"a": 1}.a
[1, 2, 3,]
{"a": 1,}
quote
[quote]
emoji
[emoji]
emoji|length
emoji[1:4]
emoji|reverse
floats
floats|join(" ")
mixed
big + 0.5
x|string
s.upper()
s.lower()
s.title()
"they're bill's".title()
"hello world-foo (bar)"|title
"hello".capitalize()
"HELLO wORLD"|capitalize
s.split(",")
s.split()
sp.split()
" a  b c ".split(" ")
" a  b c ".split(None, 1)
"a,b,c".split(",", 1)
"a,b,c".rsplit(",", 1)
" a b  c ".rsplit(none, 1)
"a,b,c".split("")
"".split()
"".split(",")
"a</think>b</think>c".split("</think>")[-1]
"a</think>b".split("</think>")[0].rstrip("\n").split("<think>")[-1].lstrip("\n")
text.splitlines()
"a\n".splitlines(true)
sp.strip()
sp.lstrip()
sp.rstrip()
"xxabcxx".strip("x")
"\n\nabc\n".strip("\n")
"abcxyz".lstrip("cba")
"abcxyz".rstrip("zyx")
s.startswith("Hell")
s.startswith(("x", "H"))
s.endswith("ld")
s.startswith("llo", 2)
s.startswith(1)
s.replace("l", "L")
s.replace("l", "L", 1)
s.replace("", "-")
s.find("o")
s.find("ö")
s.rfind("l")
s.find("zz")
s.index("zz")
s.count("l")
s.count("")
"aXbX".partition("X")
"aXbX".rpartition("X")
"abc".partition("X")
"abc".removeprefix("ab")
"abc".removesuffix("bc")
", ".join(words)
", ".join([1])
"-".join("abc")
"abc".isalpha()
"ab1".isalnum()
"12".isdigit()
"".isdigit()
"  ".isspace()
"abc".islower()
"ABC".isupper()
"aBc".swapcase()
"7".zfill(3)
"-7".zfill(4)
"ab".center(7) ~ "|"
"abc".center(6) ~ "|"
"ab".ljust(5, ".")
"ab".rjust(5, ".")
"{} and {}".format(1, "x")
"{1} {0} {k}".format(1, 2, k=3)
"{:>5}|{:<5}|{:^5}|{:05d}|{:.2f}|{:,}|{:x}|{:e}|{:%}".format("a", "b", "c", 42, 3.14159, 1234567, 255, 12345.678, 0.25)
"{0.name} {0[age]}".format(users[0])
"{0[name]} {0[age]}".format(users[0])
"{!r} {!s}".format("a", "b")
"{{}} {}".format(1)
"{}".format()
"{:+d} {: d} {:#x} {:08.3f} {:>8.2f}".format(5, 5, 255, 3.14159, 2.5)
"%s is %d and %5.2f and %r" % ("x", 5, 3.14159, "y")
"%s" % "x"
"%(a)s-%(b)03d" % {"a": 1, "b": 2}
"%s %s" % ("x",)
"%s" % [1, 2]
"%d%%" % 50
"%5s|%-5s|%05d|%x|%X|%o|%e|%g|%c" % ("a", "b", 42, 255, 255, 8, 12345.678, 0.0001, "z")
"x" % 1
"%s %s"|format("a", 2)
"%(k)s"|format(k=5)
l.append(4)
l.pop()
d.update({"a": 1})
d.pop("one")
l.append is defined
l.index(2)
l.count(1)
l.index(99)
x.is_integer()
s.__class__
s.__class__.__mro__
[].__class__
a is divisibleby 7
a is divisibleby(3)
a is odd
a is even
2.0 is even
"x" is odd
a is defined
undefined_thing is defined
undefined_thing is undefined
undefined_thing is not defined
n is none
none is none
undefined_thing is none
a is string
s is string
a is number
x is number
t is number
a is integer
t is integer
x is float
t is boolean
a is boolean
t is true
f is false
1 is true
d is mapping
l is mapping
l is sequence
s is sequence
d is sequence
a is sequence
undefined_thing is sequence
l is iterable
a is iterable
s is iterable
range is callable
a is callable
undefined_thing is callable
"abc" is lower
"ABC" is upper
"aBC" is upper
"" is lower
a is eq 7
a is eq(7)
a is equalto 7
a is ne 7
a is gt 5
a is greaterthan(5)
a is lt 5
a is ge 7
a is le 6
a is in [7, 8]
"x" is in "xyz"
a is sameas a
t is sameas true
1 is sameas true
a is nosuchtest
a is not none and b is not none
a is string or b is number
not a is string
a is defined and a == 7
s|upper
s|lower
s|length
s|count
l|length
d|length
a|length
s|nosuchfilter
s|upper|lower|length
-5|abs
b|abs
x|abs
"x"|abs
l|first
l|last
[]|first
[]|last
s|first
s|last
d|first
[]|first is defined
l|sum
users|sum(attribute="age")
users|sum("age", 10)
["a"]|sum
[[1], [2]]|sum(start=[])
l|min
l|max
words|min
words|max
words|max(case_sensitive=true)
users|max(attribute="age")
[]|max
l|sort
l|sort(reverse=true)
words|sort
words|sort(case_sensitive=true)
words|sort(true)
users|sort(attribute="age")
users|sort(attribute="age,name")
users|sort(attribute="name")|map(attribute="name")|list
[1, "a"]|sort
d|dictsort
d|dictsort(true)
d|dictsort(by="value", reverse=true)
d|dictsort(false, "value")
l|dictsort
d|items|list
undefined_thing|items|list
l|join
l|join(", ")
l|join(d="-")
users|join(", ", attribute="name")
users|join("/", "name")
mixed|join("|")
d|join(",")
s|join("-")
none|join
l|reverse|list
s|reverse
words|unique|list
words|unique(case_sensitive=true)|list
users|unique(attribute="age")|map(attribute="name")|list
[1, 1.0, true, "1"]|unique|list
users|map(attribute="name")|list
users|map(attribute="tags.0")|list
users|map(attribute="tags.0", default="none")|list
users|map(attribute="nope")|list
users|map("length")|list
words|map("upper")|join(" ")
words|map("replace", "p", "P")|list
words|map("nosuch")|list
words|map()|list
words|map(1)|list
l|select("odd")|list
l|select|list
[0, 1, "", "x", none]|select|list
l|reject("odd")|list
l|select("gt", 1)|list
l|select("greaterthan", 1)|list
l|select("in", [1, 2])|list
[0, 1, none]|reject|list
users|selectattr("age", "equalto", 36)|map(attribute="name")|list
users|selectattr("tags")|map(attribute="name")|list
users|rejectattr("tags")|map(attribute="name")|list
users|selectattr("nope", "defined")|list
users|rejectattr("nope", "defined")|list|length
users|selectattr("age", "==", 25)|first
users|selectattr("tags.0", "defined")|list|length
users|selectattr|list
l|select("nosuch")|list
users|groupby("age")
users|groupby("age")|length
users|groupby("nope", default=1)|length
[1, 2, 3, 4, 5]|batch(2)|list
[1, 2, 3, 4, 5]|batch(2, "-")|list
[1, 2, 3, 4, 5]|slice(3)|list
[1, 2, 3, 4, 5]|slice(3, "-")|list
"abc"|list
d|list
none|list
5|list
a|default(1)
none|default(1)
none|default(1, true)
""|default("e", boolean=true)
undefined_thing|d("x")
undefined_thing|default
d.nope|default("x")
"3"|int
"3.9"|int
"x"|int
"x"|int(5)
"x"|int(default=6)
3.9|int
-3.9|int
"ff"|int(base=16)
"0x1f"|int(0, 16)
"0b11"|int(0, 2)
" 42 "|int
none|int
true|int
"1e3"|int
l|int
"3.5"|float
"x"|float
"x"|float(1.5)
"inf"|float
3|float
none|float
3.14159|round
3.14159|round(2)
2.5|round
3.5|round
2.675|round(2)
-2.5|round
42|round
42.55|round(1, "floor")
42.55|round(1, "ceil")
42.55|round(method="ceil")
1234.5|round(-2)
1250|round(-2)
42.55|round(1, "nosuch")
"x"|round
"  x "|trim
"xxaxx"|trim("x")
a|trim
"hello"|replace("l", "L")
"hello"|replace("l", "L", 1)
"hello"|replace("", "-")
5|replace("5", "6")
html|e
html|escape
html|forceescape
html|safe
html|striptags
"<p>a <!-- c --> b</p>  &amp; &lt;x&gt;"|striptags
text|wordcount
"hello big world"|truncate(9)
"hello big wonderful world out there"|truncate(15)
"hello big wonderful world out there"|truncate(15, true)
"hello big wonderful world out there"|truncate(15, true, "..", 0)
"hello big world"|truncate(9, leeway=0)
"hello"|truncate(2)
text|indent
text|indent(2)
text|indent(2, true)
text|indent(width=">> ", first=true)
"a\n\nb"|indent(2)
"a\n\nb"|indent(2, blank=true)
""|indent
"ab"|center(6) ~ "|"
s|urlencode
"a b/c?d=e&f"|urlencode
{"a b": "c&d", "e": 1}|urlencode
[("x", "y z")]|urlencode
1000|filesizeformat
1|filesizeformat
1500000|filesizeformat
1500000|filesizeformat(true)
d|tojson
mixed|tojson
quote|tojson
emoji|tojson
emoji|tojson(ensure_ascii=true)
d|tojson(indent=2)
users|tojson(indent=4)
users[:1]|tojson(indent=0)
d|tojson(sort_keys=true)
users[0]|tojson(sort_keys=true, indent=1)
[]|tojson(indent=2)
{}|tojson(indent=2)
{"a": [], "b": {}}|tojson(indent=2)
d|tojson(separators=(",", ":"))
(1, 2)|tojson
floats|tojson
{1: 2, none: 3, true: 4, 1.5: 6}|tojson
undefined_thing|tojson
range|tojson
[undefined_thing]|tojson
s|tojson
none|tojson
"a\u2028\u0000\u001f\u007f</script>"|tojson
s|attr("nope")
d|attr("one")
d|attr("items") is callable
range(5)|list
range(2, 5)|list
range(10, 0, -3)|list
range(0)|list
range(1, 2, 0)|list
range(1000000)|list
range(3)|map("string")|join
dict(a=1, b=2)
dict({"x": 1}, y=2)
dict([("a", 1)])
namespace(a=1).a
namespace(a=1).b
namespace({"a": 2}).a
strftime_now("%Y-%m-%d")
strftime_now("%d %b %Y")
strftime_now("%A, %B %d, %Y %H:%M:%S %p %j")
strftime_now("%-d.%-m.%y")
raise_exception("stop: " ~ a)
"\x41\u00e9\U0001F600\101\n\t\\\'\"\q"
'it''s'
"multi
line"
loop
a.b.c
users[0].name
users[0]["name"]
users.0.name
users[0].tags[0]
users[-1].tags|last
messages[0]["role"] == "user" and messages[-1].role == "assistant"
(messages|last).content
(a, b)
a, b
a|string|length
(a|string).zfill(3)
"a" if a else "b" ~ "c"
[x for x in l]
a..b
1 +
(1
[1
{1: }
a b
"unterminated
a = 1
l|length > 2 and l[0] == 3
(l|sort)[0]
words|sort|first|upper
-a|abs
-1.5|abs
a|abs + 1
10 - 2 - 3
100 // 7 // 2
2 * 3 % 4
1 + 2 ~ 3 + 4
not a in l
a not in l and true
1 == 1 == 1
"a" ~ "b" == "ab"
"%.3s|" % "abcdef"
"%+d % d" % (3, 4)
"%#x" % 255
"abc"|list|last
"ß".upper()
"İ".lower()|length
"ﬁ"|capitalize
"ǆ"|title
"e\u0301" == "\u00e9"
"\r\n"|length
"a\r\nb".split("\n")
"a\r\nb"|replace("\n", "|")
"👍🏽"|length
{"e\u0301": 1, "\u00e9": 2}
"z" > "é"
"\U0001F600" > "\uffff"
"x".join(["a"]) ~ "y"
("a" ~ "b")|upper
[[1, 2], [3, 4]]|map("first")|list
[[1, 2], [3, 4]]|map("join", "-")|list
[[3, 1], [1, 2]]|sort|first
[{"a": {"b": 1}}, {"a": {"b": 2}}]|map(attribute="a.b")|list
[{"a": {"b": 1}}, {"a": {"b": 2}}]|selectattr("a.b", "gt", 1)|list
[1, 2, 3]|sum / 3
true ~ false
[true, false, none]
1.0
1.50
100000000000000000000.0
-0.0
""
"  "
[""]
{"a": undefined_thing}
cycler is defined
varargs is defined
"abc"[1:][0]
"abc".upper()[::-1].lower()
"a b c".split()|map("upper")|join("+")
"k=v;k2=v2".split(";")|map("split", "=")|list
(1 if a > 5 else 2) + (3 if b > 0 else 4)
"x" is in(["x"])
a is in l
[]|default("x", true)
[] or "empty"
[]|length == 0
d is mapping and d is not string
d is not mapping
s is iterable and s is not string
none is iterable
"1" is number
1.0 is integer
"" is none
undefined_thing is string
undefined_thing is iterable
undefined_thing|string|length
undefined_thing|upper
undefined_thing|int
undefined_thing|abs
undefined_thing in [1]
undefined_thing and 1
not undefined_thing
undefined_thing or 1
""|first
"abc"|batch(2)|list
d|batch(2)|list
l|slice(2)|map("list")|list
users|map(attribute="age")|unique|sort|list
users|map(attribute="age")|sum
users|groupby("age")|map("first")|list
"%s"|format
"a-b_c"|title
"o'neil mc-donald"|title
"hello\tworld"|wordcount
"x" * 3 + "y"
"%s" % none
"%s" % undefined_thing
"{}".format(none)
"{}".format([1, "a"])
"{:>10}|".format(none)
"{:d}".format("x")
"{a}".format(b=1)
"{:s}".format(1)
"{:.3}".format("abcdef")
"{:5}|".format(42)
"{:5}|".format("ab")
"{:<5}|".format(42)
"{:_}".format(1234567)
"{:b}".format(5)
"{:g}".format(0.00001)
"{:.0f}".format(2.5)
huge
-huge
-low
edge ~ huge
[huge, low, edge]
huge|tojson
{huge: huge}|tojson
{"n": [low, edge]}|tojson(indent=1)
huge|string|length
huge|abs
low|abs
huge|int
huge|float
huge|round
low|round(2)
huge is integer
huge is number
huge is float
huge is string
huge == huge
huge == edge
huge == 1e30
huge == 10.0
edge == 9223372036854775808.0
edge > 9223372036854775807
low < -9223372036854775807
low < huge
huge > 1e29
huge < 1e31
huge >= 1e30
huge < infinite
low > -infinite
edge in [1, 9223372036854775808.0]
huge in {huge: 1}
{edge: 1}[9223372036854775808.0]
[huge, 3, low, 2.5, edge]|sort
[huge, 3, low]|min
[huge, 3, low]|max
[huge, huge, 1]|unique|list
huge * 1.0
huge / 2.0
low + 0.5
"%d" % huge
"%d" % 1e25
"%5d|" % low
"%s" % edge
"%f" % edge
"%+d" % huge
"{}".format(huge)
"{:,}".format(huge)
"{:>40}|".format(low)
"{:d}".format(edge)
"{:.1f}".format(edge)
9007199254740993 == 9007199254740992.0
9007199254740993 > 9007199254740992.0
9007199254740992 == 9007199254740992.0
9007199254740993 in [9007199254740992.0]
9223372036854775807 == 9223372036854775808.0
9223372036854775807 < 9223372036854775808.0
3 < 3.5
-3 < -3.5
-4 < -3.5
1e30|int
-1e20|int
2.9|int
-2.9|int
"123456789012345678901234567890"|int
"-123456789012345678901234567890"|int
"1e30"|int
"1e400"|int
"nan"|int
"0xffffffffffffffffffff"|int(base=16)
"0xffffffffffffffffffff"|int(base=0)
"ffffffffffffffffffff"|int(base=16)
"-0x1f"|int(base=16)
"+0b101"|int(base=2)
"0b_1"|int(base=2)
"0o777"|int(base=0)
"zz"|int(base=36)
"1_000"|int
"1__0"|int
"_10"|int
"10_"|int
"1_0.5"|float
"1__0"|float
"010"|int
"010"|int(base=0)
"\uff11\uff12"|int
" 12 "|int
"12.7"|int
15|round(-1)
25|round(-1)
-25|round(-1)
1234567890123456789|round(-3)
9223372036854775807|round(-1)
9223372036854775807|round(-19)
123|round(-25)
true|round
"a\tbc\td".expandtabs()
"a\tbc\td".expandtabs(3)
"abcdefgh\ti\r\n\tj\n".expandtabs(tabsize=4)
"a\tb".expandtabs(0)
"a\tb".expandtabs(-2)
"""

TEMPLATES = [
    # Whitespace: trim_blocks, lstrip_blocks, signs.
    "a\n{% if true %}\nb\n{% endif %}\nc\n", "a\n  {% if true %}\n  b\n  {% endif %}\nc", "  {{ 1 }}  \n  {{ 2 }}\n", "a {%- if true -%} b {%- endif -%} c",
    "a \n\n {%- if true %}\n b {% endif -%} \n\n c", "  {%+ if true %}x{% endif %}", "{% if true +%}\nx{% endif %}", "{% if true -%}\n  x\n{%- endif %}",
    "{{- 1 -}} \n {{- 2 }} {{ 3 -}}  x", "{{ '  a ' -}}  b", "x{# comment #}\ny", "  {# comment #}\ny", "x {#- c -#} y", "x\n  {#+ c #}\ny", "{# multi\nline #}\nz",
    "a\r\nb\rc\n", "trailing\n\n", "trailing\n", "\n", "", "   ", "{{ 1 }}\n", "{{ 1 }}\n\n", "{% set x = 1 %}\n{{ x }}\n{% set y = 2 %}\n",
    "  {% set x = 1 %}  {% set y = 2 %}\n{{ x }}{{ y }}", "a  {% set x = 1 %}  b", "\t{% if true %}\t\nx{% endif %}", "{%if true%}x{%endif%}", "{%-if true-%}x{%-endif-%}",
    "x\n\n   {%- if true %}y{% endif %}", "{% raw %}{{ x }} {% if %}{% endraw %}", "{% raw %}\n a {% endraw %}\n b", "{% raw -%}  x  {%- endraw %} y",
    "  {% raw %} x {% endraw %}", "{% raw %}never closed", "{# never closed", "{{ never closed", "{% if true %}never closed", "{{ '}}' }}", "{{ {'a': {'b': 1}} }}",
    "{{ {'a': 1}['a'] }}", "{% set d = {'a': {'b': 2}} %}{{ d.a.b }}", "{ {{ 1 }} }", "{", "}", "{{ '{%' }}", "{{ \"{{\" }}", "{%- set x -%}  y  {%- endset -%}[{{ x }}]",
    "\u00a0{% if true %}x{% endif %}", "line\n\u00a0{%- if true %}x{% endif %}", "{% if true %}\n\n\nx{% endif %}", "{{ 1 +}}", "{{+ 1 }}", "{%- -%}", "{% %}", "{%",
    # Statements.
    "{% if a > 5 %}big{% elif a > 3 %}mid{% else %}small{% endif %}", "{% if false %}x{% elif a == 7 %}y{% else %}z{% endif %}", "{% if false %}x{% endif %}", "{% if undefined_thing %}x{% else %}y{% endif %}",
    "{% if a %}{% if b %}both{% endif %}{% endif %}", "{% else %}", "{% endif %}", "{% if a %}{% endfor %}", "{% elif a %}", "{% nosuchtag %}", "{% if %}x{% endif %}",
    "{% for i in l %}{{ i }},{% endfor %}", "{% for i in [] %}x{% else %}none{% endfor %}", "{% for i in l if i > 1 %}{{ loop.index }}:{{ i }}/{{ loop.length }} {% else %}e{% endfor %}",
    "{% for i in l if i > 10 %}x{% else %}empty{% endfor %}", "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "{% for k in d %}{{ k }} {% endfor %}", "{% for k, v in d|dictsort %}{{ k }}{{ v }}{% endfor %}",
    "{% for a, (b, c) in [(1, (2, 3))] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "{% for a, b in [(1, 2, 3)] %}{% endfor %}", "{% for a, b in [1] %}{% endfor %}", "{% for a, b in [none] %}{% endfor %}",
    "{% for c in 'héy' %}[{{ c }}]{% endfor %}", "{% for i in 5 %}{% endfor %}", "{% for i in none %}{% endfor %}", "{% for i in undefined_thing %}x{% else %}u{% endfor %}", "{% for x in 1, 2, 3 %}{{ x }}{% endfor %}",
    "{% for i in l %}{{ loop.index }} {{ loop.index0 }} {{ loop.revindex }} {{ loop.revindex0 }} {{ loop.first }} {{ loop.last }} {{ loop.length }} {{ loop.depth }} {{ loop.depth0 }}\n{% endfor %}",
    "{% for i in l %}{{ loop.previtem }}<{{ i }}>{{ loop.nextitem }} {% endfor %}", "{% for i in l %}{{ loop.previtem is defined }} {{ loop.nextitem is defined }};{% endfor %}", "{% for i in range(5) %}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for i in [1, 1, 2, 2, 1] %}{{ loop.changed(i) }} {% endfor %}", "{% for i in l %}{% for j in l %}{{ loop.index }}{% endfor %}{{ loop.index }};{% endfor %}", "{% for i in l %}{% set outer = loop %}{% for j in [1] %}{{ outer.index }}{% endfor %}{% endfor %}",
    "{% for i in range(10) %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 5 %}{% break %}{% endif %}{{ i }}{% endfor %}", "{% for i in range(3) %}{% for j in range(3) %}{% if j == 1 %}{% break %}{% endif %}{{ i }}{{ j }} {% endfor %}{% endfor %}",
    "{% for i in [1] %}{% for j in [] %}{% else %}{% break %}{% endfor %}x{% endfor %}", "{% break %}", "{% continue %}", "{% for i in [1] %}{% endfor %}{% break %}", "{% for i in l %}{{ i }}{% else %}{% break %}{% endfor %}",
    "{% for n in tree recursive %}{{ n.v }}({{ loop.depth }}{{ loop(n.kids) }}){% endfor %}", "{% for n in tree %}{{ loop(n.kids) }}{% endfor %}", "{% for n in tree recursive %}{{ n.v }}{% if n.kids %}[{{ loop(n.kids) }}]{% endif %}{% if not loop.last %},{% endif %}{% endfor %}",
    "{{ loop.index }}", "{% for loop in [1] %}{{ loop }}{% endfor %}", "{% for i in l %}{% endfor %}{{ i }}", "{% for i in l %}{% set last = i %}{% endfor %}{{ last }}", "{% set x = 0 %}{% for i in l %}{% set x = x + i %}{{ x }} {% endfor %}{{ x }}",
    "{% set ns = namespace(total=0) %}{% for i in l %}{% set ns.total = ns.total + i %}{% endfor %}{{ ns.total }}", "{% set ns = namespace() %}{% set ns.x = [1] %}{% set ns.x = ns.x + [2] %}{{ ns.x }}", "{% set d.x = 1 %}", "{% set nope.x = 1 %}",
    "{% set ns = namespace(found=false) %}{% for m in messages %}{% if m.role == 'assistant' %}{% set ns.found = true %}{% endif %}{% endfor %}{{ ns.found }}", "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set a, b = [3, 4] %}{{ a }}{{ b }}", "{% set a, b = 1 %}",
    "{% set a, b = (1, 2, 3) %}", "{% set x %}text {{ a }}{% endset %}[{{ x }}]", "{% set x | upper %}text{% endset %}{{ x }}", "{% set x | trim | length %}  abc {% endset %}{{ x }}", "{% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }}", "{% set x = 1, 2 %}{{ x }}",
    "{% set none = 1 %}", "{% set true = 1 %}", "{% set 1 = 1 %}", "{% set x %}", "{% set x = %}", "{% set (a, b) = (1, 2) %}{{ a }}{{ b }}", "{% set ns = namespace(a=1, b=2) %}{% set ns.a, ns.b = 5, 6 %}{{ ns.a }}{{ ns.b }}",
    "{% if not x is defined %}{% set x = false %}{% endif %}{{ x }}", "{% if not add is defined %}{% set add = false %}{% endif %}{{ add }}", "{% if false %}{% set z = 1 %}{% endif %}{{ z is defined }}", "{% with %}{% set q = 1 %}{% endwith %}{{ q }}",
    "{% with x = 1, y = 2 %}{{ x }}{{ y }}{% endwith %}{{ y }}", "{% set x = 5 %}{% with x = 1, y = x %}{{ x }}{{ y }}{% endwith %}{{ x }}", "{% with %}{{ a }}{% endwith %}", "{% filter upper %}abc {{ a }}{% endfilter %}", "{% filter replace('a', 'b')|upper %}banana{% endfilter %}",
    "{% filter indent(2) %}a\nb{% endfilter %}", "{% generation %}text {{ a }}{% endgeneration %}", "a\n{% generation %}\ntext\n{% endgeneration %}\nb", "{% generation %}{% set gg = 1 %}{% endgeneration %}{{ gg }}", 
    "{% for m in messages %}{% if loop.last %}{% generation %}{{ m.content }}{% endgeneration %}{% endif %}{% endfor %}",
    # Macros.
    "{% macro m(x, y=2) %}{{ x }}-{{ y }}{% endmacro %}{{ m(1) }} {{ m(1, 3) }} {{ m(y=4, x=5) }} {{ m() }}", "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(1, 2) }}", "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(z=1) }}", "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(1, x=2) }}",
    "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, k=3) }}", "{% macro m(x) %}{{ x is defined }}{% endmacro %}{{ m() }}", "{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}body {{ a }}{% endcall %}",
    "{% macro m() %}{% for i in l %}{{ caller(i) }};{% endfor %}{% endmacro %}{% call(x) m() %}<{{ x }}>{% endcall %}", "{% macro m() %}{{ caller is defined }}{% endmacro %}{{ m() }}", "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}", "{% macro m() %}x{% endmacro %}{% call m() %}b{% endcall %}",
    "{% macro fact(n) %}{% if n <= 1 %}1{% else %}{{ n * (fact(n - 1)|int) }}{% endif %}{% endmacro %}{{ fact(6) }}", "{% macro deep(n) %}{% if n > 0 %}({{ deep(n - 1) }}){% endif %}{% endmacro %}{{ deep(12) }}", "{% macro m() %}{{ later }}{% endmacro %}{% set later = 5 %}{{ m() }}",
    "{% set g = 1 %}{% macro m() %}{{ g }}{% endmacro %}{% set g = 2 %}{{ m() }}", "{% macro m() %}{% set inner = 1 %}{% endmacro %}{{ m() }}{{ inner }}", "{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}", "{% macro m(a=1, b) %}{% endmacro %}", "{{ m }}",
    "{% macro m(x) %}\n  {{ x }}\n{% endmacro %}\n[{{ m(1) }}]", "{%- macro m(x) -%}\n  {{ x }}\n{%- endmacro -%}\n[{{ m(1) }}]", "{% macro outer() %}{% macro inner() %}i{% endmacro %}{{ inner() }}{% endmacro %}{{ outer() }}", "{{ m(1) }}{% macro m(x) %}{{ x }}{% endmacro %}",
    "{% macro m(x) %}{{ x }}{% endmacro %}{{ l|map('string')|map('upper')|join }}{{ m('a')|upper }}{{ m('a') ~ m('b') }}{{ m(1) == '1' }}", "{% macro m(x) %}{{ x }}{% endmacro %}{{ m.name }}{{ m.arguments }}{{ m is callable }}", "{% macro t(x) %}{% if x is mapping %}{{% for k, v in x.items() %}{{ k }}:{{ t(v) }}{% endfor %}}{% else %}{{ x }}{% endif %}{% endmacro %}{{ t({'a': {'b': 1}}) }}",
    "{% macro m(*args) %}{% endmacro %}", "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(*[1]) }}{{ m(**{'x': 2}) }}", "{% macro m(x, y) %}{{ x }}{{ y }}{% endmacro %}{{ m(*[1, 2]) }}{{ m(1, *[2]) }}", "{% for i in [1, 2] %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}",
    # Objects.
    "{% set c = cycler('a', 'b', 'c') %}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.next() }}{{ c.next() }}{% set _ = c.reset() %}{{ c.current }}", "{% set j = joiner('|') %}{% for i in l %}{{ j() }}{{ i }}{% endfor %}", "{% set j = joiner() %}{{ j() }}a{{ j() }}b", "{{ cycler() }}",
    "{% set ns = namespace(x=1) %}{{ ns.x }}{{ ns['x'] }}", "{% set ns = namespace(x=1) %}{{ ns.y is defined }}", "{% set f = s.upper %}{{ f() }}", "{% set f = range %}{{ f(3)|list }}", "{% set x = [] %}{% set _ = x.append(1) %}", "{% for g in users|groupby('age') %}{{ g.grouper }}:{{ g.list|length }} {% endfor %}", "{% for k, g in users|groupby('name') %}{{ k }}:{{ g|length }} {% endfor %}",
    "{{ raise_exception('no') }}", "{% if a == 7 %}{{ raise_exception('Roles must alternate') }}{% endif %}", "{% if a == 8 %}{{ raise_exception('x') }}{% endif %}ok", "{% set messages = messages[1:] %}{{ messages|length }}", "{% for m in messages[::-1] %}{{ m.role }} {% endfor %}", "{% for m in messages|reverse %}{{ m.role }} {% endfor %}",
    "{%- set ns = namespace(multi=true, last=messages|length - 1) %}{%- for m in messages[::-1] %}{%- set index = (messages|length - 1) - loop.index0 %}{{ index }}{{ m.role }}{%- endfor %}", "{{ messages|map(attribute='role')|join(',') }}", "{% for m in messages if m.role != 'user' %}{{ m.content }}{% endfor %}", "{{ messages|selectattr('role', 'equalto', 'user')|list|length }}",
    "{% set content = messages[0].content %}{% if content is string %}{{ content }}{% else %}{{ content[0].text }}{% endif %}", "{{ 'a' if messages[0].role == 'user' }}", "{{ messages[0].nope is defined }}{{ messages[0].nope is not none }}", "{% if messages[0].tool_calls %}x{% else %}y{% endif %}", "{% if messages[0]['tool_calls'] is defined and messages[0]['tool_calls'] is not none %}x{% else %}y{% endif %}",
    "{{ messages[0].nope|length }}", "{{ messages[0].nope.deeper }}", "{{ (messages[0].content if messages[0].content is string else '') ~ '!' }}", "{% include 'x' %}", "{% extends 'x' %}", "{% import 'x' as y %}",
]


def language() -> list[dict]:
    expressions = [line for line in EXPRESSIONS.split("\n") if line]
    cases = [answer("{{ " + line + " }}", DATA) for line in expressions]
    cases += [answer(template, DATA) for template in TEMPLATES]
    # Every pair of delimiters, signs and surrounding spaces.
    for before, open_sign, close_sign, after in itertools.product(["a", "a ", "a\n", "a\n  ", "", "  "], ["", "-", "+"], ["", "-", "+"], ["b", " b", "\nb", "\n\n  b"]):
        cases.append(answer(f"{before}{{%{open_sign} if true {close_sign}%}}{after}{{% endif %}}", {}))
        cases.append(answer(f"{before}{{#{open_sign} c {close_sign}#}}{after}", {}))
        if close_sign != "+" and open_sign != "+":
            cases.append(answer(f"{before}{{{{{open_sign} 1 {close_sign}}}}}{after}", {}))
    # Slices against Python's.
    bounds = ["", "0", "1", "-1", "2", "-3", "9", "-9"]
    for start, stop, step in itertools.product(bounds, bounds, ["", "1", "2", "-1", "-2", "7"]):
        cases.append(answer(f"{{{{ '01234'[{start}:{stop}:{step}] }}}}{{{{ [0, 1, 2, 3][{start}:{stop}:{step}] }}}}", {}))
    # Arithmetic over signs and kinds.
    for left, op, right in itertools.product(["7", "-7", "2.5", "-2.5", "0", "true"], ["+", "-", "*", "/", "//", "%", "**", "<", "<=", "==", "!="], ["3", "-3", "0.5", "0", "false"]):
        if not (op == "**" and left.startswith("-") and right == "0.5"):  # Python answers with a complex number, ours refuses
            cases.append(answer(f"{{{{ ({left}) {op} ({right}) }}}}", {}))
    for template in jinja_random.templates(RANDOM_SEED, RANDOM_CASES):
        # A copy, because jinja2's `indent` appends to a list it is given.
        case = answer(template, copy.deepcopy(DATA))
        if len(case.get("expected", "")) < 5000 and " at 0x" not in case.get("expected", ""):
            cases.append({**case, "context": "data"})
    return cases


# ------------------------------------------------------------------------------------------------------------------------- chats

TOOLS = [
    {"type": "function", "function": {"name": "get_weather", "description": "Current weather — für <city> & \"co\"", "parameters": {
        "type": "object", "properties": {
            "city": {"type": "string", "description": "The city"}, "days": {"type": "integer"}, "unit": {"type": "string", "enum": ["C", "F"]},
            "when": {"type": ["string", "integer"]}, "points": {"type": "array", "items": {"type": "number"}},
            "options": {"type": "object", "properties": {"wind": {"type": "boolean"}}}, "any": {}, "flag": {"type": "boolean", "default": True}},
        "required": ["city"]}, "return": {"type": "string", "description": "A sentence"}}},
    {"type": "function", "function": {"name": "add", "description": "Add numbers", "parameters": {
        "type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "number"}}, "required": ["a", "b"]}}},
]

CALL = {"id": "call12345", "type": "function", "function": {"name": "get_weather", "arguments": {"city": "Zürich", "days": 2}}}
CALL_TEXT = {"id": "call67890", "type": "function", "function": {"name": "add", "arguments": "{\"a\": 1, \"b\": 2.5}"}}


def m(role, content, **extra):
    return {"role": role, "content": content, **extra}


CONVERSATIONS = {
    "question": [m("user", "What is 2 + 2?")],
    "system": [m("system", "You are brief."), m("user", "Hi")],
    "turns": [m("user", "Hi"), m("assistant", "Hello!"), m("user", "  How are you? \n"), m("assistant", " Fine. "), m("user", "Good")],
    "system turns": [m("system", "Be kind.\n"), m("user", "Hi"), m("assistant", "Hello"), m("user", "Bye")],
    "thought": [m("user", "1+1?"), m("assistant", "<think>\nOne and one.\n</think>\n\n2"), m("user", "And 2+2?")],
    "reasoning field": [m("user", "1+1?"), m("assistant", "2", reasoning_content="One and one."), m("user", "Sure?"), m("assistant", "Yes", reasoning_content="\nChecked\n")],
    "ends with assistant": [m("user", "Say a"), m("assistant", "a")],
    "tool call": [m("user", "Weather?"), m("assistant", None, tool_calls=[CALL]), m("tool", "{\"temp\": 21}", tool_call_id="call12345", name="get_weather"), m("assistant", "21 degrees"), m("user", "Thanks")],
    "tool call with text": [m("system", "S"), m("user", "Weather?"), m("assistant", "Let me look.", tool_calls=[CALL]), m("tool", "sunny", tool_call_id="call12345", name="get_weather")],
    "two tool calls": [m("user", "Both"), m("assistant", "", tool_calls=[CALL, CALL_TEXT]), m("tool", "a", tool_call_id="call12345", name="get_weather"), m("tool", "b", tool_call_id="call67890", name="add"), m("assistant", "Done")],
    "thought before tool": [m("user", "Q"), m("assistant", "<think>\nplan\n</think>\n\nok", tool_calls=[CALL]), m("tool", "r", tool_call_id="call12345")],
    "two users": [m("user", "a"), m("user", "b")],
    "assistant first": [m("assistant", "a"), m("user", "b")],
    "parts": [m("user", [{"type": "text", "text": "Part one."}, {"type": "text", "text": " Part two."}])],
    "parts system": [m("system", [{"type": "text", "text": "Sys."}]), m("user", [{"type": "text", "text": "Q"}]), m("assistant", [{"type": "text", "text": "A"}]), m("user", [{"type": "image"}, {"type": "text", "text": "Q2"}])],
    "markup": [m("user", "<|im_start|>system\n{{ 7 * 7 }} {% raw %} </think> <think> \\n \"quotes\" 'x' 漢字 🎉")],
    "empty text": [m("user", "")],
    "no messages": [],
    "unknown role": [m("wizard", "x"), m("user", "y")],
    "no content": [{"role": "user"}],
    "slash think": [m("system", "S /no_think"), m("user", "Q /think")],
}

SETTINGS = [
    {"add_generation_prompt": True}, {"add_generation_prompt": False}, {"add_generation_prompt": True, "tools": TOOLS},
    {"add_generation_prompt": True, "enable_thinking": False}, {"add_generation_prompt": True, "tools": TOOLS[:1], "enable_thinking": True, "date_string": "01 Jan 2025"},
    {"add_generation_prompt": False, "tools": TOOLS, "tools_in_user_message": False, "builtin_tools": ["brave_search"], "xml_tools": ["x"]},
]


def chats() -> list[dict]:
    folder = Path(__file__).resolve().parent / "chat_templates"
    cases = []
    for path in sorted(folder.glob("*.jinja")):
        source = path.read_text(encoding="utf-8")
        for name, messages in CONVERSATIONS.items():
            for number, setting in enumerate(SETTINGS):
                context = {"messages": messages, "tools": None, "documents": None, "bos_token": "<s>", "eos_token": "</s>", **setting}
                case = answer(source, context)
                case["template"] = path.name
                case["name"] = f"{path.stem}, {name}, setting {number}"
                cases.append(case)
    return cases


# ----------------------------------------------------------------------------------------------------------------- continued messages

ENDINGS = [
    "Sure", "<", "e", "|", "[", "\n", "assistant", "user", "", " ", " OK", "Sure, ", "Sure.\n", "  both  ", "<|im_end|>", "</s>", "Hi", "a", "system", "<think>\nSo",
    "<think>\nSo\n</think>\n\nYes", "\u0301", "e\u0301", "\U0001f469\u200d\U0001f467", "CONTINUE_FINAL_MESSAGE", "{{ 7 * 7 }}", [{"type": "text", "text": "one part"}],
    [{"type": "text", "text": "one"}, {"type": "text", "text": "<"}],
]
CONTINUED = {
    "plain": "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}<end>",
    "trims": "{% for m in messages %}[{{ m.role }}]{{ m.content | trim }}<end>{% endfor %}",
    "trims left": "{% for m in messages %}[{{ m.role }}]{{ m.content.lstrip() }}{% endfor %}",
    "parts": "{% for m in messages %}[{{ m.role }}]{% if m.content is string %}{{ m.content }}{% else %}{% for p in m.content %}{{ p.text }}{% endfor %}{% endif %}{% endfor %}",
    "twice": "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}{{ messages[0].content }}<end>",
    "drops": "{% for m in messages[:-1] %}[{{ m.role }}]{{ m.content }}{% endfor %}",
    "replaces": "{% for m in messages %}[{{ m.role }}]{{ m.content.replace('e', '3').replace('<', '(') }}{% endfor %}",
    "upper": "{% for m in messages %}[{{ m.role }}]{{ m.content | upper }}{% endfor %}",
}


def continued(sources: dict[str, str]) -> list[dict]:
    """Of lists of parts only where the template reads them: what others print of a list is Python's business."""
    from transformers.utils import chat_template_utils

    chat_template_utils._compile_jinja_template = compiled
    cases = []
    for name, source in {**sources, **CONTINUED}.items():
        for ending in ENDINGS:
            if isinstance(ending, list) and name != "parts":
                continue
            messages = [{"role": "user", "content": "Hi < e"}, {"role": "assistant", "content": ending}]
            case = {"name": f"{name}, {ending!r}", "messages": messages}
            case |= {"source": source} if name in CONTINUED else {"template": name}
            try:
                # What transformers does not see: the text is looked for anywhere, and a template that counts or cuts the message shows the tag put into it.
                rendered = chat_template_utils.render_jinja_template(
                    [messages], chat_template=source, continue_final_message=True, add_generation_prompt=False, bos_token="<s>", eos_token="</s>")[0][0]
                text = ending if isinstance(ending, str) else ending[-1]["text"]
                if rendered.rstrip().endswith(text.strip()) and rendered.count("CONTINUE_FINA") == text.count("CONTINUE_FINA") and name != "constructs.jinja":
                    case["expected"] = rendered
            except Exception as error:
                case["error"] = f"{type(error).__name__}: {error}"[:200]
            cases.append(case)
    return cases


def main(out: Path, cache: Path) -> None:
    folder = out / "jinja"
    folder.mkdir(parents=True, exist_ok=True)
    templates = {path.name: path.read_text(encoding="utf-8") for path in sorted((Path(__file__).resolve().parent / "chat_templates").glob("*.jinja"))}
    shared = {"data": DATA, "cases": [{**case, "context": "data"} if case["context"] is DATA else case for case in language()]}
    (folder / "language.json").write_text(json.dumps(shared, ensure_ascii=False, indent=0), encoding="utf-8")
    everything = {"templates": templates, "cases": continued(templates)}
    (folder / "continued.json").write_text(json.dumps(everything, ensure_ascii=False), encoding="utf-8")
    (folder / "chat.json").write_text(json.dumps({"templates": templates, "cases": chats()}, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    import sys

    main(Path(sys.argv[1]), Path(sys.argv[1]))
