"""RFC 7692: compressed messages."""

import zlib

from deflate import *
from rows import *


def blocks():
    use = {"negotiated": PMD}
    one_a = [0] * 97 + [2] + [0] * 158 + [2, 1]  # "a" 10, the end 11, length 3: 0
    alone = Bits().dynamic(one_a, [1])
    for name, payload, text in [
        ("stored block", Bits().stored(b"Hello").message(), "Hello"),
        ("empty stored blocks before and behind", Bits().stored().stored(b"Hello").stored().message(), "Hello"),
        ("a stored block a byte", Bits().stored(b"H").stored(b"i").message(), "Hi"),
        ("dynamic block with one distance code", alone.code(2, 2).code(0, 1).code(0, 1).code(3, 2).message(), "aaaa"),
        ("dynamic block without distance codes", Bits().dynamic([0] * 97 + [1] + [0] * 158 + [1], [0]).code(0, 1).code(0, 1).code(1, 1).message(), "aa"),
        ("stored, fixed, stored, final fixed, fixed",
         Bits().stored(b"H").fixed().text(b"e").end().stored(b"l").fixed(1).text(b"l").end(1).fixed().text(b"o").end().message(), "Hello"),
        ("three final blocks", Bits().fixed(1).text(b"He").end(1).fixed(1).text(b"ll").end(1).stored(b"o", 1).message(), "Hello"),
        ("final stored block", Bits().stored(b"Hello", 1).message(), "Hello"),
        ("final empty stored block", Bits().stored(b"", 1).message(), ""),
        ("empty fixed block", Bits().fixed().end().message(), ""),
        ("final empty fixed block", Bits().fixed(1).end(1).message(), ""),
        ("a reference over itself", Bits().fixed().text(b"a").back(258, 1).end().message(), "a" * 259),
        ("a reference over two blocks", Bits().stored(b"Hello").fixed().back(5, 5).end().message(), "HelloHello"),
        ("a reference over a final block", Bits().stored(b"Hello", 1).fixed().back(5, 5).end().message(), "HelloHello"),
        ("a flush inside", HELLO_Z + b"\x00\x00\xff\xff" + AGAIN_Z, "HelloHello"),
        ("an empty block a flush", (HELLO_Z + b"\x00\x00\xff\xff" + b"\x00" * 3 + b"\xff\xff\x00"), "Hello"),
    ]:
        add("PMD", name, [packed(payload)], ok("text:" + text), rfc="RFC 7692 §7.2.3; RFC 1951", **use)
    aligned = [Bits().fixed().text("À".encode() * n).end().stored(b"x").message() for n in range(8)]
    add("PMD", "a stored block behind each number of bits", [packed(data) for data in aligned], ok(*["text:" + "À" * n + "x" for n in range(8)]),
        rfc="RFC 1951 §3.2.4", **use)
    final = [Bits().fixed(1).text("À".encode() * n).end(1).fixed().text(b"x").end().message() for n in range(8)]
    add("PMD", "a final block behind each number of bits, then another", [packed(data) for data in final],
        ok(*["text:" + "À" * n + "x" for n in range(8)]), rfc="RFC 1951 §3.2.3; RFC 7692 §7.2.3.4", **use)
    add("PMD", "stored block of 65,535 bytes", [packed(Bits().stored(bytes(65535)).message(), BINARY)], ok("binary:65535 bytes"), rfc="RFC 1951 §3.2.4", **use)
    add("PMD", "final block without the byte 00 behind it", [packed(Bits().fixed(1).text(b"Hello").end(1).bytes())], ok("text:Hello", also=[1002, 1007]),
        rfc="RFC 7692 §7.2.1, §7.2.3.4", level="open", note="there is no block that 00 00 ff ff could complete", **use)
    add("PMD", "00 00 ff ff not taken off", [packed(HELLO_Z + b"\x00\x00\xff\xff")], fail(1007, "Inflate", *OPEN_DATA, "ok"),
        rfc="RFC 7692 §7.2.1", level="open", note="with the tail that is added the message ends inside a stored block's head", **use)

    bad = fail(1007, "Inflate", *OPEN_DATA)
    must = {"rfc": "RFC 1951 §3.2; RFC 7692 §7.2.2", "level": "MUST fail, code open"} | use
    tree = [8] * 255 + [0, 1]  # 255 of 256 leaves for literals and half of all for the end: too many
    for name, payload in {
        "block type 3": Bits().put(0, 1).put(3, 2).put(0, 21).bytes(),
        "final block of type 3": Bits().put(1, 1).put(3, 2).put(0, 21).bytes(),
        "block type 3 after a good block": Bits().stored(b"Hello").put(0, 1).put(3, 2).put(0, 21).bytes(),
        "block type 3 after a final block": Bits().stored(b"Hello", 1).put(6, 3).put(0, 21).bytes(),
        "stored block, NLEN as LEN": Bits().stored(b"Hello", nlen=5).message(),
        "stored block, NLEN off by a bit": Bits().stored(b"Hello", nlen=0xFFFA ^ 0x8000).message(),
        "stored block that holds more than there is": b"\x00" + (500).to_bytes(2, "little") + (0xFFFF ^ 500).to_bytes(2, "little") + b"Hello",
        "287 literal and length codes": Bits().dynamic([9] * 287, [1]).message(),
        "288 literal and length codes": Bits().dynamic([9] * 288, [1]).message(),
        "31 distance codes": Bits().dynamic([8] * 255 + [0, 8], [5] * 31).message(),
        "32 distance codes": Bits().dynamic([8] * 255 + [0, 8], [5] * 32).message(),
        "too many codes of a length": Bits().dynamic(tree, [1]).message(),
        "too few literal codes": Bits().dynamic([0] * 97 + [2] + [0] * 158 + [2], [1]).code(0, 2).code(1, 2).message(),
        "no code for the end of the block": Bits().dynamic([1, 1] + [0] * 255, [1]).code(0, 1).message(),
        "no literal code at all": Bits().dynamic([0] * 257, [1]).message(),
        "too many distance codes of a length": Bits().dynamic(one_a, [1, 1, 1]).message(),
        "too few distance codes": Bits().dynamic(one_a, [2, 2]).message(),
        "a distance code that is not there": Bits().dynamic(one_a, [1]).code(2, 2).code(0, 1).code(1, 1).code(3, 2).message(),
        "a distance where there are none": Bits().dynamic(one_a, [0]).code(2, 2).code(0, 1).code(0, 1).code(3, 2).message(),
        "too many codes for code lengths": Bits().dynamic([8] * 257, [1], codes={n: 1 for n in range(16)}).message(),
        "too few codes for code lengths": Bits().dynamic([8] * 257, [1], codes={0: 2, 8: 2}).message(),
        "no codes for code lengths": Bits().dynamic([8] * 257, [1], codes={99: 1}).message(),
        "a repeated length before any": repeats({16: 1, 0: 1}).code(1, 1).put(3, 2).put(0, 40).bytes(),
        "more repeated lengths than there are": repeats({18: 1, 0: 1}).code(1, 1).put(127, 7).code(1, 1).put(127, 7).code(1, 1).put(127, 7).put(0, 40).bytes(),
        "length symbol 287": Bits().fixed().text(b"a").literal(287).code(0, 5).end().message(),
        "distance symbol 31": Bits().fixed().text(b"a").literal(257).code(31, 5).end().message(),
        "a distance one beyond the beginning": Bits().fixed().text(b"Hello").back(3, 6).end().message(),
        "a distance of 32,768 after five bytes": Bits().fixed().text(b"Hello").back(3, 32768).end().message(),
        "bytes FF behind a final block": Bits().stored(b"Hello", 1).bytes() + b"\xff\xff",
        "two bytes 00 behind a final block": Bits().stored(b"Hello", 1).bytes() + b"\x00\x00",
        "three bytes 00 behind a message": HELLO_Z + bytes(3),
        "bytes FF only": b"\xff" * 8,
        "plain text": b"Hello, world",
    }.items():
        add("PMD", name, [packed(payload)], bad, **must)
    unfinished = {"rfc": "RFC 7692 §7.2.1, §7.2.2", "level": "open", "note": "the message does not end where a block ends"} | use
    maker = zlib.compressobj(9, zlib.DEFLATED, -15, 8, zlib.Z_HUFFMAN_ONLY)
    whole = maker.compress(b"the quick brown fox " * 30) + maker.flush(zlib.Z_SYNC_FLUSH)[:-4]
    assert whole[0] >> 1 & 3 == 2, "a dynamic block"
    for name, payload in {
        "one byte of a fixed block": HELLO_Z[:1], "a fixed block without its end": HELLO_Z[:-1], "a stored block's head": b"\x00\x05",
        "half of a stored block's length": b"\x00\x05\x00\xfa", "a stored block without its last byte": Bits().stored(b"Hello").bytes()[:-1],
        "a stored block and nothing behind it": Bits().stored(b"Hello").bytes(), "a dynamic block's first byte": whole[:1],
        "a dynamic block inside its lengths": whole[:9], "a dynamic block without its end": whole[:-3],
        "a length without its distance": Bits().fixed().text(b"a").literal(265).bytes(), "half of a final block": Bits().fixed(1).text(b"Hel").bytes(),
    }.items():
        add("PMD", f"the end: {name}", [packed(payload)], bad, **unfinished)
        add("PMD", f"the end: {name}, then another message", [packed(payload), packed(HELLO_Z)], bad | {"events": []}, **unfinished)


