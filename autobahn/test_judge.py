"""What the judge must not let pass. Run with `python3 autobahn/test_judge.py`."""

import unittest

from drive import deal, seconds
from judge import TIMEOUTS, Expectation, Score, compact

EXPECTED = Expectation()


class TheExpectation(unittest.TestCase):
    def test_knows_all_cases_of_the_suite(self):
        self.assertEqual(len(EXPECTED.cases), 517)

    def test_knows_the_105_cases_in_which_the_connection_must_be_failed(self):
        codes = list(EXPECTED.violation.values())
        self.assertEqual((codes.count(1002), codes.count(1007)), (30, 75))
        self.assertEqual(len(EXPECTED.bad_close), 12)

    def test_selects_as_the_suite_does(self):
        self.assertEqual(len(EXPECTED.select(["6.*", "9.1.*"])), 151)
        self.assertEqual(EXPECTED.select(["10.1.1", "5.19", "5.19-20"]), ["5.19", "5.20", "10.1.1"])
        with self.assertRaises(ValueError):
            EXPECTED.select(["1.1.9"])

    def test_samples_all_groups(self):
        self.assertEqual(len(EXPECTED.sample()), 301 + 4 * 12)


class TheJudge(unittest.TestCase):
    def findings(self, case, **changes):
        return [(finding.text, finding.by_chance) for finding in EXPECTED.judge(case, report(**changes))]

    def test_is_content_with_what_is_expected(self):
        self.assertEqual(self.findings("1.1.1"), [])
        self.assertEqual(self.findings("7.1.6", behavior="INFORMATIONAL", behaviorClose="INFORMATIONAL"), [])
        self.assertEqual(self.findings("6.4.3", remoteCloseCode=1007), [])
        self.assertEqual(self.findings("3.1", remoteCloseCode=1002), [])

    def test_wants_it_strict(self):
        text = "behaviour is NON-STRICT, expected OK"
        self.assertEqual(self.findings("4.1.5", behavior="NON-STRICT", remoteCloseCode=1002), [(text, False)])

    def test_asks_again_where_strictness_is_a_matter_of_time(self):
        text = "behaviour is NON-STRICT, expected OK"
        self.assertEqual(self.findings("6.4.3", behavior="NON-STRICT", remoteCloseCode=1007), [(text, True)])

    def test_wants_the_closing_right_too_and_asks_again_if_it_was_late(self):
        text = "closing behaviour is FAILED BY CLIENT, expected OK"
        self.assertEqual(self.findings("1.1.1", behaviorClose="FAILED BY CLIENT"), [(text, False)])
        late = self.findings("1.1.1", behaviorClose="FAILED BY CLIENT", wasServerConnectionDropTimeout=True)
        self.assertEqual(late, [(text, True)])

    def test_does_not_take_unimplemented_for_a_pass(self):
        text = "behaviour is UNIMPLEMENTED, expected OK"
        self.assertEqual(self.findings("1.1.1", behavior="UNIMPLEMENTED"), [(text, False)])

    def test_wants_the_reason_told(self):
        text = "our Close frame carries no code, must carry 1007"
        self.assertEqual(self.findings("6.3.1", remoteCloseCode=None), [(text, False)])
        text = "our Close frame carries 1000, must carry 1002"
        self.assertEqual(self.findings("7.9.1", remoteCloseCode=1000), [(text, False)])

    def test_sees_a_refused_frame_behind_an_ok(self):
        text = "the suite had to refuse a frame of ours"
        self.assertEqual(self.findings("7.3.6", remoteCloseCode=1002, failedByMe=True), [(text, False)])

    def test_sees_a_stall_behind_an_ok(self):
        self.assertEqual(self.findings("9.2.5", duration=9500), [("stalled: took 9.5 s", True)])
        self.assertEqual(self.findings("9.2.5", duration=9499), [])
        gave_up = self.findings("1.1.1", failedByMe=True, wirelog=[["KL", 1], ["KLE"]])
        self.assertEqual(gave_up, [("stalled: the suite stopped waiting for us", True)])


class TheScore(unittest.TestCase):
    def test_counts_what_it_does_not_know_as_failed(self):
        reports = {"1.1.1": report(), "3.1": report(behavior="FAILED"), "3.2": report(behavior="WRONG CODE", remoteCloseCode=1002)}
        score = Score(EXPECTED, reports)
        self.assertEqual(list(score.counts.values()), [1, 0, 0, 0, 2])
        self.assertEqual((score.codes, score.bad_close), ("1/2", ""))


class Sharding(unittest.TestCase):
    def test_deals_each_case_once_and_evenly(self):
        hands = deal(EXPECTED.cases, 3)
        self.assertCountEqual(sum(hands, []), EXPECTED.cases)
        lengths = [sum(map(seconds, hand)) for hand in hands]
        self.assertLess(max(lengths) - min(lengths), 1)

    def test_makes_no_empty_shard(self):
        self.assertEqual(deal(["1.1.1"], 4), [["1.1.1"]])


class Printing(unittest.TestCase):
    def test_says_cases_in_few_words(self):
        self.assertEqual(compact(["6.4.3", "6.4.1", "10.1.1", "6.4.2", "2.5"]), "2.5 6.4.1-3 10.1.1")


def report(**changes):
    """What the suite says of a case in which all went well."""
    good = {"behavior": "OK", "behaviorClose": "OK", "remoteCloseCode": 1000, "duration": 1, "failedByMe": False, "wirelog": []}
    return {**good, **dict.fromkeys(TIMEOUTS, False), **changes}


if __name__ == "__main__":
    unittest.main()
