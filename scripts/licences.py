"""Checks the licence of every dependency against the list in deny.toml.

The same rule that `cargo deny check licenses` applies, for machines without cargo-deny.
"""

import json
import re
import subprocess
import sys
import tomllib


def allowed(expression: str, permitted: set[str]) -> bool:
    """Whether an SPDX expression can be met with permitted licences alone."""
    tokens = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))

    def alternatives() -> bool:
        result = conjunction()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            result = conjunction() or result
        return result

    def conjunction() -> bool:
        result = licence()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            result = licence() and result
        return result

    def licence() -> bool:
        token = tokens.pop(0)
        if token == "(":
            result = alternatives()
            tokens.pop(0)
            return result
        if tokens and tokens[0] == "WITH":
            tokens.pop(0)
            token = f"{token} WITH {tokens.pop(0)}"
        return token in permitted

    return alternatives()


def main() -> int:
    with open("deny.toml", "rb") as file:
        permitted = set(tomllib.load(file)["licenses"]["allow"])
    metadata = subprocess.run(
        ["cargo", "metadata", "--format-version", "1", "--locked"],
        check=True, capture_output=True, text=True,
    ).stdout
    packages = json.loads(metadata)["packages"]
    refused = [
        f"{package['name']} {package['version']}: {package['license'] or 'no licence stated'}"
        for package in packages
        if not allowed(package["license"] or "NONE", permitted)
    ]
    for line in refused:
        print(f"not permitted: {line}")
    print(f"{len(packages)} packages, {len(refused)} not permitted")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
