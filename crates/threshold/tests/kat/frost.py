#!/usr/bin/env python3
"""Known answers for FROST(Ed25519, SHA-512), made without the code they check.

Plain Python, nothing imported but hashlib: affine arithmetic on the twisted Edwards curve by the
textbook, RFC 9591 step by step. First it reproduces the vector of RFC 9591, appendix E.1, and stops
if anything differs; then it makes a key with three dealers, refreshes it and signs.

Writes the vectors to standard output; they are kept in frost.txt next to this file.
"""

import hashlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def add(p, q):
    (x1, y1), (x2, y2) = p, q
    product = D * x1 * x2 * y1 * y2
    return ((x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P,
            (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P)


def times(point, scalar):
    total = (0, 1)
    for bit in bin(scalar % L)[2:]:
        total = add(total, total)
        if bit == "1":
            total = add(total, point)
    return total


def base_point():
    """y = 4/5 and the even x."""
    y = 4 * pow(5, -1, P) % P
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert x * x % P == square
    return (P - x if x & 1 else x), y


B = base_point()


def compress(point):
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def scalar(number):
    return (number % L).to_bytes(32, "little")


def h(tag, data):
    return hashlib.sha512(b"FROST-ED25519-SHA512-v1" + tag + data).digest()


def reduce(digest):
    return int.from_bytes(digest, "little") % L


def nonce(randomness, secret):
    return reduce(h(b"nonce", randomness + scalar(secret)))


def weight(own, identifiers):
    value = 1
    for other in identifiers:
        if other != own:
            value = value * other * pow(other - own, -1, L) % L
    return value


def evaluate(coefficients, x):
    return sum(c * pow(x, power, L) for power, c in enumerate(coefficients)) % L


def sign(key, shares, message, nonces):
    """shares and nonces by identifier; returns all that is derived."""
    identifiers = sorted(nonces)
    commitments = {i: [compress(times(B, n)) for n in nonces[i]] for i in identifiers}
    encoded = b"".join(scalar(i) + b"".join(commitments[i]) for i in identifiers)
    prefix = key + h(b"msg", message) + h(b"com", encoded)
    factors = {i: reduce(h(b"rho", prefix + scalar(i))) for i in identifiers}
    group = (0, 1)
    for i in identifiers:
        hiding, binding = nonces[i]
        group = add(group, times(B, hiding + factors[i] * binding))
    r = compress(group)
    challenge = reduce(hashlib.sha512(r + key + message).digest())
    responses = {
        i: (nonces[i][0] + factors[i] * nonces[i][1]
            + challenge * weight(i, identifiers) * shares[i]) % L
        for i in identifiers}
    signature = r + scalar(sum(responses.values()))
    return commitments, encoded, prefix, factors, r, responses, signature


def verify(key_point, message, signature):
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    challenge = reduce(hashlib.sha512(r + compress(key_point) + message).digest())
    return compress(add(times(B, s), times(key_point, -challenge))) == r


def rfc_9591_appendix_e1():
    def number(text):
        return int.from_bytes(bytes.fromhex(text), "little")

    secret = number("7b1c33d3f5291d85de664833beb1ad469f7fb6025a0ec78b3a790c6e13a98304")
    coefficient = number("178199860edd8c62f5212ee91eff1295d0d670ab4ed4506866bae57e7030b204")
    key = bytes.fromhex("15d21ccd7ee42959562fc8aa63224c8851fb3ec85a3faf66040d380fb9738673")
    shares = {i: evaluate([secret, coefficient], i) for i in (1, 2, 3)}
    assert compress(times(B, secret)) == key
    assert scalar(shares[2]).hex() == (
        "a91e66e012e4364ac9aaa405fcafd370402d9859f7b6685c07eed76bf409e80d")
    random = {
        1: ("06894e04ee4aceec8619d5f6a0a180e2f47194d2ac306cba586b555e7c48d765",
            "40d6f879ff22e22409f7d808fed81f37118e7d3e4af71c0f44c60207553bcbce"),
        3: ("fa5d950626782aade9e33fa781376d4888c2d1de7c37518bc248eb818ed0cdde",
            "7459a4d14ded0e365b085271be8dc6600d5b88f3978a2174297ffa32001a5afc"),
    }
    nonces = {i: [nonce(bytes.fromhex(r), shares[i]) for r in random[i]] for i in random}
    _, _, _, factors, _, responses, signature = sign(key, shares, b"test", nonces)
    assert scalar(factors[1]).hex() == (
        "ff960a65374e216a0918729b153466016664fa980d409bc3f308daa7acb30d0d")
    assert scalar(responses[3]).hex() == (
        "79390e78bc59699c7af831f8f5fb478ec871a85f561a8641b5670ac4443f720f")
    assert signature.hex() == (
        "154fb694ee7fcb37bf2381d94488c2a84b03b3352ad085feca81ad26d45852b7"
        "ecfe971ce4da95c4a95db93ac376b053897fca212ef85f99cf696bffeb178f07")
    assert verify(times(B, secret), b"test", signature)


# What our own encodings add. All of it is repeated in vectors.rs.
VERSION_SUITE = bytes([1, 0xF1])
SERVERS, NEEDED = [0, 2, 3, 5, 7], 3
EPOCH = 4


def draws(name):
    """The numbers that are drawn for a purpose, in order: hashes of a counter, below 2^248."""
    counter = 0
    while True:
        yield int.from_bytes(hashlib.sha256(b"%s %d" % (name, counter)).digest()[:31], "little")
        counter += 1


def u16(value):
    return value.to_bytes(2, "little")


FORMULA = b"\1" + u16(NEEDED) + u16(len(SERVERS)) + b"".join(b"\0" + u16(s) for s in SERVERS)


def polynomial(name, first=None):
    draw = draws(name)
    count = NEEDED if first is None else NEEDED - 1
    return ([] if first is None else [first]) + [next(draw) for _ in range(count)]


def key_bytes(epoch, coefficients):
    return (VERSION_SUITE + epoch.to_bytes(8, "little") + len(FORMULA).to_bytes(4, "little")
            + FORMULA + b"".join(compress(times(B, c)) for c in coefficients))


def key_id(encoded):
    return hashlib.sha256(b"ally/v1/frost-key" + encoded).digest()


def show_dealing(plan, dealer, coefficients, encoded):
    digest = hashlib.sha256(b"ally/v1/frost-contribution" + plan + u16(dealer) + encoded)
    print("contribution", dealer, encoded.hex(), digest.hexdigest())
    for server in SERVERS:
        print("part", server, scalar(evaluate(coefficients, server + 1)).hex())


def show_key(epoch, coefficients):
    encoded = key_bytes(epoch, coefficients)
    print("key", encoded.hex(), key_id(encoded).hex())
    for server in SERVERS:
        print("share", server, scalar(evaluate(coefficients, server + 1)).hex())
    return key_id(encoded)


def generate():
    print("ceremony generated")
    ceremony = hashlib.sha256(b"ceremony").digest()
    plan = hashlib.sha256(b"ally/v1/frost-plan" + VERSION_SUITE + ceremony
                          + EPOCH.to_bytes(8, "little") + FORMULA).digest()
    total = [0] * NEEDED
    for dealer in (0, 3, 7):
        coefficients = polynomial(b"dealer %d" % dealer)
        points = b"".join(compress(times(B, c)) for c in coefficients)
        secret_nonce = next(draws(b"proof %d" % dealer))
        commitment = compress(times(B, secret_nonce))
        challenge = reduce(hashlib.sha512(
            b"ally/v1/frost-possession" + plan + u16(dealer) + points + commitment).digest())
        proof = commitment + scalar(secret_nonce + challenge * coefficients[0])
        show_dealing(plan, dealer, coefficients, points + proof)
        total = [(a + b) % L for a, b in zip(total, coefficients)]
    return total, show_key(EPOCH, total)


def refresh(total, old):
    print("ceremony refreshed")
    plan = hashlib.sha256(b"ally/v1/frost-refresh" + VERSION_SUITE + old
                          + (EPOCH + 1).to_bytes(8, "little")).digest()
    for dealer in (2, 5, 7):
        coefficients = polynomial(b"refresh %d" % dealer, first=0)
        points = b"".join(compress(times(B, c)) for c in coefficients[1:])
        show_dealing(plan, dealer, coefficients, points)
        total = [(a + b) % L for a, b in zip(total, coefficients)]
    return total, show_key(EPOCH + 1, total)


def session(total, key):
    print("session")
    message = b"what the alliance says"
    shares = {s + 1: evaluate(total, s + 1) for s in SERVERS}
    nonces = {}
    for server in (0, 3, 5, 7):
        draw = draws(b"nonces %d" % server)
        nonces[server + 1] = [next(draw), next(draw)]
    point = times(B, total[0])
    result = sign(compress(point), shares, message, nonces)
    commitments, encoded, _, factors, group, responses, signature = result
    for i in sorted(nonces):
        print("signer", i - 1, b"".join(commitments[i]).hex(), scalar(factors[i]).hex(),
              scalar(responses[i]).hex())
    assert verify(point, message, signature)
    digest = hashlib.sha256(b"ally/v1/frost-session" + key + h(b"msg", message)
                            + h(b"com", encoded))
    print("signature", signature.hex(), digest.hexdigest())
    assert signature[:32] == group


rfc_9591_appendix_e1()
key, identity = generate()
key, identity = refresh(key, identity)
session(key, identity)
