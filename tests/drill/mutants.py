"""Changes every formula in every small way, one at a time, and runs the tests of the measures against each.

    python tests/drill/mutants.py [FILE …]     names each change that no test noticed
"""

import ast
import copy
import importlib
import importlib.machinery
import os
import signal
import sys
from pathlib import Path

HERE = Path(__file__).parent
MEASURES = HERE.parents[1] / "src" / "kumoniwa" / "drill" / "measures"
ROOM = "kumoniwa.drill.measures"
TESTS = sorted(file.stem for file in HERE.glob("test_measures_*.py"))
sys.path.insert(0, str(HERE.parent))

COMPARISONS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot,
    ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
ARITHMETIC = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
WORDS = {"min": "max", "max": "min", "all": "any", "any": "all"}

TIRED_S = 10
"""A changed formula that never ends is noticed too."""


def mutants(source):
    """(what was changed, changed source)."""
    tree = ast.parse(source)
    for place, node in enumerate(ast.walk(tree)):
        for said, change in changes(node):
            other = copy.deepcopy(tree)
            change(next(one for n, one in enumerate(ast.walk(other)) if n == place))
            yield f"{ast.unparse(node)}: {said}", ast.unparse(ast.fix_missing_locations(other))


def changes(node):
    if isinstance(node, ast.Compare):
        for n, operator in enumerate(node.ops):
            new = COMPARISONS[type(operator)]
            yield f"{type(operator).__name__} -> {new.__name__}", lambda one, n=n, new=new: one.ops.__setitem__(n, new())
    if isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        new = ARITHMETIC[type(node.op)]
        yield f"{type(node.op).__name__} -> {new.__name__}", lambda one: setattr(one, "op", new())
    if isinstance(node, ast.BoolOp):
        new = ast.Or if isinstance(node.op, ast.And) else ast.And
        yield f"{type(node.op).__name__} -> {new.__name__}", lambda one: setattr(one, "op", new())
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not x -> x", _bare
    if isinstance(node, ast.Name) and node.id in WORDS:
        yield f"{node.id} -> {WORDS[node.id]}", lambda one: setattr(one, "id", WORDS[node.id])


def _bare(node):
    """``not x`` becomes ``not not x``, which is x as a truth."""
    node.operand = ast.UnaryOp(ast.Not(), node.operand)


class Finder:
    """Gives one module another source."""

    def __init__(self, name, path, source):
        self.name, self.path, self.source = name, path, source

    def find_spec(self, wanted, where=None, target=None):
        return importlib.machinery.ModuleSpec(wanted, self, origin=self.path) if wanted == self.name else None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(compile(self.source, self.path, "exec"), module.__dict__)


def passes(file, source):
    """Whether every test passes on the changed formula, in a process of its own."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    signal.alarm(TIRED_S)
    try:
        for name in [name for name in sys.modules if name.startswith((ROOM, "drill.test_measures_"))]:
            del sys.modules[name]
        sys.meta_path.insert(0, Finder(f"{ROOM}.{file.stem}", str(file), source))
        for name in TESTS:
            for said, test in vars(importlib.import_module(f"drill.{name}")).items():
                if said.startswith("test_"):
                    test()
    except BaseException:
        os._exit(1)
    os._exit(0)


def hunt(files):
    """Every change that no test noticed, as a line of text; and how many there were in all."""
    found, count = [], 0
    for file in files:
        source = file.read_text()
        assert passes(file, source), f"the tests fail on {file.name} as it is"
        for said, changed in mutants(source):
            count += 1
            if passes(file, changed):
                found.append(f"{file.stem}: {said}")
    return found, count


def formula_files():
    return sorted(file for file in MEASURES.glob("*.py") if file.stem != "__init__")


if __name__ == "__main__":
    chosen = [MEASURES / name for name in sys.argv[1:]] or formula_files()
    survivors, count = hunt(chosen)
    print(f"{count} changes, {len(survivors)} unnoticed")
    print("\n".join(survivors))
