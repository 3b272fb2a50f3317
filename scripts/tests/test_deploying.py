"""A newcomer's deploy comes to its end: both ways that README.md offers, at a terminal, against MiniStack.

What is deployed is the real template; only the programs in it are stand-ins, since nothing here runs them.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
from pathlib import Path
from typing import Any, ClassVar

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from terminal import Conversation, talk

from local import aws
from local.settings import FUNCTIONS, LOGS, ROOT, Settings, aws_environment, venv_bin

CLIENT_ID = "12345678-90ab-cdef-1234-567890abcdef"
CLIENT_SECRET = "s3cr3t-of-the-newcomer-0123456789"
OTHER_SECRET = "another-s3cr3t-of-the-newcomer-9876"

#: The two values of the Developer Hub, by what a question about them says, in SAM's words and in ours.
HUB = {
    "IntercomClientId": CLIENT_ID,
    "Client id": CLIENT_ID,
    "IntercomClientSecret": CLIENT_SECRET,
    "Client secret": CLIENT_SECRET,
}

#: An ELF header of a 64-bit, little-endian program for aarch64 (0xB7), and nothing else.
STAND_IN = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xb7\x00" + bytes(44)


#: A queue that hides a message for longer than SQS can.
CANNOT_BE_MADE = """
  CannotBeMade:
    Type: AWS::SQS::Queue
    DependsOn: [StateTable, MemoryTable, TokenKey, CredentialsSecret, OptionalSecret, KeysSecret]
    Properties:
      VisibilityTimeout: 99999
