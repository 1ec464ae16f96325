#!/usr/bin/env python3
"""Makes the known answers of the threshold schemes again, without the code that they check.

    scripts/known_answers.py           writes them
    scripts/known_answers.py --check   compares, and fails where they differ

Each script crates/*/tests/kat/NAME.py prints known answers; they are kept beside it in a file with the
same name and another ending.
"""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def kept(script):
    """The file that holds what the script prints."""
    others = [path for path in script.parent.glob(script.stem + ".*") if path != script]
    if len(others) != 1:
        sys.exit(f"{script.relative_to(ROOT)}: one file of known answers belongs beside it, "
                 f"there are {len(others)}")
    return others[0]


def main():
    if sys.argv[1:] not in ([], ["--check"]):
        sys.exit(__doc__.strip())
    check = sys.argv[1:] == ["--check"]
    scripts = sorted(ROOT.glob("crates/*/tests/kat/*.py"))
    different = 0
    for script in scripts:
        made = subprocess.run([sys.executable, "-B", script], check=True, capture_output=True).stdout
        path = kept(script)
        if path.read_bytes() == made:
            print(f"{path.relative_to(ROOT)}: the same")
        elif check:
            different += 1
            print(f"{path.relative_to(ROOT)}: differs from what {script.name} makes")
        else:
            path.write_bytes(made)
            print(f"{path.relative_to(ROOT)}: written")
    if not scripts or different:
        sys.exit("no scripts found" if not scripts else f"{different} of {len(scripts)} differ")


if __name__ == "__main__":
    main()
