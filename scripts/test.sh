#!/usr/bin/env bash
# Runs every check of the project and ends with a count.
#
#   scripts/test.sh            everything
#   scripts/test.sh --quick    without the end-to-end part (no release build)
#
# Needs a Rust toolchain. Everything else (a C compiler, openssl, python3, libfaketime) it installs
# where it is missing and the system is Debian or a relative of it; elsewhere it says what to install.
set -euo pipefail
cd "$(dirname "$0")/.."

quick=false
case "${1:-}" in
    "") ;;
    --quick) quick=true ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac

passed=0
failed=0
failures=()
times=()
log=$(mktemp -d)
trap 'rm -rf "$log"' EXIT

say() { printf '\n== %s\n' "$*"; }

# took NAME SINCE: notes the seconds that a part took.
took() { times+=("$(printf '%6d s  %s' $((SECONDS - $2)) "$1")"); }

# check NAME COMMAND...: one check, counted as one.
check() {
    local name=$1 since=$SECONDS
    shift
    say "$name"
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        failures+=("$name")
    fi
    took "$name" "$since"
}

# counted NAME COMMAND...: a test runner, counted by what it says it ran.
counted() {
    local name=$1 out status=0 ok bad since=$SECONDS
    shift
    say "$name"
    out="$log/out"
    "$@" 2>&1 | tee "$out" || status=$?
    read -r ok bad < <(python3 scripts/count.py "$out")
    passed=$((passed + ok))
    failed=$((failed + bad))
    if [ "$status" -ne 0 ]; then
        [ "$bad" -gt 0 ] || failed=$((failed + 1))
        failures+=("$name")
    elif [ "$ok" -eq 0 ]; then
        failed=$((failed + 1))
        failures+=("$name: ran no test")
    fi
    took "$name" "$since"
}

need() {
    local missing=()
    command -v cc >/dev/null || missing+=(gcc libc6-dev)
    command -v openssl >/dev/null || missing+=(openssl)
    command -v python3 >/dev/null || missing+=(python3)
    local installs=false
    if command -v apt-get >/dev/null && [ "$(id -u)" -eq 0 ]; then installs=true; fi
    # For the one test that sets clocks back, which leaves itself out where there is none.
    if $installs && ! compgen -G '/usr/lib/*/faketime/libfaketimeMT.so.1' >/dev/null; then
        missing+=(libfaketime)
    fi
    [ ${#missing[@]} -eq 0 ] && return 0
    if $installs; then
        say "installing ${missing[*]}"
        apt-get update -qq && apt-get install -y -qq "${missing[@]}"
    else
        echo "Missing: ${missing[*]}. Install them with your package manager and run this again." >&2
        exit 2
    fi
}

command -v cargo >/dev/null || {
    echo "Missing: a Rust toolchain (https://rustup.rs, or your distribution's package)." >&2
    exit 2
}
need

export CARGO_TERM_COLOR=never

check "formatting" cargo fmt --all --check
check "clippy, warnings denied" cargo clippy --workspace --all-targets --locked -- -D warnings
if cargo deny --version >/dev/null 2>&1; then
    check "licences, bans and sources of dependencies" cargo deny --offline check licenses bans sources
else
    check "licences of dependencies" python3 scripts/licences.py
fi
check "links and citations of the documentation" python3 scripts/check_links.py
check "limits in the documentation" python3 scripts/check_limits.py
check "crates/log without the standard library" scripts/no_std.sh
check "known answers of the threshold schemes, made again" python3 scripts/known_answers.py --check

if cargo nextest --version >/dev/null 2>&1; then
    counted "tests" cargo nextest run --workspace --locked --no-fail-fast --status-level fail
else
    counted "tests" cargo test --workspace --locked --no-fail-fast --lib --bins --tests
fi
# In a build of its own, so that no server is ever built with a switch that breaks a rule.
counted "rules broken on purpose" cargo test --locked --no-fail-fast \
    -p ally-consensus -p ally-sim -p ally-model \
    --features ally-consensus/planted-bugs,ally-sim/planted-bugs,ally-model/planted-bugs --lib --test planted --test regressions --test shrink
counted "examples in the documentation" cargo test --workspace --locked --doc

if ! $quick; then
    check "release build" cargo build --release --locked
    check "the demo, checked with openssl" scripts/demo-check.sh
fi

say "done"
printf '%s\n' "${times[@]}" "$(printf '%6d s  all of it' "$SECONDS")"
for failure in ${failures[@]+"${failures[@]}"}; do echo "failed: $failure"; done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
