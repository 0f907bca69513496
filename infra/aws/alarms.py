"""What somebody must hear of: work that nobody does, work that gave up, functions and API that fail."""

from __future__ import annotations

from typing import Any

from infra.aws.api import STAGE
from infra.aws.parts import Function, Resource, Template, ref, sub, when

MINUTE = 60
PGDESK = "pgdesk"  # the namespace of kit/metrics.py
# Seconds for which a wake-up or a due job may lie: longer than any back-off of SQS' poller or a cold start explains.
OLD = 15 * MINUTE
PROVIDER_ERRORS = 20  # in five minutes; single ones are retried and forgotten
PROVIDERS = ("resend", "mailgun", "ses", "model")
# What the database raises where something failed that must not stop anything else (private.alarms), in words.
RAISED = {
    "audit": ("Audit", "a change is missing in the audit log"),
    "sign_in": ("SignIn", "sign-ins are missing in the audit log"),
}


def add_alarms(template: Template, functions: list[Function]) -> None:
    """Alarms, told to one SNS topic where there is one."""
    template["Parameters"]["AlarmTopic"] = {
        "Type": "String",
        "Default": "",
        "Description": "ARN of the SNS topic that hears alarms; empty: they are seen in CloudWatch only",
    }
    template["Conditions"]["HasAlarmTopic"] = {"Fn::Not": [{"Fn::Equals": [ref("AlarmTopic"), ""]}]}
    resources = template["Resources"]
    for function in functions:
        if function.consumer is not None:
            resources |= _of_consumer(function)
        resources |= _of_function(function)
    resources |= _of_api()


def _of_consumer(function: Function) -> dict[str, Resource]:
    consumer = function.consumer
    name = function.queue.removesuffix("Queue")
    dead_letters = {"QueueName": {"Fn::GetAtt": [function.dead_letters, "QueueName"]}}
    queue = {"QueueName": {"Fn::GetAtt": [function.queue, "QueueName"]}}
    own = {"consumer": consumer}
    return {
        f"{name}DeadLettersAlarm": _alarm(
            f"{consumer}: wake-ups among the dead letters", "AWS/SQS", "ApproximateNumberOfMessagesVisible",
            dead_letters, "Maximum", 0,
        ),
        f"{name}WakeUpsOldAlarm": _alarm(
            f"{consumer}: wake-ups lie in the queue", "AWS/SQS", "ApproximateAgeOfOldestMessage", queue, "Maximum",
            max(OLD, 2 * 6 * function.timeout), periods=3,
        ),
        f"{name}JobsOldAlarm": _alarm(
            f"{consumer}: a due job waits and waits", PGDESK, "OldestJobSeconds", own, "Maximum", OLD, periods=3,
        ),
        f"{name}JobsDeadAlarm": _alarm(f"{consumer}: jobs gave up", PGDESK, "DeadJobs", own, "Maximum", 0),
    }  # fmt: skip


def _of_function(function: Function) -> dict[str, Resource]:
    own = {"FunctionName": ref(function.resource)}
    alarms = {
        f"{function.resource}ErrorsAlarm": _alarm(
            f"{function.name}: the function fails", "AWS/Lambda", "Errors", own, "Sum", 0, periods=3
        ),
        f"{function.resource}ThrottlesAlarm": _alarm(
            f"{function.name}: the function is throttled", "AWS/Lambda", "Throttles", own, "Sum", 0, periods=3
        ),
    }
    if function.name == "sweep":
        # It stands behind every wake-up, and it measures the queue: that it is silent must not look like peace.
        alarms[f"{function.resource}SilentAlarm"] = _alarm(
            "sweep: it has not run for five minutes", "AWS/Lambda", "Invocations", own, "Sum", 1,
            below=True, missing="breaching",
        )  # fmt: skip
    return alarms


def _of_api() -> dict[str, Resource]:
    stage = {"ApiName": ref("AWS::StackName"), "Stage": STAGE}
    alarms = {
        "ApiErrorsAlarm": _alarm("API: answers 5xx", "AWS/ApiGateway", "5XXError", stage, "Sum", 0, periods=2),
    }
    for provider in PROVIDERS:
        alarms[f"{provider.capitalize()}ErrorsAlarm"] = _alarm(
            f"{provider}: the provider fails", PGDESK, "ProviderErrors", {"provider": provider}, "Sum", PROVIDER_ERRORS
        )
    for kind, (name, words) in RAISED.items():
        alarms[f"{name}RaisedAlarm"] = _alarm(f"database: {words}", PGDESK, "Alarms", {"alarm": kind}, "Maximum", 0)
    return alarms


def _alarm(
    words: str, namespace: str, metric: str, dimensions: dict[str, Any], statistic: str, threshold: int,
    *, periods: int = 1, below: bool = False, missing: str = "notBreaching",
) -> Resource:  # fmt: skip
    """Goes off once `statistic` over five minutes was beyond `threshold` for `periods` times in a row."""
    heard = when("HasAlarmTopic", [ref("AlarmTopic")])
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmDescription": sub(f"${{AWS::StackName}} {words} (docs/deploy.md, Alarms)"),
            "Namespace": namespace,
            "MetricName": metric,
            "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
            "Statistic": statistic,
            "Period": 5 * MINUTE,
            "EvaluationPeriods": periods,
            "ComparisonOperator": "LessThanThreshold" if below else "GreaterThanThreshold",
            "Threshold": threshold,
            "TreatMissingData": missing,
            "AlarmActions": heard,
            "OKActions": heard,
        },
    }
