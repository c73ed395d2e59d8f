"""Which parameters of permessage-deflate (RFC 7692) are tried, and what must become of them.

A case is the query of `/deflate`: `o` the client's offers, `s` the server's settings, `a` the answer, `up` and `down` how the
client and the server compress then, `n` how much is sent. The answer is worked out here, from each server's documentation.
"""

import itertools
import random
from typing import NamedTuple, Optional, Union


class Params(NamedTuple):
    """Parameters as an offer, an answer or settings name them.

    `False` for a server's window or takeover is what only ws knows: to refuse an offer that asks for it.
    """

    sn: Optional[bool] = None
    cn: Optional[bool] = None
    s: Union[int, bool, None] = None
    # `True` where it stands without a value.
    c: Union[int, bool, None] = None

    def __str__(self):
        flags = [{True: name, False: f"{name}0"}[flag] for name, flag in (("sn", self.sn), ("cn", self.cn)) if flag is not None]
        bits = [name + bits_of(value) for name, value in (("s", self.s), ("c", self.c)) if value is not None]
        return ".".join(flags + bits) or "-"


def bits_of(value):
    return "" if value is True else str(int(value))


NONE, REFUSED, OFF = "none", "refused", "off"

FLAGS = [None, True]


# What each server answers to an offer: parameters, `None` where it declines this offer.


def answer_ours(offer, settings):
    window = 15 if settings.s is None else settings.s
    s = None if offer.s is None and window == 15 else min(offer.s or 15, window)
    c = None if offer.c is None or settings.c in (None, 15) else min(settings.c, 15 if offer.c is True else offer.c)
    return Params(offer.sn or settings.sn, offer.cn or settings.cn, s, c)


def answer_websockets(offer, settings):
    s = offer.s if settings.s is None else min(offer.s or 15, settings.s)
    if settings.c is None:
        c = None if offer.c is True else offer.c
    else:
        c = None if offer.c is None else min(settings.c, 15 if offer.c is True else offer.c)
    # zlib cannot compress into a window of 8 bits.
    return None if s == 8 else Params(offer.sn or settings.sn, offer.cn or settings.cn, s, c)


def answer_ws(offer, settings):
    if settings.sn is False and offer.sn:
        return None
    if offer.s is not None and settings.s is not None and (settings.s is False or settings.s > offer.s):
        return None
    limits = settings.c not in (None, False)
    if limits and (offer.c is None or (offer.c is not True and settings.c > offer.c)):
        return None
    if limits:
        c = settings.c
    else:
        c = None if offer.c is True or settings.c is False else offer.c
    s = settings.s if settings.s else offer.s
    return Params(offer.sn or settings.sn or None, offer.cn or settings.cn or None, s, c)


def answer_aiohttp(offer, _settings):
    return None if offer.s == 8 else Params(offer.sn, None, offer.s, None)


ANSWERS = {"hybi": answer_ours, "websockets": answer_websockets, "ws": answer_ws, "aiohttp": answer_aiohttp}


def settings_of(server):
    """Every combination of settings that a server knows."""
    if server == "hybi":
        bits = [9, 12, 15]
        return [Params(*each) for each in itertools.product(FLAGS, FLAGS, bits, bits)]
    if server == "websockets":
        return [Params(*each) for each in itertools.product(FLAGS, FLAGS, [None, *range(9, 16)], [None, *range(8, 16)])]
    if server == "ws":
        bits = [None, False, *range(8, 16)]
        return [Params(*each) for each in itertools.product([None, False, True], FLAGS, bits, bits)]
    return [Params()]


def offers_of(client):
    """Every combination of parameters that a client can offer."""
    if client in ("undici", "chromium"):
        return [Params(c=True)]
    if client == "aiohttp":
        return [Params(s=bits, c=True) for bits in (None, *range(9, 15))]
    # websockets cannot compress into 8 bits.
    least = 9 if client == "websockets" else 8
    return [Params(*each) for each in itertools.product(FLAGS, FLAGS, [None, *range(8, 16)], [None, True, *range(least, 16)])]


def cases(client, server, adapter):
    """The queries. Every combination of the other implementation stands there at least once, each with one of ours that is
    drawn by lot (the same in every run, another for each adapter), nine in ten such that they agree if they can; where the
    other has few, with all of ours. Fewer of them, by lot, stand there for the blocking adapter, since adapters have no part
    in compression, and for aiohttp, which has hardly any settings.
    """
    offers, settings = offers_of(client), settings_of(server)
    if server == "aiohttp":
        # It takes this limit and does not say so, against RFC 7692 section 7.1.2.1: a client has to give up.
        offers = [offer for offer in offers if offer.s != 15]
    theirs, ours = (settings, offers) if client == "hybi" else (offers, settings)
    lot = random.Random(f"{client} {server} {adapter}")

    def pair(their, our):
        return (our, their) if client == "hybi" else (their, our)

    def draw(number, their):
        drawn = [pair(their, our) for our in lot.sample(ours, len(ours))]
        agreed = (each for each in drawn if ANSWERS[server](*each) is not None)
        return next(agreed, drawn[0]) if number % 10 else drawn[0]

    if len(theirs) < len(ours) / 4:
        pairs = [pair(their, our) for their in theirs for our in ours]
    else:
        pairs = [draw(number, their) for number, their in enumerate(theirs)]
    thin = (3 if adapter == "blocking" else 1) * (4 if "aiohttp" in (client, server) else 1)
    pairs = lot.sample(pairs, len(pairs) // thin) if thin > 1 else pairs
    for number, (offer, setting) in enumerate(pairs):
        yield query(client, server, [offer], setting, 100 if number % 12 == 0 else 10)
    yield query(client, server, [Params(c=True)], OFF, 10)
    if client not in ("undici", "chromium"):
        yield query(client, server, [], settings[0], 10)
    if client in ("hybi", "websockets") and server != "aiohttp":
        yield query(client, server, [Params(s=8), Params(s=12, c=True)], settings[0], 10)


def query(client, server, offers, settings, count):
    answer, offer = NONE, None
    if offers and settings != OFF:
        answers = ((offer, ANSWERS[server](offer, settings)) for offer in offers)
        offer, answer = next((pair for pair in answers if pair[1] is not None), (None, REFUSED if server == "ws" else NONE))
    if offer is None:
        up = down = "-"
    else:
        down = flow(server, not answer.sn, answer.s or 15)
        up = flow(client, *upwards(client, offer, answer))
    offered = "~".join(map(str, offers)) or NONE
    return f"o={offered}&s={settings}&a={answer}&up={up}&down={down}&n={count}"


def upwards(client, offer, answer):
    """Whether the client keeps its context, and its window."""
    bits = answer.c or 15
    # Whether it keeps to what it has offered where the server does not answer that.
    if client in ("hybi", "websockets", "ws") and offer.c not in (None, True):
        bits = min(bits, offer.c)
    keeps = not answer.cn and not (offer.cn and client in ("hybi", "websockets"))
    return keeps, bits


def flow(sender, keeps_context, bits):
    """How one end compresses: `t15` with context takeover and a window of 15 bits, `n9` without; `-` for one that does not."""
    if sender == "undici":
        return "-"
    always = "a" if sender in ("aiohttp", "chromium") else ""
    return f"{'t' if keeps_context else 'n'}{bits}{always}"
