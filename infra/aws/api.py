"""API Gateway in front of the routes: limits, CORS on its own errors, access log."""

from __future__ import annotations

import json
from typing import Any

from infra.aws.logs import log_group
from infra.aws.parts import Template, arn, ref, when

API = "RestAPI"  # Chalice's name for it
STAGE = "functions"  # with the routes' prefix, /v1, the path under which the platform has functions
# The shape that errors of the functions have. The embedded stack answers by it too.
ERROR_TEMPLATE = '{"code":"$context.error.responseType","message":$context.error.messageString,"hint":null}'
# Fields of the access log; no address and no path that holds one.
ACCESS = {
    "request": "$context.requestId",
    "route": "$context.httpMethod $context.resourcePath",
    "status": "$context.status",
    "ms": "$context.responseLatency",
    "function_ms": "$context.integrationLatency",
    "bytes": "$context.responseLength",
    "error": "$context.error.responseType",
}


def add_api(template: Template) -> None:
    """Completes the API that Chalice made of the routes."""
    template["Parameters"] |= {
        "ApiRate": {
            "Type": "Number",
            "Default": 100,
            "MinValue": 1,
            "Description": "Requests a second that the API takes, over all callers; beyond them it answers 429",
        },
        "ApiBurst": {
            "Type": "Number",
            "Default": 200,
            "MinValue": 1,
            "Description": "Requests that it takes at once",
        },
        "ApiConcurrency": {
            "Type": "Number",
            "Default": 0,
            "MinValue": 0,
            "Description": "Containers set aside for the API, and its limit; 0 for none (a new account may spare none)",
        },
        "ApiLogRole": {
            "Type": "String",
            "Default": "made-here",
            "AllowedValues": ["made-here", "of-the-account"],
            "Description": "API Gateway writes logs by one role per account and region; say where it comes from",
        },
    }
    template["Conditions"] |= {
        "SetsApiConcurrency": {"Fn::Not": [{"Fn::Equals": [ref("ApiConcurrency"), 0]}]},
        "MakesApiLogRole": {"Fn::Equals": [ref("ApiLogRole"), "made-here"]},
    }
    template["Resources"]["APIHandler"]["Properties"]["ReservedConcurrentExecutions"] = when(
        "SetsApiConcurrency", ref("ApiConcurrency")
    )
    template["Resources"]["ApiLog"] = log_group("/aws/apigateway/${AWS::StackName}")
    template["Resources"] |= _log_role()
    resource = template["Resources"][API]
    resource["Properties"] |= {
        "StageName": STAGE,
        "EndpointConfiguration": {"Type": "REGIONAL"},
        # Nothing reads it: it makes the stage wait until API Gateway may write logs.
        "Tags": {"logs-by": {"Fn::If": ["MakesApiLogRole", ref("ApiAccount"), "account"]}},
        "AccessLogSetting": {"DestinationArn": arn("ApiLog"), "Format": json.dumps(ACCESS)},
        "MethodSettings": [
            {
                "HttpMethod": "*",
                "ResourcePath": "/*",
                "ThrottlingRateLimit": ref("ApiRate"),
                "ThrottlingBurstLimit": ref("ApiBurst"),
                "LoggingLevel": "OFF",
                "DataTraceEnabled": False,
                "MetricsEnabled": False,
            }
        ],
    }
    document = resource["Properties"]["DefinitionBody"]
    document["info"]["title"] = ref("AWS::StackName")  # the name that metrics carry
    types = "x-amazon-apigateway-binary-media-types"
    document[types] = list(dict.fromkeys(document[types]))
    # In the document, not as resources of their own: so they are part of what is deployed to the stage.
    document["x-amazon-apigateway-gateway-responses"] = {"DEFAULT_4XX": _answer(), "DEFAULT_5XX": _answer()}


def _answer() -> dict[str, Any]:
    """API Gateway's own errors, in its words and our shape, and readable for a page of another origin as ours are."""
    return {
        "responseParameters": {
            "gatewayresponse.header.Access-Control-Allow-Origin": "'*'",
            "gatewayresponse.header.Access-Control-Allow-Headers": "'*'",
        },
        "responseTemplates": {"application/json": ERROR_TEMPLATE},
    }


def _log_role() -> Template:
    """The account's setting outlives the stack: others in the account write their logs by it too."""
    kept = {"Condition": "MakesApiLogRole", "DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
    return {
        "ApiLogWriter": {
            "Type": "AWS::IAM::Role",
            **kept,
            "Properties": {
                "AssumeRolePolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "apigateway.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                        }
                    ],
                },
                # AWS asks for this one by name, and it allows any log group:
                # https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-logging.html
                "ManagedPolicyArns": [
                    {
                        "Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/service-role/"
                        "AmazonAPIGatewayPushToCloudWatchLogs"
                    }
                ],
            },
        },
        "ApiAccount": {
            "Type": "AWS::ApiGateway::Account",
            **kept,
            "Properties": {"CloudWatchRoleArn": arn("ApiLogWriter")},
        },
    }
