#!/usr/bin/env python3
"""Known answers for threshold BLS on BLS12-381, made without the code they check.

Plain Python, nothing imported but hashlib: affine curve arithmetic over Fp and Fp2 as in any
textbook, Shamir sharing down a policy tree, Feldman commitments, interpolation; the ate pairing by
the definition, hashes in counter mode, ChaCha20-Poly1305 as in RFC 8439. Hashing to the curve has
vectors of its own (RFC 9380, appendix J.9.1), one of which is the message point here.

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


def draws(name=b"draw"):
    """The numbers that a dealer draws, in order: hashes of a counter, below 2^248."""
    counter = 0
    while True:
        yield int.from_bytes(hashlib.sha256(b"%s %d" % (name, counter)).digest()[:31], "big")
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


def share(policy, value, draw):
    """The committed coefficients without the root's constant, and the leaves with their values."""
    coefficients, leaves = [], []
    deal(policy, value, draw, coefficients, leaves)
    return [times(G2, c) for c in coefficients], leaves


def leaf_points(policy, root, coefficients):
    """What each leaf is committed to: the group equations, from the root down."""
    coefficients = iter(coefficients)

    def descend(policy, value):
        if isinstance(policy, int):
            return [value]
        threshold, children = policy
        polynomial = [value] + [next(coefficients) for _ in range(threshold - 1)]
        points = []
        for x, child in enumerate(children, 1):
            at_x = None
            for power, point in enumerate(polynomial):
                at_x = add(at_x, point and times(point, pow(x, power, R)))
            points += descend(child, at_x)
        return points

    return descend(policy, root)


def check(policy, root, coefficients, values):
    """Share verification: every value is the logarithm of what its leaf is committed to."""
    points = leaf_points(policy, root, coefficients)
    assert [value and times(G2, value) for value in values] == points


def select(policy, servers, first=0):
    """The leftmost selection as (leaf, weight), or None; and the number of leaves."""
    if isinstance(policy, int):
        return ([(first, 1)] if policy in servers else None), 1
    threshold, children = policy
    chosen, count = [], 0
    for x, child in enumerate(children, 1):
        selection, leaves = select(child, servers, first + count)
        count += leaves
        if selection is not None and len(chosen) < threshold:
            chosen.append((x, selection))
    if len(chosen) < threshold:
        return None, count
    points = [x for x, _ in chosen]
    weighted = []
    for x, selection in chosen:
        factor = 1
        for other in points:
            if other != x:
                factor = factor * other * pow(other - x, -1, R) % R
        weighted += [(leaf, weight * factor % R) for leaf, weight in selection]
    return weighted, count


def sum_points(points):
    total = None
    for point in points:
        total = add(total, point)
    return total


def little(value):
    return value.to_bytes(32, "little").hex()


def show(name, given, policy, root, coefficients, values):
    """One way to come to a key: what was given, and the key with its shares."""
    print("ceremony", name)
    for points, parts in given:
        print("contribution", "".join(compress(point, 2) for point in points) or "-")
        for part in parts:
            print("part", part)
    for commitment in [root] + coefficients:
        print("commitment", compress(commitment, 2))
    servers = [server for server, _ in share(policy, 0, draws())[1]]
    for server, value in zip(servers, values):
        print("leaf", server, little(value), compress(times(MESSAGE, value), 1))


