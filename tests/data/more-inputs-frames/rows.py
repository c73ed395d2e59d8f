"""Rows, and the frames that they are made of."""

import base64
import zlib

KEY = bytes.fromhex("37fa213d")
ROWS = []
COUNTS = {}
AREAS = {
    "FRM": ("frame-header", "RFC 6455 §5.2"),
    "CTL": ("control-frame", "RFC 6455 §5.5"),
    "CLS": ("close-frame", "RFC 6455 §5.5.1, §7.4"),
    "FRG": ("fragmentation", "RFC 6455 §5.4"),
    "UTF": ("text-utf8", "RFC 6455 §8.1; RFC 3629 §3"),
    "PMD": ("permessage-deflate-payload", "RFC 7692 §6, §7.2.2"),
}
CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
PMD = ["permessage-deflate"]
OPEN_DATA = [1002, 1003]
BOTH = ("client", "server")


# What a row is made of.


def frame(opcode, payload=b"", fin=1, rsv=0, claim=None, form=None, flip=False, key=KEY):
    """A function of the role that receives: frames for servers are masked, or the other way round with `flip`."""

    def wire(role):
        masked = (role == "server") != flip
        length = len(payload) if claim is None else claim
        shape = form or (7 if length < 126 else 16 if length < 1 << 16 else 64)
        small = length if shape == 7 else 126 if shape == 16 else 127
        head = bytes([fin << 7 | rsv << 4 | opcode, masked << 7 | small])
        head += b"" if shape == 7 else length.to_bytes(shape // 8, "big")
        return head + (key + mask(payload, key) if masked else payload)

    return wire


def mask(data, key):
    pad = (key * (len(data) // 4 + 1))[: len(data)]
    return (int.from_bytes(data, "big") ^ int.from_bytes(pad, "big")).to_bytes(len(data), "big")


def raw(data):
    return lambda role: data


def add(area, name, frames, expect, roles=(), rfc=None, level="MUST", note="", cut=None, **more):
    """A row for each of `roles`, or for each role in turn; of its bytes the first `cut`, or all but the last `-cut`."""
    assert not isinstance(roles, str), name
    number = COUNTS[area] = COUNTS.get(area, 0) + 1
    for role in roles or [BOTH[number % 2]]:
        data = b"".join(part(role) for part in frames)[:cut]
        row = {"id": f"{area}-X{number:03}" + (f"/{role}" if len(roles) > 1 else ""), "name": name}
        row |= {"area": AREAS[area][0], "role": role}
        if len(data) <= 320:
            row["bytes_hex"] = data.hex()
        else:
            row |= {"bytes_zlib_b64": base64.b64encode(zlib.compress(data, 9)).decode(), "bytes_len": len(data)}
        row |= more | {"expect": expect, "rfc": rfc or AREAS[area][1], "rfc_level": level}
        ROWS.append(row | ({"note": note} if note else {}))


def fail(code, error, *also, **more):
    return {"close_code": code, "error": error} | ({"also_acceptable": list(also)} if also else {}) | more


def ok(*events, also=(), **more):
    return {"ok": True, "events": list(events)} | ({"also_acceptable": list(also)} if also else {}) | more


def cut_off(*events):
    return {"close_code_local": 1006, "error": "UnexpectedEof"} | ({"events": list(events)} if events else {})


def limits(**config):
    return {"config": config}


HELLO = frame(TEXT, b"Hello")
HEL, LO = frame(TEXT, b"Hel", fin=0), frame(CONT, b"lo")


def middle(payload=b""):
    """A fragment that is neither the first nor the last."""
    return frame(CONT, payload, 0)

