"""RFC 6455 sections 5.4 and 8.1: fragments, text."""

from rows import *


def fragments():
    order = {"level": "MUST (on the sender)"}
    lone, inside = fail(1002, "UnexpectedContinuation"), fail(1002, "ExpectedContinuation")
    for fin in (0, 1):
        add("FRG", f"empty continuation without a start, FIN={fin}", [frame(CONT, fin=fin)], lone, **order)
        add("FRG", f"continuation after a whole message, FIN={fin}", [HELLO, frame(CONT, b"x", fin)], lone | {"events": ["text:Hello"]}, **order)
        add("FRG", f"continuation after a fragmented message, FIN={fin}", [HEL, LO, frame(CONT, b"x", fin)], lone | {"events": ["text:Hello"]}, **order)
        add("FRG", f"continuation after a ping, FIN={fin}", [frame(PING), frame(CONT, b"x", fin)], lone | {"events": ["ping:"]}, **order)
        for first in (TEXT, BINARY):
            for second in (TEXT, BINARY):
                add("FRG", f"opcode {second} with FIN={fin} inside a message of opcode {first}", [frame(first, b"Hel", 0), frame(second, b"lo", fin)],
                    inside, **order)
            add("FRG", f"opcode {first} with FIN={fin} after an empty first fragment", [frame(first, fin=0), frame(first, b"x", fin)], inside, **order)
            add("FRG", f"empty opcode {first} with FIN={fin} inside a message", [frame(first, b"x", 0), frame(first, fin=fin)], inside, **order)
    add("FRG", "new text after two fragments", [HEL, frame(CONT, b"l", 0), HELLO], inside, **order)
    add("FRG", "new text after a ping inside a message", [HEL, frame(PING), HELLO], inside | {"events": ["ping:"]}, **order)
    add("FRG", "new text inside a message, header only", [HEL, frame(TEXT, claim=1 << 62)], inside, note="order before size", **order)
    add("FRG", "continuation without a start, header only", [frame(CONT, claim=1 << 62)], lone, note="order before size", **order)

    first, none, last = frame(TEXT, fin=0), middle(), frame(CONT)
    hel, l, lo = HEL, frame(CONT, b"l", 0), LO
    for name, parts in {
        "the first": [first, frame(CONT, b"Hello")], "the last": [frame(TEXT, b"Hello", 0), last], "the middle": [hel, none, lo],
        "all but the last": [first, none, none, frame(CONT, b"Hello")], "all but the first": [frame(TEXT, b"Hello", 0), none, none, last],
        "every other": [first, middle(b"He"), none, middle(b"llo"), last],
    }.items():
        add("FRG", f"empty fragments: {name}", parts, ok("text:Hello"))
    add("FRG", "empty fragments only, binary", [frame(BINARY, fin=0), none, last], ok("binary:0 bytes"))
    add("FRG", "two empty fragments", [first, last], ok("text:"))
    add("FRG", "fragmented messages one after another", [hel, lo, frame(BINARY, b"ab", 0), middle(b"c"), last, HELLO, first, last],
        ok("text:Hello", "binary:3 bytes", "text:Hello", "text:"))
    add("FRG", "one byte a fragment", [frame(TEXT, b"H", 0)] + [middle(bytes([c])) for c in b"ell"] + [frame(CONT, b"o")], ok("text:Hello"))
    add("FRG", "fragments of 125, 126, 65535 and 65536 bytes", [frame(BINARY, bytes(125), 0), middle(bytes(126)), middle(bytes(65535)), frame(CONT, bytes(65536))],
        ok("binary:131322 bytes"))

    def pieces(count, payload, fin=True):
        return [frame(BINARY, payload, 0)] + [middle(payload)] * (count - 2) + [frame(CONT, payload, int(fin))]

    many = {"rfc": "RFC 6455 §5.4, §10.4", "level": "open"}
    add("FRG", "65,536 fragments of a byte", pieces(65536, b"x"), ok("binary:65536 bytes"), **many)
    add("FRG", "65,537 fragments of a byte", pieces(65537, b"x"), fail(1008, "TooManyFragments", 1009), **many)
    add("FRG", "65,537 fragments of a byte, the last of them empty", pieces(65536, b"x", False) + [last], ok("binary:65536 bytes"),
        note="as Autobahn 9.3.1 sends them", **many)
    add("FRG", "100 empty fragments", pieces(100, b""), ok("binary:0 bytes"), **many)
    add("FRG", "128 empty fragments", pieces(128, b""), ok("binary:0 bytes"), **many)
    add("FRG", "129 empty fragments", pieces(129, b""), fail(1008, "TooManyEmptyFragments", 1009), **many)
    add("FRG", "100,000 empty fragments without end", pieces(100000, b"", False), fail(1008, "TooManyEmptyFragments", 1009), **many)
    four = limits(max_fragments=4)
    add("FRG", "four fragments where four are allowed", pieces(4, b"x"), ok("binary:4 bytes"), **many, **four)
    add("FRG", "five fragments where four are allowed", pieces(5, b"x"), fail(1008, "TooManyFragments", 1009), **many, **four)
    add("FRG", "four fragments and an empty one that ends them, where four are allowed", pieces(4, b"x", False) + [last],
        ok("binary:4 bytes"), **many, **four)
    add("FRG", "five empty fragments where four are allowed", pieces(5, b"", False), fail(1008, "TooManyFragments", 1009),
        note="empty fragments are fragments", **many, **four)
    add("FRG", "control frames are no fragments", [hel] + [frame(PING)] * 10 + [l, frame(CONT, b"o")], ok(*["ping:"] * 10, "text:Hello"), **many, **four)
    add("FRG", "each message has its own four fragments", pieces(4, b"x") * 10, ok(*["binary:4 bytes"] * 10), **many, **four)
    empty = limits(max_empty_fragments=2)
    add("FRG", "two empty fragments where two are allowed", [first, middle(b"x"), last], ok("text:x"), **many, **empty)
    add("FRG", "three empty fragments where two are allowed", [first, middle(b"x"), none, last], fail(1008, "TooManyEmptyFragments", 1009), **many, **empty)

    sizes = {"rfc": "RFC 6455 §10.4"} | limits(max_frame_size=1000, max_message_size=1000)
    half = frame(BINARY, bytes(500), 0)
    add("FRG", "sum of fragments exactly the limit", [half, frame(CONT, bytes(500))], ok("binary:1000 bytes"), **sizes)
    add("FRG", "sum of fragments exactly the limit, then empty ones", [half, middle(bytes(500)), none, last], ok("binary:1000 bytes"), **sizes)
    add("FRG", "sum of fragments one over the limit, header only", [half, frame(CONT, claim=501)], fail(1009, "MessageTooLarge"), **sizes)
    add("FRG", "one byte after the limit, without FIN", [half, middle(bytes(500)), frame(CONT, claim=1, fin=0)], fail(1009, "MessageTooLarge"), **sizes)
    add("FRG", "the limit in one-byte fragments and one more", pieces(1001, b"x"), fail(1009, "MessageTooLarge"), **sizes)
    add("FRG", "two messages of the limit", [half, frame(CONT, bytes(500))] * 2, ok("binary:1000 bytes", "binary:1000 bytes"), **sizes)
    huge = {"rfc": "RFC 6455 §10.4"} | limits(max_frame_size=(1 << 63) - 1, max_message_size=(1 << 63) - 1)
    add("FRG", "2^63 - 1 bytes after one", [frame(BINARY, b"x", 0), frame(CONT, claim=(1 << 63) - 1)],
        fail(1009, "MessageTooLarge"), note="the sum is above 2^63 - 1", **huge)
    add("FRG", "2^63 - 1 bytes after one, with the default limits", [frame(BINARY, b"x", 0), frame(CONT, claim=(1 << 63) - 1)],
        fail(1009, "FrameTooLarge"), rfc="RFC 6455 §10.4")
    add("FRG", "2^32 bytes after one", [frame(BINARY, b"x", 0), frame(CONT, claim=1 << 32)], fail(1009, "FrameTooLarge"), rfc="RFC 6455 §10.4")
    add("FRG", "2^62 bytes announced after one within the limits, then EOF", [frame(BINARY, b"x", 0), frame(CONT, bytes(9), claim=1 << 62)], cut_off(), eof=True, **huge)
    ends = {"rfc": "RFC 6455 §7.1.5", "eof": True}
    add("FRG", "EOF between fragments", [hel], cut_off(), **ends)
    add("FRG", "EOF after an empty first fragment", [first], cut_off(), **ends)
    add("FRG", "EOF after a message and a fragment", [HELLO, hel], cut_off("text:Hello"), **ends)
    add("FRG", "EOF inside the second fragment", [hel, lo], cut_off(), cut=-1, **ends)


