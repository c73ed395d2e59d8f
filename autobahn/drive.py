"""Runs the suite and an agent against each other: processes, ports, shards, and the patience with all of them."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

from judge import case_key, compact, is_compression

# How long a case may run before the run is given up, in seconds. Longer than any verdict that could still be good: outside the
# compression groups the judge calls 9.5 s a stall, and there the suite itself gives a case up to 480 s.
PATIENCE, PATIENCE_COMPRESSION = 60, 500
STARTUP = 30
PROGRESS_EVERY = 30

RUNNING = []


class Trouble(Exception):
    """The run itself went wrong, so that there is no verdict."""


class Process:
    """A child in a process group of its own, its output in a file."""

    def __init__(self, command, log, directory, certificate=None):
        self.log, self.read = log, 0
        with open(log, "wb") as out:
            # Unbuffered, because the suite's output tells how far it is.
            env = {**os.environ, "PYTHONUNBUFFERED": "1"}
            if certificate:
                env["HYBI_CERTIFICATE"], env["HYBI_KEY"] = certificate
            self.child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=directory, env=env, start_new_session=True
            )
        RUNNING.append(self)

    def status(self):
        """The exit status, None while it runs."""
        return self.child.poll()

    def output(self):
        return self.log.read_text(errors="replace")

    def new_output(self):
        """The whole lines written since the last call."""
        with open(self.log, "rb") as file:
            file.seek(self.read)
            lines = file.read()
        lines = lines[: lines.rfind(b"\n") + 1]
        self.read += len(lines)
        return lines.decode(errors="replace")

    def wait_for(self, pattern, seconds, what):
        until = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.output())
            if found:
                return found
            if self.status() is not None:
                raise Trouble(f"{what} ended with status {self.status()} {self.last_words()}")
            if time.monotonic() > until:
                raise Trouble(f"{what} did not say {pattern!r} within {seconds} s {self.last_words()}")
            time.sleep(0.02)

    def last_words(self):
        lines = self.output().split("\n")
        return "\n    | ".join([f"({self.log}):", *filter(None, lines[-8:])])

    def stop(self):
        """Ends the child and what it started, by the id of the group made for it."""
        if self.status() is None:
            for sign, seconds in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
                os.killpg(self.child.pid, sign)
                try:
                    self.child.wait(seconds)
                    break
                except subprocess.TimeoutExpired:
                    pass
        if self in RUNNING:
            RUNNING.remove(self)


def stop_all():
    for process in reversed(RUNNING[:]):
        process.stop()


class Shard:
    """A part of the cases, its own suite process, and in the client role its own client."""

    def __init__(self, number, cases, directory):
        self.name, self.cases, self.directory = f"shard-{number}", cases, directory
        self.done, self.case, self.since = 0, None, time.monotonic()
        self.suite = self.client = None

    def start_suite(self, wstest, mode, spec):
        # Paths below the working directory, which is all that a container sees.
        spec = {"outdir": self.name, "cases": self.cases, "exclude-cases": [], "exclude-agent-cases": {}, **spec}
        (self.directory / f"{self.name}.json").write_text(json.dumps(spec))
        command = [wstest, "-m", mode, "-u", "0", "-s", f"{self.name}.json"]
        self.suite = Process(command, self.directory / f"{self.name}.log", self.directory)

    def serve_cases(self, wstest, certificate):
        """Starts the suite as a server and returns its URL."""
        for _ in range(5):
            with socket.socket() as probe:
                probe.bind(("", 0))
                port = probe.getsockname()[1]
            # Between here and the suite's own bind another process may take the port; then it dies and the next is tried.
            spec = {"url": f"ws://127.0.0.1:{port}"}
            if certificate:
                # The suite looks for them here alone; a certificate has a name, so the URL has it, too.
                spec = {"url": f"wss://localhost:{port}", "cert": certificate[0], "key": certificate[1]}
            self.start_suite(wstest, "fuzzingserver", spec)
            until = time.monotonic() + STARTUP
            while self.suite.status() is None and time.monotonic() < until:
                if "Ok, will run" in self.suite.output() and can_connect(port) and self.suite.status() is None:
                    return spec["url"]
                time.sleep(0.05)
            self.suite.stop()
        raise Trouble(f"the suite did not begin to listen {self.suite.last_words()}")

    def finished(self):
        """Whether the report is complete. Raises where it will never be."""
        self.look_at_progress()
        if self.client is None:
            return self.suite.status() is not None
        if self.suite.status() is not None:
            raise Trouble(f"the suite ended before the client did, {self.suite.last_words()}")
        if self.client.status() is None:
            return False
        if self.client.status() != 0:
            raise Trouble(f"the client ended with status {self.client.status()} in {self.case} {self.client.last_words()}")
        # The client may be gone before the suite has written the last report.
        self.suite.wait_for("Report generation complete", PATIENCE, "the suite")
        self.suite.stop()
        return True

    def look_at_progress(self):
        started = re.findall(r"^Running test case ID ([\d.]+)", self.suite.new_output(), re.M)
        if started:
            self.done += len(started)
            self.case, self.since = started[-1], time.monotonic()
        patience = PATIENCE_COMPRESSION if self.case and is_compression(self.case) else PATIENCE
        if time.monotonic() - self.since > patience:
            process = self.client or self.suite
            raise Trouble(f"hung: {self.case or 'the start'} has taken more than {patience} s {process.last_words()}")

    def collect(self, into):
        """Moves the case reports into one directory and returns the shard's part of the index."""
        reports = self.directory / self.name
        try:
            agents = json.loads((reports / "index.json").read_text())
        except (OSError, ValueError) as error:
            raise Trouble(f"{self.name} has no report: {error} {self.suite.last_words()}") from None
        index = {case: entry for cases in agents.values() for case, entry in cases.items()}
        missing = set(self.cases) - set(index)
        if missing:
            raise Trouble(f"the report of {self.name} lacks {len(missing)} of {len(self.cases)} cases: {compact(missing)}")
        for entry in index.values():
            for suffix in (".json", ".html"):
                name = entry["reportfile"].replace(".json", suffix)
                os.replace(reports / name, into / name)
        return index


