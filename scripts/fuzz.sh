#!/usr/bin/env bash
# Gives the fuzz targets to libFuzzer.
#
#   scripts/fuzz.sh                          each target in turn, ten minutes each
#   scripts/fuzz.sh engine --minutes 240     one of them for four hours
#   scripts/fuzz.sh --smoke                  each for three seconds: does everything still run?
#   scripts/fuzz.sh engine --keep            put what was found into fuzz/corpus, as little as will do
#   scripts/fuzz.sh --list                   the targets
#
# Needs `cargo install cargo-fuzz` and a C++ compiler (apt-get install g++); the stable toolchain will
# do. The first build takes some minutes: all code is built again, with counters. What libFuzzer finds
# goes to fuzz/work/TARGET, what fails to fuzz/artifacts/TARGET. docs/fuzzing.md has more.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() { sed -n '2,13s/^# \{0,1\}//p' "$0"; }

# What the corpus of one target may take in the repository.
corpus_bytes=24576
file_bytes=4096
seconds=600
keep=false
targets=()
while [ $# -gt 0 ]; do
    case "$1" in
        --minutes)
            [[ ${2:-} =~ ^[0-9]+$ ]] || { echo "--minutes takes a number" >&2; exit 2; }
            seconds=$((60 * $2)); shift ;;
        --smoke) seconds=3 ;;
        --keep) keep=true ;;
        --list) sed -n 's/^name = "\(.*\)"$/\1/p' fuzz/Cargo.toml | tail -n +2; exit ;;
        --help | -h) usage; exit ;;
        -*) usage >&2; exit 2 ;;
        *) targets+=("$1") ;;
    esac
    shift
done
if [ ${#targets[@]} -eq 0 ]; then
    mapfile -t targets < <("$0" --list)
fi
for target in "${targets[@]}"; do
    [ -f "fuzz/fuzz_targets/$target.rs" ] || {
        echo "There is no target \`$target\`. scripts/fuzz.sh --list names them." >&2
        exit 2
    }
done
cargo fuzz --version >/dev/null 2>&1 || {
    echo "Missing: cargo-fuzz. Run \`cargo install cargo-fuzz\` and this again." >&2
    exit 2
}

# Without a sanitizer, which the stable toolchain has not: in safe code it would find little, and the
# counters, the checks of overflow and debug assertions work on any toolchain. Without cfg(fuzzing),
# so that dependencies run as they are.
options=(--sanitizer none --no-cfg-fuzzing)

# with TARGET ARGUMENTS...: the program of a target.
with() {
    local target=$1
    shift
    cargo fuzz run "${options[@]}" "$target" "$@"
}

seed() {
    cargo run --release --quiet --locked -p ally-fuzz --example seeds -- "$1" "$2"
}

# keep TARGET: of the inputs that reach more than the seeds do, the smallest until the room is full.
keep() {
    local target=$1 merged bytes=0 size name
    merged=$(mktemp -d)
    seed "$target" "$merged"
    mkdir -p "fuzz/corpus/$target"
    with "$target" "$merged" "fuzz/work/$target" "fuzz/corpus/$target" -- -merge=1 "-max_len=$file_bytes"
    rm -f "$merged"/seed-*
    bytes=$(cat "fuzz/corpus/$target"/* 2>/dev/null | wc -c)
    while read -r size name; do
        [ $((bytes + size)) -le "$corpus_bytes" ] || break
        [ -e "fuzz/corpus/$target/$name" ] || cp "$merged/$name" "fuzz/corpus/$target/$name"
        bytes=$((bytes + size))
    done < <(find "$merged" -type f -printf '%s %f\n' | sort -n)
    rm -rf "$merged"
    echo "$target: $bytes bytes of corpus"
}

for target in "${targets[@]}"; do
    if $keep; then
        keep "$target"
        continue
    fi
    printf '\n== %s\n' "$target"
    mkdir -p "fuzz/work/$target" "fuzz/corpus/$target"
    seed "$target" "fuzz/work/$target"
    with "$target" "fuzz/work/$target" "fuzz/corpus/$target" -- \
        "-max_total_time=$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=8192 -print_final_stats=1
done