def texts():
    edges = "\0\x7f\x80\u07ff\u0800\u0fff\u1000\ucfff\ud000\ud7ff\ue000\uffff\U00010000\U0003ffff\U00040000\U000fffff\U00100000\U0010ffff"
    data = edges.encode()
    add("UTF", "valid: the first and the last of every class", [frame(TEXT, data)], ok("text:" + edges), rfc="RFC 3629 §4")
    add("UTF", "valid: the same in fragments of a byte", [frame(TEXT, data[:1], 0)] + [middle(data[i : i + 1]) for i in range(1, len(data))] + [frame(CONT)],
        ok("text:" + edges), rfc="RFC 6455 §5.6; RFC 3629 §4")
    for size in (2, 3):
        parts = [data[i : i + size] for i in range(0, len(data), size)]
        add("UTF", f"valid: the same in fragments of {size} bytes", [frame(TEXT, parts[0], 0)] + [middle(p) for p in parts[1:-1]] + [frame(CONT, parts[-1])],
            ok("text:" + edges), rfc="RFC 6455 §5.6; RFC 3629 §4")
    add("UTF", "valid: NUL", [frame(TEXT, b"\0")], ok("text:\0"))
    add("UTF", "valid: U+10FFFF", [frame(TEXT, "\U0010ffff".encode())], ok("text:\U0010ffff"))
    add("UTF", "valid: combining marks and right-to-left", [frame(TEXT, "e\u0301 שלום \u202e".encode())], ok("text:e\u0301 שלום \u202e"))
    add("UTF", "binary may hold anything", [frame(BINARY, bytes(range(256)))], ok("binary:256 bytes"), rfc="RFC 6455 §5.6")
    add("UTF", "binary in fragments may hold anything", [frame(BINARY, b"\xe2", 0), frame(CONT, b"\xff")], ok("binary:2 bytes"), rfc="RFC 6455 §5.6")

    bad = fail(1007, "InvalidUtf8")
    valid = {0xC2: b"\x80", 0xDF: b"\xbf", 0xE0: b"\xa0\x80", 0xE1: b"\x80\x80", 0xEC: b"\xbf\xbf", 0xED: b"\x9f\xbf", 0xEE: b"\x80\x80", 0xEF: b"\xbf\xbf",
             0xF0: b"\x90\x80\x80", 0xF1: b"\x80\x80\x80", 0xF3: b"\xbf\xbf\xbf", 0xF4: b"\x8f\xbf\xbf"}
    # The second byte's range by the first (RFC 3629 section 4); all others are 80 to BF.
    second = {0xE0: (0xA0, 0xBF), 0xED: (0x80, 0x9F), 0xF0: (0x90, 0xBF), 0xF4: (0x80, 0x8F)}
    number = 0
    for lead in (0x80, 0xBF, 0xC0, 0xC1, 0xF5, 0xF7, 0xF8, 0xFB, 0xFC, 0xFD, 0xFE, 0xFF):
        number += 1
        add("UTF", f"{lead:02x} where a character begins", [frame(TEXT, b"a" + bytes([lead]) + b"\x80" * 5)], bad)
        add("UTF", f"{lead:02x} where a character begins, the frame not all here", [frame(TEXT, b"abc" + bytes([lead]), claim=1000)],
            bad, level="open", note="no byte that follows can mend it")
    for lead, rest in valid.items():
        low, high = second.get(lead, (0x80, 0xBF))
        for place in range(len(rest)):
            for wrong in (low - 1, high + 1) if place == 0 else (0x7F, 0xC0):
                number += 1
                broken = bytes([lead]) + rest[:place] + bytes([wrong])
                add("UTF", f"{broken.hex()}: byte {place + 2} outside of its range", [frame(TEXT, b"a", 0), frame(CONT, broken, claim=len(broken) + 9)],
                    bad, level="open", note="fails at that byte, inside an incomplete frame")
            number += 1
            whole = bytes([lead]) + rest
            add("UTF", f"{whole[: place + 1].hex()}: {place + 1} of {len(whole)} bytes, then the end", [frame(TEXT, b"a" + whole[: place + 1])], bad)
            add("UTF", f"{whole[: place + 1].hex()}: {place + 1} of {len(whole)} bytes, then another character", [frame(TEXT, whole[: place + 1], 0), frame(CONT, b"a")],
                bad)
    for text in ("é", "€", "😀"):
        for place in range(1, len(text.encode())):
            head, rest = text.encode()[:place], text.encode()[place:]
            add("UTF", f"{text} cut after {place} over fragments, control frames between", [frame(TEXT, b"a" + head, 0), frame(PING), frame(CONT, fin=0), frame(PONG), frame(CONT, rest + b"b")],
                ok("ping:", "pong:", f"text:a{text}b"), rfc="RFC 6455 §5.4, §5.6")
            add("UTF", f"{text} cut after {place}, then EOF", [frame(TEXT, head, 0)], cut_off(), rfc="RFC 6455 §7.1.5", eof=True)
            add("UTF", f"{text} cut after {place} inside a frame, then EOF", [frame(TEXT, head, claim=4)], cut_off(), rfc="RFC 6455 §7.1.5", eof=True)
            add("UTF", f"{text} cut after {place}, then a message of the rest", [frame(TEXT, head), frame(TEXT, rest)], bad | {"events": []})
    add("UTF", "the first of two fragments is wrong", [frame(TEXT, b"\xff", 0)], bad, note="not waited for the end", level="open")
    add("UTF", "a good message, then a wrong one", [HELLO, frame(TEXT, b"\xff")], bad | {"events": ["text:Hello"]})
    add("UTF", "a wrong message, then a good one", [frame(TEXT, b"\xff"), HELLO], bad | {"events": []}, rfc="RFC 6455 §7.1.7")
    for length in (31, 33, 47, 62, 64, 126, 255, 256, 4095, 65535):
        add("UTF", f"{length} bytes ASCII, then half a character", [frame(TEXT, b"a" * length + b"\xe2\x82")], bad)
        add("UTF", f"{length} bytes ASCII, then a surrogate and ASCII", [frame(TEXT, b"a" * length + b"\xed\xa0\x80" + b"a" * 70)], bad)
        if length < 300:
            add("UTF", f"valid: {length} bytes ASCII, then characters of two, three and four", [frame(TEXT, b"a" * length + "é€😀".encode() + b"a" * 70)],
                ok("text:" + "a" * length + "é€😀" + "a" * 70))
    long = "я€😀" * 40
    for wrong in (0, 100, 359):
        data = bytearray(long.encode())
        data[wrong] = 0xFF
        add("UTF", f"FF as byte {wrong} of text without ASCII", [frame(TEXT, bytes(data))], bad)
