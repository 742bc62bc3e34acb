"""Shows a pattern at work: deploys it, tries what it claims, prints what was measured. Exits non-zero if a claim fails.

    python patterns/show.py saga                    # in a cloud of its own
    python patterns/show.py                         # every pattern, one after the other, each in a cloud of its own
    python patterns/show.py saga --endpoint http://127.0.0.1:4566 [--short]
"""

import argparse
import contextlib
import importlib
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from stage import KUMONIWA, Cloud, Failed

PATTERNS = sorted(path.parent.name for path in Path(__file__).parent.glob("*/claims.py"))


@contextlib.contextmanager
def a_cloud():
    with tempfile.TemporaryDirectory(prefix="kumoniwa-pattern-") as folder:
        process = subprocess.Popen([*KUMONIWA, "up", "--port", "0", "--data", folder], stdout=subprocess.PIPE, text=True)
        try:
            found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
            if not found:
                sys.exit("the cloud did not start")
            yield found[0]
        finally:
            process.terminate()
            process.wait(30)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pattern", nargs="*", default=PATTERNS, metavar="PATTERN", help=f"of {', '.join(PATTERNS)}; all when none is named")
    parser.add_argument("--endpoint", help="use the cloud that runs there")
    parser.add_argument("--short", action="store_true", help="the same claims with less load")
    asked = parser.parse_args()
    if unknown := set(asked.pattern) - set(PATTERNS):
        parser.error(f"there is no pattern {', '.join(sorted(unknown))}")
    failed = 0
    for name in asked.pattern:
        began = time.monotonic()
        print(f"{name}:")
        with contextlib.nullcontext(asked.endpoint) if asked.endpoint else a_cloud() as endpoint:
            try:
                importlib.import_module(f"{name}.claims").show(Cloud(endpoint, asked.short))
            except Failed:
                failed += 1
        print(f"        ({time.monotonic() - began:.1f} s)\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
