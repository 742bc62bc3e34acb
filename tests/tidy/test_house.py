"""The house's own rules, held as tests: signatures agree with AWS's model, questions name operations that exist, time has one reader."""

from __future__ import annotations

import ast
import functools
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kumoniwa.aws import models
from kumoniwa.cli.main import COMMANDS
from kumoniwa.gate.paging import pager_for
from kumoniwa.kernel.operation import load, service_names

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "kumoniwa"
FILES = sorted(SOURCE.rglob("*.py"))


@functools.cache
def _trees() -> dict[Path, ast.Module]:
    """Not read before a test asks: every worker imports this file, and one runs it."""
    return {file: ast.parse(file.read_text()) for file in FILES}


TYPES = {
    "string": ("str",), "integer": ("int",), "long": ("int",), "boolean": ("bool",), "list": ("list",), "map": ("dict",),
    "structure": ("dict",), "blob": ("bytes", "Stream", "Any"), "timestamp": ("float", "Any"), "float": ("float",), "double": ("float",),
}  # fmt: skip
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "manager", "models_", "constants", "misc"}
CLOCK_READERS = {"kernel/clock.py"}
OWN_PROCESSES = ("engines/lambda_runtime/",)
"""Code that runs in processes of its own, outside any region's loop."""


def _short(file: Path) -> str:
    return str(file.relative_to(SOURCE))


@pytest.mark.parametrize("name", sorted(service_names()))
def test_signatures_agree_with_the_model(name):
    model, wrong = models.service(name), []
    for operation, handler in load(name).handlers.items():
        if operation not in model.operation_names:
            wrong.append(f"{operation}: AWS has no such operation")
            continue
        shape = model.operation(operation).input
        members = shape.members if shape else {}
        required = set(shape.required) if shape else set()
        parameters = [p for p in inspect.signature(handler.function).parameters.values() if p.kind is p.KEYWORD_ONLY]
        for parameter in parameters:
            member = parameter.name.rstrip("_")
            if member not in members:
                wrong.append(f"{operation}({member}): not in the model")
                continue
            # An absent body is answered in the service's own words (MalformedXML), so a payload may have a default.
            if (parameter.default is parameter.empty) != (member in required) and member != shape.payload:
                wrong.append(f"{operation}({member}): required in the model is {member in required}")
            said, want = str(parameter.annotation), TYPES.get(members[member].shape.type, ())
            if want and not any(w in said for w in want):
                wrong.append(f"{operation}({member}): the model says {members[member].shape.type}, we say {said}")
        declared = {p.name.rstrip("_") for p in parameters}
        # The size of a page is the gate's, though two lists of Cognito's demand to be told it.
        pager = pager_for(model.operation(operation), handler.members)
        paging = pager.members if pager is not None else frozenset()
        wrong += [f"{operation}: required {member} is missing" for member in required - declared - paging]
    assert not wrong, "\n".join(wrong)


def test_every_question_names_an_operation_that_exists():
    wrong = []
    for file, tree in _trees().items():
        for node in ast.walk(tree):
            is_ask = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "ask"
            texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str) and ":" in a.value] if is_ask else []
            for text in texts:
                service, _, operation = text.partition(":")
                if service not in models.service_names() or operation not in models.service(service).operation_names:
                    wrong.append(f"{_short(file)}:{node.lineno} asks {text}")
    assert not wrong, "\n".join(wrong)


def test_only_the_clock_reads_the_clock():
    wrong = []
    for file, tree in _trees().items():
        if _short(file) in CLOCK_READERS or _short(file).startswith(OWN_PROCESSES):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
                read = f"{node.func.value.id}.{node.func.attr}"
                if read in ("time.time", "time.monotonic", "time.sleep", "datetime.now", "datetime.utcnow", "date.today"):
                    wrong.append(f"{_short(file)}:{node.lineno} {read}")
    assert not wrong, "\n".join(wrong)


def test_nothing_waits_in_a_way_that_may_swallow_its_end():
    # Python 3.11's wait_for returns what came at the moment it was cancelled, and the task goes on: https://github.com/python/cpython/issues/86296
    assert not [_short(file) for file in FILES if re.search(r"asyncio\.wait_for\(", file.read_text())]


def test_no_module_has_a_name_that_says_nothing():
    assert not [_short(f) for f in FILES if f.stem in BANNED_NAMES]


def test_every_module_says_what_it_is():
    assert not [_short(file) for file, tree in _trees().items() if not ast.get_docstring(tree)]


def test_tests_never_sleep_in_virtual_layers():
    wrong = []
    for folder in ("services", "wire", "stories", "languages", "gate", "deploy"):
        for file in (ROOT / "tests" / folder).rglob("*.py"):
            if re.search(r"\btime\.sleep\(", file.read_text()):
                wrong.append(str(file.relative_to(ROOT)))
    assert not wrong


def test_every_room_and_command_stands_in_the_documents():
    architecture, readme = (ROOT / "ARCHITECTURE.md").read_text(), (ROOT / "README.md").read_text()
    rooms = [p.name for p in SOURCE.iterdir() if (p / "__init__.py").exists()]
    assert not [room for room in rooms if f"`{room}`" not in architecture]
    assert not [command for command in COMMANDS if f"kumoniwa {command}" not in readme]


def test_no_document_names_this_machine():
    # What a run leaves behind (compiled files, caches) does name it: only what is kept in the repository counts.
    kept = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
    files = [ROOT / name for name in kept if name]
    named = re.compile(rb"/(root|work|home/[a-z]+)/")
    assert not [str(file.relative_to(ROOT)) for file in files if file.is_file() and named.search(file.read_bytes())]


def test_a_cloud_starts_without_what_is_heavy():
    starts = "import sys, kumoniwa.cli.up, kumoniwa.services.dynamodb.api, kumoniwa.services.sqs.api; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", starts], capture_output=True, check=True, text=True, env={"PYTHONPATH": str(SOURCE.parent)})
    heavy = {
        "cryptography", "boto3", "botocore", "yaml", "samtranslator", "jsonschema", "sqlglot", "duckdb", "lxml", "matplotlib", "h2", "fido2",
        "kumoniwa.gate.firewall_guard", "zoneinfo", "sysconfig", "calendar", "gzip", "tempfile", "shutil", "lzma",
    }  # fmt: skip
    assert not heavy.intersection(ran.stdout.split())
