"""The template that is deployed: what stands around the functions, and who may do what."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from chalicelib.kit.settings import Settings

from infra.aws import Template
from infra.aws.alarms import PROVIDERS
from infra.local.gateway import FUNCTIONS as LOCAL_PREFIX
from pgdesk import package
from tests.functions.conftest import app_module
from tests.package.conftest import ROOT

__all__ = ["app_module"]

# Everything that any function may do. What is to be added here is to be thought about.
ALLOWED = {
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
    "sqs:SendMessage",
    "s3:GetObject",
    "kms:Decrypt",
    "kms:GenerateDataKey",
}
SENDERS = {"APIHandler", "Sweep"}


def of_type(template: Template, kind: str) -> dict[str, dict[str, Any]]:
    """Properties of the resources of one type, by name."""
    found = template["Resources"].items()
    return {name: each.get("Properties", {}) for name, each in found if each["Type"] == kind}


@pytest.fixture
def functions(template: Template) -> dict[str, dict[str, Any]]:
    return of_type(template, "AWS::Serverless::Function")


@pytest.fixture
def queues(template: Template) -> dict[str, dict[str, Any]]:
    return of_type(template, "AWS::SQS::Queue")


def sources(functions: dict[str, dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each function that is fed by a queue, with its mapping."""
    for name, properties in functions.items():
        for event in properties.get("Events", {}).values():
            if event["Type"] == "SQS":
                yield name, event["Properties"]


def statements(template: Template, function: str) -> list[dict[str, Any]]:
    role = template["Resources"][function]["Properties"]["Role"]["Fn::GetAtt"][0]
    (policy,) = template["Resources"][role]["Properties"]["Policies"]
    return [each["Fn::If"][1] if "Fn::If" in each else each for each in policy["PolicyDocument"]["Statement"]]


def test_the_template_in_the_repository_is_the_one_that_is_built(template: Template) -> None:
    assert package.golden(template) == package.GOLDEN.read_text(), (
        "infra/aws/template.yaml is behind: `.venv/bin/python -m pgdesk.package` writes it; then read the difference"
    )


def test_every_consumer_has_queue_dead_letters_and_alarms(
    template: Template, queues: dict[str, dict[str, Any]], app_module: ModuleType
) -> None:
    named = {each["QueueName"]["Fn::Sub"]: name for name, each in queues.items()}
    watched = {
        (metric, str(dimension["Value"]))
        for each in of_type(template, "AWS::CloudWatch::Alarm").values()
        for metric, dimension in ((each["MetricName"], each["Dimensions"][0]),)
    }
    for consumer in app_module.CONSUMERS:
        queue, dead = named[f"${{QueuePrefix}}{consumer.name}"], named[f"${{QueuePrefix}}{consumer.name}-dead"]
        assert queues[queue]["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": [dead, "Arn"]}
        assert ("ApproximateNumberOfMessagesVisible", str({"Fn::GetAtt": [dead, "QueueName"]})) in watched
        assert ("ApproximateAgeOfOldestMessage", str({"Fn::GetAtt": [queue, "QueueName"]})) in watched
        assert ("OldestJobSeconds", consumer.name) in watched
        assert ("DeadJobs", consumer.name) in watched
    assert len(queues) == 2 * len(app_module.CONSUMERS)


def test_every_function_is_fed_as_its_consumer_says(
    functions: dict[str, dict[str, Any]], queues: dict[str, dict[str, Any]], app_module: ModuleType
) -> None:
    consumers = {f"app.on_{each.name}": each for each in app_module.CONSUMERS}
    for name, source in sources(functions):
        consumer = consumers.pop(functions[name]["Handler"])
        queue = queues[source["Queue"]["Fn::GetAtt"][0]]
        assert queue["QueueName"]["Fn::Sub"] == f"${{QueuePrefix}}{consumer.name}"
        assert functions[name]["Timeout"] == consumer.timeout
        assert source["BatchSize"] == consumer.batch_size
        assert source["ScalingConfig"] == {"MaximumConcurrency": consumer.concurrency}
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        # Lambda's own limits: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
        assert 2 <= consumer.concurrency <= 1000
    assert consumers == {}


def test_a_wake_up_stays_hidden_six_times_as_long_as_its_function_may_take(
    functions: dict[str, dict[str, Any]], queues: dict[str, dict[str, Any]]
) -> None:
    for name, source in sources(functions):
        queue = queues[source["Queue"]["Fn::GetAtt"][0]]
        assert queue["VisibilityTimeout"] >= 6 * functions[name]["Timeout"]
        assert queue["RedrivePolicy"]["maxReceiveCount"] >= 5
        # As long as a batch may take, were each job to take all the time there is: then it would come back too soon.
        assert queue["VisibilityTimeout"] < queue["MessageRetentionPeriod"]


