#!/usr/bin/env python3
"""Known answers for threshold BLS on BLS12-381, made without the code they check.

Plain Python, nothing imported but hashlib: affine curve arithmetic over Fp and Fp2 as in any
textbook, Shamir sharing down a policy tree, Feldman commitments, interpolation. Hashing to the curve
has vectors of its own (RFC 9380, appendix J.9.1), one of which is the message point here.

Writes the vectors to standard output; they are kept in bls.txt next to this file.
"""

import hashlib

P = int(
    "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f624"
    "1eabfffeb153ffffb9feffffffffaaab", 16)
R = int("73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001", 16)


class Fp2:
    """a + b*i with i^2 = -1; Fp is the case b = 0."""

    def __init__(self, a, b=0):
        self.a, self.b = a % P, b % P

    def __add__(self, other):
        return Fp2(self.a + other.a, self.b + other.b)

    def __sub__(self, other):
        return Fp2(self.a - other.a, self.b - other.b)

    def __mul__(self, other):
        return Fp2(self.a * other.a - self.b * other.b, self.a * other.b + self.b * other.a)

    def __eq__(self, other):
        return (self.a, self.b) == (other.a, other.b)

    def inverse(self):
        norm = pow(self.a * self.a + self.b * self.b, -1, P)
        return Fp2(self.a * norm, -self.b * norm)


def add(p, q):
    """Adds points of y^2 = x^3 + b; None is the point at infinity."""
    if p is None or q is None:
        return p or q
    (x1, y1), (x2, y2) = p, q
    if x1 == x2:
        if not y1 == y2:
            return None
        slope = Fp2(3) * x1 * x1 * (y1 + y1).inverse()
    else:
        slope = (y2 - y1) * (x2 - x1).inverse()
    x = slope * slope - x1 - x2
    return x, slope * (x1 - x) - y1


def times(point, scalar):
    total = None
    for bit in bin(scalar % R)[2:]:
        total = add(total, total)
        if bit == "1":
            total = add(total, point)
    return total


def larger(y):
    """Whether y is the larger of y and -y: the imaginary part counts first."""
    return (y.b, y.a) > ((-y.b) % P, (-y.a) % P)


def compress(point, coordinates):
    """The form that Zcash introduced: x, big-endian, and three flag bits."""
    x, y = point
    parts = [x.a] if coordinates == 1 else [x.b, x.a]
    encoded = bytearray(b"".join(part.to_bytes(48, "big") for part in parts))
    encoded[0] |= 0x80 | (0x20 if larger(y) else 0)
    return bytes(encoded).hex()


G2 = (
    Fp2(
        0x024AA2B2F08F0A91260805272DC51051C6E47AD4FA403B02B4510B647AE3D1770BAC0326A805BBEFD48056C8C121BDB8,
        0x13E02B6052719F607DACD3A088274F65596BD0D09920B61AB5DA61BBDC7F5049334CF11213945D57E5AC7D055D042B7E),
    Fp2(
        0x0CE5D527727D6E118CC9CDC6DA2E351AADFD9BAA8CBDD3A76D429A695160D12C923AC9CC3BACA289E193548608B82801,
        0x0606C4A02EA734CC32ACD2B02BC28B99CB3E287E85A763AF267492AB572E99AB3F370D275CEC1DA1AAA9075FF05F79BE),
)

# RFC 9380, appendix J.9.1, the message "abc".
MESSAGE = (
    Fp2(0x03567BC5EF9C690C2AB2ECDF6A96EF1C139CC0B2F284DCA0A9A7943388A49A3AEE664BA5379A7655D3C68900BE2F6903),
    Fp2(0x0B9C15F3FE6E5CF4211F346271D7B01C8F3B28BE689C8429C85B67AF215533311F0B8DFAAA154FA6B88176C229F2885D),
)

# (threshold, children) or the number of a server. The shapes are repeated in vectors.rs.
POLICIES = {
    "flat": (3, [0, 1, 2, 3]),
    "tree": (2, [(2, [0, 1, 2]), (1, [0, 3]), (2, [4, 5])]),
}


def draws():
    """The numbers that the dealer draws, in order: hashes of a counter, below 2^248."""
    counter = 0
    while True:
        yield int.from_bytes(hashlib.sha256(b"draw %d" % counter).digest()[:31], "big")
        counter += 1


def deal(policy, value, draw, commitments, leaves):
    if isinstance(policy, int):
        leaves.append((policy, value))
        return
    threshold, children = policy
    polynomial = [value] + [next(draw) for _ in range(threshold - 1)]
    commitments.extend(polynomial[1:])
    for x, child in enumerate(children, 1):
        share = sum(c * pow(x, power, R) for power, c in enumerate(polynomial)) % R
        deal(child, share, draw, commitments, leaves)


def main():
    for name, policy in POLICIES.items():
        draw, leaves = draws(), []
        secret = next(draw)
        commitments = [secret]
        deal(policy, secret, draw, commitments, leaves)
        print("policy", name)
        for commitment in commitments:
            print("commitment", compress(times(G2, commitment), 2))
        for server, value in leaves:
            print("leaf", server, value.to_bytes(32, "little").hex(),
                  compress(times(MESSAGE, value), 1))
        print("signature", compress(times(MESSAGE, secret), 1))


if __name__ == "__main__":
    main()
