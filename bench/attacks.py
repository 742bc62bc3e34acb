"""How many texts AWS WAF's statements take for attacks: python bench/attacks.py [--encoded] [FILE ...], one text a line.

Without files, the lists of the tests. For each: how many texts, how many SqliMatchStatement finds with LOW and with HIGH sensitivity, and how
many XssMatchStatement. With ``--encoded`` texts are percent-encoded, and lines that begin with # are remarks.
"""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import unquote_plus

from kumoniwa.engines import automaton
from kumoniwa.languages.firewall import cross_site_script, sql_injection

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "services"))


def counted(texts: list[str]) -> tuple[int, int, int]:
    values = [text.encode("latin-1", "replace") for text in texts]
    search = automaton.searcher(sql_injection.SIGNATURES)
    low = sum(sql_injection.found(each) is not None for each in values)
    high = sum(sql_injection.found(each, is_wide=True) is not None or search(each) is not None for each in values)
    return low, high, sum(cross_site_script.found(each) is not None for each in values)


def texts_of(name: str, *, is_encoded: bool) -> list[str]:
    lines = [line.strip() for line in Path(name).read_text("utf-8", "replace").splitlines()]
    if is_encoded:
        return [unquote_plus(line) for line in lines if line and not line.startswith("#")]
    return sorted(set(lines) - {""})


def main() -> None:
    names = [name for name in sys.argv[1:] if name != "--encoded"]
    if names:
        lists = {name: texts_of(name, is_encoded="--encoded" in sys.argv) for name in names}
    else:
        import attack_workshop  # noqa: PLC0415 (of the tests)

        lists = {name: getattr(attack_workshop, name) for name in ("INJECTIONS", "SCRIPTS", "HARMLESS")}
    print(f"{'':40} {'texts':>6} {'LOW':>6} {'HIGH':>6} {'XSS':>6}")
    for name, texts in lists.items():
        print(f"{name[-40:]:40} {len(texts):6} " + " ".join(f"{each:6}" for each in counted(texts)))


if __name__ == "__main__":
    main()
