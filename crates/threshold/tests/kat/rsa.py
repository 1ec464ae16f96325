#!/usr/bin/env python3
"""Known answers for Shoup's threshold RSA over a policy tree, made without the code they check.

Plain Python, nothing imported but the standard library: integers, fractions, SHA-256. The primes
are of toy size and found here. Signatures are computed as x^d mod n, as if there were no servers;
shares, coefficients and proofs follow the papers, and the script checks that they fit together.

Writes the vectors to standard output; they are kept in rsa.txt next to this file.
"""

from fractions import Fraction
from hashlib import sha256
from itertools import count
from math import factorial, gcd, lcm, prod

E = 65537
BITS = 512
EPOCH = 9
MESSAGE = b"example.org/clearing\n13\n"


def stream(label):
    """Numbers of 512 bits without end."""
    for i in count():
        parts = [sha256(f"{label} {i} {half}".encode()).digest() for half in (0, 1)]
        yield int.from_bytes(b"".join(parts), "big")


def is_prime(n):
    """Miller and Rabin with the first forty primes as bases; n is odd and large."""
    d, s = n - 1, 0
    while d % 2 == 0:
        d, s = d // 2, s + 1
    bases = [a for a in range(2, 180) if all(a % b for b in range(2, a))][:40]
    for a in bases:
        x = pow(a, d, n)
        if x not in (1, n - 1) and all(pow(x, 2**r, n) != n - 1 for r in range(1, s)):
            return False
    return True


def safe_prime(label, bits):
    for number in stream(label):
        h = (number >> (512 - bits + 1)) | 3 << (bits - 3) | 1
        p = 2 * h + 1
        if pow(2, p - 1, p) == 1 and is_prime(h) and is_prime(p):
            return p


# A policy is a server's number, or (threshold, [policies]).

def leaves(policy):
    if isinstance(policy, int):
        return [policy]
    return [leaf for child in policy[1] for leaf in leaves(child)]


def denominator(policy):
    if isinstance(policy, int):
        return 1
    k, children = policy
    own = factorial(len(children)) if 1 < k < len(children) else 1
    return own * lcm(*(denominator(child) for child in children))


def share(policy, secret, m, draw):
    if isinstance(policy, int):
        return [secret % m]
    k, children = policy
    if k == 1:
        values = [secret] * len(children)
    elif k == len(children):
        values = [draw(m) for _ in children[1:]]
        values.append(secret - sum(values))
    else:
        poly = [secret] + [draw(m) for _ in range(k - 1)]
        values = [sum(c * x**i for i, c in enumerate(poly)) for x in range(1, len(children) + 1)]
    return [leaf for child, v in zip(children, values) for leaf in share(child, v, m, draw)]


def lagrange(policy, servers, first=0):
    """The leftmost leaves that open the policy, each with its rational coefficient; or None."""
    if isinstance(policy, int):
        return {first: Fraction(1)} if policy in servers else None
    k, children = policy
    open_children = []
    for x, child in enumerate(children, 1):
        inner = lagrange(child, servers, first)
        first += len(leaves(child))
        if inner is not None and len(open_children) < k:
            open_children.append((x, inner))
    if len(open_children) < k:
        return None
    points = [x for x, _ in open_children]
    result = {}
    for x, inner in open_children:
        factor = Fraction(1)
        if 1 < k < len(children):
            factor = prod((Fraction(y, y - x) for y in points if y != x), start=factor)
        result.update({leaf: factor * value for leaf, value in inner.items()})
    return result