def ceremonies():
    """A key over the tree by two dealers; refreshed by servers 0 and 4; reshared to the flat policy
    by servers 0, 1 and 4, of which the leftmost leaves of 0 and 1 are enough."""
    tree, flat = POLICIES["tree"], POLICIES["flat"]
    secret, root, coefficients, values, given = 0, None, None, None, []
    for dealer in range(2):
        draw = draws(b"dealer %d" % dealer)
        own = next(draw)
        points, leaves = share(tree, own, draw)
        check(tree, times(G2, own), points, [value for _, value in leaves])
        given.append(([times(G2, own)] + points, [little(value) for _, value in leaves]))
        secret, root = secret + own, add(root, times(G2, own))
        fresh = [value for _, value in leaves]
        values = [(a + b) % R for a, b in zip(values, fresh)] if values else fresh
        coefficients = [add(a, b) for a, b in zip(coefficients, points)] if coefficients else points
    check(tree, root, coefficients, values)
    show("generated", given, tree, root, coefficients, values)

    given = []
    for dealer in (0, 4):
        points, leaves = share(tree, 0, draws(b"refresh %d" % dealer))
        check(tree, None, points, [value for _, value in leaves])
        given.append((points, [little(value) for _, value in leaves]))
        values = [(a + b) % R for a, (_, b) in zip(values, leaves)]
        coefficients = [add(a, b) for a, b in zip(coefficients, points)]
    check(tree, root, coefficients, values)
    show("refreshed", given, tree, root, coefficients, values)

    old = [server for server, _ in share(tree, 0, draws())[1]]
    given, shared = [], {}
    for dealer in (0, 1, 4):
        draw = draws(b"reshare %d" % dealer)
        own = [leaf for leaf, server in enumerate(old) if server == dealer]
        for leaf in own:
            shared[leaf] = share(flat, values[leaf], draw)
            points, leaves = shared[leaf]
            check(flat, times(G2, values[leaf]), points, [value for _, value in leaves])
        points = [point for leaf in own for point in shared[leaf][0]]
        parts = ["".join(little(shared[leaf][1][at][1]) for leaf in own) for at in range(4)]
        given.append((points, parts))
    selection, _ = select(tree, {0, 1, 4})
    reshared = [
        sum(weight * shared[leaf][1][at][1] for leaf, weight in selection) % R for at in range(4)]
    coefficients = [
        sum_points(times(shared[leaf][0][at], weight) for leaf, weight in selection)
        for at in range(2)]
    check(flat, root, coefficients, reshared)
    show("reshared", given, flat, root, coefficients, reshared)
    signature = compress(times(MESSAGE, secret), 1)
    selection, _ = select(flat, {1, 2, 3})
    assert sum(weight * reshared[leaf] for leaf, weight in selection) % R == secret % R
    print("signature", signature)


class Fp12:
    """c[0] + c[1]*w + .. + c[5]*w^5 over Fp2, with w^6 = 1 + i."""

    def __init__(self, c):
        self.c = c

    def __mul__(self, other):
        wide = [Fp2(0)] * 11
        for j, a in enumerate(self.c):
            for k, b in enumerate(other.c):
                wide[j + k] = wide[j + k] + a * b
        return Fp12([
            wide[k] + (wide[k + 6] * Fp2(1, 1) if k < 5 else Fp2(0)) for k in range(6)])

    def power(self, exponent):
        total = Fp12([Fp2(1)] + [Fp2(0)] * 5)
        for bit in bin(exponent)[2:]:
            total = total * total
            if bit == "1":
                total = total * self
        return total

    def conjugate(self):
        return Fp12([c if k % 2 == 0 else Fp2(0) - c for k, c in enumerate(self.c)])

    def bytes(self):
        """Over Fp2 by the towers w^2 = v, v^3 = 1 + i: powers of v in turn, w last."""
        return b"".join(
            part.to_bytes(48, "big")
            for v in range(3) for w in range(2)
            for part in (self.c[2 * v + w].a, self.c[2 * v + w].b))


# The parameter of the curve is -X.
X = 0xD201000000010000