def run(agent, binary, wstest, cases, shards, directory, certificate=None):
    """Runs the cases and returns the suite's index of them, {case: entry}. Raises Trouble if a single one is missing.

    Over TLS with a certificate, which is the paths of its PEM file and its key's.
    `directory` must exist; the reports of the cases, the logs and the index end up there.
    """
    parts = [Shard(number, part, directory) for number, part in enumerate(deal(cases, shards))]
    server = None
    try:
        if agent.startswith("server-"):
            server = Process([binary, agent, "127.0.0.1:0"], directory / "agent.log", directory, certificate)
            address = server.wait_for(r"listening on (?:ws://)?(\S+:\d+)", STARTUP, "the server")[1]
            scheme = "wss" if certificate else "ws"
            for shard in parts:
                server_spec = {"agent": agent, "url": f"{scheme}://{address}"}
                shard.start_suite(wstest, "fuzzingclient", {"servers": [server_spec]})
        else:
            for shard in parts:
                url, log = shard.serve_cases(wstest, certificate), directory / f"agent-{shard.name}.log"
                shard.client = Process([binary, agent, url, agent], log, directory, certificate)
        watch(agent, parts, len(cases), server)
    finally:
        stop_all()
    index = {}
    for shard in parts:
        index.update(shard.collect(directory))
    return index


def watch(agent, shards, total, server):
    """Waits until all shards have reported."""
    began = told = time.monotonic()
    waiting = list(shards)
    while waiting:
        time.sleep(0.05)
        waiting = [shard for shard in waiting if not shard.finished()]
        if server and server.status() is not None:
            at = ", ".join(str(shard.case) for shard in waiting or shards)
            raise Trouble(f"the server ended with status {server.status()} in {at} {server.last_words()}")
        if time.monotonic() - told > PROGRESS_EVERY:
            told = time.monotonic()
            done, at = sum(shard.done for shard in shards), ", ".join(str(shard.case) for shard in waiting)
            print(f"{agent}: {done} of {total} cases after {told - began:.0f} s, at {at}", file=sys.stderr, flush=True)


def deal(cases, shards):
    """Deals the cases to that many shards of about equal length in time, the longest first."""
    hands = [[] for _ in range(min(shards, len(cases)))]
    for case in sorted(cases, key=lambda case: (-seconds(case), case_key(case))):
        min(hands, key=lambda hand: (sum(map(seconds, hand)), len(hand))).append(case)
    return [sorted(hand, key=case_key) for hand in hands]


def seconds(case):
    """About how long a case takes, for dealing only."""
    group, *middle, last = case_key(case)
    if is_compression(case):
        # 1000 messages of 16 octets to 128 KiB.
        octets = [16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072, 8192, 16384, 32768, 65536, *[131072] * 4]
        return 0.4 + octets[last - 1] / 40000
    if group == 9:
        return 0.2
    # These wait for a second between two parts of a message.
    return 1.0 if (group, *middle) == (6, 4) or case in ("5.19", "5.20") else 0.01


def can_connect(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False
