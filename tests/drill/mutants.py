"""Changes every formula in every small way, one at a time, and runs the tests of the measures against each.

    python tests/drill/mutants.py [FILE …]     names each change that no test noticed
"""

import ast
import copy
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
MEASURES = HERE.parents[1] / "src" / "kumoniwa" / "drill" / "measures"
TESTS = sorted(str(file) for file in HERE.glob("test_measures_*.py"))

COMPARISONS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot,
    ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
ARITHMETIC = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
WORDS = {"min": "max", "max": "min", "all": "any", "any": "all"}

HARNESS = """
import importlib.machinery, sys
name, path, source = sys.argv[1], sys.argv[2], open(sys.argv[3]).read()
class Finder:
    @staticmethod
    def find_spec(wanted, where=None, target=None):
        if wanted == name:
            return importlib.machinery.ModuleSpec(name, Loader(), origin=path)
class Loader:
    def create_module(self, spec): return None
    def exec_module(self, module): exec(compile(source, path, "exec"), module.__dict__)
sys.meta_path.insert(0, Finder)
import pytest
sys.exit(pytest.main(["-q", "-x", "-p", "no:cacheprovider", "--no-header", "--tb=no", *sys.argv[4:]]))
"""


def mutants(source):
    """(line, what was changed, changed source)."""
    tree = ast.parse(source)
    for place, node in enumerate(ast.walk(tree)):
        for said, change in changes(node):
            other = copy.deepcopy(tree)
            change(next(one for n, one in enumerate(ast.walk(other)) if n == place))
            yield getattr(node, "lineno", 0), said, ast.unparse(ast.fix_missing_locations(other))


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


def survives(file, source, number, folder):
    """Whether every test passes on the changed formula."""
    changed = Path(folder, f"{file.stem}{number}.py")
    changed.write_text(source)
    command = [sys.executable, "-c", HARNESS, f"kumoniwa.drill.measures.{file.stem}", str(file), str(changed), *TESTS]
    path = os.pathsep.join([str(HERE.parents[1] / "src"), os.environ.get("PYTHONPATH", "")])
    # A plugin's own package is loaded by pytest itself, past our finder: so without plugins.
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    try:
        done = subprocess.run(command, capture_output=True, env=environment, cwd=HERE.parents[1], timeout=60)
    except subprocess.TimeoutExpired:
        return False  # a formula that never ends is noticed
    return done.returncode == 0


def hunt(files, folder):
    """Every change that nobody noticed, as a line of text; and how many there were in all."""
    jobs = [(file, number, line, said, source) for file in files for number, (line, said, source) in enumerate(mutants(file.read_text()))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        alive = pool.map(lambda job: survives(job[0], job[4], job[1], folder), jobs)
        return [f"{job[0].name}:{job[2]} {job[3]}" for job, lives in zip(jobs, alive) if lives], len(jobs)


def formula_files():
    return sorted(file for file in MEASURES.glob("*.py") if file.stem != "__init__")


if __name__ == "__main__":
    import tempfile

    chosen = [MEASURES / name for name in sys.argv[1:]] or formula_files()
    with tempfile.TemporaryDirectory() as scratch:
        survivors, count = hunt(chosen, scratch)
    print(f"{count} changes, {len(survivors)} unnoticed")
    print("\n".join(survivors))
