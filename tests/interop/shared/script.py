"""What is sent both ways over a connection with compression, and how it has to come; the same for all ends, in their languages."""

from functools import lru_cache


def random_bytes(seed, length, mask):
    """Numbers that all languages can compute."""
    numbers = bytearray()
    for _ in range(length):
        seed = (seed * 1103515245 + 12345) & 0x7FFFFFFF
        numbers.append(seed >> 16 & mask)
    return bytes(numbers)


@lru_cache
def noise(length):
    """A text that Huffman codes halve; further only repetition can."""
    return "".join("0123456789abcdef"[number] for number in random_bytes(length, length, 15))


def record(number):
    return (
        f'{{"id": {number}, "name": "item {number}", "tags": ["alpha", "beta"], "text": "nothing new under the sun", '
        f'"number": {number * 7919}, "active": true, "parent": null}}\n'
    )


@lru_cache
def script(bits, count):
    """Names and messages. With less than 9 bits zlib looks as far back as with 9."""
    within, beyond = (1 << max(bits, 9)) - 322, (1 << bits) + 50
    return [
        ("small", noise(200)),
        ("again", noise(200)),
        ("plain", noise(200)),
        ("again", noise(200)),
        ("empty", ""),
        ("fragments", "in pieces: 世界 " * 120),
        ("binary", random_bytes(1, 3000, 255)),
        ("within", noise(within) * 2),
        ("beyond", noise(beyond) * 2),
        *(("many", record(number)) for number in range(count)),
        ("large", "".join(map(record, range(count * 4))).encode()),
    ]


class Flow:
    """How one end compresses: `t15` with context takeover and a window of 15 bits, `n9` without, `-` not at all.

    An `a` behind it stands for an end that cannot be told to send a message as it is, or in fragments.
    """

    def __init__(self, spelled):
        self.never, self.always = spelled == "-", spelled.endswith("a")
        self.keeps = spelled.startswith("t")
        self.bits = 15 if self.never else int(spelled[1:].rstrip("a"))

    def script(self, count):
        return script(self.bits, count)


def check(name, flow, message, compressed, size, first):
    """How a message must have come over the wire; `first` is the size of the small one that came first."""
    length = len(message.encode() if isinstance(message, str) else message)
    if flow.never or (name == "plain" and not flow.always):
        expected = not compressed and size == length
    elif name in ("small", "again", "plain"):
        repeated = name != "small" and flow.keeps
        expected = compressed and (size < 40 if repeated else first - 2 <= size < 180)
    elif name == "empty":
        expected = size <= 6
    elif name == "fragments":
        expected = compressed and size < length / 2
    elif name == "binary":
        expected = size <= length * 1.05 + 32
    elif name == "within":
        expected = compressed and size < length * 0.45
    elif name == "beyond":
        expected = size > length * 0.48
    elif name == "many":
        expected = compressed and size < (length * 0.5 if flow.keeps and '"id": 0,' not in message else length)
    else:
        expected = compressed and size < length / 4
    if not expected:
        raise AssertionError(f"{name}: {size} bytes {'compressed' if compressed else 'as they are'} for {length}, of {first}")


def spell(extension):
    """An answer as the cases spell it: `sn.c12`, `-` without parameters, `none` where there is none."""
    if not extension:
        return "none"
    name, *params = (each.strip() for each in extension.split(";"))
    if name != "permessage-deflate":
        return extension
    short = {
        "server_no_context_takeover": "sn",
        "client_no_context_takeover": "cn",
        "server_max_window_bits": "s",
        "client_max_window_bits": "c",
    }
    found = [short.get(key, key) + value for key, _, value in (each.partition("=") for each in params)]
    order = list(short.values())
    return ".".join(sorted(found, key=lambda each: order.index(each.rstrip("0123456789")))) or "-"
