"""What `make logs` makes of lines as they were recorded."""

from __future__ import annotations

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from local.loglines import Line, Teller, plainly, raw, without_time
from local.logs import keyed

REQUEST = "87058c29-f8d9-4417-af0d-3d26f66aae0b"
START = f"START RequestId: {REQUEST} Version: $LATEST"
END = f"END RequestId: {REQUEST}"
REPORT = f"REPORT RequestId: {REQUEST}\tDuration: 83 ms\tBilled Duration: 83 ms\tMemory Size: 512 MB"
SPAN = f'Lambda runtime invoke{{requestId="{REQUEST}" xrayTraceId="Root=1-6b0a;Parent=656361;Sampled=1"}}: '
METRIC = '{"ThingsRevised":0,"_aws":{"CloudWatchMetrics":[],"Timestamp":1},"errand":"revise","service":"enrich"}'


def told(*texts: str, function: str = "enrich", to_the_end: bool = True) -> list[str]:
    """What is told of lines of one function, one a millisecond."""
    teller = Teller()
    lines = [line for number, text in enumerate(texts) for line in teller.tell(Line(number, function, text))]
    return lines + (teller.rest() if to_the_end else [])


class Lines(unittest.TestCase):
    def test_a_notification_is_one_line_with_its_topic_id_and_milliseconds(self) -> None:
        text = f' INFO {SPAN}queued topic=conversation.user.replied id="notif_0f2c"'
        self.assertEqual(
            told(START, text, METRIC, END, REPORT, function="webhook"),
            ["00:00:00.001  webhook   conversation.user.replied notif_0f2c  queued  83 ms"],
        )

    def test_a_thing_that_was_written_says_how_much_of_it_was(self) -> None:
        text = f' INFO {SPAN}written workspace=local123 entity=conversation id="2154" written='
        of = [
            ("Stored { items: 14, renamed: false }", "written (14 items)"),
            ("Stored { items: 1, renamed: true }", "written (1 item; those who repeat its name follow)"),
            ("Unchanged", "known already"),
            ("Superseded", "a newer view was there"),
        ]
        for value, expected in of:
            self.assertEqual(
                told(START, text + value, END, REPORT),
                [f"00:00:00.001  enrich    conversation 2154  {expected}  83 ms"],
            )

    def test_what_went_wrong_is_marked_and_has_its_reason(self) -> None:
        text = f" WARN {SPAN}a request was refused error=the header has no signature; is it set?"
        self.assertEqual(
            told(START, text, END, REPORT, function="webhook"),
            ["00:00:00.001  webhook   ! a request was refused: the header has no signature; is it set?  83 ms"],
        )
        text = f'ERROR {SPAN}a record failed message_id="05-9f" error="no \\"v\\" in it"'
        self.assertIn('05-9f  !! a record failed: no "v" in it  83 ms', told(START, text, END, REPORT)[0])

    def test_a_walk_says_its_numbers_and_its_resource(self) -> None:
        text = f' INFO {SPAN}walked to the end workspace=local123 resource="conversations" purpose="history" pages=5 seen=240 written=230'
        self.assertEqual(
            told(START, text, END, REPORT, function="backfill"),
            [
                "00:00:00.001  backfill  conversations  walked to the end (purpose history, pages 5, seen 240, written 230)  83 ms"
            ],
        )

    def test_how_long_a_notification_took_is_told_of_all_metrics(self) -> None:
        metric = '{"WebhookToMemory":155,"_aws":{},"service":"enrich","topic":"event.created"}'
        self.assertEqual(
            told(START, metric, END, REPORT),
            ["00:00:00.001  enrich    event.created  in memory, after its webhook by  155 ms"],
        )

    def test_an_answer_without_a_word_is_one_line_where_somebody_waited_and_metrics_are_none(self) -> None:
        self.assertEqual(told(START, METRIC, END, REPORT, function="enrich"), [])
        self.assertEqual(
            told(START, METRIC, END, REPORT, function="oauth"), ["00:00:00.003  oauth     answered  83 ms"]
        )

    def test_lines_of_several_invocations_are_told_when_each_has_ended(self) -> None:
        other = "bd54120d-0e4e-4737-9866-966bc61617db"
        mixed = [
            START,
            START.replace(REQUEST, other),
            f" INFO {SPAN}first",
            f" INFO {SPAN}second".replace(REQUEST, other),
        ]
        self.assertEqual(told(*mixed, to_the_end=False), [])
        ended = told(*mixed, REPORT.replace(REQUEST, other))
        self.assertEqual([line.split("  ", 2)[2].strip() for line in ended], ["second  83 ms", "first  still at it"])

    def test_a_line_of_no_invocation_is_told_as_it_is(self) -> None:
        text = "ERROR the function cannot run error=environment variable STATE_TABLE is missing"
        self.assertEqual(
            told(text),
            ["00:00:00.000  enrich    !! the function cannot run: environment variable STATE_TABLE is missing"],
        )
        self.assertEqual(told("thread panicked"), ["00:00:00.000  enrich    thread panicked"])

    def test_the_same_line_logged_twice_in_one_moment_is_two_lines_and_the_next_look_finds_them_again(self) -> None:
        events = [
            {"timestamp": 5, "message": "x\n"},
            {"timestamp": 5, "message": "x"},
            {"timestamp": 6, "message": "x"},
        ]
        keys = [line.key for line in keyed("oauth", events)]
        self.assertEqual(len(set(keys)), 3)
        self.assertEqual([line.key for line in keyed("oauth", events[:2])], keys[:2])

    def test_an_error_is_told_without_the_insides_of_rust(self) -> None:
        nested = 'DeserializeError { inner: Error { path: Path { segments: [] }, original: Error("missing field `Records`", line: 1) } }'
        self.assertEqual(plainly(nested), "missing field `Records`")
        self.assertEqual(
            plainly("DynamoDB failed: not found: ServiceError { source: 1 }"), "DynamoDB failed: not found"
        )
        self.assertEqual(plainly("SQS failed: invalid (ServiceError(ServiceError { x: 1 }))"), "SQS failed: invalid")
        nested_words = 'Store(Unavailable("dispatch failure: refused (os error 111) (DispatchFailure(X { y: 1 }))"))'
        self.assertEqual(plainly(nested_words), "dispatch failure: refused (os error 111)")
        self.assertEqual(plainly("Whole { x: 1 }"), "Whole { x: 1 }")
        self.assertEqual(without_time(f"ERROR {SPAN}no event error={nested}"), "!! no event: missing field `Records`")
        self.assertEqual((without_time(METRIC), without_time(" panicked")), (None, "panicked"))

    def test_raw_is_what_was_logged(self) -> None:
        self.assertEqual(raw(Line(1000, "oauth", START)), f"00:00:01.000 oauth: {START}")


if __name__ == "__main__":
    unittest.main()
