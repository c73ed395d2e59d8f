"""Lets the library talk to other implementations of WebSocket, by both adapters and in both roles; see README.md."""

import argparse
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import browser
import compression
import peers
from process import Process, Trouble, stop_all

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
OUTPUT = ROOT / "target" / "interop"
ADAPTERS = ["tokio", "blocking"]
ROLES = ["server", "client"]

CLOSES = ["1000", "1001", "3000", "4999", "empty"]
VIOLATIONS = ["opcode", "mask", "close", "utf8", "size"]

# What every client must have held: one that leaves a conversation out has not succeeded.
CONVERSATIONS = [
    *["text", "binary", "large", "pipelined", "stream", "fragments sent", "fragments received", "ping sent", "ping received"],
    *["subprotocol", "subprotocol unknown", "subprotocol absent", "headers", "refused", "extensions"],
    *["farewell sent", "farewell received", "loss sent", "loss received"],
    *[f"close {way} {name}" for name in CLOSES for way in ("sent", "received")],
    *[f"violation {way} {name}" for name in VIOLATIONS for way in ("sent", "received")],
]

# In seconds. A combination takes up to 20, and longer on a busy machine; a client gives up a single conversation after 30.
PATIENCE, STARTUP, FAREWELL = 240, 30, 15

# Combinations are held two at a time.
AT_ONCE = 2

LISTENING = r"listening on (\S+)\n"

# Lines of what went wrong that are told; the logs have them all.
MOST = 24

ENDED_BY = signal.SIGINT, signal.SIGTERM, signal.SIGHUP

SUCCESS, FAILURE, NO_VERDICT = 0, 1, 2


def main():
    options = arguments()
    for number in ENDED_BY:
        signal.signal(number, leave)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    try:
        commands = peers.install(OUTPUT, sorted({peer for _, _, peer in options.combinations}))
        ours = build(options)
    except Trouble as trouble:
        print(f"interop/run: {trouble}", file=sys.stderr)
        return NO_VERDICT

    failed = 0
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        for report, failures in pool.map(lambda combination: hold(*combination, ours, commands), options.combinations):
            print(report, *failures, sep="\n  ", flush=True)
            failed += bool(failures)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        stop_all()
    return FAILURE if failed else SUCCESS


def hold(adapter, role, peer, ours, commands):
    """Holds the conversations of one combination; returns a line about them and what went wrong, a line each."""
    name = f"{role}-{adapter}/{peer}"
    began = time.monotonic()
    cases = list(compression.cases(*(("hybi", peer) if role == "client" else (peer, "hybi")), adapter))
    leaves_out = peers.PEERS[peer].leaves_out["client" if role == "server" else "server"]
    expected = [each for each in CONVERSATIONS if each not in leaves_out]
    # Our client is told so; other clients know.
    listed = [*cases, *(f"-{each}" for each in sorted(leaves_out) if role == "client")]
    expected += [f"deflate {case}" for case in cases]
    if role == "server":
        server, client = [ours, f"server-{adapter}", "127.0.0.1:0"], commands[peer, "client"]
    else:
        server, client = commands[peer, "server"], [ours, f"client-{adapter}"]
    logs = OUTPUT / "logs" / name
    logs.mkdir(parents=True, exist_ok=True)
    running = []
    try:
        if peers.PEERS[peer].platform == "browser":
            failures = watch(running, logs, server, client[0], cases, expected)
        else:
            failures = converse(running, logs, server, client, listed, expected)
    except Trouble as trouble:
        failures = [str(trouble)]
    finally:
        for process in running[::-1]:
            process.stop()
    verdict = f"FAILED, {len(failures)} lines" if failures else "ok"
    kinds = f"{len(expected) - len(cases)} conversations, {len(cases)} with compression"
    return f"{name}: {kinds}: {verdict}, {time.monotonic() - began:.1f} s", failures[:MOST]


def leave(number, _frame):
    """Ends the run by way of the `finally` that stops its processes, undisturbed by a second signal."""
    for other in ENDED_BY:
        signal.signal(other, signal.SIG_IGN)
    sys.exit(128 + number)


