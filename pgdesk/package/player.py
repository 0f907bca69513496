"""A package as Lambda has it: unpacked, run by an interpreter in which nothing else is installed."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from infra.aws import Template
from pgdesk.package import CODE, LAYER, TEMPLATE

MAIN = Path(__file__).with_name("lambda_main.py")


class HandlerError(Exception):
    """A handler raised, or ended its interpreter; the message is what was said."""


@dataclass(frozen=True)
class Answer:
    """What a handler returned, and what that took: starting (0 but for the first event), handling, memory at most."""

    value: Any
    init_ms: float
    init_cpu_ms: float
    ms: float
    peak_mb: float


class Container:
    """One interpreter; it handles one event after the other."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def invoke(self, handler: str, event: Mapping[str, Any]) -> Answer:
        """Run one handler, named as in the template. Raises HandlerError."""
        assert self._process.stdin
        assert self._process.stderr
        self._process.stdin.write(json.dumps({"handler": handler, "event": event}) + "\n")
        self._process.stdin.flush()
        line = self._process.stderr.readline()
        with suppress(ValueError):
            answer = json.loads(line)
            if "raised" in answer:
                raise HandlerError(f"{handler} raised {answer['raised']}")
            return Answer(**answer)
        raise HandlerError(f"{handler} broke the interpreter: {line}{self._process.stderr.read()}")


class Unpacked:
    """A built package, its code and its layer in folders of their own below `folder`.

    `more` are further folders for modules, for a package that was built without wheels.
    """

    def __init__(self, built: Path, folder: Path, more: Sequence[Path] = ()) -> None:
        self.template: Template = yaml.safe_load((built / TEMPLATE).read_text())
        self.task, self.opt = folder / "task", folder / "opt"
        for archive, target in ((CODE, self.task), (LAYER, self.opt)):
            with zipfile.ZipFile(built / archive) as file:
                file.extractall(target)
        self.path = [self.task, self.opt / "python", *more]

    @property
    def functions(self) -> dict[str, dict[str, Any]]:
        """Properties of each Lambda function, those of all included, by resource name."""
        common = self.template["Globals"]["Function"]
        found = self.template["Resources"].items()
        return {
            name: common | each["Properties"] for name, each in found if each["Type"] == "AWS::Serverless::Function"
        }

    @property
    def consumers(self) -> dict[str, str]:
        """The handler of each consumer's queue, by the consumer's name."""
        found = {}
        for each in self.functions.values():
            for event in each.get("Events", {}).values():
                if event["Type"] == "SQS":
                    queue = self.template["Resources"][event["Properties"]["Queue"]["Fn::GetAtt"][0]]
                    name = queue["Properties"]["QueueName"]["Fn::Sub"].removeprefix("${QueuePrefix}")
                    found[name] = each["Handler"]
        return found

    def environment(self, told: Mapping[str, str]) -> dict[str, str]:
        """What the template tells the functions, with /opt where it is here and `told` for the parameters."""
        variables = self.template["Globals"]["Function"]["Environment"]["Variables"]
        fixed = {name: value for name, value in variables.items() if isinstance(value, str)}
        return {name: value.replace("/opt", str(self.opt), 1) for name, value in fixed.items()} | dict(told)

    @contextmanager
    def container(self, told: Mapping[str, str], handler: str | None = None) -> Iterator[Container]:
        """An interpreter that has the standard library and the package, and nothing of this checkout or .venv.

        Started for one `handler`, as a container is on Lambda, or for any that it is asked for.
        """
        named = {"_HANDLER": handler} if handler else {}
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(MAIN), *map(str, self.path)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd="/",
            env=self.environment(told) | named,
        )  # fmt: skip
        try:
            yield Container(process)
        finally:
            assert process.stdin
            process.stdin.close()
            process.wait(20)
            assert process.stderr
            process.stderr.close()
