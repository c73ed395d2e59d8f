"""Lets our programs talk over a wire between two network namespaces, and looks at what keepalive and close make of it."""

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path
from tempfile import TemporaryDirectory

import wire
from process import ENDING, Process, Trouble, stop_all

ROOT = Path(__file__).resolve().parents[2]
SERVER = f"{wire.ADDRESSES[1]}:9001"

# What our programs are set to here, in seconds: the defaults would take a minute.
PING, PONG, CLOSE, WRITE = 1, 2, 2, 3

# How much later than its due time something may be told on a machine that does other things as well.
SLACK = 2.5

# The exit status where networks may not be made.
NOT_RUN = 77

# How many scenarios run at once: most of their time is waiting.
AT_ONCE = 6


class Scene:
    """What a scenario has: a wire, a server at its far end, a visitor at this one."""

    def __init__(self, name, binary, place):
        self.wire, self.binary, self.place = wire.Wire(name), binary, place
        self.running = []

    def __enter__(self):
        self.wire.open()
        return self

    def __exit__(self, *_):
        for process in self.running[::-1]:
            process.stop()
        self.wire.close()

    def run(self, end, what, *words):
        times = (f"ping={PING}", f"pong={PONG}", f"close={CLOSE}", f"write={WRITE}")
        command = [*self.wire.inside(end), self.binary, *words[:2], *times, *words[2:]]
        process = Process(command, self.place / f"{what}.log")
        self.running.append(process)
        return process

    def serve(self, *words):
        server = self.run(1, "server", "serve", SERVER, *words)
        server.wait_for(r"listening on", 20, "the server")
        return server

    def visit(self, mode, *words):
        client = self.run(0, "client", mode, f"ws://{SERVER}/", *words)
        client.wait_for(r"opened", 20, "the client")
        return client

    def silence(self, *directions):
        """Drops everything from now on; returns when that was."""
        self.wire.silent = set(directions)
        return time.monotonic()


def delay(scene):
    """A round trip of 200 ms, give or take 50, is measured as such."""
    scene.serve()
    scene.wire.delay, scene.wire.jitter = 0.1, 0.025
    client = scene.visit("watch")
    told = client.wait_for(r"round trips ([4-9]) last \S+ smoothed (\S+) p50 (\S+) p95 (\S+)", 20, "the client")
    for value in told.groups()[1:]:
        expect(150 <= float(value) <= 250 + 1000 * SLACK / 10, f"a round trip of {value} ms")
    expect("ended" not in client.output(), "the connection has ended")


def lossy(scene):
    """Loss of 3 %, reordered and doubled packets: every message arrives, and nobody is taken for dead."""
    scene.serve()
    scene.wire.delay, scene.wire.loss, scene.wire.reorder, scene.wire.duplicate = 0.02, 0.03, 0.1, 0.03
    client = scene.visit("echo", "messages=150", "size=4000", "pong=10")
    client.wait_for(r"echoed 150", 40, "the client")
    client.wait_for(r"ended: closed by us with 1000", 20, "the client")
    expect(scene.wire.dropped > 0, "the wire lost nothing")


def starved(scene):
    """64 kbit/s, and more to send than fits in many seconds: bytes that trickle are signs of life."""
    scene.serve()
    scene.wire.rate, scene.wire.delay = 64_000, 0.05
    client = scene.visit("echo", "messages=10", "size=4000", "pong=4", "write=20")
    client.wait_for(r"echoed 10", 40, "the client")
    client.wait_for(r"ended: closed by us with 1000", 20, "the client")


def blackhole(adapter, *directions):
    def scenario(scene):
        server = scene.serve(f"adapter={adapter}")
        client = scene.visit("watch", f"adapter={adapter}")
        time.sleep(2 * PING)
        begun = scene.silence(*directions)
        for process, what in ((client, "the client"), (server, "the server")):
            process.wait_for(r"ended: no sign of life", PING + PONG + SLACK + 5, what)
            took = time.monotonic() - begun
            # The last sign of life was up to a ping's interval ago.
            expect(PONG - 0.2 <= took <= PING + PONG + SLACK, f"{what} took {took:.2f} s")

    way = "all packets" if len(directions) == 2 else "the packets of one direction"
    scenario.__doc__ = f"A peer that falls silent is told as dead, {adapter}: {way} vanish."
    return scenario


def close_into_silence(adapter):
    def scenario(scene):
        scene.serve()
        client = scene.visit("close", f"adapter={adapter}", "ping=60")
        begun = scene.silence(0, 1)
        client.wait_for(r"closing", 20, "the client")
        begun = time.monotonic()
        client.wait_for(r"ended: no close frame from the peer", CLOSE + SLACK + 5, "the client")
        took = time.monotonic() - begun
        expect(CLOSE - 0.2 <= took <= CLOSE + SLACK, f"it took {took:.2f} s")

    scenario.__doc__ = f"A closing handshake that nobody answers ends by close_timeout, {adapter}."
    return scenario


