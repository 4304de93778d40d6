"""Makes test cases for inetPton() and inetNtop() with the C library's own inet_pton(3), inet_ntop(3).

    python3 tests/data/make_inet.py > tests/data/inet.json

Run it with a glibc. Cases are the same for the same seed; another can be given as the argument.

"pton4" and "pton6" give for each text the bytes in hexadecimal, or null if it is refused; "ntop"
gives for each address in hexadecimal its text.
"""

import json
import random
import socket
import sys

rng = random.Random(sys.argv[1] if len(sys.argv) > 1 else "inet")

IPV4 = """
0.0.0.0 255.255.255.255 127.0.0.1 128.2.194.242 1.2.3.4 10.20.30.40 192.0.2.1 9.99.100.199 200.249.250.1
1..2.3 1.2.3 1.2 1 1.2.3.4.5 .1.2.3 1.2.3. .1.2.3.4 1.2.3.4. ... . .... 1...2 1.2..3.4 ..1.2
01.2.3.4 1.02.3.4 1.2.3.04 00.0.0.0 0.0.0.00 000.0.0.0 1.2.3.004 010.0.0.1 0177.0.0.1 127.0.0.01
256.0.0.1 1.2.3.256 300.1.1.1 999.9.9.9 1.2.3.1000 1.2.3.0000004 4294967296.1.1.1 1.1.1.18446744073709551617
0x8002C2F2 0x7f.0.0.1 127.0.0.0x1 7f.0.0.1 a.b.c.d 2130706433 127.1 0 +1.2.3.4 -1.2.3.4 1.-2.3.4 1e1.2.3.4
1.2.3.4/24 1.2.3.4:80 [1.2.3.4] 1,2,3,4 1.2.3.4%lo localhost ::1 ::1.2.3.4 1:2:3:4 255.255.255.255.
""".split()

IPV6 = """
:: ::1 1:: ::0 0:: 0::0 ::ffff 1::2 2001:db8::1 fe80::1 ff02::1 FF02::1 2001:DB8::aBcD 1:2:3:4:5:6:7:8
0:0:0:0:0:0:0:0 0000:0000:0000:0000:0000:0000:0000:0000 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255 0001:0002::0008 ::1.2.3.4 ::ffff:1.2.3.4 ::FFFF:192.0.2.1
64:ff9b::192.0.2.33 1:2:3:4:5:6:1.2.3.4 1:2:3:4:5::1.2.3.4 1:2:3:4:5:6::1.2.3.4 1:2:3:4:5:6:7::1.2.3.4
1:2:3:4:5:6:7:1.2.3.4 1:2:3:4:5:6:7:8:1.2.3.4 1:2:3:4:5:1.2.3.4 1.2.3.4:: 1.2.3.4::1 1::1.2.3.4:5 ::1.2.3.4:
1.2.3.4 1.2.3.4:1:2:3:4:5:6 ::1.2.3.4.5 ::1.2.3 ::1.2 ::1. ::. ::.1 ::1.2.3.04 ::1.2.3.256 ::a.2.3.4 ::1.2.3.a
::0001.2.3.4 ::00001.2.3.4 ::1234.1.1.1 ::12345.1.1.1 ::1..2.3 ::ffff:01.2.3.4 ::ffff:1.2.3.4::
: ::: :::: :::1 1::: 1:::2 1::2:::3 1::2::3 ::1:: ::1::2 1:: 1: :1 1:2 1: :1:2:3:4:5:6:7:8 :1::2 1::2:
1:2:3:4:5:6:7 1:2:3:4:5:6:7: 1:2:3:4:5:6:7:: 1:2:3:4:5:6:7:8: 1:2:3:4:5:6:7:8:: ::1:2:3:4:5:6:7:8 :1:2:3:4:5:6:7
::1:2:3:4:5:6:7 ::2:3:4:5:6:7:8 1::3:4:5:6:7:8 1:2:3:4:5:6:7:8:9 1:2:3:4::5:6:7:8 1:2:3:4::6:7:8 1:2:3:4:5:6:7:8:9:
12345:: ::12345 00001:: ::00000 1:2:3:4:5:6:7:00008 g:: ::g ::-1 ::+1 0x1:: ::0x1 1:2:3:4:5:6:7:g
fe80::1%eth0 fe80::1%1 fe80::1% ::1%lo %eth0 [::1] [::1]:80 ::1/128 ::/0 1::2/64 1;2 ::1]
""".split()

# What is not easily seen or typed: white space, controls, digits and dots that are not ASCII, halves
# of a surrogate pair.
ODD = ["", " ", "\t", "\n", "\r", "\0", "\x01", "\x7f", "\x80", "\xa0", "\u0130", "\u0131", "\u0660", "\u0661",
       "\u0967", "\u2024", "\u2028", "\u3002", "\ufeff", "\uff0e", "\uff11", "\uff1a", "\uff21", "\U0001d7d9",
       "\ud835", "\udfd9", "0\u0301"]