def windows():
    both_ways = ["permessage-deflate; server_max_window_bits={0}; client_max_window_bits={0}"]

    def agreed(bits):
        return {"negotiated": [text.format(bits) for text in both_ways], "rfc": "RFC 7692 §7.1.2"}

    for bits in (8, 9, 10, 12, 14, 15):
        size = 1 << bits
        history = (bytes(range(251)) * (size // 251 + 2))[: size + 1]
        at_edge, beyond = (Bits().stored(history).fixed().back(5, distance).end().message() if distance <= 32768 else None for distance in (size, size + 1))
        add("PMD", f"window of {size}: a distance of {size}", [packed(at_edge, BINARY)], ok(f"binary:{size + 6} bytes"), **agreed(bits))
        if beyond:
            refused = fail(1007, "Inflate", *OPEN_DATA, "ok")
            add("PMD", f"window of {size}: a distance of {size + 1}", [packed(beyond, BINARY)], refused, level="open",
                note="how the bytes are cut must not decide", **agreed(bits))
            first = Bits().stored(history).message()
            for role in BOTH:
                # What we may send does not bind what may come.
                add("PMD", f"window of {size} agreed for the other direction: a distance of {size + 1}", [packed(beyond, BINARY)],
                    ok(f"binary:{size + 6} bytes"), (role,), "RFC 7692 §7.1.2", negotiated=[f"permessage-deflate; {role}_max_window_bits={bits}"])
            if bits in (8, 9, 12):
                reference = Bits().fixed().back(5, size).end().message()
                add("PMD", f"window of {size}: a distance of {size} into the message before", [packed(first, BINARY), packed(reference, BINARY)],
                    ok(f"binary:{size + 1} bytes", "binary:5 bytes"), **agreed(bits))
                reference = Bits().fixed().back(5, size + 1).end().message()
                add("PMD", f"window of {size}: a distance of {size + 1} into the message before", [packed(first, BINARY), packed(reference, BINARY)],
                    refused | {"events": [f"binary:{size + 1} bytes"]}, level="open", **agreed(bits))
    before = bytes(range(251)) * 131
    back = packed(Bits().fixed().back(258, 32768).end().message(), BINARY)
    two = [packed(Bits().stored(data).message(), BINARY) for data in (before[:20000], before[20000:32768])]
    add("PMD", "a distance of 32,768 into messages before", two + [back],
        ok("binary:20000 bytes", "binary:12768 bytes", "binary:258 bytes"), rfc="RFC 7692 §7.1.1", negotiated=PMD)
    add("PMD", "a distance of 32,768 with one byte less before", [packed(Bits().stored(before[:32767]).message(), BINARY), back],
        fail(1007, "Inflate", *OPEN_DATA, events=["binary:32767 bytes"]), rfc="RFC 1951 §3.2.3", level="MUST fail, code open", negotiated=PMD)

    twice = [packed(HELLO_Z), packed(AGAIN_Z)]
    for role, peer in zip(BOTH, reversed(BOTH)):
        add("PMD", "context used although its sender agreed to none", twice, fail(1007, "Inflate", *OPEN_DATA, events=["text:Hello"]), (role,),
            "RFC 7692 §7.1.1", "MUST fail, code open", negotiated=[f"permessage-deflate; {peer}_no_context_takeover"])
        add("PMD", "context used where only the other end agreed to none", twice, ok("text:Hello", "text:Hello"), (role,), "RFC 7692 §7.1.1",
            negotiated=[f"permessage-deflate; {role}_no_context_takeover"])
    add("PMD", "no context: each message for itself", [packed(HELLO_Z)] * 3, ok(*["text:Hello"] * 3), rfc="RFC 7692 §7.1.1", negotiated=NO_CONTEXT)
    add("PMD", "no context: a broken message ends it", [packed(HELLO_Z), packed(b"\xff")],
        fail(1007, "Inflate", *OPEN_DATA, events=["text:Hello"]), negotiated=NO_CONTEXT,
        level="MUST fail, code open")
    add("PMD", "context given although none was asked for", [packed(HELLO_Z)] * 2, ok("text:Hello", "text:Hello"), rfc="RFC 7692 §7.1.1", negotiated=PMD)
    add("PMD", "a reference to an uncompressed message", [HELLO, packed(AGAIN_Z)], fail(1007, "Inflate", *OPEN_DATA, events=["text:Hello"]),
        rfc="RFC 7692 §7.1.1", level="MUST fail, code open", note="it never was in the window", negotiated=PMD)
    kinds = chained(b"Hello", b"", b"Hello, Hello", b"\x00\xff" * 4, b"Hello")
    add("PMD", "context over text, an empty message and binary", [packed(kinds[0]), packed(kinds[1]), packed(kinds[2]), packed(kinds[3], BINARY), packed(kinds[4])],
        ok("text:Hello", "text:", "text:Hello, Hello", "binary:8 bytes", "text:Hello"), rfc="RFC 7692 §7.1.1, §7.2.3.2", negotiated=PMD)
    add("PMD", "context over a final block, a ping and a message of no bytes", [packed(Bits().stored(b"Hello", 1).message()), frame(PING), packed(b""), packed(AGAIN_Z)],
        ok("text:Hello", "ping:", "text:", "text:Hello"), rfc="RFC 7692 §7.1.1", level="open", negotiated=PMD)


def compressed():
    use = {"negotiated": PMD}
    add("PMD", "ping and pong between compressed fragments", [packed(HELLO_Z[:3], fin=0), frame(PING, b"p"), frame(PONG), frame(CONT, HELLO_Z[3:]), packed(AGAIN_Z)],
        ok("ping:p", "pong:", "text:Hello", "text:Hello"), rfc="RFC 6455 §5.4; RFC 7692 §6.1", **use)
    for at in range(len(HELLO_Z) + 1):
        add("PMD", f"two fragments, cut after {at} bytes", [packed(HELLO_Z[:at], fin=0), frame(CONT, HELLO_Z[at:])],
            ok("text:Hello"), rfc="RFC 7692 §7.2.3.1", **use)
    add("PMD", "empty fragments among compressed ones", [packed(b"", fin=0), middle(b""), middle(HELLO_Z[:4]), middle(b""), middle(HELLO_Z[4:]), frame(CONT)],
        ok("text:Hello"), rfc="RFC 7692 §7.2.2", **use)
    add("PMD", "compressed, and none of its fragments holds a byte", [packed(b"", fin=0), middle(b""), frame(CONT), packed(HELLO_Z)],
        ok("text:", "text:Hello", also=[1002, 1007]), level="open", note="as in one frame: an empty message, and the window stays", **use)
    add("PMD", "the empty message in two fragments", [packed(b"", fin=0), frame(CONT, b"\x00"), packed(b"\x00", fin=0), frame(CONT)],
        ok("text:", "text:"), rfc="RFC 7692 §7.2.3.6", **use)
    add("PMD", "RSV1 on a middle fragment", [packed(HELLO_Z[:3], fin=0), frame(CONT, HELLO_Z[3:5], 0, 4)], fail(1002, "ReservedBits"), rfc="RFC 7692 §6.1", **use)
    add("PMD", "RSV1 on an empty last fragment", [packed(HELLO_Z, fin=0), frame(CONT, b"", 1, 4)], fail(1002, "ReservedBits"), rfc="RFC 7692 §6.1", **use)
    add("PMD", "RSV1 on a continuation without a start", [frame(CONT, b"\x00", 1, 4)], fail(1002, "UnexpectedContinuation"), rfc="RFC 6455 §5.4", **use)
    add("PMD", "a compressed message inside a compressed one", [packed(HELLO_Z[:3], fin=0), packed(HELLO_Z)],
        fail(1002, "ExpectedContinuation"), rfc="RFC 6455 §5.4", **use)
    add("PMD", "compressed and uncompressed messages in turn", [packed(HELLO_Z), HELLO, packed(AGAIN_Z), HEL, LO, packed(AGAIN_Z), frame(BINARY, b"\xff")],
        ok(*["text:Hello"] * 5, "binary:1 bytes"), rfc="RFC 7692 §6, §7.1.1", **use)
    add("PMD", "uncompressed bytes with RSV1", [packed(b"Hello")], fail(1007, "Inflate", *OPEN_DATA), level="MUST fail, code open", **use)
    add("PMD", "compressed bytes without RSV1", [frame(TEXT, HELLO_Z)], fail(1007, "InvalidUtf8"), rfc="RFC 6455 §8.1; RFC 7692 §6", **use)
    add("PMD", "compressed bytes without RSV1, binary", [frame(BINARY, HELLO_Z)], ok("binary:7 bytes"), rfc="RFC 7692 §6", **use)
    add("PMD", "compressed message of 70,000 bytes on the wire", [packed(Bits().stored(bytes(range(250)) * 140).stored(bytes(range(250)) * 140).message(), BINARY)],
        ok("binary:70000 bytes"), **use)

    text = {"rfc": "RFC 6455 §8.1; RFC 7692 §6.2"} | use
    wrong = fail(1007, "InvalidUtf8")
    for name, data in {"half a character": b"a\xe2\x82", "a surrogate": b"\xed\xa0\x80", "overlong": b"\xc0\x80",
                                           "above U+10FFFF": b"\xf4\x90\x80\x80", "FF behind 1,000 bytes": b"a" * 1000 + b"\xff"}.items():
        add("PMD", f"compressed text: {name}", [packed(deflated(data))], wrong, **text)
        add("PMD", f"compressed binary: {name}", [packed(deflated(data), BINARY)], ok(f"binary:{len(data)} bytes"), rfc="RFC 7692 §6.2", **use)
    euro = Bits().stored(b"\xe2\x82").bytes()
    add("PMD", "compressed character cut between fragments", [packed(euro, fin=0), frame(CONT, Bits().stored(b"\xac").message())], ok("text:€"), **text)
    add("PMD", "compressed character cut, then the end", [packed(euro, fin=0), frame(CONT, Bits().message())], wrong, **text)
    add("PMD", "compressed character cut, then another", [packed(euro, fin=0), frame(CONT, Bits().stored(b"a").message())], wrong, **text)
    add("PMD", "FF in an incomplete compressed frame", [frame(TEXT, Bits().stored(b"ab\xff").bytes(), 1, 4, claim=1000)], wrong,
        level="open", note="no byte that follows can mend it", **text)
    add("PMD", "a block of type 3 in an incomplete frame", [frame(TEXT, b"\x06", 1, 4, claim=1000)], fail(1007, "Inflate", *OPEN_DATA),
        level="open", note="no byte that follows can mend it", **use)
    ends = {"rfc": "RFC 6455 §7.1.5", "eof": True} | use
    add("PMD", "EOF inside a compressed frame", [packed(HELLO_Z)], cut_off(), cut=-1, **ends)
    add("PMD", "EOF between compressed fragments", [packed(HELLO_Z, fin=0)], cut_off(), **ends)
    add("PMD", "EOF after a compressed message", [packed(HELLO_Z)], ok("text:Hello", close_code_local=1006), **ends)


def bombs():
    sizes = {"rfc": "RFC 6455 §10.4", "negotiated": PMD} | limits(max_frame_size=65536, max_message_size=65536)
    large, limit = fail(1009, "MessageTooLarge"), 65536
    for extra in (-1, 0, 1):
        expect = large if extra > 0 else ok(f"binary:{limit + extra} bytes")
        data = bytes(limit + extra)
        add("PMD", f"inflates to the limit {extra:+}", [packed(deflated(data), BINARY)], expect, **sizes)
        parts = [deflated(data)[i : i + 10] for i in range(0, len(deflated(data)), 10)]
        add("PMD", f"inflates to the limit {extra:+}, in fragments", [packed(parts[0], BINARY, 0)] + [middle(p) for p in parts[1:-1]] + [frame(CONT, parts[-1])],
            expect, **sizes)
        add("PMD", f"final blocks that inflate to the limit {extra:+}", [packed(Bits().stored(data[:40000], 1).stored(data[40000:], 1).fixed(1).end(1).message(), BINARY)],
            expect if extra < 1 else large, rfc="RFC 6455 §10.4", negotiated=PMD, **limits(max_frame_size=70000, max_message_size=65536))
    add("PMD", "text that inflates beyond the limit", [packed(deflated(b"a" * (limit + 1)))], large, **sizes)
    add("PMD", "16 MiB in 16 KiB", [packed(deflated(bytes(1 << 24)), BINARY)], large, **sizes)
    first, second = chained(b"a" * 60000, b"a" * 70000)
    add("PMD", "a bomb made of the message before", [packed(first, BINARY), packed(second, BINARY)], large | {"events": ["binary:60000 bytes"]}, **sizes)
    full = chained(*[bytes(limit)] * 3)
    add("PMD", "the limit three times", [packed(data, BINARY) for data in full], ok(*[f"binary:{limit} bytes"] * 3), **sizes)
    add("PMD", "beyond the limit, then a broken block", [packed(Bits().stored(bytes(limit - 1)).stored(b"ab").put(3, 3).put(0, 21).bytes(), BINARY)],
        large, rfc="RFC 6455 §10.4", negotiated=PMD, **limits(max_frame_size=70000, max_message_size=65536))
    add("PMD", "a compressed frame beyond the frame limit, header only", [frame(BINARY, b"", 1, 4, claim=65537)], fail(1009, "FrameTooLarge"), **sizes)
    small = {"rfc": "RFC 6455 §10.4", "negotiated": PMD} | limits(max_frame_size=100, max_message_size=65536)
    add("PMD", "a frame limit is one of the wire", [packed(deflated(bytes(10000)), BINARY)], ok("binary:10000 bytes"), **small)
    ratio = {"rfc": "RFC 6455 §10.4", "level": "open", "negotiated": PMD} | limits(max_message_size=65536, max_inflate_ratio=25)
    add("PMD", "a ratio of a thousand where 25 is allowed", [packed(deflated(bytes(1 << 20)), BINARY)], fail(1009, "RatioTooLarge", 1008, 1007), **ratio)
    add("PMD", "a ratio of two where 25 is allowed", [packed(deflated(bytes(range(256)) * 2), BINARY)], ok("binary:512 bytes"), **ratio)

    work = {"rfc": "RFC 6455 §10.4; RFC 7692 §7.2.2", "level": "open", "negotiated": PMD, "note": "legal, and work in proportion to the bytes"}
    stored, fixed = Bits().stored().bytes(), b"\x03\x00"
    add("PMD", "20,000 empty stored blocks", [packed(stored * 20000 + b"\x00")], ok("text:"), **work)
    add("PMD", "50,000 final empty fixed blocks", [packed(fixed * 50000 + b"\x00")], ok("text:"), **work)
    add("PMD", "20,000 final empty stored blocks", [packed(Bits().stored(b"", 1).bytes() * 20000 + b"\x00")], ok("text:"), **work)
    add("PMD", "10,000 final blocks of five bytes", [packed(Bits().fixed(1).text(b"Hello").end(1).bytes() * 10000 + b"\x00", BINARY)],
        ok("binary:50000 bytes"), **work)
    add("PMD", "10,000 final blocks of a byte", [packed(Bits().stored(b"a", 1).bytes() * 10000 + b"\x00", BINARY)], ok("binary:10000 bytes"), **work)
    add("PMD", "20,000 empty fixed blocks", [packed(empties(20000))], ok("text:"), **work)
    add("PMD", "100 empty compressed messages", [packed(b"\x00")] * 100, ok(*["text:"] * 100), **work)
