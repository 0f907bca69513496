"""A role per function: its own log and queue, and what is granted here by name."""

from __future__ import annotations

from typing import Any

from infra.aws.parts import Function, Resource, Template, arn, ref, sub, when

Statement = dict[str, Any]

# What Lambda's poller does with a queue: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
POLL = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
SEND = ["sqs:GetQueueUrl", "sqs:SendMessage"]  # a batch is allowed by the second
WRITE_LOG = ["logs:CreateLogStream", "logs:PutLogEvents"]

# Rows of what is granted beside: who runs the relay, and so wakes every consumer; who fetches the mail that Amazon SES
# has put into the bucket; who makes and who opens the data keys that KMS wraps.
RELAYS = {"api_handler", "sweep"}
READS_BUCKET = {"on_fetch_mail"}
DATA_KEYS = {"api_handler": ["kms:GenerateDataKey", "kms:Decrypt"], "on_deliver": ["kms:Decrypt"]}


def add_roles(template: Template, functions: list[Function]) -> None:
    """Replaces the one role that Chalice gives to all (any log, any queue) by one for each function."""
    template["Conditions"] |= {
        f"Has{name}": {"Fn::Not": [{"Fn::Equals": [ref(name), ""]}]} for name in ("SesBucket", "KmsKeyId")
    }
    template["Resources"].pop("DefaultRole")
    queues = [arn(each.queue) for each in functions if each.consumer is not None]
    for function in functions:
        statements = [_allow(WRITE_LOG, sub(f"${{{function.resource}Log.Arn}}:*"))]  # the streams in the group
        if function.consumer is not None:
            statements.append(_allow(POLL, arn(function.queue)))
        if function.name in RELAYS:
            statements.append(_allow(SEND, queues))
        if function.name in READS_BUCKET:
            mails = sub("arn:${AWS::Partition}:s3:::${SesBucket}/${SesPrefix}*")
            statements.append(when("HasSesBucket", _allow(["s3:GetObject"], mails)))
        if function.name in DATA_KEYS:
            statements.append(when("HasKmsKeyId", _allow(DATA_KEYS[function.name], ref("KmsKeyId"))))
        template["Resources"][f"{function.resource}Role"] = _role(statements)
        template["Resources"][function.resource]["Properties"]["Role"] = arn(f"{function.resource}Role")


def _allow(actions: list[str], resources: Any) -> Statement:
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def _role(statements: list[Statement]) -> Resource:
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
                ],
            },
            "Policies": [
                {"PolicyName": "pgdesk", "PolicyDocument": {"Version": "2012-10-17", "Statement": statements}}
            ],
        },
    }