def pton(family, text):
    """The bytes in hexadecimal, None if the text is refused: also by Python on its way to C."""
    try:
        return socket.inet_pton(family, text).hex()
    except (OSError, ValueError):
        return None


def octet():
    return rng.choice([0, 1, 9, 10, 99, 100, 199, 200, 249, 250, 255, rng.randrange(256), rng.randrange(256)])


def ipv4():
    return ".".join(str(octet()) for _ in range(4))


def group():
    value = rng.choice([0, 0, 1, 0xF, 0x10, 0xFFF, 0x1000, 0xFFFF, rng.randrange(0x10000), rng.randrange(0x10000)])
    return rng.choice(["%x", "%x", "%X", "%04x", "%04X", "%02x", "%03x"]) % value


def ipv6():
    """Mostly right: the number of groups may be wrong by one, and there may be two "::"."""
    count = rng.choice([8] * 12 + [7, 9])
    dotted = rng.random() < 0.25
    groups = [group() for _ in range(count - 2 if dotted else count)] + ([ipv4()] if dotted else [])
    for _ in range(rng.choice([0, 1, 1, 1, 1, 2])):
        start = rng.randrange(len(groups) + 1)
        end = rng.randrange(start, len(groups) + 1)
        before, after = groups[:start], groups[end:]
        groups = (before or [""]) + [""] + (after or [""])
    return ":".join(groups)


def mutate(text, alphabet):
    """Inserts, deletes, replaces, doubles or moves a character."""
    at = rng.randrange(len(text) + 1)
    before, char, after = text[:at], text[at:at + 1], text[at + 1:]
    kind = rng.randrange(5)
    if kind == 0:
        return before + rng.choice(alphabet) + char + after
    if kind == 1:
        return before + after
    if kind == 2:
        return before + rng.choice(alphabet) + after
    if kind == 3:
        return before + char * 2 + after
    to = rng.randrange(len(text) + 1)
    rest = before + after
    return rest[:to] + char + rest[to:]


def mutations(count, make, alphabet):
    return [mutate(mutate(make(), alphabet) if rng.random() < 0.2 else make(), alphabet) for _ in range(count)]


def odd(texts):
    """Each odd character alone, before, after and within each text."""
    return ODD + [t for text in texts for o in ODD for t in (o + text, text + o, text[:3] + o + text[3:])]


def gaps():
    """Every placement of one "::", for up to nine groups, with hexadecimal and dotted ends."""
    texts = []
    for end in ([], ["1.2.3.4"]):
        for count in range(10 - len(end)):
            groups = [str(n) for n in range(1, count + 1)] + end
            texts.append(":".join(groups))
            texts += [":".join(groups[:at]) + "::" + ":".join(groups[at:]) for at in range(len(groups) + 1)]
    return texts


def sparse():
    """16 bytes with many zeros: each mask says which groups are zero."""
    mask = rng.randrange(256)
    values = [0 if mask >> i & 1 else rng.choice([1, 0xFF, 0x100, 0xFFFF, rng.randrange(0x10000)]) for i in range(8)]
    return b"".join(v.to_bytes(2, "big") for v in values)


ends = [bytes(map(int, end.split("."))) for end in
        ["0.0.0.0", "0.0.0.1", "0.0.1.0", "0.1.0.0", "1.0.0.0", "255.255.255.255", "192.0.2.1"]]
starts = [bytes(12), bytes(10) + b"\xff\xff", bytes(8) + b"\xff\xff" + bytes(2), bytes(10) + b"\xff\xfe",
          bytes(10) + b"\x00\xff", bytes(10) + b"\xff\x00", b"\x00\x01" + bytes(8) + b"\xff\xff",
          bytes.fromhex("0064ff9b") + bytes(8)]

pton4 = IPV4 + odd(["1.2.3.4"]) + [ipv4() for _ in range(400)] + mutations(1500, ipv4, "0123456789.: ax-/")
pton6 = (IPV6 + odd(["::1", "::ffff:1.2.3.4"]) + gaps() + [ipv6() for _ in range(1200)]
         + mutations(1800, ipv6, "0123456789abcdefABCDEF::::..gG %[]/"))
ntop = ([start + end for start in starts for end in ends] + ends
        + [bytes(0 if mask >> i // 2 & 1 else 0x11 * (i % 2) for i in range(16)) for mask in range(256)]
        + [rng.randbytes(4) for _ in range(100)] + [rng.randbytes(16) for _ in range(300)]
        + [sparse() for _ in range(1200)])

cases = {
    "pton4": {text: pton(socket.AF_INET, text) for text in pton4},
    "pton6": {text: pton(socket.AF_INET6, text) for text in pton6},
    "ntop": {b.hex(): socket.inet_ntop(socket.AF_INET if len(b) == 4 else socket.AF_INET6, b) for b in ntop},
}
print(json.dumps(cases, indent=0, separators=(",", ":")))
