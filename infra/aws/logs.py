"""A log group per function, kept for a time that the operator says."""

from __future__ import annotations

from infra.aws.parts import Function, Resource, Template, ref, sub

# What CloudWatch allows up to a year: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
DAYS = [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365]


def add_logs(template: Template, functions: list[Function]) -> None:
    template["Parameters"]["LogDays"] = {
        "Type": "Number",
        "Default": 30,
        "AllowedValues": DAYS,
        "Description": "Days for which logs are kept",
    }
    for function in functions:
        group = f"{function.resource}Log"
        template["Resources"][group] = log_group(f"/aws/lambda/${{AWS::StackName}}/{function.name}")
        template["Resources"][function.resource]["Properties"]["LoggingConfig"] = {"LogGroup": ref(group)}


def log_group(name: str) -> Resource:
    return {
        "Type": "AWS::Logs::LogGroup",
        "Properties": {"LogGroupName": sub(name), "RetentionInDays": ref("LogDays")},
    }