def send_into_silence(scene):
    """Whoever sends into silence is told so by write_timeout."""
    scene.serve()
    scene.wire.delay = 0.05
    client = scene.visit("echo", "messages=100000", "size=100000", "ping=60")
    time.sleep(0.5)
    begun = scene.silence(0, 1)
    client.wait_for(r"ended: the peer took no data", WRITE + SLACK + 5, "the client")
    took = time.monotonic() - begun
    expect(WRITE - 0.3 <= took <= WRITE + SLACK, f"it took {took:.2f} s")


def outage(scene):
    """An outage shorter than the keepalive's patience ends nothing."""
    # TCP sends again what was lost after twice the time, each time: so late the answers to pings come.
    scene.serve("pong=6")
    client = scene.visit("watch", "pong=6")
    time.sleep(PING)
    scene.silence(0, 1)
    time.sleep(2)
    scene.silence()
    seen = len(client.output().splitlines())
    client.wait_for(rf"(?:.*\n){{{seen}}}(?:.*\n)*.*round trips [2-9]", 20, "the client")
    expect("ended" not in client.output(), "the connection has ended")


SCENARIOS = {
    "delay": delay,
    "lossy": lossy,
    "starved": starved,
    "outage": outage,
    "blackhole-tokio": blackhole("tokio", 0, 1),
    "blackhole-blocking": blackhole("blocking", 0, 1),
    "half-open-tokio": blackhole("tokio", 1),
    "half-open-blocking": blackhole("blocking", 1),
    "close-tokio": close_into_silence("tokio"),
    "close-blocking": close_into_silence("blocking"),
    "send": send_into_silence,
}


class Unexpected(Exception):
    """What a scenario has against us."""


def expect(fine, complaint):
    if not fine:
        raise Unexpected(complaint)


def main():
    parser = argparse.ArgumentParser(
        prog="interop/network", description=__doc__, epilog="Exits with 0 if all went well, 1 if not, 2 without a verdict, 77 where networks may not be made."
    )
    parser.add_argument("names", nargs="*", metavar="SCENARIO", choices=[[], *SCENARIOS], help=", ".join(SCENARIOS))
    parser.add_argument("--no-build", action="store_true", help="use our program as it was built before")
    options = parser.parse_args()
    for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(sign, leave)
    began = time.monotonic()
    with TemporaryDirectory(prefix="hybi-network-") as place:
        try:
            wire.check()
            binary = build(options)
            verdicts = run_all(options.names or list(SCENARIOS), binary, Path(place))
        except wire.NotAllowed as error:
            print(f"interop/network: NOT RUN, NOTHING IS PROVED: {error}", file=sys.stderr)
            return NOT_RUN
        except Trouble as trouble:
            print(f"interop/network: NO VERDICT: {trouble}", file=sys.stderr)
            return 2
        finally:
            stop_all()
    failed = [name for name, failure in verdicts.items() if failure]
    print(f"interop/network: {len(verdicts) - len(failed)} of {len(verdicts)} as expected, {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


def run_all(names, binary, place):
    verdicts, gate, output = {}, threading.Semaphore(AT_ONCE), threading.Lock()

    def run(name):
        with gate:
            began, failure = time.monotonic(), None
            try:
                if not ENDING.is_set():
                    (place / name).mkdir()
                with Scene(name, binary, place / name) as scene:
                    SCENARIOS[name](scene)
            except (Unexpected, Trouble) as error:
                failure = str(error)
            except Exception:
                failure = traceback.format_exc()
            if ENDING.is_set():
                return
            with output:
                verdicts[name] = failure
                line = f"FAILED: {failure}" if failure else "ok"
                print(f"{name}: {SCENARIOS[name].__doc__} {line}, {time.monotonic() - began:.1f} s", flush=True)
                for log in sorted((place / name).glob("*.log")) if failure else ():
                    words = log.read_text(errors="replace").splitlines()[-6:]
                    print("\n".join(f"    {log.stem}| {line}" for line in words), flush=True)

    threads = [threading.Thread(target=run, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return verdicts


def leave(number, _frame):
    """Ends the run by way of what cleans up, undisturbed by a second signal."""
    for other in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)
    stop_all()
    sys.exit(128 + number)


def build(options):
    """The path of our program."""
    target = ROOT / (os.environ.get("CARGO_TARGET_DIR") or "target")
    command = ["cargo", "build", "--quiet", "--example", "liveness", "--features", "tokio"]
    if not options.no_build and subprocess.run(command, cwd=ROOT).returncode:
        raise Trouble("our program does not build")
    binary = target / "debug" / "examples" / "liveness"
    if not binary.exists():
        raise Trouble(f"there is no {binary}; run without --no-build")
    return str(binary)


if __name__ == "__main__":
    sys.exit(main())
