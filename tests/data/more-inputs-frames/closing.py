"""RFC 6455 sections 5.5.1 and 7: closing."""

from deflate import deflated
from rows import *


def closing():
    bad = {"rfc": "RFC 6455 §7.4.1, §7.4.2", "level": "open", "note": "nobody who keeps the rules can mean it"}
    for code in (1, 100, 255, 256, 998, 1017, 1099, 1500, 1999, 2001, 2500, 5000, 5001, 10000, 32768, 65534):
        add("CLS", f"code {code}", [frame(CLOSE, code.to_bytes(2, "big"))], fail(1002, "InvalidCloseCode"), **bad)
    for code in (999, 1004, 1005, 1006, 1015, 1016, 2999, 5000):
        add("CLS", f"code {code} with a reason", [frame(CLOSE, code.to_bytes(2, "big") + b"bye")], fail(1002, "InvalidCloseCode"), **bad)
    for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3001, 3500, 4001, 4500, 4998):
        add("CLS", f"code {code} with a reason", [frame(CLOSE, code.to_bytes(2, "big") + b"bye")], ok(f"close:{code}", reply=f"close {code}"))
    for code in (1002, 1010, 1011, 3000):
        add("CLS", f"code {code}", [frame(CLOSE, code.to_bytes(2, "big"))], ok(f"close:{code}", reply=f"close {code}"), level="MUST")
    add("CLS", "empty Close, then EOF", [frame(CLOSE)], ok("close:1005", reply="close with empty body", close_code_local=1005), rfc="RFC 6455 §7.1.5", eof=True)
    add("CLS", "Close, then EOF", [frame(CLOSE, b"\x03\xe8")], ok("close:1000", reply="close 1000", close_code_local=1000), rfc="RFC 6455 §7.1.5", eof=True)

    for name, reason in {
        "one byte": b"r", "122 bytes": b"r" * 122, "123 bytes": b"r" * 123, "123 bytes of three each": "€".encode() * 41,
        "NUL": b"\0", "U+10FFFF": "\U0010ffff".encode(), "U+FFFE": "\ufffe".encode(), "controls": b"\x1b[31m\r\n",
    }.items():
        add("CLS", f"reason: {name}", [frame(CLOSE, b"\x03\xe8" + reason)], ok("close:1000", reply="close 1000"))
    for name, reason in {
        "cut after one byte of two": b"bye\xc3", "cut after one of three": b"\xe2", "cut after two of three": b"bye\xe2\x82",
        "cut after three of four": b"\xf0\x9f\x98", "a surrogate": b"\xed\xa0\x80", "overlong": b"\xc0\xaf", "overlong of three": b"\xe0\x80\xaf",
        "above U+10FFFF": b"\xf4\x90\x80\x80", "a lone continuation": b"bye\x80", "FE": b"\xfe",
        "123 bytes, the last of them FF": b"r" * 122 + b"\xff", "121 bytes and half a character": b"r" * 121 + b"\xe2\x82",
    }.items():
        add("CLS", f"reason: {name}", [frame(CLOSE, b"\x03\xe8" + reason)], fail(1007, "InvalidUtf8", 1002), rfc="RFC 6455 §5.5.1, §8.1")
    add("CLS", "reason of 124 bytes", [frame(CLOSE, b"\x03\xe8" + b"r" * 124)], fail(1002, "ControlTooLong"), rfc="RFC 6455 §5.5", level="MUST (on the sender)")
    add("CLS", "a wrong code and a reason that is no UTF-8", [frame(CLOSE, b"\x03\xed\xff")], fail(1002, "InvalidCloseCode", 1007), level="open")
    for byte in (0, 3, 255):
        add("CLS", f"body of one byte {byte:02x}", [frame(CLOSE, bytes([byte]))], fail(1002, "InvalidCloseLength"), level="MUST (on the sender)")
    add("CLS", "body of one byte, header only", [frame(CLOSE, claim=1)], fail(1002, "InvalidCloseLength"), level="open", note="the header decides")
    add("CLS", "body of one byte, then a message", [frame(CLOSE, b"\x03"), HELLO], fail(1002, "InvalidCloseLength", events=[]), rfc="RFC 6455 §7.1.7")

    eof = {"rfc": "RFC 6455 §7.1.5", "eof": True}
    add("CLS", "EOF inside a Close's code", [frame(CLOSE, b"\x03\xe8")], cut_off(), cut=-1, **eof)
    add("CLS", "EOF after a Close's header", [frame(CLOSE, claim=2)], cut_off(), **eof)
    add("CLS", "EOF inside a Close's reason", [frame(CLOSE, b"\x03\xe8bye")], cut_off(), cut=-1, **eof)

    gone = {"rfc": "RFC 6455 §1.4, §5.5.1, §7.1.5", "level": "open"}
    close = frame(CLOSE, b"\x03\xe8")
    for name, rest in {
        "a message": [HELLO], "another Close": [frame(CLOSE, b"\x03\xe9")], "a broken Close": [frame(CLOSE, b"\x03")],
        "a ping": [frame(PING, b"p")], "a reserved opcode": [frame(3)], "a frame masked the wrong way round": [frame(TEXT, flip=True)],
        "half a frame": [frame(TEXT, claim=100)], "a huge frame": [frame(TEXT, claim=1 << 62)], "a continuation": [frame(CONT, b"x")],
    }.items():
        add("CLS", f"{name} after Close", [close] + rest, ok("close:1000", reply="close 1000 only", close_code_local=1000), **gone)
    add("CLS", "half a frame after Close, then EOF", [close, frame(TEXT, claim=100)], ok("close:1000", close_code_local=1000), eof=True, **gone)
    add("CLS", "an empty Close, then one with a code", [frame(CLOSE), close], ok("close:1005", reply="close with empty body", close_code_local=1005), **gone)
    add("CLS", "64 KiB after Close", [close, frame(BINARY, bytes(65536))], ok("close:1000", reply="close 1000"), **gone)
    add("CLS", "a message, then Close", [HELLO, close], ok("text:Hello", "close:1000", reply="close 1000"))
    add("CLS", "Close between fragments, then the rest", [HEL, close, LO], ok("close:1000", reply="close 1000", must_not="deliver Hello"), **gone)
    add("CLS", "Close inside a character", [frame(TEXT, b"\xe2\x82", 0), close], ok("close:1000", reply="close 1000"), **gone)
    add("CLS", "Close inside a compressed message", [frame(TEXT, deflated(b"Hello")[:3], 0, 4), close], ok("close:1000", reply="close 1000"), negotiated=PMD, **gone)
    add("CLS", "Close inside a compressed message, then the rest", [frame(TEXT, deflated(b"Hello")[:3], 0, 4), close, frame(CONT, deflated(b"Hello")[3:])],
        ok("close:1000", reply="close 1000", must_not="deliver Hello"), negotiated=PMD, **gone)
    add("CLS", "Close after a frame that breaks the rules", [frame(3), close], fail(1002, "ReservedOpcode", events=[]), rfc="RFC 6455 §7.1.7")
