"""Makes cases for tests/pack_test.ts with Python's struct, which lib/wire/pack.ts has to agree with.

    python3 tests/data/make_pack.py > tests/data/pack.json     the stored cases
    python3 tests/data/make_pack.py SEED COUNT                 COUNT random cases of another seed

It needs Python 3.9. "=" is the byte order of the machine that runs this; for the stored cases it was little-endian.

The output is a list with one case a line, each of them one of

    {"format", "values", "hex"}          pack gives these bytes, and unpack these values
    {"format", "values", "hex", "back"}  the same, but unpack gives other values: of a rounded f, a
                                         padded or cut s
    {"format", "hex", "back"}            unpack gives these values (pack may give other bytes)
    {"format", "values", "error"}        pack refuses the values
    {"format", "hex", "error"}           unpack refuses the bytes
    {"format", "error"}                  a bad format

Values that JSON has no notation for are strings with a first letter: "n123" is the bigint of q and Q,
"x00ff" the bytes of s, "fnan", "finf" and "f-inf" are numbers. "-0.0" is a JSON number as it is.
"""

import json
import math
import random
import struct
import sys

INTEGERS = {"b": 8, "B": 8, "h": 16, "H": 16, "i": 32, "I": 32, "q": 64, "Q": 64}
CODES = [*INTEGERS, "f", "d", "?", "s", "x"]
SPACE = " \t\n\v\f\r"

DOUBLES = [
    0.0, -0.0, 1.0, -1.0, 0.1, -2.5, 1 / 3, math.pi, 1e10, 16777217.0, 2.0**53, 123456789.125,
    math.inf, -math.inf, math.nan,
    5e-324, -5e-324, 2.2250738585072014e-308, 2.225073858507201e-308, 1.7976931348623157e308,
    # The limits of f: smallest, half of that (to even: 0) and a little more, smallest normal, largest.
    2.0**-149, 2.0**-150, 2.0**-150 * (1 + 2.0**-52), -(2.0**-126), 2.0**-126 - 2.0**-149,
    3.4028234663852886e38, -3.4028234663852886e38,
    # Ties to even, between 1 and the next number of f, and either side of the tie.
    1 + 2.0**-24, 1 + 3 * 2.0**-24, 1 + 2.0**-24 + 2.0**-52, 1 + 2.0**-24 - 2.0**-52,
]
# The first that no longer rounds down to the largest f, and the last that does.
TOO_LARGE_FOR_F = 2.0**128 - 2.0**103
STILL_FITS_F = math.nextafter(TOO_LARGE_FOR_F, 0)


