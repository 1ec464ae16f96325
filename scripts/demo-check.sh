#!/usr/bin/env bash
# Runs the demo as the README says and checks what it leaves behind with stock openssl.
set -euo pipefail
cd "$(dirname "$0")/.."

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

cargo run --release --locked -- demo --out "$out/demo"
cd "$out/demo"

verify() { openssl dgst -sha256 -verify alliance.pem -signature cert.sig checkpoint.txt 2>&1; }

echo "openssl: $(verify)"
[ "$(verify)" = "Verified OK" ]

# Any flipped byte must be noticed: the statement's every byte, and the signature's every byte.
flips=0
for file in checkpoint.txt cert.sig; do
    cp "$file" original
    size=$(wc -c <original)
    for ((offset = 0; offset < size; offset++)); do
        python3 -c '
import sys
data = bytearray(open("original", "rb").read())
data[int(sys.argv[1])] ^= 1
open(sys.argv[2], "wb").write(data)' "$offset" "$file"
        if [ "$(verify)" = "Verified OK" ]; then
            echo "byte $offset of $file was flipped and openssl did not notice" >&2
            exit 1
        fi
        flips=$((flips + 1))
    done
    mv original "$file"
done
echo "openssl: $flips flipped bytes, all noticed"
