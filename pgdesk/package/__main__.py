"""`python -m pgdesk.package`: write infra/aws/template.yaml anew, after a route, a consumer or a variable changed."""

from __future__ import annotations

from pgdesk.package import GOLDEN, golden, template

GOLDEN.write_text(golden(template()))
