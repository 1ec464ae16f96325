#!/usr/bin/env python3
"""Checks that what the documentation points at exists.

    scripts/check_links.py            the repository this file is in
    scripts/check_links.py DIR        another directory

Of every Markdown file: relative links and images with their #anchors; paths in backticks, such as
`crates/log/src/receipt.rs`, or the end of one, `learner.rs`; code said to stand in a file, a
fence behind <!-- from FILE -->. Of every Rust, TOML, protobuf, Python, shell file: citations such
as `docs/protocol.md#common-case`. Of both: a command shown, `ally status`, must be one; every
code such as ALLY-0211 must have an entry in docs/errors.md, and every entry a use. Addresses of the
network are left alone.

Prints each dead link with its place; exits 1 if there is one. Before, it makes sure that it would
notice: in a directory with one mistake of each kind it has to find all of them.
"""

import os
import re
import sys
import tempfile
from functools import cache
from pathlib import Path
from urllib.parse import unquote

SKIPPED = {".git", "target", "node_modules"}
CITING = {".rs", ".toml", ".proto", ".py", ".sh"}

INLINE = re.compile(
    r"!?\[(?:[^\[\]]|\[[^\[\]]*\])*\]"  # [text], which may hold [brackets]
    r"\(\s*<?([^()\s<>]+(?:\([^()\s]*\)[^()\s]*)?)>?(?:\s+\"[^\"]*\")?\s*\)"  # (target "title")
)
DEFINITION = re.compile(r"^ {0,3}\[[^\]]+\]:[ \t]*<?(\S+?)>?$", re.MULTILINE)
CITATION = re.compile(r"(?<![\w/.-])(docs/[\w./-]+\.md)(#[\w-]+)?")
CODE = re.compile(r"\bALLY-\d{4}\b")
ENTRY = re.compile(r"^\*\*(ALLY-\d{4})\*\*")
RUST = re.compile(r"`([\w/-]+\.rs)`")
SHOWN = re.compile(r"(?:`|^    (?:.*[|$] )?)ally ([a-z]+)(?: ([a-z]+)\b)?", re.MULTILINE)
VARIANT = re.compile(r"^    ([A-Z]\w*)(?:\(| \{|,)", re.MULTILINE)
SOURCE = re.compile(r"`((?:crates|scripts|docs|proto|examples)/[\w./-]*[\w/])(?<!\.rs)`")
HEADING = re.compile(r"^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
FENCE = re.compile(r"^ {0,3}(```+|~~~+)")
QUOTATION = re.compile(r"^<!-- from (\S+) -->\n(```+)\w*\n(.*?)^\2$", re.MULTILINE | re.DOTALL)
NETWORK = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def files(root):
    """Every file below root that may point somewhere, in a fixed order."""
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in SKIPPED)
        for name in sorted(names):
            yield Path(folder, name)


def prose(text):
    """The lines of a text; those inside fenced code come as empty ones."""
    fence = None
    for line in text.split("\n"):
        mark = FENCE.match(line)
        if fence is None and mark:
            fence = mark.group(1)
            line = ""
        elif fence is not None:
            if mark and mark.group(1).startswith(fence):
                fence = None
            line = ""
        yield line


def without_code(text):
    """The text with its `code` blanked: what looks like a link in there is none."""
    code = re.compile(r"(`+)(?:(?!\1|\n\n).)+?\1", re.DOTALL)
    return code.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)


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
    for line in prose(text):
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
        # As one text: a link may be broken over lines.
        lines = list(prose(text))
        plain = without_code("\n".join(lines))
        for link in [*INLINE.finditer(plain), *DEFINITION.finditer(plain)]:
            target = link.group(1)
            if NETWORK.match(target) or target.startswith("//"):
                continue
            number = plain.count("\n", 0, link.start(1)) + 1
            yield number, file.parent, (file.name + target) if target[0] == "#" else target
        for number, line in enumerate(lines, 1):
            for target in SOURCE.findall(line):
                yield number, root, target
    elif file.suffix in CITING:
        for number, line in enumerate(text.split("\n"), 1):
            for path, anchor in CITATION.findall(line):
                yield number, root, path + anchor


def misquoted(root, text):
    """(line, file) of each quotation that does not stand in its file."""
    for quotation in QUOTATION.finditer(text):
        source = root / quotation.group(1)
        if not source.is_file() or quotation.group(3) not in source.read_text(encoding="utf-8"):
            yield text.count("\n", 0, quotation.start()) + 1, quotation.group(1)


def unexplained(root):
    """(file, line, code) of error codes that docs/errors.md does not explain, or nobody uses."""
    page = root / "docs" / "errors.md"
    entries, used = {}, {}
    for number, line in enumerate(page.read_text(encoding="utf-8").split("\n"), 1):
        for code in ENTRY.findall(line):
            entries[code] = (page, number)
    for file in files(root):
        if file.suffix == ".rs":
            for number, line in enumerate(file.read_text(encoding="utf-8").split("\n"), 1):
                for code in CODE.findall(line):
                    used.setdefault(code, (file, number))
    for code in sorted(entries.keys() ^ used.keys()):
        yield *(entries.get(code) or used[code]), code


