"""What somebody meets who types a wrong name, another port, a broken file, or has an AWS account of their own."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import unittest
from pathlib import Path

from botocore.exceptions import ClientError, EndpointConnectionError

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from local import aws, backfill, invocation, near, processes, report, stack
from local.console import Failure
from local.settings import ROOT, Settings


class Names(unittest.TestCase):
    def test_a_name_that_is_none_is_answered_with_what_is_like_it_and_what_there_is(self) -> None:
        line = near.unknown("provider", "linar", ["linear", "github", "web"])
        self.assertEqual(line, "no provider is called linar; did you mean linear? There are: github, linear, web")
        self.assertIn(
            "did you mean WebhookFunction?", near.unknown("function", "Webhook", ["WebhookFunction", "Other"])
        )

    def test_nothing_is_guessed_where_nothing_is_like_it(self) -> None:
        self.assertEqual(near.unknown("function", "zzz", ["Webhook"]), "no function is called zzz. There are: Webhook")
        self.assertEqual(near.unknown("tag", "x", []), "no tag is called x. There are none.")
        self.assertEqual(near.near("", ["a"]), [])


class Ports(unittest.TestCase):
    def test_the_ports_of_the_run_that_is_on_are_used(self) -> None:
        settings = stack.running({"run": 7, "ports": {"aws": 4600, "intercom": 4601}})
        self.assertEqual((settings.aws_url, settings.intercom_url), ("http://127.0.0.1:4600", "http://127.0.0.1:4601"))

    def test_without_a_run_or_with_a_broken_file_the_usual_ones_are(self) -> None:
        usual = Settings(once=True)
        for state in ({}, {"ports": None}, {"ports": {"aws": "many"}}):
            self.assertEqual(stack.running(state).aws_port, usual.aws_port, state)

    def test_ports_and_processes_are_noted_beside_each_other(self) -> None:
        kept = processes.LOCAL, processes.STATE_FILE
        with tempfile.TemporaryDirectory() as folder:
            processes.LOCAL = Path(folder)
            processes.STATE_FILE = Path(folder) / "run.json"
            try:
                processes.remember("run", 7)
                processes.remember_ports(4600, 4601)
                processes.remember("emulator", 8)
                self.assertEqual(processes.remembered(), {"run": 7, "emulator": 8})
                self.assertEqual(stack.running(processes.state()).intercom_port, 4601)
                processes.STATE_FILE.write_text("{torn", encoding="utf-8")
                self.assertEqual((processes.state(), processes.remembered()), ({}, {}))
            finally:
                processes.LOCAL, processes.STATE_FILE = kept

    def test_what_is_in_the_way_is_one_line_with_the_remedy(self) -> None:
        settings = Settings(once=True, aws_port=4600)
        gone = stack.no_answer(settings, EndpointConnectionError(endpoint_url=settings.aws_url))
        self.assertEqual(gone, "no stack answers at http://127.0.0.1:4600; start one with `make run`")
        error = {"Error": {"Code": "ValidationError", "Message": "Stack with id intercom-memory does not exist"}}
        early = stack.no_answer(settings, ClientError(error, "DescribeStacks"))
        self.assertIn("not deployed yet", early)


class Environment(unittest.TestCase):
    def test_nothing_of_the_developers_account_is_left(self) -> None:
        environment = {
            "AWS_PROFILE": "nope",
            "AWS_REGION": "xx-nowhere-1",
            "AWS_CA_BUNDLE": "/ca.pem",
            "AWS_CONFIG_FILE": "/home/me/.aws/config",
            "PATH": "/bin",
        }
        aws.forget_account(environment)
        self.assertEqual(
            environment,
            {
                "AWS_CA_BUNDLE": "/ca.pem",
                "AWS_CONFIG_FILE": os.devnull,
                "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
                "PATH": "/bin",
            },
        )

    def test_a_client_is_made_whatever_profile_is_asked_for(self) -> None:
        before = dict(os.environ)
        os.environ["AWS_PROFILE"] = "there is no such profile"
        try:
            client = aws.client(Settings(once=True, aws_port=4600), "sqs")
            self.assertEqual(client.meta.endpoint_url, "http://127.0.0.1:4600")
        finally:
            os.environ.clear()
            os.environ.update(before)

    def test_words_come_from_the_command_line_or_from_make_with_their_apostrophes(self) -> None:
        self.assertEqual(stack.words(["contact", "7"], {"WORDS": "other"}), ["contact", "7"])
        self.assertEqual(stack.words([], {"WORDS": 'contact "Ines Yamamoto"'}), ["contact", "Ines Yamamoto"])
        self.assertEqual(stack.words([], {"WORDS": "contact O'Brien"}), ["contact", "O'Brien"])
        self.assertEqual(stack.words([], {}), [])


class Invocation(unittest.TestCase):
    def test_a_sample_gets_tables_queues_and_keys_from_the_stack_and_keeps_its_own_credentials(self) -> None:
        given = {
            "STATE_TABLE": "local-state",
            "INTERCOM_CLIENT_SECRET": "mine",
            "LIVE_QUEUE_URL": "x",
            "PUBLIC_BASE_URL": "",
        }
        deployed = {"STATE_TABLE": "stack-State", "INTERCOM_CLIENT_SECRET": "", "MEMORY_TABLE": "stack-Memory"}
        expected = {
            "STATE_TABLE": "stack-State",
            "INTERCOM_CLIENT_SECRET": "mine",
            "LIVE_QUEUE_URL": "x",
            "PUBLIC_BASE_URL": "",
        }
        self.assertEqual(invocation.variables(given, deployed), expected)
        self.assertEqual(invocation.variables(given, {}), given)

    def test_each_name_that_is_taken_from_the_stack_is_one_that_the_template_gives(self) -> None:
        template = (ROOT / "template.yaml").read_text(encoding="utf-8")
        for name in invocation.FROM_THE_STACK:
            self.assertIn(f"{name}:", template)

    def test_a_file_that_is_missing_or_broken_is_one_line(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            (root / "ping.json").write_text("{", encoding="utf-8")
            with self.assertRaisesRegex(
                Failure, r"there is no file pin\.json; did you mean ping\.json\?.* ping\.json$"
            ):
                invocation.json_file(root / "pin.json", root)
            with self.assertRaisesRegex(Failure, r"^ping\.json is not JSON: .* \(line 1, column 2\)$"):
                invocation.json_file(root / "ping.json", root)
            (root / "ping.json").write_bytes(b"\xff")
            with self.assertRaisesRegex(Failure, "cannot be read"):
                invocation.json_file(root / "ping.json", root)

    def test_an_unknown_function_is_answered_with_those_that_there_are(self) -> None:
        functions = json.loads((ROOT / "events" / "env.json").read_text(encoding="utf-8"))
        with self.assertRaisesRegex(Failure, "did you mean WebhookFunction.*BackfillFunction"):
            invocation.function_variables(functions, "Webhook", "events/env.json")
        with self.assertRaisesRegex(Failure, "not what it should be"):
            invocation.function_variables([], "Webhook", "events/env.json")

    def test_what_a_function_says_of_its_failure_is_one_line_without_rust_inside(self) -> None:
        text = 'DeserializeError { inner: Error { path: Path { segments: [] }, original: Error("missing field `Records`", line: 1, column: 2) } }'
        answer = json.dumps({"errorType": "x", "errorMessage": text}).encode()
        line = invocation.failed("EnrichFunction", answer, stack_runs=True)
        self.assertEqual(
            line, "EnrichFunction cannot read this event: missing field `Records`. Is it an event for another function?"
        )
        text = "failed to deserialize the incoming data into the function's payload type: missing field `Records` at line 1 column 9"
        self.assertEqual(
            line, invocation.failed("EnrichFunction", json.dumps({"errorMessage": text}).encode(), stack_runs=True)
        )
        text = "DynamoDB failed: ResourceNotFoundException: ServiceError { source: 1 }\nmore"
        line = invocation.failed("BackfillFunction", json.dumps({"errorMessage": text}).encode(), stack_runs=False)
        self.assertTrue(
            line.startswith("BackfillFunction failed: DynamoDB failed: ResourceNotFoundException (no stack"), line
        )
        self.assertEqual(invocation.failed("F", b"\xffx", stack_runs=True).count("\n"), 0)


class Told(unittest.TestCase):
    def test_what_was_read_is_told_in_words(self) -> None:
        line = backfill.read_to_the_end({"conversation": 240}, {"conversation": 240, "contact": 80}, 12)
        self.assertIn("conversation 240 of 240, contact 0 of 80", line)
        self.assertIn("12 turns", line)

    def test_what_is_not_read_yet_is_told_by_name(self) -> None:
        phases = {"admins": "idle", "deleted_conversations": "running", "companies": "running"}
        self.assertEqual(
            backfill.still_read(phases, 3),
            "still being read: companies, deleted conversations; 3 messages in the queues",
        )
        self.assertEqual(backfill.still_read({"admins": "idle"}, 1), "1 message in the queues")
        self.assertEqual(backfill.still_read({}, 0), "it has not begun")

    def test_a_server_that_is_gone_is_told_with_what_to_do(self) -> None:
        self.assertTrue(processes.ended("emulator", 0).startswith("emulator was told to end"))
        self.assertIn("signal 9", processes.ended("emulator", -9))
        self.assertIn("exit code 3", processes.ended("ministack", 3))
        for code in (0, -9, 3):
            self.assertIn("`make run` starts everything again", processes.ended("emulator", code))

    def test_a_status_is_one_line_a_resource_with_what_is_wrong(self) -> None:
        told = report.status(
            {
                "workspace": "ws1",
                "name": "Acme",
                "summary": "Connected.",
                "last_event_at": "2026-11-20T10:15:30Z",
                "resources": [
                    {"resource": "tags", "phase": "idle", "state": "up to date", "seen": 3, "up_to": None},
                    {"resource": "contacts", "phase": "running", "state": "reading", "seen": 5, "estimate": 9},
                    {"resource": "companies", "phase": "running", "state": "x", "seen": 2, "last_error": "HTTP 500"},
                ],
            }
        )
        lines = told.splitlines()
        self.assertEqual(lines[:2], ["Acme (ws1): Connected.", "last live event: 2026-11-20 10:15 UTC"])
        self.assertTrue(lines[2].endswith("3 at the last look") and lines[3].endswith("5 of about 9"), told)
        self.assertTrue(lines[4].endswith("2 so far") and lines[5] == "    HTTP 500", told)


if __name__ == "__main__":
    unittest.main()
