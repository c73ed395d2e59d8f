"""RFC 6455 sections 5.2 and 5.5: headers, pings and pongs."""

from deflate import deflated
from rows import *


def headers():
    for rsv in (3, 5, 6, 7):
        add("FRM", f"reserved bits {rsv:03b}", [frame(TEXT, b"Hello", rsv=rsv)], fail(1002, "ReservedBits"))
    for opcode in (BINARY, PING, PONG, CLOSE):
        wire = frame(opcode, b"\x03\xe8" if opcode == CLOSE else b"p", rsv=4)
        add("FRM", f"RSV1 on opcode {opcode} without extension", [wire], fail(1002, "ReservedBits"))
    add("FRM", "RSV1 on a continuation without extension", [HEL, frame(CONT, b"lo", rsv=4)], fail(1002, "ReservedBits"))
    add("FRM", "RSV1 on the first of two fragments without extension", [frame(TEXT, b"Hel", 0, 4), LO], fail(1002, "ReservedBits"))
    for rsv in (1, 3, 5, 6, 7):
        add("FRM", f"reserved bits {rsv:03b} with compression in use", [frame(TEXT, b"\x00", rsv=rsv)],
            fail(1002, "ReservedBits"), negotiated=PMD)
    add("FRM", "RSV2 on a continuation", [HEL, frame(CONT, b"lo", rsv=2)], fail(1002, "ReservedBits"))
    add("FRM", "first byte alone, reserved bit set", [raw(b"\x91")], fail(1002, "ReservedBits"), level="open",
        note="the first byte decides; nothing is waited for")
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        add("FRM", f"reserved opcode {opcode:#x} with payload", [frame(opcode, b"Hello")], fail(1002, "ReservedOpcode"))
        add("FRM", f"reserved opcode {opcode:#x} without FIN", [frame(opcode, fin=0)], fail(1002, "ReservedOpcode"))
    for opcode in (3, 15):
        add("FRM", f"reserved opcode {opcode:#x} inside a message", [HEL, frame(opcode, b"lo")], fail(1002, "ReservedOpcode"))
        add("FRM", f"reserved opcode {opcode:#x} with RSV1 and compression in use", [frame(opcode, b"\x00", rsv=4)],
            fail(1002, "ReservedOpcode"), negotiated=PMD)
        add("FRM", f"reserved opcode {opcode:#x} that claims 2^62 bytes", [frame(opcode, claim=1 << 62)],
            fail(1002, "ReservedOpcode"), note="the opcode before the length")

    wrong = {"client": "MaskedFrame", "server": "UnmaskedFrame"}
    for role, error in wrong.items():
        for name, frames in {
            "text": [frame(TEXT, b"Hello", flip=True)],
            "empty text": [frame(TEXT, flip=True)],
            "binary of 126 bytes": [frame(BINARY, bytes(126), flip=True)],
            "ping": [frame(PING, b"p", flip=True)],
            "pong": [frame(PONG, flip=True)],
            "close": [frame(CLOSE, b"\x03\xe8", flip=True)],
            "continuation": [HEL, frame(CONT, b"lo", flip=True)],
        }.items():
            add("FRM", f"{name} masked the wrong way round", frames, fail(1002, error), (role,), "RFC 6455 §5.1")
        add("FRM", "masked the wrong way round after a good frame", [HELLO, frame(TEXT, b"x", flip=True)],
            fail(1002, error, events=["text:Hello"]), (role,), "RFC 6455 §5.1")
        add("FRM", "masked the wrong way round, two bytes of it", [frame(TEXT, bytes(100), flip=True)],
            fail(1002, error), (role,), "RFC 6455 §5.1", cut=2, note="the second byte decides")
        add("FRM", "masked the wrong way round, claiming 2^62 bytes", [frame(BINARY, claim=1 << 62, flip=True)],
            fail(1002, error, 1009), (role,), "RFC 6455 §5.1")

    for length, form in [(0, 16), (1, 16), (124, 16), (125, 16), (0, 64), (126, 64), (127, 64), (65534, 64)]:
        add("FRM", f"length {length} in {form}-bit form", [frame(BINARY, bytes(length), form=form)],
            fail(1002, "NonMinimalLength"), BOTH, level="MUST (on the sender)")
        add("FRM", f"length {length} in {form}-bit form, header only", [frame(BINARY, claim=length, form=form)],
            fail(1002, "NonMinimalLength"), level="MUST (on the sender)")
    add("FRM", "continuation with a length that is too long for its form", [HEL, frame(CONT, b"lo", form=16)],
        fail(1002, "NonMinimalLength"), level="MUST (on the sender)")
    add("FRM", "too long a form and above the limit", [frame(BINARY, bytes(100), form=64)], fail(1002, "NonMinimalLength"),
        level="MUST (on the sender)", note="a broken header is no large frame", **limits(max_frame_size=10, max_message_size=10))
    for length in (1 << 63, (1 << 63) + 1, (1 << 64) - 65536):
        add("FRM", f"64-bit length {length:#x}", [frame(BINARY, claim=length)], fail(1002, "LengthTopBit", 1009), BOTH, level="MUST (on the sender)")
    add("FRM", "64-bit length with its top bit, as a fragment", [HEL, frame(CONT, claim=1 << 63)],
        fail(1002, "LengthTopBit", 1009), level="MUST (on the sender)")
    for power, less in ((31, 1), (31, 0), (32, 1), (32, 0), (32, -5), (40, 0), (53, 0), (62, 0), (63, 1)):
        add("FRM", f"2^{power} - {less} bytes announced", [frame(BINARY, b"x" * 20, claim=(1 << power) - less)],
            fail(1009, "FrameTooLarge"), BOTH, rfc="RFC 6455 §10.4", note="compared as 64 bits, before anything is reserved",
            **limits(max_frame_size=1048576, max_message_size=1048576))
    add("FRM", "2^63 - 1 bytes announced, with the default limits", [frame(TEXT, claim=(1 << 63) - 1)], fail(1009, "FrameTooLarge"),
        rfc="RFC 6455 §10.4")
    add("FRM", "2^62 bytes within the limits, 100 sent, then EOF", [frame(BINARY, bytes(100), claim=1 << 62)], cut_off(),
        rfc="RFC 6455 §7.1.5, §10.4", note="memory follows what has come, not what is claimed", eof=True,
        **limits(max_frame_size=1 << 62, max_message_size=1 << 62))
    for limit in (125, 126, 127, 1000, 65535, 65536):
        sizes = limits(max_frame_size=limit, max_message_size=limit)
        add("FRM", f"{limit} bytes, exactly the limit", [frame(BINARY, bytes(limit))], ok(f"binary:{limit} bytes"), BOTH, rfc="RFC 6455 §10.4", **sizes)
        add("FRM", f"{limit + 1} bytes, one over the limit, header only", [frame(BINARY, claim=limit + 1)],
            fail(1009, "FrameTooLarge"), BOTH, rfc="RFC 6455 §10.4", **sizes)
    add("FRM", "exactly the limit announced, nothing sent", [frame(BINARY, claim=1048576)], ok(), rfc="RFC 6455 §10.4",
        note="nothing is wrong yet", **limits(max_frame_size=1048576, max_message_size=1048576))
    add("FRM", "a limit of nothing takes empty frames", [frame(TEXT), frame(BINARY, b"x")], fail(1009, "FrameTooLarge", events=["text:"]),
        rfc="RFC 6455 §10.4", **limits(max_frame_size=0))
    add("FRM", "a frame within its limit, larger than a message may be", [frame(BINARY, claim=101)], fail(1009, "MessageTooLarge"),
        rfc="RFC 6455 §10.4", **limits(max_frame_size=1000, max_message_size=100))
    add("FRM", "limits are none of control frames", [frame(PING, b"p" * 125), frame(TEXT, b"x")], ok("ping:125", "text:x"),
        rfc="RFC 6455 §5.5, §10.4", **limits(max_frame_size=10, max_message_size=10))

    for length in (127, 128, 255, 256, 65537):
        add("FRM", f"valid binary of {length} bytes", [frame(BINARY, bytes(length))], ok(f"binary:{length} bytes"))
    for key in (b"\xff" * 4, b"Hell", bytes([0, 0, 0, 1]), bytes([0x80, 0, 0, 0])):
        add("FRM", f"masking key {key.hex()}", [frame(TEXT, b"Hello, hello!", key=key), frame(TEXT, b"Hello", key=KEY)],
            ok("text:Hello, hello!", "text:Hello"), ("server",), "RFC 6455 §5.3")

    ends = "RFC 6455 §7.1.5, §7.2.1"
    for length, heads in ((5, (1,)), (200, (2, 3)), (70000, (2, 3, 5, 8, 9))):
        for cut in heads:
            add("FRM", f"EOF after {cut} bytes of a header of a frame of {length} bytes", [frame(TEXT, b"x" * length)],
                cut_off(), BOTH, rfc=ends, cut=cut, eof=True)
    for length, cuts in ((5, (2, 3, 5)), (200, (4, 5, 7)), (70000, (10, 11, 13))):
        for cut in cuts:
            add("FRM", f"EOF after {cut} bytes, before or inside the key of a frame of {length} bytes", [frame(TEXT, b"x" * length)],
                cut_off(), ("server",), ends, cut=cut, eof=True)
    add("FRM", "EOF after a header, before the payload", [frame(TEXT, claim=5)], cut_off(), BOTH, rfc=ends, eof=True)
    add("FRM", "EOF one byte before the end of a payload", [HELLO], cut_off(), BOTH, rfc=ends, cut=-1, eof=True)
    add("FRM", "EOF before any byte", [], ok(close_code_local=1006), BOTH, rfc=ends, eof=True)
    add("FRM", "EOF inside the frame after a message", [HELLO, frame(TEXT, b"Hel")], cut_off("text:Hello"), BOTH, rfc=ends, cut=-2, eof=True)
    add("FRM", "EOF inside a ping", [frame(PING, b"ping")], cut_off(), rfc=ends, cut=-1, eof=True)
    for name, data, error in [
        ("an HTTP request", b"GET / HTTP/1.1\r\n\r\n", "ReservedBits"),
        ("an SSH banner", b"SSH-2.0-OpenSSH\r\n", "ReservedBits"),
        ("JSON", b'{"op": 1}', "ReservedBits"),
        ("a line end", b"\r\n", "ReservedOpcode"),
        ("a UTF-8 byte order mark", b"\xef\xbb\xbfHello", "ReservedBits"),
        ("HTTP/2 settings", bytes.fromhex("000000040000000000"), "UnexpectedContinuation"),
        ("fourteen bytes 00", bytes(14), "UnexpectedContinuation"),
        ("fourteen bytes FF", b"\xff" * 14, "ReservedBits"),
    ]:
        add("FRM", f"{name} instead of frames", [raw(data)], fail(1002, error), BOTH)


