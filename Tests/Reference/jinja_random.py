"""Random templates over given data, from a seed: `templates(seed, count)`. What Python cannot show (object addresses) is left out."""

import random

ATOMS = """a b x big t f n s empty sp text l words nested d html users emoji floats mixed messages undefined_thing 1 0 -2 2.5 'abc' 'a,b,c' [] {} ()
(1,'x') [1,2,3] ['b','A','c'] {'k':1,'z':[1]} true none users[0] d.one messages[0].content""".split()

FILTERS = """abs capitalize default('D') default('D',true) dictsort first last float float(1.5) int int(7) int(base=16) indent indent(3,true) join
join('-') length list lower upper title trim trim('a') max min replace('a','Z') replace('l','') round round(1) round(2,'floor') sort
sort(reverse=true) sort(attribute='age') string striptags sum sum(start=1) tojson tojson(indent=2) truncate(8) truncate(8,true,'') urlencode
wordcount center(12) count groupby('age') groupby('role') attr('x') format(1) filesizeformat""".split()

# Python shows these as generators, so they are always made into lists.
LAZY_FILTERS = """reverse select reject select('odd') select('string') selectattr('name') selectattr('age','gt',30) map('string') map('upper')
map('length') map(attribute='name') unique batch(2) batch(2,0) slice(2) items""".split()

TESTS = """defined undefined none string number integer float boolean mapping sequence iterable callable true false odd even divisibleby(3) eq(1)
ne('abc') lt(3) ge(1) in([1,2,'abc']) sameas(none) lower upper""".split()

METHODS = """upper() lower() split() split(',') split('a',1) rsplit(None,1) strip() strip('a') lstrip() rstrip('c\\n') title() capitalize()
startswith('a') endswith('c') replace('a','bb') find('b') rfind('b') count('a') index('b') isdigit() isalpha() isupper() zfill(5)
join(['x','y']) format(1,'q') splitlines() partition(',') get('k') get('k',2) copy() name age one swapcase() center(7,'*') ljust(6)
removeprefix('a') casefold() isspace() isalnum() islower() expandtabs()""".split()

VIEWS = ["items()", "keys()", "values()"]
OPERATORS = "+ - * / // % ** ~ == != > >= < <= in and or".split() + ["not in"]


class Generator:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def expression(self, depth: int) -> str:
        pick, kind = self.random.choice, self.random.random()
        if depth <= 0 or kind < 0.15:
            return pick(ATOMS)
        inner = self.expression(depth - 1)
        if kind < 0.35:
            return f"({inner}|{pick(FILTERS)})"
        if kind < 0.45:
            return f"({inner}|{pick(LAZY_FILTERS)}|list)"
        if kind < 0.55:
            return f"({inner}).{pick(METHODS)}"
        if kind < 0.58:
            return f"(({inner}).{pick(VIEWS)}|list)"
        if kind < 0.72:
            return f"({inner} {pick(OPERATORS)} {self.expression(depth - 1)})"
        if kind < 0.8:
            return f"({inner} is {pick(['', 'not '])}{pick(TESTS)})"
        if kind < 0.84:
            return f"({inner})[{pick(['0', '-1', '1', '5', repr('name'), repr('k'), repr('one')])}]"
        if kind < 0.87:
            # A slice of a constant that has none is undefined, of a variable an error; ours is always an error.
            return f"{pick(['s', 'l', 'text', 'words', 'users', 'emoji', 'a', 'd', 'n'])}[{pick(['1:', '::-1', ':2', '::2', '-3:-1'])}]"
        if kind < 0.91:
            return f"({inner} if {self.expression(depth - 1)} else {self.expression(depth - 1)})"
        if kind < 0.94:
            return f"(not {inner})"
        return f"[{inner}, {self.expression(depth - 1)}]" if kind < 0.97 else "{'q': %s}" % inner

    def block(self, tag: str) -> str:
        pick = self.random.choice
        spaces = ["", " ", "\n", "\n  ", "  "]
        return f"{pick(spaces)}{{%{pick(['', '', '', '-', '+'])} {tag} {pick(['', '', '', '-', '+'])}%}}{pick(spaces)}"

    def statement(self, depth: int) -> str:
        kind = self.random.random()
        if depth <= 0 or kind < 0.4:
            return "{{ " + self.expression(2) + " }}"
        inner = self.statement(depth - 1)
        if kind < 0.6:
            return self.block(f"if {self.expression(1)}") + inner + self.block("else") + self.statement(depth - 1) + self.block("endif")
        if kind < 0.8:
            source = self.random.choice(["l", "words", "users", "d", "text.split()", "[]", "undefined_thing"])
            minus = self.random.choice(["", "-"])
            return self.block(f"for i in {source}") + inner + f"{{{{{minus} loop.index ~ i {minus}}}}}" + self.block("endfor")
        if kind < 0.9:
            return self.block(f"set v = {self.expression(1)}") + inner + "{{ v }}"
        return self.block("set v") + inner + self.block("endset") + "{{ v|length }}"

    def template(self) -> str:
        if self.random.random() < 0.4:
            return self.statement(3)
        return "{{ " + self.expression(self.random.randint(1, 4)) + " }}"


def templates(seed: int, count: int) -> list[str]:
    generator = Generator(seed)
    return [generator.template() for _ in range(count)]
