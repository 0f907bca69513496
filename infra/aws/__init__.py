"""What pgdesk needs on AWS: `complete` makes it of the template that Chalice derives from functions/app.py.

Queues, roles, log groups, alarms and parameters follow from what is in that template: a consumer that is added to
app.py has all of them here without a line. Only what a function may touch beside its own queue is a row, in roles.py.
"""

from __future__ import annotations

from infra.aws.parts import Template
from infra.aws.template import complete
from infra.aws.variables import Variable

__all__ = ["Template", "Variable", "complete"]