def controls():
    for length in (0, 1, 17, 124, 125):
        name = "ping:" + ("p" * length if length < 17 else str(length))
        add("CTL", f"ping of {length} bytes", [frame(PING, b"p" * length)], ok(name, reply="pong, same payload"), rfc="RFC 6455 §5.5.2, §5.5.3")
        add("CTL", f"pong of {length} bytes, unasked for", [frame(PONG, b"p" * length), HELLO],
            ok(name.replace("i", "o"), "text:Hello", reply="none"), rfc="RFC 6455 §5.5.3")
    add("CTL", "ping that is no UTF-8", [frame(PING, b"\xff" * 20)], ok("ping:20", reply="pong, same payload"), rfc="RFC 6455 §5.5.2")
    for opcode, kind in ((PING, "ping"), (PONG, "pong"), (CLOSE, "close")):
        long = fail(1002, "ControlTooLong")
        at = {"rfc": "RFC 6455 §5.5, §5.2", "level": "MUST (on the sender)"}
        for length in (126, 127, 65535, 65536):
            payload = b"\x03\xe8" + b"r" * (length - 2)
            add("CTL", f"{kind} of {length} bytes", [frame(opcode, payload)], long, **at)
        for length, form in [(0, 16), (125, 16), (0, 64), (5, 64), ((1 << 64) - 1, 64)]:
            also = [1009] if length > 1 << 62 else []
            add("CTL", f"{kind} of {length} bytes in {form}-bit form", [frame(opcode, claim=length, form=form)],
                fail(1002, "ControlTooLong", *also), **at)
        add("CTL", f"{kind} of 126 bytes, two bytes of it", [frame(opcode, bytes(126))], long, cut=2, **at)
        for rsv in (1, 2, 4):
            add("CTL", f"{kind} with reserved bits {rsv:03b}", [frame(opcode, rsv=rsv)], fail(1002, "ReservedBits"))
        add("CTL", f"{kind} without FIN and with payload", [frame(opcode, b"\x03\xe8", 0)], fail(1002, "ControlFragmented"), **at)
        add("CTL", f"{kind} without FIN inside a message", [HEL, frame(opcode, b"\x03\xe8", 0)], fail(1002, "ControlFragmented"), **at)
        add("CTL", f"{kind} without FIN and of 126 bytes", [frame(opcode, bytes(126), 0)], fail(1002, "ControlFragmented"), **at)
        add("CTL", f"{kind} with RSV1 and compression in use", [frame(opcode, b"\x03\xe8", rsv=4)],
            fail(1002, "ReservedBits"), rfc="RFC 7692 §6.1", negotiated=PMD)
        add("CTL", f"{kind} with RSV1 inside a compressed message", [frame(TEXT, deflated(b"Hello")[:3], 0, 4), frame(opcode, b"\x03\xe8", rsv=4)],
            fail(1002, "ReservedBits"), rfc="RFC 7692 §6.1", negotiated=PMD)
    add("CTL", "continuation of a ping", [frame(PING, b"pi", 0), frame(CONT, b"ng")], fail(1002, "ControlFragmented"), level="MUST (on the sender)")
    add("CTL", "control frames everywhere between fragments",
        [frame(PING, b"1"), frame(TEXT, b"H", 0), frame(PONG, b"2"), frame(PING, b"3"), frame(CONT, b"i", 0), frame(PING), frame(CONT), frame(PING, b"5")],
        ok("ping:1", "pong:2", "ping:3", "ping:", "text:Hi", "ping:5", reply="pong for the last ping"), rfc="RFC 6455 §5.4")
    add("CTL", "a ping's bytes inside a payload", [frame(TEXT, b"Hel", claim=5), raw(b"\x09\x00")], ok("text:Hel\t\x00"), ("client",),
        note="a payload is not looked into for frames")
    add("CTL", "ping and Close in one read", [frame(PING, b"p"), frame(CLOSE, b"\x03\xe8")], ok("ping:p", "close:1000", reply="close 1000"),
        rfc="RFC 6455 §5.5.2", note="the pong may be left out: a Close has come")
    add("CTL", "ping, then a frame that breaks the rules", [frame(PING, b"p"), frame(3)], fail(1002, "ReservedOpcode", events=["ping:p"]))
    add("CTL", "ping after a frame that breaks the rules", [frame(3), frame(PING, b"p")], fail(1002, "ReservedOpcode", events=[]),
        rfc="RFC 6455 §7.1.7", note="nothing is processed after a failure")
    add("CTL", "pong after a Close", [frame(CLOSE, b"\x03\xe8"), frame(PONG, b"x")], ok("close:1000", reply="close 1000 only"), level="open")
    add("CTL", "100 pings and a message after each ten", ([frame(PING, b"p")] * 10 + [frame(TEXT, b"t")]) * 10,
        ok(*(["ping:p"] * 10 + ["text:t"]) * 10, reply="pong"), rfc="RFC 6455 §5.5.2")