def limits(code):
    bits = INTEGERS[code]
    return (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if code.islower() else (0, 2**bits - 1)


def boundaries(code):
    """Every power of two that fits, and its neighbours."""
    low, high = limits(code)
    near = {n + d for bit in range(65) for n in (2**bit, -(2**bit)) for d in (-1, 0, 1)}
    return sorted(n for n in near | {0} if low <= n <= high)


def random_value(rng, code, size):
    if code in INTEGERS:
        low, high = limits(code)
        return rng.choice([low, high, 0, rng.randint(low, high), rng.randint(low, high)])
    if code in ("d", "f"):
        fitting = [d for d in DOUBLES if code == "d" or not abs(d) >= TOO_LARGE_FOR_F or math.isinf(d)]
        [exact] = struct.unpack(">" + code, rng.randbytes(struct.calcsize(">" + code)))
        number = rng.choice([rng.choice(fitting), exact, rng.uniform(-1e6, 1e6)])
        # JavaScript has one NaN, Python has all of them.
        return math.nan if math.isnan(number) else number
    if code == "?":
        return rng.random() < 0.5
    return rng.randbytes(max(0, size + rng.choice([0, 0, 0, -1, 1, -size])))


def random_items(rng):
    """Pieces of a format, and values that fit it."""
    pieces, values = [], []
    for _ in range(rng.choice([0, 1, 1, 2, 2, 3, 4, 6])):
        code = rng.choice(CODES)
        count = rng.choice(["", "", "", "0", "1", "2", "3", "03", str(rng.randint(4, 12))])
        number = int(count or 1)
        space = "".join(rng.choices(SPACE, k=rng.choice([0, 0, 0, 0, 1, 2])))
        pieces.append(space + count + code)
        if code == "s":
            values.append(random_value(rng, code, number))
        elif code != "x":
            values += [random_value(rng, code, 1) for _ in range(number)]
    if rng.random() < 0.1:
        pieces.append(rng.choice(SPACE))
    return pieces, values


def wrong_value(rng, code):
    """A value of the right type that does not fit. There are some for integers and f only."""
    if code == "f":
        return rng.choice([1, -1]) * rng.choice([TOO_LARGE_FOR_F, 1e39, 1.7976931348623157e308])
    low, high = limits(code)
    if code in "qQ":
        return rng.choice([low - 1, high + 1, low - 2**70, high + 2**70])
    return rng.choice(
        [low - 1, high + 1, low - 2**40, high + 2**40, 0.5, -0.5, high + 0.5, math.nan, math.inf]
    )


def encode(value, code):
    if isinstance(value, bytes):
        return "x" + value.hex()
    if code in ("q", "Q") and type(value) is int:
        return f"n{value}"
    if isinstance(value, float) and not math.isfinite(value):
        return f"f{value}"
    return value


def codes_of(format):
    """The code of each value: "!2HxQ" gives "HHQ"."""
    result, digits = [], ""
    for char in format[1:]:
        if char.isdigit():
            digits += char
        elif char in CODES:
            result += [char] * (1 if char == "s" else 0 if char == "x" else int(digits or 1))
            digits = ""
    return result


def encode_all(format, values):
    codes = codes_of(format)
    # A value too many has no code; then the last one's does.
    return [encode(v, codes[min(i, len(codes) - 1)] if codes else "B") for i, v in enumerate(values)]


def same(one, other):
    return repr(one) == repr(other)  # -0.0 is not 0.0, nan is nan


def pack_case(format, values):
    case = {"format": format, "values": encode_all(format, values)}
    try:
        packed = struct.pack(format, *values)
    except (struct.error, OverflowError):
        return {**case, "error": True}
    back = encode_all(format, struct.unpack(format, packed))
    case["hex"] = packed.hex()
    return case if same(back, case["values"]) else {**case, "back": back}


def unpack_case(format, data):
    case = {"format": format, "hex": data.hex()}
    try:
        return {**case, "back": encode_all(format, struct.unpack(format, data))}
    except struct.error:
        return {**case, "error": True}


def format_case(format):
    """A format that is probably bad; if it is good, zeros are unpacked."""
    try:
        size = struct.calcsize(format)
    except (struct.error, UnicodeEncodeError):
        return {"format": format, "error": True}
    # Too long a message to make. Python only calculates here; lib/wire/pack.ts refuses earlier.
    if size >= 2**31:
        return {"format": format, "error": True}
    return unpack_case(format, bytes(size)) if size < 100 else unpack_case(format, b"")


def random_case(rng):
    pieces, values = random_items(rng)
    order = rng.choice("!><=")
    format = order + "".join(pieces)
    codes = codes_of(format)
    size = struct.calcsize(format)
    kind = rng.randrange(20)
    if kind < 12:
        return pack_case(format, values)
    if kind < 15:
        return unpack_case(format, rng.randbytes(size))
    if kind == 15:
        return unpack_case(format, rng.randbytes(rng.choice([size + 1, max(0, size - 1), 0, size * 2])))
    if kind == 16:
        wrong = [i for i, code in enumerate(codes) if code in INTEGERS or code == "f"]
        if wrong:
            i = rng.choice(wrong)
            values[i] = wrong_value(rng, codes[i])
        return pack_case(format, values)
    if kind == 17:
        return pack_case(format, rng.choice([values[:-1], values + values[-1:], [], values * 2]))
    # A character too many, too few, or another, out of those that Python has no other meaning for.
    at = rng.randrange(1, len(format) + 1)
    char = rng.choice("bHIq?sx0123 9zN!<@.-+,\0\u00e9\u0660\u3000\U0001f40d")
    return format_case(format[:at] + rng.choice(["", char, char]) + format[at + rng.randrange(2) :])


def systematic_cases():
    for order in "!><=":
        for code in INTEGERS:
            low, high = limits(code)
            edges = boundaries(code) if order == "!" else [low, low + 1, 0, 1, high - 1, high]
            for value in edges + [low - 1, high + 1]:
                yield pack_case(order + code, [value])
        for value in DOUBLES + [STILL_FITS_F, -STILL_FITS_F, TOO_LARGE_FOR_F, -TOO_LARGE_FOR_F]:
            yield pack_case(order + "d", [value])
            yield pack_case(order + "f", [value])
        for value in (False, True):
            yield pack_case(order + "?", [value])
        for size in range(6):
            for length in range(7):
                yield pack_case(f"{order}{size}s", [bytes(range(249, 249 + length))])
        for code in CODES:
            for count in ("0", "00", "1", "01", "2", "17"):
                size = struct.calcsize(order + count + code)
                yield unpack_case(order + count + code, bytes(i * 37 % 256 for i in range(size)))
                yield unpack_case(order + count + code, bytes(size + 1))
    for byte in range(256):
        yield unpack_case("!?", bytes([byte]))
        yield unpack_case("!bB", bytes([byte, byte]))
    # The example of the CS:APP lecture.
    yield pack_case("!I", [4294967295])
    yield pack_case("!I", [0])
    for space in SPACE + "\u00a0\u2028\u0085\x1c":
        yield format_case("!" + space)
        yield format_case(f"!H{space}{space}B{space}")
        yield format_case(f"!2{space}H")
    for format in (
        ["!", ">", "<", "=", "!3", "!3 ", "! 3", "!H3", "!-1H", "!+1H", "!1.5H", "!0x1H"]
        + ["!!", "!!H", "!H!", "!<H", "<>H", "!@H", "!H,B", "!(H)", "!n", "!N", "!0z", "!\0", "!H\0"]
        + ["!\u0661H", "!\uff11H", "!\u00b2H", "!\u0130", "!\U0001d7d9H", "!\U0001f40d", "!\ud800"]
        + ["!99999999999s", "!99999999999x", "!99999999999B", "!268435456Q", "!2147483648x"]
        + ["!18446744073709551616s", "!18446744073709551617H", "!" + "9" * 400 + "s"]
        + ["!2147483647s", "!2147483647sB", "!2147483647x2147483647x2147483647x", "!0B2147483648B"]
        + ["!" + "0" * 400 + "1B", "!" + "x" * 99, "!" + " B" * 40]
    ):
        yield format_case(format)


def main():
    if len(sys.argv) == 3:
        rng = random.Random(int(sys.argv[1]))
        cases = [random_case(rng) for _ in range(int(sys.argv[2]))]
    else:
        rng = random.Random(2024)
        cases = [*systematic_cases(), *(random_case(rng) for _ in range(2500))]
    lines = [json.dumps(case, separators=(",", ":"), allow_nan=False) for case in cases]
    print("[\n" + ",\n".join(dict.fromkeys(lines)) + "\n]")


main()