def unwritten(root):
    """(file, line, path) of Rust files that pages speak of, and that do not exist."""
    known = ["/" + str(file.relative_to(root)) for file in files(root) if file.suffix == ".rs"]
    for file in files(root):
        if file.suffix != ".md":
            continue
        for number, line in enumerate(prose(file.read_text(encoding="utf-8")), 1):
            for path in RUST.findall(line):
                if not any(name.endswith("/" + path) for name in known):
                    yield file, number, path


@cache
def subcommands(file):
    """The subcommands that a Rust file declares; none if it declares none, or is not there."""
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    _, _, enum = text.partition("#[derive(Debug, Subcommand)]\n")
    return {name.lower() for name in VARIANT.findall(enum.partition("\n}\n")[0])}


def imagined(root):
    """(file, line, command) of commands that are shown and that the program does not have."""
    source = root / "crates" / "cli" / "src"
    commands = subcommands(source / "cli.rs")
    for file in files(root):
        if file.suffix not in {".md", ".rs"}:
            continue
        text = file.read_text(encoding="utf-8")
        for shown in SHOWN.finditer(text):
            first, second = shown.groups()
            below = subcommands(source / "commands" / f"{first}.rs")
            # The last line of a checkpoint begins like a command.
            known = first in commands or first == "epoch"
            if not known or (below and second and second not in below):
                number = text.count("\n", 0, shown.start()) + 1
                yield file, number, f"ally {first} {second or ''}".rstrip()


def check(root):
    """How many links there are below `root`, and a line for each that is dead."""
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
        if file.suffix == ".md":
            for number, source in misquoted(root, file.read_text(encoding="utf-8")):
                failures.append(f"{file.relative_to(root)}:{number}: not what {source} says")
    for file, number, code in unexplained(root):
        reason = "nobody uses it" if file.suffix == ".md" else "not in docs/errors.md"
        failures.append(f"{file.relative_to(root)}:{number}: {code}: {reason}")
    for file, number, path in unwritten(root):
        failures.append(f"{file.relative_to(root)}:{number}: {path}: no such file")
    for file, number, command in imagined(root):
        failures.append(f"{file.relative_to(root)}:{number}: `{command}`: no such command")
    return checked, failures


PLANTED = {
    "README.md": (
        "# Title\n\n## Same\n\n## Same\n\n[good](docs/a.md#a-heading-with-code) [good](#same-1)\n"
        "[bad\n1](docs/b.md) [bad 2](docs/a.md#nothing)\n[bad 3](#same-2)\n"
        "`[no](link.md)` [net](https://example.org/x.md)\n\n```\n[no](link.md)\n```\n"
        "see `x/src/lib.rs` and `crates/x/src/`, not `gone.rs`, bad 4\n"
    ),
    "docs/a.md": (
        "# A heading, with `code`\n\n[good](../README.md)\n\n<!-- from crates/x/src/lib.rs -->\n"
        "```rust\nfn f() {}\n```\n\n"
        "<!-- from crates/x/src/lib.rs -->\n```rust\nfn bad_5() {}\n```\n"
    ),
    "docs/errors.md": (
        "**ALLY-0001**: good\n\n**ALLY-0002**: bad 7\n\n    ally dance, bad 9\n"
        "`ally ask why`, and `ally ask who`, bad 10\n"
    ),
    "crates/cli/src/cli.rs": (
        "#[derive(Debug, Subcommand)]\npub enum Command {\n    /// Asks\n    Ask(Ask),\n}\n"
    ),
    "crates/cli/src/commands/ask.rs": (
        "#[derive(Debug, Subcommand)]\nenum Question {\n    /// Why?\n    Why(Why),\n}\n"
    ),
    "crates/x/src/lib.rs": (
        "// docs/a.md#a-heading-with-code\n// docs/a.md#bad-6\nfn f() {}\n"
        "// ALLY-0001\n// ALLY-0003, bad 8\n"
    ),
}


def notices_what_it_should():
    """Whether all ten planted mistakes are found, and nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in PLANTED.items():
            file = Path(folder, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        _, failures = check(Path(folder))
        places = sorted(":".join(failure.split(":")[:2]) for failure in failures)
        expected = ["README.md:9", "README.md:9", "README.md:10", "README.md:16"]
        expected += ["crates/x/src/lib.rs:2", "crates/x/src/lib.rs:5"]
        expected += ["docs/a.md:10", "docs/errors.md:3", "docs/errors.md:5", "docs/errors.md:6"]
        return places == sorted(expected)


def main(arguments):
    if not notices_what_it_should():
        print("this checker does not find mistakes that were planted for it")
        return 1
    root = Path(arguments[0] if arguments else Path(__file__).resolve().parent.parent)
    checked, failures = check(root)
    for failure in failures:
        print(failure)
    print(f"{checked} links, {len(failures)} dead")
    return 1 if failures or not checked else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
