"""Runs the Autobahn suite against our agents and compares what it says with what is expected; see README.md."""

import argparse
import datetime
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import drive
from judge import COLUMNS, Expectation, Score, compact

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "target" / "autobahn"
AGENTS = ["server-tokio", "server-blocking", "client-tokio", "client-blocking"]

# More differing cases than this are no accident of a busy machine.
RERUN_AT_MOST = 20

ENDED_BY = signal.SIGINT, signal.SIGTERM, signal.SIGHUP

AS_EXPECTED, DIFFERENT, NO_VERDICT = 0, 1, 2


def main():
    expectation = Expectation()
    options = arguments(expectation)
    for number in ENDED_BY:
        signal.signal(number, leave)

    OUTPUT.mkdir(parents=True, exist_ok=True)
    lock = open(OUTPUT / "lock", "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(give_up("another autobahn/run is at work in this checkout"))

    wstest = install(expectation)
    binary = build(options)
    judge = suite_version(wstest, expectation)
    options.certificate = make_certificate() if options.tls else None
    print(f"{judge}; {options.selection}; {options.shards} at a time", flush=True)

    outcomes = []
    for agent in options.agents:
        outcome = Outcome(agent)
        try:
            outcome.run(expectation, binary, wstest, options)
        except drive.Trouble as trouble:
            outcome.trouble = str(trouble)
        print(outcome, flush=True)
        outcomes.append(outcome)
    if options.results:
        options.results.write_text(markdown(outcomes, judge, options.selection))
    return max(outcome.status() for outcome in outcomes)


def leave(number, _frame):
    """Ends the run by way of the `finally` that stops its processes, undisturbed by a second signal."""
    for other in ENDED_BY:
        signal.signal(other, signal.SIG_IGN)
    sys.exit(128 + number)


def arguments(expectation):
    parser = argparse.ArgumentParser(
        prog="autobahn/run", description=__doc__, epilog="Exits with 0 if all is as expected, 1 if not, 2 without a verdict."
    )
    parser.add_argument("agents", nargs="*", metavar="AGENT", help=f"of {', '.join(AGENTS)} (default: all)")
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--cases", metavar="PATTERNS", help="only these, like '6.*,9.1.*' (the suite's own patterns)")
    part.add_argument("--sample", action="store_true", help="only a few of each compression group")
    parser.add_argument("--tls", action="store_true", help="over TLS, wss: (needs openssl for a certificate)")
    parser.add_argument("--shards", type=int, default=os.cpu_count() or 1, help="suite processes at a time (default: %(default)s)")
    parser.add_argument("--no-build", action="store_true", help="use the agent that was built before")
    parser.add_argument("--results", type=Path, metavar="FILE", help="write the result table there, as Markdown")
    options = parser.parse_args()

    for agent in options.agents:
        if agent not in AGENTS:
            parser.error(f"no agent {agent!r}, only {', '.join(AGENTS)}")
    options.agents = options.agents or AGENTS
    if options.shards < 1:
        parser.error("--shards must be 1 or more")
    try:
        if options.cases:
            options.chosen = expectation.select(pattern.strip() for pattern in options.cases.split(","))
        else:
            options.chosen = expectation.sample() if options.sample else expectation.cases
    except ValueError as error:
        parser.error(str(error))

    options.selection = f"{len(options.chosen)} of {len(expectation.cases)} cases"
    if options.cases:
        options.selection += f": {options.cases}"
    elif options.sample:
        numbers = ", ".join(f".{number}" for number in expectation.sampled_numbers)
        options.selection += f": all of 1.* to 10.*, and of each group of 12.* and 13.* only {numbers}"
    if options.tls:
        options.selection += "; over TLS"
    return options


class Outcome:
    """What became of one agent."""

    def __init__(self, agent):
        self.agent, self.score, self.trouble = agent, None, None
        # Findings that stand, cases that were run again, and findings that a second run did not confirm.
        self.findings, self.doubtful, self.dispelled = [], [], []
        self.seconds = 0

    def run(self, expectation, binary, wstest, options):
        began = time.monotonic()
        directory = OUTPUT / self.agent
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()

        index = drive.run(self.agent, binary, wstest, options.chosen, options.shards, directory, options.certificate)
        reports = load(directory, index)
        self.findings = judge_all(expectation, reports)

        # A second that the machine had no time for can change a verdict, so what it could explain is asked again, alone.
        doubtful = [case for case in reports if all_by_chance(self.findings, case)]
        if 0 < len(doubtful) <= RERUN_AT_MOST:
            self.doubtful = doubtful
            alone = directory / "rerun"
            alone.mkdir()
            again = drive.run(self.agent, binary, wstest, doubtful, 1, alone, options.certificate)
            for entry in again.values():
                entry["reportfile"] = f"rerun/{entry['reportfile']}"
            index.update(again)
            reports.update(load(directory, again))
            before, self.findings = self.findings, judge_all(expectation, reports)
            still = {finding.case for finding in self.findings}
            self.dispelled = [finding for finding in before if finding.case not in still]

        write_index(directory, self.agent, index)
        self.score = Score(expectation, reports)
        self.seconds = time.monotonic() - began

    def status(self):
        if self.trouble:
            return NO_VERDICT
        return DIFFERENT if self.findings else AS_EXPECTED

    def __str__(self):
        if self.trouble:
            return f"{self.agent}: NO VERDICT: {self.trouble}"
        second = f", {len(self.doubtful)} decided by a second run" if self.doubtful else ""
        return "\n  ".join([f"{self.agent}: {self.score}{second}, {self.seconds:.0f} s", *self.remarks()])

    def remarks(self):
        """What is not as expected, one line for all cases that differ in the same way."""
        confirmed = [finding for finding in self.findings if finding.case in self.doubtful]
        plain = [finding for finding in self.findings if finding.case not in self.doubtful]
        yield from by_text("differs", plain)
        yield from by_text("differs, and again when run alone", confirmed)
        yield from by_text("differed, but not when run again alone", self.dispelled)


def load(directory, index):
    try:
        return {case: json.loads((directory / entry["reportfile"]).read_text()) for case, entry in index.items()}
    except (OSError, ValueError) as error:
        raise drive.Trouble(f"a case's report cannot be read: {error}") from None


def judge_all(expectation, reports):
    return [finding for case, report in reports.items() for finding in expectation.judge(case, report)]


def all_by_chance(findings, case):
    of_case = [finding.by_chance for finding in findings if finding.case == case]
    return bool(of_case) and all(of_case)


def by_text(how, findings):
    cases = {}
    for finding in findings:
        cases.setdefault(finding.text, []).append(finding.case)
    return [f"{how}: {compact(of_text)}: {text}" for text, of_text in cases.items()]


def write_index(directory, agent, index):
    """The merged index, in the form the suite gives its own."""
    (directory / "index.json").write_text(json.dumps({agent: index}, indent=3, sort_keys=True) + "\n")


def markdown(outcomes, judge, selection):
    today = datetime.datetime.now(datetime.timezone.utc).date()
    heads = ["agent", "cases", *COLUMNS, "close codes", "bad Close answered", "slowest 9.*", "as expected"]
    lines = ["# Autobahn results", "", f"{today}, {judge}, {selection}. Written by `autobahn/run --results`.", ""]
    lines += ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for outcome in outcomes:
        score = outcome.score
        if score is None:
            row = ["no verdict"] + [""] * (len(heads) - 3) + ["no"]
        else:
            slowest = "{}: {:.1f} s".format(*score.slowest) if score.slowest else ""
            as_expected = "no" if outcome.findings else "yes"
            row = [score.cases, *score.counts.values(), score.codes, score.bad_close, slowest, as_expected]
        lines.append("| " + " | ".join(map(str, [outcome.agent, *row])) + " |")
    notes = [f"* {outcome.agent} {remark}" for outcome in outcomes for remark in outcome.remarks()]
    return "\n".join([*lines, *([""] + notes if notes else []), ""])


def install(expectation):
    """The path of the suite's executable."""
    script = Path(__file__).with_name("install")
    done = subprocess.run(["bash", script, OUTPUT, expectation.suite], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(NO_VERDICT)
    return os.path.abspath(done.stdout.strip())


def make_certificate():
    """A certificate of `localhost` that signs for itself, and its key: the paths of their PEM files."""
    paths = OUTPUT / "certificate.pem", OUTPUT / "key.pem"
    # Not an authority's: rustls takes no authority's certificate as a server's own.
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "9"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"]
    command += ["-out", paths[0], "-keyout", paths[1]]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
    except FileNotFoundError:
        sys.exit(give_up("openssl is missing, which makes the certificate for --tls"))
    if done.returncode:
        sys.exit(give_up(f"openssl made no certificate: {done.stdout.strip()}"))
    return tuple(str(path) for path in paths)


def suite_version(wstest, expectation):
    done = subprocess.run([wstest, "-a"], stdout=subprocess.PIPE, text=True, timeout=120)
    version = next((line.split()[1] for line in done.stdout.splitlines() if line.startswith("AutobahnTestSuite ")), "unknown")
    if version != expectation.suite:
        print(f"autobahn/run: {wstest} is {version}; the expectation was written for {expectation.suite}", file=sys.stderr)
    return f"autobahntestsuite {version}"


def build(options):
    """The path of the agents' executable."""
    if os.environ.get("HYBI_AGENT"):
        return os.path.abspath(os.environ["HYBI_AGENT"])
    target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
    if not options.no_build:
        command = ["cargo", "build", "--release", "--example", "autobahn", "--features", "tokio,deflate,tls-ring"]
        if subprocess.run(command, cwd=ROOT).returncode:
            sys.exit(give_up("the agents do not build"))
    binary = ROOT / target / "release" / "examples" / "autobahn"
    if not binary.exists():
        sys.exit(give_up(f"there is no {binary}; run without --no-build"))
    return str(binary)


def give_up(why):
    print(f"autobahn/run: {why}", file=sys.stderr)
    return NO_VERDICT


if __name__ == "__main__":
    sys.exit(main())