def test_queues_are_encrypted_and_dead_letters_kept_two_weeks(queues: dict[str, dict[str, Any]]) -> None:
    for name, queue in queues.items():
        assert queue["SqsManagedSseEnabled"] is True
        assert (queue["MessageRetentionPeriod"] == 14 * 86_400) == name.endswith("DeadLetters")


def test_nothing_was_added_to_a_resource_that_chalice_did_not_make(template: Template) -> None:
    """A misspelt name would quietly add a resource without a type instead."""
    assert [name for name, each in template["Resources"].items() if "Type" not in each] == []
    for each in template["Resources"].values():
        events = each["Properties"].get("Events", {})
        assert [name for name, event in events.items() if "Type" not in event] == []


def test_a_function_may_do_no_more_than_its_work_needs(
    template: Template, functions: dict[str, dict[str, Any]]
) -> None:
    fed = {name: source["Queue"]["Fn::GetAtt"][0] for name, source in sources(functions)}
    for function in functions:
        for statement in statements(template, function):
            actions = set(statement["Action"])
            assert statement["Effect"] == "Allow"
            assert actions <= ALLOWED, (function, actions - ALLOWED)
            if actions & {"sqs:ReceiveMessage", "sqs:DeleteMessage"}:
                assert statement["Resource"] == {"Fn::GetAtt": [fed[function], "Arn"]}
            if "sqs:SendMessage" in actions:
                assert function in SENDERS
            if "logs:PutLogEvents" in actions:
                assert statement["Resource"] == {"Fn::Sub": f"${{{function}Log.Arn}}:*"}


def test_who_runs_the_relay_may_wake_every_consumer_and_no_dead_letters(
    template: Template, queues: dict[str, dict[str, Any]]
) -> None:
    wanted = {name for name in queues if not name.endswith("DeadLetters")}
    for function in SENDERS:
        (found,) = [each for each in statements(template, function) if "sqs:SendMessage" in each["Action"]]
        assert {each["Fn::GetAtt"][0] for each in found["Resource"]} == wanted


def test_who_calls_kms_or_s3_may_and_nobody_else(
    template: Template, functions: dict[str, dict[str, Any]], app_module: ModuleType
) -> None:
    """Found in the code: a function whose area encrypts, or fetches from the bucket, without its row in roles.py."""
    areas = {each.name: ROOT / "functions" / each.handle.module.replace(".", "/") for each in app_module.CONSUMERS}
    for name, properties in functions.items():
        granted = {action for each in statements(template, name) for action in each["Action"]}
        module = areas.get(properties["Handler"].removeprefix("app.on_"))
        if module is not None:
            code = module.with_suffix(".py").read_text()
            assert ("kms:Decrypt" in granted) == ("chalicelib.kit.secrets" in code), name
            assert ("s3:GetObject" in granted) == ("import ses" in code or ", ses" in code), name
    assert "kms:GenerateDataKey" in {action for each in statements(template, "APIHandler") for action in each["Action"]}


def test_no_role_is_shared_and_none_reaches_everything(
    template: Template, functions: dict[str, dict[str, Any]]
) -> None:
    roles = [properties["Role"]["Fn::GetAtt"][0] for properties in functions.values()]
    assert len(set(roles)) == len(roles)
    for function in functions:
        for statement in statements(template, function):
            resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
            # A log group's streams and a bucket's objects have no names yet: there AWS asks for a star, at the end.
            stars = 1 if {"logs:PutLogEvents", "s3:GetObject"} & set(statement["Action"]) else 0
            for each in resources:
                assert json.dumps(each).count("*") == stars, (function, statement)
                assert each != "*"


def test_every_variable_of_the_functions_is_told_and_secrets_are_not_shown(template: Template) -> None:
    told = template["Globals"]["Function"]["Environment"]["Variables"]
    parameters = template["Parameters"]
    for name, field in Settings.model_fields.items():
        parameter = parameters[told[f"PGDESK_{name.upper()}"]["Ref"]]
        assert parameter.get("NoEcho", False) == ("SecretStr" in str(field.annotation)), name
        assert ("Default" not in parameter) == field.is_required(), name
    assert told["PGDESK_QUEUE_PREFIX"] == {"Ref": "QueuePrefix"}


