"""What every case must be, and what the suite's own verdicts leave out."""

import json
import re
from collections import Counter, namedtuple
from pathlib import Path

# A case that is not as expected. `by_chance` is true where the report shows that we were late, so that a busy machine could be
# the reason and a second look is fair. What is wrong in time is wrong on an idle machine too.
Finding = namedtuple("Finding", "case text by_chance")

# The 9.* cases wait from 10 to 1000 seconds for an echo and are graded OK if it comes while the suite is already closing. An
# echo that takes as long as the shortest of these waits is a stall; half a second is left for its rounding.
STALL_MS = 9500

# What the suite writes in a case's log when it stops waiting for us: it fails the connection, or begins to close it.
GAVE_UP = {"KLE", "TIE"}

# Its other clocks, as fields of the report.
TIMEOUTS = "wasOpenHandshakeTimeout", "wasCloseHandshakeTimeout", "wasServerConnectionDropTimeout"


class Expectation:
    """The committed expectation, `expected.json`."""

    def __init__(self, path=Path(__file__).with_name("expected.json")):
        stored = json.loads(path.read_text())
        self.suite = stored["suite"]
        self.cases = [f"{group}.{n + 1}" for group, count in stored["groups"].items() for n in range(count)]
        self.informational = set(self.select(stored["informational"]))
        self.unimplemented = set(self.select(stored.get("unimplemented", [])))
        self.violation = self._codes(stored["violation"])
        self.bad_close = self._codes(stored["bad close"])
        sampled = set(self.select(stored["sample"]["of"]))
        self.sampled_numbers = stored["sample"]["last number"]
        self.left_out = {case for case in sampled if case_key(case)[-1] not in self.sampled_numbers}

    def _codes(self, stored):
        return {case: int(code) for code, patterns in stored.items() for case in self.select(patterns)}

    def select(self, patterns):
        """The cases that match any of the patterns, in the suite's order; ValueError for a pattern that matches none.

        A pattern is the suite's own, an id or an id with `*` for anything (`6.*`, and like there nothing need follow:
        `1*` is also 10.1.1), or a range of the last number (`5.9-18`).
        """
        chosen = set()
        for pattern in patterns:
            span = re.fullmatch(r"(.+\.)(\d+)-(\d+)", pattern)
            if span:
                matching = {f"{span[1]}{n}" for n in range(int(span[2]), int(span[3]) + 1)} & set(self.cases)
            elif "*" in pattern:
                matches = re.compile(re.escape(pattern).replace(r"\*", ".*")).match
                matching = {case for case in self.cases if matches(case)}
            else:
                matching = {pattern} & set(self.cases)
            if not matching:
                raise ValueError(f"no case matches {pattern!r}")
            chosen |= matching
        return [case for case in self.cases if case in chosen]

    def sample(self):
        """All cases but those that say little new and cost most: a few of each compression group stand for it."""
        return [case for case in self.cases if case not in self.left_out]

    def verdict(self, case):
        """The verdict a case must get, as `behavior` and `behaviorClose`."""
        if case in self.informational:
            return "INFORMATIONAL", "INFORMATIONAL"
        return ("UNIMPLEMENTED" if case in self.unimplemented else "OK"), "OK"

    def judge(self, case, report):
        """The findings about one case, from the suite's report of it."""
        behaviour, closing = self.verdict(case)
        got, got_closing = report["behavior"], report["behaviorClose"]
        gave_up = any(entry[0] in GAVE_UP for entry in report["wirelog"])
        late = gave_up or any(report[timeout] for timeout in TIMEOUTS)

        if got != behaviour:
            # Strictness is a matter of time only where the suite waits for us to object in the middle of a message.
            in_time = got == "NON-STRICT" and case.startswith("6.4.")
            yield Finding(case, f"behaviour is {got}, expected {behaviour}", late or in_time)
        if got_closing != closing:
            yield Finding(case, f"closing behaviour is {got_closing}, expected {closing}", late)

        if gave_up:
            yield Finding(case, "stalled: the suite stopped waiting for us", True)
        elif report["duration"] >= STALL_MS and not is_compression(case):
            yield Finding(case, f"stalled: took {report['duration'] / 1000:.1f} s", True)

        # The suite fails the connection itself for two reasons: it gave up, or it could not accept what we sent. The second
        # it often grades OK, for instance when a Close frame of 126 octets (7.3.6) comes back to it.
        if report["failedByMe"] and not gave_up:
            yield Finding(case, "the suite had to refuse a frame of ours", False)

        # The suite is content with a connection that just ends. RFC 6455 section 7.1.7 wants the reason told.
        code = self.violation.get(case) or self.bad_close.get(case)
        sent = report["remoteCloseCode"]
        if code and sent != code:
            yield Finding(case, f"our Close frame carries {sent or 'no code'}, must carry {code}", late)


class Score:
    """One agent's run in figures."""

    def __init__(self, expectation, reports):
        behaviours = Counter(report["behavior"] for report in reports.values())
        self.cases = len(reports)
        self.counts = {name: behaviours.pop(name, 0) for name in COLUMNS[:-1]}
        self.counts[COLUMNS[-1]] = sum(behaviours.values())
        self.codes = self._codes(expectation.violation, reports)
        self.bad_close = self._codes(expectation.bad_close, reports)
        nines = {case: report["duration"] / 1000 for case, report in reports.items() if case.startswith("9.")}
        self.slowest = max(nines.items(), key=lambda item: item[1], default=None)

    @staticmethod
    def _codes(wanted, reports):
        ran = [case for case in wanted if case in reports]
        right = sum(reports[case]["remoteCloseCode"] == wanted[case] for case in ran)
        return f"{right}/{len(ran)}" if ran else ""

    def __str__(self):
        parts = [f"{self.cases} cases", *(f"{count} {name}" for name, count in self.counts.items())]
        if self.codes:
            parts.append(f"close codes {self.codes}")
        if self.bad_close:
            parts.append(f"bad Close frames {self.bad_close}")
        if self.slowest:
            parts.append("slowest 9.* {} in {:.1f} s".format(*self.slowest))
        return ", ".join(parts)


def is_compression(case):
    """A thousand compressed messages, which may well take long."""
    return case_key(case)[0] in (12, 13)


def case_key(case):
    return tuple(int(number) for number in case.split("."))


def compact(cases):
    """Cases in few words: 6.4.1-3 6.6.1."""
    spans = []
    for *group, last in sorted(map(case_key, cases)):
        if spans and spans[-1][0] == group and spans[-1][2] == last - 1:
            spans[-1][2] = last
        else:
            spans.append([group, last, last])
    return " ".join(
        ".".join(map(str, [*group, first])) + (f"-{last}" if last > first else "") for group, first, last in spans
    )


COLUMNS = ["OK", "NON-STRICT", "INFORMATIONAL", "UNIMPLEMENTED", "FAILED"]
