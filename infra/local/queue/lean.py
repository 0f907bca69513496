"""Leaves out of moto what SQS never reads, 12 MB of memory. Imported before moto, in a process that has SQS alone."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

REGION = "us-east-1"

# The policies of all of AWS, 5 MB of text that moto's IAM brings along.
_policies: Any = ModuleType("moto.iam.aws_managed_policies")
_policies.aws_managed_policies_data = "{}"
sys.modules[_policies.__name__] = _policies

from moto.core.base_backend import AccountSpecificBackend  # noqa: E402

# And 7 MB of AWS' endpoints, read for the names of all regions.
_backend: Any = AccountSpecificBackend
_backend._generate_regions = lambda _, service: [REGION]
