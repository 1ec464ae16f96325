#!/usr/bin/env bash
# Checks that crates/log, and all that it uses, does without the standard library: builds a library
# with a panic handler and an allocator of its own, which would clash with those of the standard library
# if anything below used it. Then makes sure that it would notice.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}/no_std
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The very versions that the workspace uses.
cp Cargo.lock "$work"
cp -r crates/log/no_std/. "$work"
sed -i "s|path = \"..\"|path = \"$PWD/crates/log\"|" "$work/Cargo.toml"

build() { cargo build --manifest-path "$work/Cargo.toml" --target-dir "$target" "$@"; }

build
if build --features planted 2>"$work/said"; then
    echo "a use of the standard library was planted and not noticed" >&2
    exit 1
fi
grep -q 'panic_impl' "$work/said" || {
    echo "the planted use failed for another reason:" >&2
    cat "$work/said" >&2
    exit 1
}
echo "no standard library below crates/log"