def test_an_environment_of_usual_values_is_within_lambdas_limit(template: Template) -> None:
    """4 KB for names and values: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
    told = template["Globals"]["Function"]["Environment"]["Variables"]
    assert sum(len(name) + (len(value) if isinstance(value, str) else 60) for name, value in told.items()) < 4096 - 512


def test_logs_are_kept_for_a_time_and_each_function_has_its_own(
    template: Template, functions: dict[str, dict[str, Any]]
) -> None:
    groups = of_type(template, "AWS::Logs::LogGroup")
    assert all(group["RetentionInDays"] == {"Ref": "LogDays"} for group in groups.values())
    used = [properties["LoggingConfig"]["LogGroup"]["Ref"] for properties in functions.values()]
    assert {*used, "ApiLog"} == groups.keys()
    assert len(set(used)) == len(functions)


def test_api_gateway_serves_the_paths_that_one_machine_serves(template: Template, app_module: ModuleType) -> None:
    (api,) = of_type(template, "AWS::Serverless::Api").values()
    served = {f"/{api['StageName']}{path}" for path in api["DefinitionBody"]["paths"]}
    assert served == {f"{LOCAL_PREFIX}{app_module.PREFIX}{route.path}" for route in app_module.ROUTES}
    assert f"/{api['StageName']}{app_module.PREFIX}" == "/functions/v1"
    assert template["Outputs"]["ApiUrl"]["Value"]["Fn::Sub"].endswith("/functions/v1")


def test_every_method_of_a_route_is_served(template: Template, app_module: ModuleType) -> None:
    (api,) = of_type(template, "AWS::Serverless::Api").values()
    for route in app_module.ROUTES:
        assert route.method.lower() in api["DefinitionBody"]["paths"][app_module.PREFIX + route.path]


def test_api_gateways_own_errors_can_be_read_by_a_page_of_another_origin(template: Template) -> None:
    (api,) = of_type(template, "AWS::Serverless::Api").values()
    answers = api["DefinitionBody"]["x-amazon-apigateway-gateway-responses"]
    for kind in ("DEFAULT_4XX", "DEFAULT_5XX"):
        headers = answers[kind]["responseParameters"]
        assert headers["gatewayresponse.header.Access-Control-Allow-Origin"] == "'*'"


def test_the_api_is_throttled_and_its_access_log_holds_no_address(template: Template) -> None:
    (api,) = of_type(template, "AWS::Serverless::Api").values()
    (everything,) = api["MethodSettings"]
    assert (everything["ResourcePath"], everything["HttpMethod"]) == ("/*", "*")
    assert {"ThrottlingRateLimit", "ThrottlingBurstLimit"} <= everything.keys()
    assert not re.search(r"identity|\$context\.path|querystring", api["AccessLogSetting"]["Format"])
    assert json.loads(api["AccessLogSetting"]["Format"])["status"] == "$context.status"


def test_binary_types_are_named_once(template: Template) -> None:
    (api,) = of_type(template, "AWS::Serverless::Api").values()
    types = api["DefinitionBody"]["x-amazon-apigateway-binary-media-types"]
    assert len(set(types)) == len(types)


def test_failing_throttled_and_silent_functions_are_heard_of(
    template: Template, functions: dict[str, dict[str, Any]]
) -> None:
    alarms = of_type(template, "AWS::CloudWatch::Alarm").values()
    heard = {(alarm["MetricName"], str(alarm["Dimensions"][0]["Value"])) for alarm in alarms}
    for name in functions:
        assert {("Errors", str({"Ref": name})), ("Throttles", str({"Ref": name}))} <= heard
    assert any(metric == "5XXError" for metric, _ in heard)
    (silent,) = [alarm for alarm in alarms if alarm["MetricName"] == "Invocations"]
    assert silent["TreatMissingData"] == "breaching"
    assert all(alarm["AlarmActions"]["Fn::If"][0] == "HasAlarmTopic" for alarm in alarms)


def test_alarms_watch_metrics_that_the_functions_measure(template: Template) -> None:
    from chalicelib.kit.metrics import NAMESPACE, UNITS

    ours = [each for each in of_type(template, "AWS::CloudWatch::Alarm").values() if each["Namespace"] == NAMESPACE]
    assert {alarm["MetricName"] for alarm in ours} == {"OldestJobSeconds", "DeadJobs", "Alarms", "ProviderErrors"}
    assert {alarm["MetricName"] for alarm in ours} <= UNITS.keys()
    code = "\n".join(file.read_text() for file in (ROOT / "functions" / "chalicelib").rglob("*.py"))
    assert set(PROVIDERS) <= set(re.findall(r'"([a-z]+)"', code))


def test_the_layer_is_given_to_every_function(template: Template) -> None:
    assert template["Globals"]["Function"]["Layers"] == [{"Ref": "ModelLayer"}]
    assert of_type(template, "AWS::Serverless::LayerVersion").keys() == {"ModelLayer"}


def test_the_file_says_what_the_template_says(template: Template) -> None:
    assert yaml.safe_load(package.written(template)) == template
