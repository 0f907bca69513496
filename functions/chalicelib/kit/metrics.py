"""CloudWatch metrics inside the log lines themselves: no call, no agent, and nothing to pay where nobody reads them.

Embedded Metric Format:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import time
from typing import Any

from chalicelib.kit.logging import log

NAMESPACE = "pgdesk"
# Every metric there is, with its unit; infra/aws sets alarms on some.
UNITS = {
    "OldestJobSeconds": "Seconds",  # how long the oldest due job has waited, by consumer, each minute
    "DeadJobs": "Count",  # dead letters that nobody has retried, by consumer, each minute
    "Alarms": "Count",  # what failed without stopping anything, in the last five minutes, by alarm, each minute
    "JobMs": "Milliseconds",  # one attempt, by consumer
    "JobFailures": "Count",  # 1 for an attempt that failed, 0 for one that did not, by consumer
    "RequestMs": "Milliseconds",  # by route
    "ProviderErrors": "Count",  # by provider: mail in, mail out, the language model
    "ModelTokens": "Count",  # in and out, by model
    "ModelCostUsd": "None",  # by model
}


def embedded(dimension: str, value: str, **measured: float) -> dict[str, Any]:
    """Fields that turn a log line into metrics of `dimension`, as in `embedded("consumer", "triage", JobMs=12.5)`.

    Raises KeyError for a metric that is not in UNITS.
    """
    return {
        "_aws": {
            "Timestamp": int(time.time() * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": NAMESPACE,
                    "Dimensions": [[dimension]],
                    "Metrics": [{"Name": name, "Unit": UNITS[name]} for name in measured],
                }
            ],
        },
        dimension: value,
        **measured,
    }


def provider_failed(provider: str, error: str) -> None:
    """Count an answer of a provider that was none. `error` says what kind, and quotes nothing."""
    log("provider.failed", level="warning", error=error, **embedded("provider", provider, ProviderErrors=1))