"""


def newcomer(question: str) -> str:
    """Enter, except for what has to be given."""
    return next((value for words, value in HUB.items() if words in question), "")


def project(folder: Path) -> Path:
    """A checkout after `sam build`, with stand-ins for the programs; gives the built template."""
    for name in ("template.yaml", "samconfig.yaml", "samconfig.toml"):
        if (ROOT / name).exists() and subprocess.run(
            ["git", "ls-files", "--error-unmatch", name], cwd=ROOT, capture_output=True, check=False
        ).returncode == 0:
            shutil.copy(ROOT / name, folder / name)
    built = folder / ".aws-sam" / "build"
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    for name in FUNCTIONS:
        package = f"{name.capitalize()}Function"
        (built / package).mkdir(parents=True)
        (built / package / "bootstrap").write_bytes(STAND_IN)
        text = text.replace(f"./functions/{name}", package)
    (built / "template.yaml").write_text(text, encoding="utf-8")
    return built / "template.yaml"


class Deploying(unittest.TestCase):
    settings: ClassVar[Settings]
    ministack: ClassVar[subprocess.Popen[bytes]]

    @classmethod
    def setUpClass(cls) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            cls.settings = Settings(once=True, aws_port=free.getsockname()[1])
        LOGS.mkdir(parents=True, exist_ok=True)
        environment = {
            **aws_environment(cls.settings),
            "GATEWAY_PORT": str(cls.settings.aws_port),
            "BIND_HOST": "127.0.0.1",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
        }
        with (LOGS / "ministack-of-the-tests.log").open("wb") as log:
            cls.ministack = subprocess.Popen(
                [str(venv_bin("aws") / "ministack")],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        for _ in range(300):
            try:
                opener.open(f"{cls.settings.aws_url}/_ministack/health", timeout=2).close()
                return
            except OSError:
                time.sleep(0.1)
        cls.tearDownClass()
        raise AssertionError("MiniStack did not start")

    @classmethod
    def tearDownClass(cls) -> None:
        cls.ministack.terminate()
        cls.ministack.wait()

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.built = project(self.folder)
        # Where `make deploy` keeps what it hands to SAM, while it does.
        self.memory = self.folder / "memory"
        self.memory.mkdir()

    def environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(venv_bin("sam")), os.environ["PATH"]])
        kept = {key: value for key, value in aws_environment(self.settings).items() if not key.startswith("INTERCOM_")}
        return {
            **kept,
            "PATH": path,
            "SAM_CLI_POLL_DELAY": "0.2",
            "HOME": str(self.folder),
            "XDG_RUNTIME_DIR": str(self.memory),
        }

    def make_deploy(self, words: str, answer: Any = newcomer, **more: Any) -> Conversation:
        """`make deploy`, as README.md has it, of what stands built in this test's folder."""
        command = ["make", "--no-print-directory", "deploy", f"ARGS=--built {self.built} {words}"]
        return talk(command, answer, self.environment(), ROOT, 180, **more)

    def make_deploy_alone(self, words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """The same without anybody to ask."""
        return subprocess.run(
            ["make", "--no-print-directory", "deploy", f"ARGS=--built {self.built} {words}"],
            env={**self.environment(), **variables},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=180,
            check=False,
        )

    def stack(self, name: str) -> dict[str, Any]:
        """The stack as it stands."""
        return aws.client(self.settings, "cloudformation").describe_stacks(StackName=name)["Stacks"][0]

    def secret(self, name: str, logical: str) -> dict[str, Any]:
        """What a secret of the stack holds."""
        client = aws.client(self.settings, "cloudformation")
        found = client.describe_stack_resource(StackName=name, LogicalResourceId=logical)["StackResourceDetail"]
        secrets = aws.client(self.settings, "secretsmanager")
        return json.loads(secrets.get_secret_value(SecretId=found["PhysicalResourceId"])["SecretString"])

    def protection(self, name: str) -> list[bool]:
        """Whether the tables of the stack are protected against deletion."""
        client = aws.client(self.settings, "cloudformation")
        dynamodb = aws.client(self.settings, "dynamodb")
        tables = [
            client.describe_stack_resource(StackName=name, LogicalResourceId=logical)["StackResourceDetail"]
            for logical in ("StateTable", "MemoryTable")
        ]
        found = [dynamodb.describe_table(TableName=one["PhysicalResourceId"])["Table"] for one in tables]
        return [table.get("DeletionProtectionEnabled", False) for table in found]

    def what_costs(self) -> dict[str, set[str]]:
        """What there is in the account of what is kept when a stack is deleted, or paid for by the month."""
        keys = aws.client(self.settings, "kms")
        living = {
            one["KeyId"]
            for one in keys.list_keys()["Keys"]
            if keys.describe_key(KeyId=one["KeyId"])["KeyMetadata"]["KeyState"] == "Enabled"
        }
        secrets = aws.client(self.settings, "secretsmanager").list_secrets()["SecretList"]
        tables = aws.client(self.settings, "dynamodb").list_tables()["TableNames"]
        return {"keys": living, "secrets": {one["ARN"] for one in secrets}, "tables": set(tables)}

    def assert_unwritten(self, *secrets: str) -> None:
        """No file of the test's folder, where SAM was at home, holds a secret."""
        for path in self.folder.rglob("*"):
            if path.is_file():
                for secret in secrets:
                    self.assertNotIn(secret.encode(), path.read_bytes(), path)

    def test_sam_deploy_guided_is_gone_through_with_enter_and_the_two_values_of_the_hub(self) -> None:
        tracked = {path.name: path.read_bytes() for path in self.folder.iterdir() if path.is_file()}
        done = talk(["sam", "deploy", "--guided"], newcomer, self.environment(), self.folder, 180)
        self.assertEqual(done.exit_code, 0, done.screen)
        self.assertEqual(self.stack("intercom-memory")["StackStatus"], "CREATE_COMPLETE")
        self.assertEqual(
            self.secret("intercom-memory", "CredentialsSecret"),
            {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET},
        )
        self.assertEqual([one for one in done.questions if "authentication" in one], [])
        self.assertNotIn(CLIENT_SECRET, done.screen)
        self.assert_unwritten(CLIENT_SECRET)
        for name, content in tracked.items():
            self.assertEqual((self.folder / name).read_bytes(), content, f"{name} was changed")

        # Once more, now that SAM has saved what it was answered: it keeps the secret without a question.
        again = subprocess.run(
            ["sam", "deploy", "--no-fail-on-empty-changeset"],
            env=self.environment(), cwd=self.folder, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        self.assertEqual(again.returncode, 0, again.stdout + again.stderr)
        self.assertEqual(self.secret("intercom-memory", "CredentialsSecret")["client_secret"], CLIENT_SECRET)

    def test_make_deploy_asks_for_the_two_values_only_and_says_what_to_do_next(self) -> None:
        first = self.make_deploy("--stack-name asked")
        self.assertEqual(first.exit_code, 0, first.screen)
        self.assertEqual([question.lower() for question in first.questions], ["client id:", "client secret:"])
        self.assertNotIn(CLIENT_SECRET, first.screen)
        self.assert_unwritten(CLIENT_SECRET)
        self.assertEqual(
            self.secret("asked", "CredentialsSecret"), {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        )
        self.assertEqual(self.protection("asked"), [True, True])
        outputs = {one["OutputKey"]: one["OutputValue"] for one in self.stack("asked")["Outputs"]}
        for name in ("CallbackUrl", "WebhookUrl", "UninstallUrl", "HealthUrl", "InstallUrl"):
            self.assertIn(outputs[name], first.screen)

        # A second secret for a rotation is the operator's: it stays over a deploy that says nothing of it.
        words = "--stack-name asked --set RetentionDays=30"
        self.assertEqual(
            self.make_deploy_alone(f"{words} --second-secret", INTERCOM_WEBHOOK_SECRET=OTHER_SECRET).returncode, 0
        )
        later = self.make_deploy(words)
        self.assertEqual((later.exit_code, later.questions), (0, []), later.screen)
        self.assertEqual(self.secret("asked", "CredentialsSecret")["client_secret"], CLIENT_SECRET)
        self.assertEqual(self.secret("asked", "OptionalSecret")["webhook_secrets"], [OTHER_SECRET])
        # And ends when it has become the first one.
        rotated = self.make_deploy_alone("--stack-name asked", INTERCOM_CLIENT_SECRET=OTHER_SECRET)
        self.assertEqual(rotated.returncode, 0, rotated.stdout)
        self.assertNotIn(OTHER_SECRET, rotated.stdout)
        self.assertEqual(
            self.secret("asked", "CredentialsSecret"), {"client_id": CLIENT_ID, "client_secret": OTHER_SECRET}
        )
        self.assertEqual(self.secret("asked", "OptionalSecret")["webhook_secrets"], [])

    def test_make_deploy_in_private_app_mode_asks_for_secret_and_token_until_they_can_be_such(self) -> None:
        secrets = iter(["none", "with a space in it", CLIENT_SECRET])
        tokens = iter(["", OTHER_SECRET])

        def answer(question: str) -> str:
            return next(tokens if "token" in question else secrets)

        done = self.make_deploy("--stack-name private --private-app", answer)
        self.assertEqual(done.exit_code, 0, done.screen)
        self.assertEqual(done.questions, ["Client secret:"] * 3 + ["Access token:"] * 2)
        for said in ("at least 16 characters; this has 4", "no quotes, backslashes or white space", "token is needed"):
            self.assertIn(said, done.screen)
        self.assertNotIn(OTHER_SECRET, done.screen)
        self.assertEqual(self.secret("private", "OptionalSecret")["access_token"], OTHER_SECRET)
        self.assertEqual(self.secret("private", "CredentialsSecret"), {"client_id": "", "client_secret": CLIENT_SECRET})

    def test_a_first_deploy_that_fails_leaves_nothing_and_the_next_one_works(self) -> None:
        whole = self.built.read_text(encoding="utf-8")
        # Once the tables, the key and the secrets are there, something cannot be made.
        self.built.write_text(whole.replace("\nOutputs:\n", f"\n{CANNOT_BE_MADE}\nOutputs:\n"), encoding="utf-8")
        variables = {"INTERCOM_CLIENT_ID": CLIENT_ID, "INTERCOM_CLIENT_SECRET": CLIENT_SECRET}
        before = self.what_costs()
        failed = self.make_deploy_alone("--stack-name fails", **variables)
        self.assertNotEqual(failed.returncode, 0, failed.stdout)
        self.assertIn("FAILED: sam deploy failed", failed.stdout)
        self.assertNotIn("Traceback", failed.stdout)
        self.assertRegex(failed.stdout, "CREATE_COMPLETE +AWS::DynamoDB::Table +MemoryTable")
        self.assertEqual(self.what_costs(), before)
        self.built.write_text(whole, encoding="utf-8")
        worked = self.make_deploy_alone("--stack-name fails", **variables)
        self.assertEqual(worked.returncode, 0, worked.stdout)

    def test_ctrl_c_ends_make_deploy_in_one_line_and_leaves_no_secret(self) -> None:
        for where in ("Client secret", "Waiting for changeset"):
            with self.subTest(where):
                done = self.make_deploy("--stack-name stopped", interrupt_at=where)
                self.assertNotEqual(done.exit_code, 0)
                self.assertIn("stopped.", done.screen)
                self.assertNotIn("Traceback", done.screen)
                self.assertEqual(list(self.memory.iterdir()), [])

    def test_what_is_wrong_is_one_line_before_anything_is_built_or_asked(self) -> None:
        shutil.rmtree(self.built.parent)
        keys = {"INTERCOM_CLIENT_ID": CLIENT_ID, "INTERCOM_CLIENT_SECRET": CLIENT_SECRET}
        for words, variables, said in (
            ("", {"AWS_PROFILE": "nope"}, "nope"),
            ("", {"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}, "no AWS region is set"),
            ("", {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "no AWS credentials were found"),
            ("--stack-name " + "x" * 56, {}, "55 are possible"),
            ("--stack-name a_b", {}, "a stack's name"),
            ("--set Retention=1", {}, "no parameter Retention"),
            ("--set IntercomClientSecret=x", {}, "a command line is none"),
            ("", {}, "set INTERCOM_CLIENT_ID in the environment"),
            ("", {**keys, "INTERCOM_CLIENT_SECRET": "short"}, "at least 16 characters"),
            ("", keys, "no built functions"),
        ):
            with self.subTest(said):
                named = words if "--stack-name" in words else f"{words} --stack-name wrong"
                done = self.make_deploy_alone(named, **variables)
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(said, done.stdout)
                self.assertNotIn("Traceback", done.stdout)
                self.assertEqual(done.stdout.count("FAILED"), 1, done.stdout)
        self.built = project_of_another_processor(self.folder)
        self.assertIn("was built for x86_64", self.make_deploy_alone("--stack-name wrong", **keys).stdout)


def project_of_another_processor(folder: Path) -> Path:
    """As `project`, with programs for x86-64 (0x3E)."""
    built = project(folder)
    for program in built.parent.glob("*/bootstrap"):
        program.write_bytes(STAND_IN.replace(b"\xb7", b"\x3e"))
    return built


if __name__ == "__main__":
    unittest.main()
