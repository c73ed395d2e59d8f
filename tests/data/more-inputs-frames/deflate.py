"""DEFLATE by hand (RFC 1951), and messages as RFC 7692 sends them."""

import zlib

from rows import TEXT, frame


ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]


class Bits:
    """DEFLATE put together by hand (RFC 1951), the least significant bit first."""

    def __init__(self):
        self.bits = []

    def put(self, value, count):
        self.bits += [value >> i & 1 for i in range(count)]
        return self

    def code(self, value, count):
        """Huffman codes come with their most significant bit first."""
        self.bits += [value >> i & 1 for i in reversed(range(count))]
        return self

    def align(self):
        self.bits += [0] * (-len(self.bits) % 8)
        return self

    def stored(self, data=b"", final=0, nlen=None):
        self.put(final, 1).put(0, 2).align().put(len(data), 16).put(len(data) ^ 0xFFFF if nlen is None else nlen, 16)
        for byte in data:
            self.put(byte, 8)
        return self

    def fixed(self, final=0):
        return self.put(final, 1).put(1, 2)

    def literal(self, symbol):
        """A symbol of the standard's own code (section 3.2.6)."""
        if symbol < 144:
            return self.code(0x30 + symbol, 8)
        if symbol < 256:
            return self.code(0x190 + symbol - 144, 9)
        return self.code(symbol - 256, 7) if symbol < 280 else self.code(0xC0 + symbol - 280, 8)

    def text(self, data):
        for byte in data:
            self.literal(byte)
        return self

    def end(self, final=0):
        self.literal(256)
        return self.align() if final else self

    def back(self, length, distance):
        """A reference: lengths of 3 to 10 or 258, distances as far as 32,768."""
        self.literal(285 if length == 258 else 254 + length)
        symbol, extra, base = 0, 0, 1
        while base + (1 << extra) <= distance:
            base += 1 << extra
            symbol += 1
            extra = max(0, symbol // 2 - 1)
        return self.code(symbol, 5).put(distance - base, extra)

    def dynamic(self, literals, distances, hclen=19, codes=None, final=0):
        """A dynamic block's head: every length as it is, in a code of four bits for each."""
        codes = codes or {symbol: 4 for symbol in range(16)}
        self.put(final, 1).put(2, 2).put(len(literals) - 257, 5).put(len(distances) - 1, 5).put(hclen - 4, 4)
        for symbol in ORDER[:hclen]:
            self.put(codes.get(symbol, 0), 3)
        for length in literals + distances:
            self.code(length, 4)
        return self

    def message(self):
        """As it goes over the wire: an empty stored block at the end, without 00 00 ff ff."""
        return self.put(0, 3).bytes()

    def bytes(self):
        bits = self.bits + [0] * (-len(self.bits) % 8)
        return bytes(sum(bit << i for i, bit in enumerate(bits[at : at + 8])) for at in range(0, len(bits), 8))


def deflated(data, level=9, bits=15):
    maker = zlib.compressobj(level, zlib.DEFLATED, -bits)
    return (maker.compress(data) + maker.flush(zlib.Z_SYNC_FLUSH))[:-4]


def chained(*messages, level=9, bits=15):
    """With context takeover."""
    maker = zlib.compressobj(level, zlib.DEFLATED, -bits)
    return [(maker.compress(data) + maker.flush(zlib.Z_SYNC_FLUSH))[:-4] for data in messages]


def packed(payload, opcode=TEXT, fin=1):
    return frame(opcode, payload, fin, 4)


HELLO_Z = bytes.fromhex("f248cdc9c90700")
AGAIN_Z = bytes.fromhex("f200110000")
NO_CONTEXT = ["permessage-deflate; server_no_context_takeover; client_no_context_takeover"]


def repeats(codes):
    """A dynamic block's head, up to its code lengths, which come in these codes; the fewest lengths there can be."""
    bits = Bits().put(0, 1).put(2, 2).put(0, 5).put(0, 5).put(15, 4)
    for symbol in ORDER:
        bits.put(codes.get(symbol, 0), 3)
    return bits


def empties(count):
    """Empty fixed blocks are ten bits each: four of them are five bytes."""
    four = Bits()
    for _ in range(4):
        four.fixed().end()
    return four.bytes() * (count // 4) + b"\x00"
