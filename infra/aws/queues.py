"""A queue per consumer, its dead letters, and the mapping that feeds the function."""

from __future__ import annotations

from infra.aws.parts import Function, Resource, Template, arn, sub

DAY = 86_400
# "Set the queue's visibility timeout to at least six times the timeout that you configure on your function":
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html (maxReceiveCount of 5 or more: the same page)
VISIBILITY = 6
RECEIVES = 5
# A wake-up that is lost is published again by the relay, so nothing is gained by keeping one for long.
RETENTION = 4 * DAY
DEAD_RETENTION = 14 * DAY  # the longest there is: somebody has to look


def add_queues(template: Template, functions: list[Function]) -> None:
    """Queues for every consumer; the event source mapping points at its queue and asks for partial failures."""
    for function in functions:
        if function.consumer is not None:
            template["Resources"][function.queue] = _queue(function)
            template["Resources"][function.dead_letters] = _dead_letters(function)
            _feed(template["Resources"][function.resource], function)


def _queue(function: Function) -> Resource:
    return {
        "Type": "AWS::SQS::Queue",
        "Properties": {
            "QueueName": sub(f"${{QueuePrefix}}{function.consumer}"),
            "VisibilityTimeout": VISIBILITY * function.timeout,
            "MessageRetentionPeriod": RETENTION,
            "SqsManagedSseEnabled": True,
            "RedrivePolicy": {"deadLetterTargetArn": arn(function.dead_letters), "maxReceiveCount": RECEIVES},
        },
    }


def _dead_letters(function: Function) -> Resource:
    source = f"arn:${{AWS::Partition}}:sqs:${{AWS::Region}}:${{AWS::AccountId}}:${{QueuePrefix}}{function.consumer}"
    return {
        "Type": "AWS::SQS::Queue",
        "Properties": {
            "QueueName": sub(f"${{QueuePrefix}}{function.consumer}-dead"),
            "MessageRetentionPeriod": DEAD_RETENTION,
            "SqsManagedSseEnabled": True,
            # By name: the queue names this one already.
            "RedriveAllowPolicy": {"redrivePermission": "byQueue", "sourceQueueArns": [sub(source)]},
        },
    }


def _feed(resource: Resource, function: Function) -> None:
    (mapping,) = resource["Properties"]["Events"].values()
    mapping["Properties"]["Queue"] = arn(function.queue)
    # Chalice does not know it. Without it Lambda takes the answer for nothing and deletes what failed.
    mapping["Properties"]["FunctionResponseTypes"] = ["ReportBatchItemFailures"]
