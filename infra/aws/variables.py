"""The functions' environment: a parameter for each variable that they read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from infra.aws.parts import Template, camel, ref

PREFIX = "PGDESK_"
# Where Lambda unpacks a layer, and the folder in ours.
LAYER_FOLDER = "/opt/pgdesk"
# What a role must name exactly.
PATTERNS = {
    "KMS_KEY_ID": (r"(arn:[^:]+:kms:[^:]+:\d+:key/.+)?", "the ARN of a key; an alias cannot be granted"),
}


@dataclass(frozen=True)
class Variable:
    """A variable of the functions, by its name behind PGDESK_. One without default must be given."""

    name: str
    secret: bool
    default: str | None = ""

    @property
    def parameter(self) -> str:
        return camel(self.name.lower())


def add_variables(template: Template, variables: Sequence[Variable]) -> None:
    """A parameter each, and all of them in every function's environment.

    An empty value is as good as none: the functions then take their own default.
    """
    environment: dict[str, Any] = {
        # Small matrices on a fraction of a core: threads of BLAS would only wait for each other.
        "OPENBLAS_NUM_THREADS": "1",
        "PGDESK_EMBEDDING_FOLDER": LAYER_FOLDER,
    }
    for variable in variables:
        parameter: dict[str, Any] = {"Type": "String", "Description": f"{PREFIX}{variable.name}, see .env.example"}
        if variable.name in PATTERNS:
            parameter["AllowedPattern"], parameter["ConstraintDescription"] = PATTERNS[variable.name]
        if variable.secret:
            parameter["NoEcho"] = True
        if variable.default is not None:
            parameter["Default"] = variable.default
        template["Parameters"][variable.parameter] = parameter
        environment[PREFIX + variable.name] = ref(variable.parameter)
    template["Globals"]["Function"]["Environment"] = {"Variables": environment}
