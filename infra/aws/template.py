"""Chalice's template made complete."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from infra.aws.alarms import add_alarms
from infra.aws.api import STAGE, add_api
from infra.aws.logs import add_logs
from infra.aws.parts import Template, functions_of, ref, sub
from infra.aws.queues import add_queues
from infra.aws.roles import add_roles
from infra.aws.variables import Variable, add_variables

LAYER = "ModelLayer"
# The same for every function: said once.
COMMON = ("Runtime", "MemorySize", "Architectures", "Tracing", "Tags")


def complete(made: Template, variables: Sequence[Variable], code: str, layer: str) -> Template:
    """The SAM template of the whole deployment, from the one that Chalice made.

    `code` and `layer` name the two archives as the template sees them. Raises KeyError where Chalice's template has
    not the form that is built upon.
    """
    source = copy.deepcopy(made)
    functions = functions_of(source)
    template: Template = {
        "AWSTemplateFormatVersion": source["AWSTemplateFormatVersion"],
        "Transform": source["Transform"],
        "Description": "pgdesk: the functions, and what stands around them",
        "Parameters": {},
        "Conditions": {},
        "Globals": {"Function": _common(source, code)},
        "Resources": source["Resources"],
        "Outputs": _outputs(),
    }
    add_variables(template, variables)
    add_queues(template, functions)
    add_roles(template, functions)
    add_logs(template, functions)
    add_api(template)
    add_alarms(template, functions)
    template["Resources"][LAYER] = {
        "Type": "AWS::Serverless::LayerVersion",
        "Properties": {
            "LayerName": sub("${AWS::StackName}-model"),
            "Description": "The embedding model, and what runs it",
            "ContentUri": layer,
            "CompatibleRuntimes": [template["Globals"]["Function"]["Runtime"]],
            "CompatibleArchitectures": template["Globals"]["Function"]["Architectures"],
            "RetentionPolicy": "Delete",
        },
    }
    # The next sweep comes within a minute: a failed one is not repeated.
    template["Resources"]["Sweep"]["Properties"]["EventInvokeConfig"] = {
        "MaximumRetryAttempts": 0,
        "MaximumEventAgeInSeconds": 60,
    }
    return template


def _common(source: Template, code: str) -> Template:
    """Takes out of every function what all have alike."""
    common: Template = {}
    everywhere = [source["Resources"][each.resource]["Properties"] for each in functions_of(source)]
    for name in COMMON:
        values = [properties[name] for properties in everywhere]
        if all(value == values[0] for value in values):
            common[name] = values[0]
            for properties in everywhere:
                del properties[name]
    for properties in everywhere:
        # Not in common: `aws cloudformation package` looks for it here, and where it finds none it packs the folder.
        properties["CodeUri"] = code
    common["Layers"] = [ref(LAYER)]
    return common


def _outputs() -> Template:
    url = "https://${RestAPI}.execute-api.${AWS::Region}.${AWS::URLSuffix}/" + STAGE + "/v1"
    return {
        "ApiUrl": {"Description": "The address of the API: routes follow it", "Value": sub(url)},
        "RelayUrl": {
            "Description": "What private.relay_address names, with RelaySecret, so that a commit wakes the relay",
            "Value": sub(f"{url}/relay"),
        },
    }
