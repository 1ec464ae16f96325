#!/usr/bin/env bash
# The whole search for mistakes, of which scripts/test.sh runs a small share. Takes hours.
#
#   scripts/verify.sh                     everything, as docs/verification.md reports it
#   scripts/verify.sh --minutes 10        the same; sim, chaos and each fuzz target take so long
#   scripts/verify.sh sim model           these parts only
#
# Parts:
#   sim      50,000 seeds in every alliance and style (SEEDS=n for another number)
#   planted  every rule broken on purpose, searched for from seed 0; then the same seeds unbroken
#   model    every order of events of small cases, and 100,000 random histories; --minutes does not
#            shorten it: the cases take four minutes of a busy machine, the histories ten and more
#   fuzz     every decoder and everything else that takes bytes from outside
#   chaos    real servers: killed, paused, cut off, lied to
#   timing   whether the time of what is done with secrets depends on them, six minutes at most or
#            three times as long where something looks like it; wants a machine without other work
#
# Ends with a line for each part; exit code 0 if nothing was found.
set -euo pipefail
cd "$(dirname "$0")/.."

usage() { sed -n '2,19s/^# \{0,1\}//p' "$0"; }

minutes=
parts=()
while [ $# -gt 0 ]; do
    case "$1" in
        --minutes)
            [[ ${2:-} =~ ^[0-9]+$ ]] || { usage >&2; exit 2; }
            minutes=$2
            shift
            ;;
        -h | --help) usage; exit 0 ;;
        sim | planted | model | fuzz | chaos | timing) parts+=("$1") ;;
        *) usage >&2; exit 2 ;;
    esac
    shift
done
[ ${#parts[@]} -gt 0 ] || parts=(sim planted model fuzz chaos timing)

ally() { cargo run --release --locked --quiet -p ally-cli -- "$@"; }

sim() {
    if [ -n "$minutes" ]; then
        ally sim --minutes "$minutes"
    else
        ally sim --seeds "${SEEDS:-50000}"
    fi
}

planted() {
    cargo test --release --locked -p ally-sim --features planted-bugs --test planted -- \
        --ignored --nocapture
}

model() {
    cargo run --release --locked --quiet -p ally-model --bin model &&
        cargo run --release --locked --quiet -p ally-model --bin model -- traces 100000
}

fuzz() { scripts/fuzz.sh --minutes "${minutes:-30}"; }

chaos() { ally chaos --minutes "${minutes:-30}" --out target/chaos; }

timing() { cargo run --release --locked --quiet -p ally-threshold --example sign_timing -- 30; }

results=()
failed=0
for part in "${parts[@]}"; do
    printf '\n== %s\n' "$part"
    start=$SECONDS
    if "$part"; then verdict="nothing found"; else
        verdict="FOUND SOMETHING (see above)"
        failed=1
    fi
    results+=("$(printf '%-8s %5d s  %s' "$part" $((SECONDS - start)) "$verdict")")
done

printf '\n== done\n'
printf '%s\n' "${results[@]}"
exit "$failed"
