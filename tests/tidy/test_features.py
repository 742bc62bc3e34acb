"""The page of what stands of the handbook: every row is there once, and all that it names to show a row exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "features.md").read_text()
ROWS = re.findall(r"^\| ([MRSW]\d[\d.]*) \|(.*)\|(.*)\|(.*)\|$", PAGE, re.M)
SINGLE = [
    "M6.2", "M9", "M13", "R9", "R10", "R11", "R12", "R14.1", "R14.4", "R14.5", "R14.6", "R14.7", "R14.8", "R14.9", "R15", "S1", "S4", "S8", "W1.3",
    "W1.5", "W1.6", "W1.9", "W1.10", "W2.1", "W2.2", "W2.3", "W2.4", "W2.5", "W2.6", "W2.7", "W2.8", "W2.9", "W2.11", "W2.12", "W3.9", "W4.7", "W4.10",
]  # fmt: skip
COUNTS = {"M2": 3, "M7": 5, "M8": 9, "M12": 2, "R5": 2, "S2": 6, "S3": 7, "S5": 5, "S6": 2, "S7": 2}


def test_each_row_of_the_handbook_stands_once():
    wanted = [f"{head}.{n + 1}" for head, count in COUNTS.items() for n in range(count)] + SINGLE
    assert sorted(name for name, *_ in ROWS) == sorted(wanted)


def test_what_shows_nothing_says_what_is_missing():
    assert not [name for name, _, shown, missing in ROWS if not shown.strip() and not missing.strip()]


def test_all_tests_patterns_and_pages_that_it_names_exist():
    lost = [path for path in re.findall(r"\]\(\.\./([^)]+)\)", PAGE) if not (ROOT / path).exists()]
    lost += [name for name in re.findall(r"`(patterns/\w+)`", PAGE) if not (ROOT / name).is_dir()]
    for file, test in re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE):
        (found,) = (ROOT / "tests").rglob(file)
        lost += [test] if f"def {test}(" not in found.read_text() else []
    assert not lost