def arguments():
    parser = argparse.ArgumentParser(
        prog="interop/run", description=__doc__, epilog="Exits with 0 if all went well, 1 if not, 2 without a verdict."
    )
    parser.add_argument("words", nargs="*", metavar="WORD", help="only combinations with all of these words in their names, like server ws")
    parser.add_argument("--no-build", action="store_true", help="use our programs as they were built before")
    options = parser.parse_args()
    all_of_them = [(adapter, role, peer) for peer in peers.PEERS for role in ROLES for adapter in ADAPTERS]
    options.combinations = [
        (adapter, role, peer)
        for adapter, role, peer in all_of_them
        if set(options.words) <= {adapter, role, peer} and peers.PEERS[peer].can_be("client" if role == "server" else "server")
    ]
    if "chromium" not in options.words and not browser.find() and not os.environ.get("CI"):
        without = [each for each in options.combinations if each[2] != "chromium"]
        if without != options.combinations:
            print("interop/run: NOT with chromium: there is no browser; `interop/run chromium` installs one, as does CI=1", flush=True)
        options.combinations = without
    if not options.combinations:
        parser.error(f"no combination of {', '.join([*ADAPTERS, *ROLES, *peers.PEERS])} has all of these words")
    return options


def converse(running, logs, server, client, listed, expected):
    """Runs the client against the server and returns what went wrong, a line each."""
    serving = Process(server, logs / "server.log")
    running.append(serving)
    address = serving.wait_for(LISTENING, STARTUP, "the server").group(1)
    cases = logs / "cases"
    cases.write_text("".join(f"{each}\n" for each in listed))
    talking = Process([*client, f"ws://{address}", str(cases)], logs / "client.log")
    running.append(talking)
    status = talking.wait(PATIENCE, "the client")
    failures = judge(talking.output().splitlines(), expected, talking)
    if status and not failures:
        failures.append(f"client: ended with status {status} {talking.last_words()}")
    return failures + verdicts(serving)


def watch(running, logs, server, path, cases, expected):
    """The same with a page in a browser, which tells the server how it went."""
    serving = Process(server, logs / "server.log")
    running.append(serving)
    address = serving.wait_for(LISTENING, STARTUP, "the server").group(1)
    browsing = Process(browser.command(path, address, cases, logs / "profile"), logs / "client.log")
    running.append(browsing)
    serving.wait_for(r"page: agent", STARTUP, "the page", browsing)
    serving.wait_for(r"(done|FAILED) /verdict", PATIENCE, "the page", browsing)
    told = [line.removeprefix("page: ") for line in serving.output().splitlines() if line.startswith("page: ")]
    return judge(told, expected, serving) + verdicts(serving)


def judge(told, expected, teller):
    """What a client's lines come to."""
    failures = [f"client: {line}" for line in told if line.startswith("FAILED ")]
    held = [line.partition(" ")[2].partition(":")[0] for line in told if line.startswith(("done ", "FAILED "))]
    if sorted(held) != sorted(expected):
        odd = sorted(set(held) ^ set(expected)) or "some twice"
        failures.append(f"client: not the conversations that were expected: {odd} {teller.last_words()}")
    return failures


def verdicts(serving):
    """What the server has against the client: it may finish a little later."""
    until = time.monotonic() + FAREWELL
    while True:
        told = serving.output().splitlines()
        failures = [f"server: {line}" for line in told if line.startswith("FAILED ")]
        begun, ended = (sum(line.startswith(words) for line in told) for words in ("begun ", ("done ", "FAILED ")))
        if serving.status() is not None:
            return [*failures, f"server: ended with status {serving.status()} {serving.last_words()}"]
        if begun <= ended:
            return failures if begun else ["server: saw no conversation"]
        if time.monotonic() > until:
            return [*failures, f"server: {begun - ended} conversations did not end {serving.last_words()}"]
        time.sleep(0.02)


def build(options):
    """The path of our programs."""
    target = ROOT / (os.environ.get("CARGO_TARGET_DIR") or "target")
    if not options.no_build:
        command = ["cargo", "build", "--quiet", "--example", "interop", "--features", "tokio"]
        # Half of the time would be compression without optimization.
        command += ["--config", "profile.dev.package.zlib-rs.opt-level=2"]
        if subprocess.run(command, cwd=ROOT).returncode:
            raise Trouble("our programs do not build")
    binary = target / "debug" / "examples" / "interop"
    if not binary.exists():
        raise Trouble(f"there is no {binary}; run without --no-build")
    return str(binary)


if __name__ == "__main__":
    sys.exit(main())
