"""What the template asks of whoever deploys it, and what README.md says about that."""

from __future__ import annotations

import re
import sys
import unittest
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from local.settings import ROOT


class Tagged(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, as pairs of the form's name and its value."""


def tagged(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> tuple[str, Any]:
    """`!Ref X` as `("Ref", "X")`."""
    if isinstance(node, yaml.ScalarNode):
        return name, loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return name, loader.construct_sequence(node, deep=True)
    return name, loader.construct_mapping(node, deep=True)


Tagged.add_multi_constructor("!", tagged)

TEMPLATE: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(encoding="utf-8"), Loader=Tagged)
PARAMETERS: dict[str, dict[str, Any]] = TEMPLATE["Parameters"]
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]


def accepts(parameter: str, value: str) -> bool:
    """Whether CloudFormation would take the value; a pattern has to match all of it."""
    return re.fullmatch(PARAMETERS[parameter]["AllowedPattern"], value) is not None


class Template(unittest.TestCase):
    def test_no_secret_is_asked_for_that_somebody_may_not_have(self) -> None:
        # `sam deploy --guided` asks for a NoEcho parameter until something is typed.
        secrets = {name: about for name, about in PARAMETERS.items() if about.get("NoEcho")}
        self.assertEqual([name for name, about in secrets.items() if about.get("Default") == ""], [])
        self.assertEqual(list(secrets), ["IntercomClientSecret"])

    def test_a_secret_that_could_be_guessed_is_refused(self) -> None:
        for name in (name for name, about in PARAMETERS.items() if about.get("NoEcho")):
            for value in ("", "none", "x" * 15, "with a space in it all", 'with"a"quote"in"it', "with\\a\\backslash\\"):
                self.assertFalse(accepts(name, value), f"{name}: {value}")
            self.assertTrue(accepts(name, "x" * 16), name)

    def test_addresses_are_https_except_on_this_machine(self) -> None:
        right = (
            "https://api.intercom.io",
            "https://memory.example.com/base",
            "http://localhost",
            "http://127.0.0.1:4570",
            "http://facade01.execute-api.localhost:4566",
            "http://localhost:1/path",
        )
        wrong = (
            "http://api.intercom.io",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "http://evil.example/localhost",
            "http://localhost@evil.example",
            "http://notlocalhost",
            "https://api.intercom.io/",
            "ftp://localhost",
            'https://a"b',
            "api.intercom.io",
        )
        for name in ("IntercomApiBaseUrl", "IntercomAppBaseUrl", "PublicBaseUrl"):
            self.assertEqual([one for one in right if not accepts(name, one)], [], name)
            self.assertEqual([one for one in wrong if accepts(name, one)], [], name)
        self.assertTrue(accepts("PublicBaseUrl", ""))
        for value in ("", "https://app.example.com", "https://a.example,http://localhost:3000"):
            self.assertTrue(accepts("ReturnToOrigins", value), value)
        for value in ("http://app.example.com", "https://a.example/path", "https://a.example,"):
            self.assertFalse(accepts("ReturnToOrigins", value), value)

    def test_every_parameter_is_described_and_has_its_place_in_the_console(self) -> None:
        groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
        shown = [name for group in groups for name in group["Parameters"]]
        self.assertEqual(sorted(shown), sorted(PARAMETERS))
        for name, about in PARAMETERS.items():
            self.assertGreater(len(about.get("Description", "")), 20, name)
            if name != "IntercomClientSecret":
                self.assertIn("Default", about, name)

    def test_the_readme_lists_the_parameters_and_no_others(self) -> None:
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        table = readme.split("### Parameters\n")[1].split("\n## ")[0]
        rows = [line.split("|") for line in table.splitlines() if line.startswith("| `")]
        named = [name for row in rows for name in re.findall(r"`(\w+)`", row[1])]
        self.assertEqual(sorted(named), sorted(PARAMETERS))

    def test_the_defaults_in_the_readme_are_the_templates(self) -> None:
        readme = (ROOT / "README.md").read_text(encoding="utf-8")
        for line in readme.splitlines():
            cells = [cell.strip() for cell in line.split("|")]
            if len(cells) < 4 or not cells[1].startswith("`"):
                continue
            names, defaults = re.findall(r"`(\w+)`", cells[1]), re.findall(r"`([^`]+)`", cells[2])
            for name, default in zip(names, defaults, strict=False):
                if name in PARAMETERS:
                    self.assertEqual(str(PARAMETERS[name]["Default"]), default, name)

    def test_what_outlives_the_stack_does_not_outlive_a_first_deploy_that_failed(self) -> None:
        for name in ("StateTable", "MemoryTable", "TokenKey"):
            self.assertEqual(RESOURCES[name]["DeletionPolicy"], "RetainExceptOnCreate", name)
            self.assertEqual(RESOURCES[name]["UpdateReplacePolicy"], "Retain", name)
        for name in ("StateTable", "MemoryTable"):
            protected = RESOURCES[name]["Properties"]["DeletionProtectionEnabled"]
            self.assertEqual(protected, ("If", ["ProtectsTables", True, False]), name)
        self.assertEqual(PARAMETERS["DeletionProtection"]["Default"], "false")

    def test_what_is_compared_is_text(self) -> None:
        # CloudFormation compares a parameter's text; a bare number in the template is none.
        text = (ROOT / "template.yaml").read_text(encoding="utf-8")
        compared = re.findall(r"!Equals \[!Ref \w+, ([^\]]+)\]", text)
        self.assertGreater(len(compared), 4)
        self.assertEqual([one for one in compared if re.fullmatch(r"[\d.]+|true|false", one)], [])

    def test_a_stack_name_of_the_longest_kind_fits_the_schedule(self) -> None:
        from deploy import LONGEST_STACK_NAME

        events = RESOURCES["BackfillFunction"]["Properties"]["Events"]
        form, text = events["EveryMinute"]["Properties"]["Name"]
        self.assertEqual(form, "Sub")
        self.assertLessEqual(len(text.replace("${AWS::StackName}", "x" * LONGEST_STACK_NAME)), 64)
        self.assertGreater(len(text.replace("${AWS::StackName}", "x" * (LONGEST_STACK_NAME + 1))), 64)

    def test_the_functions_of_a_new_account_leave_room_for_the_webhooks(self) -> None:
        # Ten at once, of which four may be ticks that overlap.
        busy = int(PARAMETERS["LiveConcurrency"]["Default"]) + int(PARAMETERS["BackfillConcurrency"]["Default"])
        self.assertLess(busy, 10)
        self.assertEqual(PARAMETERS["WebhookReservedConcurrency"]["Default"], 0)


if __name__ == "__main__":
    unittest.main()
