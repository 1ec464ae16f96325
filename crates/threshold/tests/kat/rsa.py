#!/usr/bin/env python3
"""Known answers for threshold RSA over a policy tree, made without the code they check.

Plain Python, nothing imported but the standard library: integers, fractions, SHA-256. The primes
are of toy size and found here. Signatures are computed as x^d mod n, as if there were no servers;
shares, coefficients, proofs, refresh and resharing follow the papers in the plainest form (rational
coefficients, signed integers), and the script checks that all of it fits together.

Writes the vectors to standard output; they are kept in rsa.txt next to this file. With `safe` it
writes two pairs of safe primes of 1024 bits instead, which takes some minutes; they are kept in
rsa_2048.txt.
"""

import sys
from fractions import Fraction
from hashlib import sha256
from itertools import count
from math import factorial, gcd, lcm, prod

E = 65537
BITS = 512
EPOCH = 9
MESSAGE = b"example.org/clearing\n13\n"


def stream(label, bits=512):
    """Numbers of so many bits without end."""
    for i in count():
        parts = [sha256(f"{label} {i} {part}".encode()).digest() for part in range(bits // 256)]
        yield int.from_bytes(b"".join(parts), "big")


class Generator:
    """A dealer's generator of random bytes: every request takes fresh blocks."""

    def __init__(self, label):
        self.label, self.requests = label, 0

    def bits(self, n):
        size = (n + 7) // 8
        blocks = [sha256(f"{self.label} {self.requests} {block}".encode()).digest()
                  for block in range(size // 32 + 1)]
        self.requests += 1
        return int.from_bytes(b"".join(blocks)[:size], "big") % 2**n


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
    """A safe prime with the four top bits set."""
    small = [a for a in range(3, 5000) if all(a % b for b in range(2, int(a**0.5) + 1))]
    for number in stream(label, 2 * bits):
        h = (number >> (bits + 1)) | 15 << (bits - 5) | 1
        p = 2 * h + 1
        if any(h % a == 0 or p % a == 0 for a in small):
            continue
        if pow(2, p - 1, p) == 1 and is_prime(h) and is_prime(p):
            return p


# A policy is a server's number, or (threshold, [policies]).

def leaves(policy):
    if isinstance(policy, int):
        return [policy]
    return [leaf for child in policy[1] for leaf in leaves(child)]


def polynomial(policy):
    """Whether the gate at the top of the policy shares by a polynomial."""
    return 1 < policy[0] < len(policy[1])


def denominator(policy):
    if isinstance(policy, int):
        return 1
    own = factorial(len(policy[1])) if polynomial(policy) else 1
    return own * lcm(*(denominator(child) for child in policy[1]))


def sweep(policy):
    """Bits of the largest sweeping coefficient."""
    if isinstance(policy, int):
        return 0
    k, children = policy
    below = max(map(sweep, children))
    if not polynomial(policy):
        return below
    m = len(children)
    return max(k.bit_length(), min(m - 1, (k - 1) * m.bit_length()) + below)


def reach(policy):
    """The largest leaf when the root is 0 and all coefficients are 1."""
    return max(share(policy, 0, lambda: 1))


def widths(policy, secret, zero=False):
    """Bits of coefficients and of leaves when a secret of so many bits is shared, or a zero."""
    d = denominator(policy)
    a = secret + d.bit_length() + sweep(policy) + 139
    largest = (reach(policy) << a) + (0 if zero else d << secret)
    return a, max(1, largest.bit_length())


def share(policy, value, draw):
    """The leaves' integers; draw returns the coefficients one after the other."""
    if isinstance(policy, int):
        return [value]
    k, children = policy
    own = [draw() for _ in range(k - 1)]
    if k == 1:
        values = [value] * len(children)
    elif k == len(children):
        values = own + [value + sum(own)]
    else:
        values = [value + sum(c * x**i for i, c in enumerate(own, 1))
                  for x in range(1, len(children) + 1)]
    return [leaf for child, v in zip(children, values) for leaf in share(child, v, draw)]


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
        if polynomial(policy):
            factor = prod((Fraction(y, y - x) for y in points if y != x), start=Fraction(1))
        else:
            factor = -1 if k > 1 and x < len(children) else 1
        result.update({leaf: factor * value for leaf, value in inner.items()})
    return result


def policy_bytes(policy):
    if isinstance(policy, int):
        return b"\0" + policy.to_bytes(2, "little")
    k, children = policy
    head = b"\1" + k.to_bytes(2, "little") + len(children).to_bytes(2, "little")
    return head + b"".join(map(policy_bytes, children))


def size(bits):
    return (bits + 7) // 8


def wide(value, n):
    return value.to_bytes(size(n.bit_length()), "big")


def base(n):
    """v: a hash of the modulus, squared."""
    name = wide(n, n)
    seed = sha256(b"ally/v1/rsa-base" + len(name).to_bytes(8, "little") + name).digest()
    need = len(name) + 16
    blocks = [sha256(b"ally/v1/seed-stream" + seed + i.to_bytes(8, "little")).digest()
              for i in range(need // 32 + 1)]
    return pow(int.from_bytes(b"".join(blocks)[:need], "big"), 2, n)


class Component:
    """What belongs to one modulus: with all secrets, as nobody ever has them."""

    def __init__(self, n, width, multiplier, secrets):
        self.n, self.width, self.multiplier, self.secrets = n, width, multiplier, secrets
        self.v = base(n)
        self.keys = [pow(self.v, secret, n) for secret in secrets]
        assert all(0 <= secret < 2**width for secret in secrets)

    def encode(self):
        m = self.multiplier.to_bytes(size(self.multiplier.bit_length()), "big")
        head = self.width.to_bytes(2, "little") + len(m).to_bytes(2, "little") + m
        return head + wide(self.n, self.n) + b"".join(wide(key, self.n) for key in self.keys)


class Key:
    def __init__(self, policy, epoch, components):
        self.policy, self.epoch, self.components = policy, epoch, components
        self.n = prod(component.n for component in components)
        formula = policy_bytes(policy)
        head = b"\1\1" + epoch.to_bytes(8, "little") + len(formula).to_bytes(4, "little")
        body = bytes([len(components)]) + b"".join(c.encode() for c in components)
        self.id = sha256(b"ally/v1/threshold-key" + head + formula + body).digest()

    def owned(self, server):
        return [leaf for leaf, owner in enumerate(leaves(self.policy)) if owner == server]

    def key_share(self, server):
        secrets = [b"".join(c.secrets[leaf].to_bytes(size(c.width), "big")
                            for c in self.components) for leaf in self.owned(server)]
        return b"\1" + container(self.id, server, secrets)

    def signature_share(self, server, x):
        shares = [b"".join(wide(pow(x * x, c.secrets[leaf], c.n), c.n) for c in self.components)
                  for leaf in self.owned(server)]
        return container(self.id, server, shares)

    def combine(self, servers, x):
        """Shoup's combination as in the paper modulo each modulus, with all of D."""
        d = denominator(self.policy)
        result, modulus = 0, 1
        for c in self.components:
            w = 1
            for leaf, value in lagrange(self.policy, servers).items():
                assert (d * value).denominator == 1
                w = w * pow(pow(x * x, c.secrets[leaf], c.n), 2 * int(d * value), c.n) % c.n
            power = 4 * d * d * c.multiplier
            assert pow(w, E, c.n) == pow(x, power, c.n)
            a = pow(power, -1, E)
            root = pow(w, a, c.n) * pow(x, (1 - a * power) // E, c.n) % c.n
            result += modulus * ((root - result) * pow(modulus, -1, c.n) % c.n)
            modulus *= c.n
        return result


def container(identity, server, values):
    """The encoding of a signature share, a proof or (with a version in front) a key share."""
    numbers = [server, len(values), len(values[0])]
    return identity + b"".join(k.to_bytes(2, "little") for k in numbers) + b"".join(values)


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
    length = bytes([n]) if n < 128 else bytes([0x80 + (n.bit_length() + 7) // 8])
    if n >= 128:
        length += n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag]) + length + content


def fingerprint(n):
    key = der(0x30, der(2, b"\0" + wide(n, n)) + der(2, b"\1\0\1"))
    algorithm = der(0x30, bytes.fromhex("06092a864886f70d010101") + der(5, b""))
    return sha256(der(0x30, algorithm + der(3, b"\0" + key))).digest()


def prove(key, component, leaf, x, r):
    n, v, exponent = component.n, component.v, component.secrets[leaf]
    x4, square = pow(x, 4, n), pow(x, 4 * exponent, n)
    statement = sha256(
        b"ally/v1/rsa-share-statement" + n.bit_length().to_bytes(4, "little") + wide(n, n)
        + E.to_bytes(8, "little") + fingerprint(key.n)
        + sha256(b"ally/v1/access-structure" + policy_bytes(key.policy)).digest()
        + key.epoch.to_bytes(8, "little") + leaf.to_bytes(8, "little")
        + wide(x4, n) + wide(v, n) + wide(component.keys[leaf], n) + wide(square, n)).digest()
    commitments = wide(pow(v, r, n), n) + wide(pow(x4, r, n), n)
    c = sha256(b"ally/v1/rsa-share-proof" + statement + commitments).digest()[:16]
    z = exponent * int.from_bytes(c, "big") + r
    return c + z.to_bytes(size(component.width) + 33, "big")


def committed(n, policy, value, coefficient_bits, generator):
    """A sharing: the leaves, and the commitments to the coefficients."""
    coefficients = []

    def draw():
        coefficients.append(generator.bits(coefficient_bits))
        return coefficients[-1]

    values = share(policy, value, draw)
    return values, b"".join(wide(pow(base(n), a, n), n) for a in coefficients)


def generate(policy, primes, labels):
    """A key of one or more dealers, and their contributions."""
    components, contributions = [], []
    for (p, q), label in zip(primes, labels):
        n, m = p * q, (p - 1) // 2 * ((q - 1) // 2)
        assert n.bit_length() == BITS and gcd(E, m) == 1
        d = pow(E, -1, m)
        a, width = widths(policy, BITS)
        values, commitments = committed(n, policy, denominator(policy) * d, a, Generator(label))
        contributions.append(wide(n, n) + wide(pow(base(n), d, n), n) + commitments)
        components.append(Component(n, width, 1, values))
    return Key(policy, EPOCH, components), contributions


def refresh(key, labels):
    """All dealers share zero."""
    contributions = [b""] * len(labels)
    generators = [Generator(label) for label in labels]
    components = []
    for c in key.components:
        a, added = widths(key.policy, BITS + c.multiplier.bit_length(), zero=True)
        secrets = list(c.secrets)
        for dealer, generator in enumerate(generators):
            values, commitments = committed(c.n, key.policy, 0, a, generator)
            contributions[dealer] += commitments
            secrets = [old + new for old, new in zip(secrets, values)]
        width = (2**c.width + len(labels) * 2**added - 1).bit_length()
        components.append(Component(c.n, width, c.multiplier, secrets))
    return Key(key.policy, key.epoch + 1, components), contributions


def reshare(key, policy, dealers):
    """The dealers' leaves are shared over another policy."""
    d = denominator(key.policy)
    weights = {leaf: d * value for leaf, value in lagrange(key.policy, dealers).items()}
    common = gcd(d, *(int(weight) for weight in weights.values()))
    weights = {leaf: int(weight) // common for leaf, weight in weights.items()}
    given, contributions = {}, []
    for dealer, label in dealers.items():
        generator, contribution = Generator(label), b""
        for leaf in key.owned(dealer):
            for at, c in enumerate(key.components):
                a, _ = widths(policy, c.width)
                value = denominator(policy) * c.secrets[leaf]
                given[leaf, at], commitments = committed(c.n, policy, value, a, generator)
                contribution += commitments
        contributions.append(contribution)
    components = []
    for at, c in enumerate(key.components):
        _, part = widths(policy, c.width)
        lift = sum(-weight for weight in weights.values() if weight < 0) << part
        secrets = share(policy, 0, lambda: lift)
        for leaf, weight in weights.items():
            secrets = [sum_ + weight * new for sum_, new in zip(secrets, given[leaf, at])]
        largest = sum(weight for weight in weights.values() if weight > 0) << part
        width = (largest + lift * reach(policy)).bit_length()
        components.append(Component(c.n, width, c.multiplier * d * d // common, secrets))
    return Key(policy, key.epoch + 1, components), contributions


FLAT = (3, [0, 1, 2, 3])
ALL = (3, [0, 1, 2])
TREE = (2, [(2, [0, 1, 2]), (1, [0, 3]), (2, [4, 5]), (3, [1, 3, 4, (2, [0, 5])])])
TREE_SETS = [{0, 1}, {3, 4, 5}, {1, 3, 4, 0}, {1, 2, 4, 5}]
FLAT_SETS = [{0, 1, 2}, {0, 1, 3}, {1, 2, 3}]


def show(name, key, contributions, sets, expected):
    """The lines of one key: everything it holds, by hash where it is long."""
    x = int.from_bytes(pkcs1(MESSAGE, size(key.n.bit_length())), "big")
    assert pow(expected, E, key.n) == x
    print(f"policy {name}")
    print(f"denominator {denominator(key.policy):x}")
    for contribution in contributions:
        print("contribution", len(contribution), sha256(contribution).hexdigest())
    for c in key.components:
        print(f"component {c.width} {c.multiplier:x} {c.v:0128x}")
    print(f"id {key.id.hex()}")
    for server in sorted(set(leaves(key.policy))):
        encodings = [key.key_share(server), key.signature_share(server, x)]
        print("encoding", *(sha256(encoding).hexdigest() for encoding in encodings))
    for servers in sets:
        assert key.combine(servers, x) == expected
        print("set", *sorted(servers))
    print(f"signature {expected:0{key.n.bit_length() // 4}x}")


def show_leaves(name, key):
    x = int.from_bytes(pkcs1(MESSAGE, size(key.n.bit_length())), "big")
    generator = Generator(f"{name} proofs")
    for leaf in range(len(leaves(key.policy))):
        secrets = [c.secrets[leaf].to_bytes(size(c.width), "big") for c in key.components]
        proofs = [prove(key, c, leaf, x, generator.bits(8 * size(c.width) + 256))
                  for c in key.components]
        print("leaf", b"".join(secrets).hex(), b"".join(proofs).hex())


def main():
    primes = [(safe_prime(f"p{i}", BITS // 2), safe_prime(f"q{i}", BITS // 2)) for i in (1, 2)]
    first = primes[0][0] * primes[0][1]
    for i, (p, q) in enumerate(primes, 1):
        print(f"p{i} {p:064x}\nq{i} {q:064x}")
    print(f"fingerprint {fingerprint(first).hex()}")
    print(f"message {MESSAGE.hex()}")
    print(f"encoded {pkcs1(MESSAGE, BITS // 8).hex()}")
    print(f"pss {pss(MESSAGE, 256, bytes(range(32))).hex()}")

    def root(dealers):
        n, order = 1, 1
        for p, q in primes[:dealers]:
            n, order = n * p * q, order * ((p - 1) // 2) * ((q - 1) // 2)
        x = int.from_bytes(pkcs1(MESSAGE, size(n.bit_length())), "big")
        # x need not be a square: all exponents count modulo twice the order of the squares.
        return pow(x, pow(E, -1, 2 * order), n)

    one, two = root(1), root(2)
    for name, policy, sets in [("flat", FLAT, FLAT_SETS), ("all", ALL, [{0, 1, 2}]),
                               ("tree", TREE, TREE_SETS)]:
        key, contributions = generate(policy, primes[:1], [name])
        show(name, key, contributions, sets, one)
        show_leaves(name, key)

    key, contributions = generate(FLAT, primes, ["two 0", "two 1"])
    show("two", key, contributions, FLAT_SETS, two)
    show_leaves("two", key)
    key, contributions = refresh(key, ["refresh 1", "refresh 3"])
    show("refresh", key, contributions, FLAT_SETS, two)
    key, contributions = reshare(key, TREE, {0: "reshare 0", 1: "reshare 1", 3: "reshare 3"})
    show("reshare", key, contributions, TREE_SETS, two)
    key, contributions = refresh(key, ["again 5"])
    show("again", key, contributions, TREE_SETS, two)
    # Servers 1, 3, 4 and 0 have several leaves each; not all of them are in the selection.
    dealers = {server: f"back {server}" for server in (0, 1, 3, 4)}
    key, contributions = reshare(key, ALL, dealers)
    show("back", key, contributions, [{0, 1, 2}], two)
    show_leaves("back", key)


if sys.argv[1:] == ["safe"]:
    for name in ["p1", "q1", "p2", "q2"]:
        print(f"{name} {safe_prime('large ' + name, 1024):0256x}")
else:
    main()
