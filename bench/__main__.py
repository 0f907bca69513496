"""`make bench`: every figure beside its bar. FULL=1 measures the large sizes."""

from __future__ import annotations

import subprocess
import sys

PARTS = (
    "bench.triage",
    "bench.retrieval",
    "bench.pipeline",
    "bench.burst",
    "bench.intake",
    "bench.jobs",
    "bench.desk",
    "bench.desk_rules",
    "bench.webhooks",
    "bench.realtime",
    "bench.rest",
    "bench.boot",
    "bench.cold_start",
    "bench.idle",
)


def main() -> int:
    """Run the parts one after the other; 1 if any of them missed a bar."""
    missed = [part for part in PARTS if subprocess.run([sys.executable, "-m", part], check=False).returncode]
    if missed:
        print(f"bars missed in {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
