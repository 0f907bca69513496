"""The functions of a template, and the few expressions that all parts of it are written with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

Template = dict[str, Any]
Resource = dict[str, Any]


@dataclass(frozen=True)
class Function:
    """One Lambda function: its resource name, the handler's name in app.py, and the consumer that it is, if any."""

    resource: str
    name: str
    timeout: int
    consumer: str | None

    @property
    def queue(self) -> str:
        """Resource name of the consumer's queue."""
        return f"{camel(self.consumer or '')}Queue"

    @property
    def dead_letters(self) -> str:
        return f"{camel(self.consumer or '')}DeadLetters"


def functions_of(template: Template) -> list[Function]:
    """The Lambda functions of a template that Chalice made. A handler `on_<consumer>` is that consumer's."""
    found = []
    for resource, each in template["Resources"].items():
        if each["Type"] == "AWS::Serverless::Function":
            properties = each["Properties"]
            name = properties["Handler"].rpartition(".")[2]
            is_consumer = any(event["Type"] == "SQS" for event in properties.get("Events", {}).values())
            found.append(
                Function(
                    resource,
                    "api_handler" if name == "app" else name,
                    properties["Timeout"],
                    name.removeprefix("on_") if is_consumer else None,
                )
            )
    return found


def camel(name: str) -> str:
    """`send_mail` as CloudFormation's names are written: SendMail."""
    return "".join(part.capitalize() for part in re.split(r"[_.-]", name))


def ref(name: str) -> dict[str, Any]:
    return {"Ref": name}


def sub(text: str) -> dict[str, Any]:
    return {"Fn::Sub": text}


def arn(resource: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [resource, "Arn"]}


def when(condition: str, value: Any) -> dict[str, Any]:
    """`value` where the condition holds, else nothing."""
    return {"Fn::If": [condition, value, ref("AWS::NoValue")]}