def pairing(p, q):
    """The cube of the reduced ate pairing of p in G1 and q in G2: what libraries of today compute,
    because it saves a division by 3 in the exponent."""
    (px, py), total, t = p, Fp12([Fp2(1)] + [Fp2(0)] * 5), q

    def line(a, b):
        """Through a and b on the twist, at p; times w^3, which the exponentiation takes away."""
        (x1, y1), (x2, y2) = a, b
        if x1 == x2:
            slope = Fp2(3) * x1 * x1 * (y1 + y1).inverse()
        else:
            slope = (y2 - y1) * (x2 - x1).inverse()
        zero = Fp2(0)
        return Fp12([slope * x1 - y1, zero, zero - slope * px, py, zero, zero])

    for bit in bin(X)[3:]:
        total, t = total * total * line(t, t), add(t, t)
        if bit == "1":
            total, t = total * line(t, q), add(t, q)
    return total.conjugate().power(3 * ((P**12 - 1) // R))


class Stream:
    """SHA-256 in counter mode over a hash of all parts with their lengths."""

    def __init__(self, tag, parts):
        joined = b"".join(len(part).to_bytes(8, "little") + part for part in parts)
        self.seed, self.counter = hashlib.sha256(tag + joined).digest(), 0

    def block(self):
        counter = self.counter.to_bytes(8, "little")
        self.counter += 1
        return hashlib.sha256(b"ally/v1/seed-stream" + self.seed + counter).digest()

    def scalar(self):
        """The first 255 bits that are in 1..r."""
        while True:
            number = int.from_bytes(self.block(), "little") % 2**255
            if 0 < number < R:
                return number


def chacha20(key, counter, nonce):
    def quarter(s, a, b, c, d):
        for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = (s[x] + s[y]) % 2**32
            mixed = s[z] ^ s[x]
            s[z] = (mixed << turn | mixed >> 32 - turn) % 2**32

    words = b"expand 32-byte k" + key + counter.to_bytes(4, "little") + nonce
    start = [int.from_bytes(words[at:at + 4], "little") for at in range(0, 64, 4)]
    state = list(start)
    for _ in range(10):
        for a, b, c, d in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                           (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            quarter(state, a, b, c, d)
    return b"".join(((a + b) % 2**32).to_bytes(4, "little") for a, b in zip(state, start))


def chacha20_poly1305(key, nonce, bound, message):
    """RFC 8439, section 2.8: the ciphertext and the tag behind it."""
    stream = b"".join(chacha20(key, 1 + at, nonce) for at in range(-(-len(message) // 64)))
    sealed = bytes(a ^ b for a, b in zip(message, stream))

    def pad(data):
        return data + bytes(-len(data) % 16)

    data = pad(bound) + pad(sealed) + len(bound).to_bytes(8, "little")
    data += len(sealed).to_bytes(8, "little")
    one_time = chacha20(key, 0, nonce)
    r = int.from_bytes(one_time[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for at in range(0, len(data), 16):
        total = (total + int.from_bytes(data[at:at + 16] + b"\x01", "little")) * r % (2**130 - 5)
    tag = (total + int.from_bytes(one_time[16:32], "little")) % 2**128
    return sealed + tag.to_bytes(16, "little")


def seal():
    """Something sealed until a key has signed the message point."""
    draw = draws(b"seal")
    secret, sigma = next(draw), hashlib.sha256(b"sigma").digest()
    key = bytes.fromhex(compress(times(G2, secret), 2))
    message = b"twelve thousand five hundred, and some more to fill a block and begin another"
    purpose, data = b"auction", b"lot 5"
    context = hashlib.sha256(
        b"ally/v1/seal-context" + hashlib.sha256(key).digest()
        + b"".join(len(part).to_bytes(8, "little") + part for part in (purpose, data))).digest()
    bound = Stream(b"ally/v1/time-lock", [context, bytes.fromhex(compress(MESSAGE, 1))]).block()
    r = Stream(b"ally/v1/time-lock-ephemeral", [bound, sigma, message]).scalar()
    ephemeral = bytes.fromhex(compress(times(G2, r), 2))
    shared = pairing(times(MESSAGE, r), times(G2, secret))
    # Who has the signature comes to the same.
    assert shared.bytes() == pairing(times(MESSAGE, secret), times(G2, r)).bytes()
    mask = Stream(b"ally/v1/time-lock-mask", [bound, ephemeral, shared.bytes()]).block()
    payload_key = Stream(b"ally/v1/time-lock-key", [bound, ephemeral, sigma]).block()
    payload = chacha20_poly1305(payload_key, bytes(12), bound, message)
    masked = bytes(a ^ b for a, b in zip(sigma, mask))
    print("sealed")
    print("key", key.hex())
    print("sigma", sigma.hex())
    print("signature", compress(times(MESSAGE, secret), 1))
    print("shared", hashlib.sha256(shared.bytes()).hexdigest())
    length = len(payload).to_bytes(4, "little")
    print("bytes", (b"\x01" + ephemeral + masked + length + payload).hex())


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
    ceremonies()
    seal()


if __name__ == "__main__":
    main()
