"""Compares the code on a page with the files that it names: page.py PAGE

A block belongs to the file whose path, alone between backticks, is the line above it.
"""

import re
import sys
from pathlib import Path

BLOCK = re.compile(r"^`(examples/[^`\n]+)`\n\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def main(page):
    blocks = BLOCK.findall(Path(page).read_text())
    named = {path for path, _ in blocks}
    wrong = [path for path, code in blocks if not Path(path).is_file() or Path(path).read_text() != code]
    tests = {str(path) for path in Path("examples/testing").glob("*/*") if "test" in path.name.lower()}
    wrong += sorted(tests - named)
    for path in wrong:
        print(f"{page}: its code for {path} is not that file", file=sys.stderr)
    sys.exit(1 if wrong or not blocks else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