def combine(policy, servers, x, shares, n):
    """Shoup's combination as in the paper, with all of D and two inversions."""
    d = denominator(policy)
    w = 1
    for leaf, value in lagrange(policy, servers).items():
        coefficient = d * value
        assert coefficient.denominator == 1
        w = w * pow(shares[leaf], 2 * int(coefficient), n) % n
    power = 4 * d * d
    assert pow(w, E, n) == pow(x, power, n)
    a = pow(power, -1, E)
    return pow(w, a, n) * pow(x, (1 - a * power) // E, n) % n


def policy_bytes(policy):
    if isinstance(policy, int):
        return b"\0" + policy.to_bytes(2, "little")
    k, children = policy
    head = b"\1" + k.to_bytes(2, "little") + len(children).to_bytes(2, "little")
    return head + b"".join(map(policy_bytes, children))


def width(n):
    return (n.bit_length() + 7) // 8


def wide(value, n):
    return value.to_bytes(width(n), "big")


def pkcs1(message, length):
    info = bytes.fromhex("3031300d060960864801650304020105000420") + sha256(message).digest()
    return b"\0\1" + b"\xff" * (length - len(info) - 3) + b"\0" + info


def pss(message, length, fingerprint):
    digest = sha256(message).digest()
    salt = sha256(b"ally/v1/pss-salt" + fingerprint + digest).digest()
    h = sha256(bytes(8) + digest + salt).digest()
    block = bytes(length - 66) + b"\1" + salt
    mask = b"".join(sha256(h + i.to_bytes(4, "big")).digest() for i in range(length // 32 + 1))
    masked = bytearray(a ^ b for a, b in zip(block, mask))
    masked[0] &= 0x7F
    return bytes(masked) + h + b"\xbc"


def der(tag, content):
    n = len(content)
    size = bytes([n]) if n < 128 else bytes([0x80 + (n.bit_length() + 7) // 8])
    if n >= 128:
        size += n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag]) + size + content


def public_key_info(n):
    key = der(0x30, der(2, b"\0" + wide(n, n)) + der(2, b"\1\0\1"))
    algorithm = der(0x30, bytes.fromhex("06092a864886f70d010101") + der(5, b""))
    return der(0x30, algorithm + der(3, b"\0" + key))


def prove(n, policy, leaf, x, v, v_leaf, exponent, value, r):
    x4, square = pow(x, 4, n), pow(value, 2, n)
    statement = sha256(
        b"ally/v1/rsa-share-statement" + n.bit_length().to_bytes(4, "little") + wide(n, n)
        + E.to_bytes(8, "little")
        + sha256(b"ally/v1/access-structure" + policy_bytes(policy)).digest()
        + EPOCH.to_bytes(8, "little") + leaf.to_bytes(8, "little")
        + wide(x4, n) + wide(v, n) + wide(v_leaf, n) + wide(square, n)).digest()
    commitments = wide(pow(v, r, n), n) + wide(pow(x4, r, n), n)
    c = sha256(b"ally/v1/rsa-share-proof" + statement + commitments).digest()[:16]
    z = exponent * int.from_bytes(c, "big") + r
    return c + z.to_bytes(width(n) + 33, "big")


def key_id(n, policy, v, leaf_keys):
    """The hash of the public key's encoding: version 1, scheme 1 (a name only, at this size)."""
    formula = policy_bytes(policy)
    head = b"\1\1" + EPOCH.to_bytes(8, "little") + len(formula).to_bytes(4, "little") + formula
    return sha256(b"ally/v1/threshold-key" + head + b"".join(
        wide(number, n) for number in [n, v] + leaf_keys)).digest()


def contribution(identity, server, values):
    """The encoding of a signature share, a proof or (with a version in front) a key share."""
    numbers = [server, len(values), len(values[0])]
    return identity + b"".join(k.to_bytes(2, "little") for k in numbers) + b"".join(values)


POLICIES = {
    "flat": ((3, [0, 1, 2, 3]), [{0, 1, 2}, {0, 1, 3}, {1, 2, 3}]),
    "all": ((3, [0, 1, 2]), [{0, 1, 2}]),
    "tree": (
        (2, [(2, [0, 1, 2]), (1, [0, 3]), (2, [4, 5]), (3, [1, 3, 4, (2, [0, 5])])]),
        [{0, 1}, {3, 4, 5}, {1, 3, 4, 0}, {1, 2, 4, 5}]),
}


def main():
    p, q = safe_prime("p", BITS // 2), safe_prime("q", BITS // 2)
    n, m = p * q, (p - 1) // 2 * ((q - 1) // 2)
    assert n.bit_length() == BITS and gcd(E, m) == 1
    d = pow(E, -1, m)
    x = int.from_bytes(pkcs1(MESSAGE, width(n)), "big")
    info = public_key_info(n)
    print(f"p {p:064x}\nq {q:064x}")
    print(f"fingerprint {sha256(info).hexdigest()}")
    print(f"message {MESSAGE.hex()}")
    print(f"encoded {x:0128x}")
    print(f"signature {pow(x, d, n):0128x}")
    print(f"pss {pss(MESSAGE, 256, bytes(range(32))).hex()}")
    for name, (policy, sets) in POLICIES.items():
        source = stream(name)

        def draw(limit):
            value = next(source) % limit
            print(f"draw {value:0128x}")
            return value

        print(f"policy {name}")
        parts = share(policy, d, m, draw)
        v = pow(draw(n), 2, n)
        exponents = [denominator(policy) * part % m for part in parts]
        shares = [pow(x * x, exponent, n) for exponent in exponents]
        print(f"denominator {denominator(policy):x}\nbase {v:0128x}")
        leaf_keys = [pow(v, exponent, n) for exponent in exponents]
        identity = key_id(n, policy, v, leaf_keys)
        print(f"id {identity.hex()}")
        for server in sorted(set(leaves(policy))):
            mine = [leaf for leaf, owner in enumerate(leaves(policy)) if owner == server]
            secret = contribution(identity, server, [wide(exponents[leaf], n) for leaf in mine])
            public = contribution(identity, server, [wide(shares[leaf], n) for leaf in mine])
            print("encoding", sha256(b"\1" + secret).hexdigest(), sha256(public).hexdigest())
        for leaf, (exponent, value) in enumerate(zip(exponents, shares)):
            v_leaf = leaf_keys[leaf]
            r = next(source) << 256 | next(source) >> 256
            proof = prove(n, policy, leaf, x, v, v_leaf, exponent, value, r)
            print(f"leaf {exponent:0128x} {v_leaf:0128x} {value:0128x} {proof.hex()}")
        for servers in sets:
            assert combine(policy, servers, x, shares, n) == pow(x, d, n)
            print("set", *sorted(servers))


main()
