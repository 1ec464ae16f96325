#!/usr/bin/env python3
"""Known answers for modular exponentiation at the sizes of keys, made without the code they check.

Plain Python, nothing imported but hashlib: operands are SHA-256 in counter mode, powers are the
built-in pow, and of a power only its SHA-256 is kept. For each line `bits exponent_bits seed digest`
of the output:

    modulus  = stream("n", seed), bits wide, its highest and lowest bit set
    base     = stream("b", seed), bits wide
    exponent = stream("e", seed), exponent_bits wide
    digest   = SHA-256(base^exponent mod modulus, bits/8 bytes, big-endian)

where stream(label, seed) is SHA-256(label || seed (1) || 0 (1)) || SHA-256(label || seed || 1) || ...
cut off at the width, big-endian.

Writes the vectors to standard output; they are kept in powers.txt next to this file.
"""

from hashlib import sha256


def stream(label, seed, bits):
    blocks = [sha256(label + bytes([seed, at])).digest() for at in range(-(-bits // 256))]
    return int.from_bytes(b"".join(blocks)[: bits // 8], "big")


for bits in (2048, 3072, 4096):
    for seed, exponent_bits in enumerate((64, 1984, bits, bits, bits + 256, bits + 512)):
        modulus = stream(b"n", seed, bits) | 1 << (bits - 1) | 1
        power = pow(stream(b"b", seed, bits), stream(b"e", seed, exponent_bits), modulus)
        print(bits, exponent_bits, seed, sha256(power.to_bytes(bits // 8, "big")).hexdigest())
