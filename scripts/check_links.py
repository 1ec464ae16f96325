#!/usr/bin/env python3
"""Checks that what the documentation points at exists.

    scripts/check_links.py            the repository this file is in
    scripts/check_links.py DIR        another directory

Looks at every Markdown file: relative links and images, with their #anchors. Looks at every Rust,
TOML, protobuf, Python and shell file: citations such as `docs/protocol.md#common-case`. Looks at
pages of docs/ for paths of source files in backticks, `crates/log/src/receipt.rs`. Addresses of
the network are left alone. Prints each dead link with its place; exits 1 if there is one.
"""

import os
import re
import sys
from functools import cache
from pathlib import Path
from urllib.parse import unquote

SKIPPED = {".git", "target", "node_modules"}
CITING = {".rs", ".toml", ".proto", ".py", ".sh"}

INLINE = re.compile(r"!?\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(\s*<?([^()\s<>]+(?:\([^()\s]*\)[^()\s]*)?)>?(?:\s+\"[^\"]*\")?\s*\)")
DEFINITION = re.compile(r"^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?(?:\s|$)")
CITATION = re.compile(r"(?<![\w/.-])(docs/[\w./-]+\.md)(#[\w-]+)?")
SOURCE = re.compile(r"`((?:crates|scripts|docs|proto|examples)/[\w./-]*[\w/])`")
HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
FENCE = re.compile(r"^ {0,3}(```+|~~~+)")
NETWORK = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def files(root):
    """Every file below root that may point somewhere, in a fixed order."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        for name in sorted(names):
            yield Path(folder, name)


def prose(text):
    """Lines with their numbers; lines inside fenced code come as empty ones."""
    fence = None
    for number, line in enumerate(text.split("\n"), 1):
        mark = FENCE.match(line)
        if fence is None and mark:
            fence = mark.group(1)
            line = ""
        elif fence is not None:
            if mark and mark.group(1).startswith(fence):
                fence = None
            line = ""
        yield number, line


def without_code(line):
    """The line with its `code` blanked: what looks like a link in there is none."""
    return re.sub(r"(`+)(?:(?!\1).)+?\1", lambda code: " " * len(code.group()), line)


def slug(heading):
    """The anchor of a heading, as forges and mdBook make it."""
    heading = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    heading = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return heading.replace(" ", "-")


@cache
def anchors(path):
    """All anchors of a Markdown file; equal headings are numbered from the second on."""
    text = path.read_text(encoding="utf-8")
    found, seen = set(), {}
    for _, line in prose(text):
        for name in re.findall(r"<a\s+(?:id|name)=\"([^\"]+)\"", line):
            found.add(name)
        match = HEADING.match(line)
        if match:
            base = slug(match.group(2))
            count = seen.get(base, 0)
            seen[base] = count + 1
            found.add(base if count == 0 else f"{base}-{count}")
    return found


def dead(base, target):
    """Why `target`, written in a file of the folder `base`, leads nowhere; None if it does lead."""
    path, _, anchor = target.partition("#")
    file = Path(os.path.normpath(base / unquote(path)))
    if not file.exists():
        return "no such file"
    if anchor and file.suffix == ".md" and unquote(anchor) not in anchors(file):
        return "no such heading"
    return None


def pointers(root, file):
    """(line, base folder, target) of everything the file points at."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".md":
        for number, line in prose(text):
            plain = without_code(line)
            targets = INLINE.findall(plain) + DEFINITION.findall(plain)
            for target in targets:
                if NETWORK.match(target) or target.startswith("//"):
                    continue
                own = target.startswith("#")
                yield number, file.parent, (file.name + target) if own else target
            for target in SOURCE.findall(line):
                yield number, root, target
    elif file.suffix in CITING:
        for number, line in enumerate(text.split("\n"), 1):
            for path, anchor in CITATION.findall(line):
                yield number, root, path + anchor


def main(arguments):
    root = Path(arguments[0] if arguments else Path(__file__).resolve().parent.parent)
    this = Path(__file__).resolve()
    checked, failures = 0, []
    for file in files(root):
        if file.suffix != ".md" and (file.suffix not in CITING or file.resolve() == this):
            continue
        for number, base, target in pointers(root, file):
            checked += 1
            reason = dead(base, target)
            if reason:
                failures.append(f"{file.relative_to(root)}:{number}: {target}: {reason}")
    for failure in failures:
        print(failure)
    print(f"{checked} links, {len(failures)} dead")
    return 1 if failures or not checked else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
