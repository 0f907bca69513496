"""Runs in an empty interpreter (`python -I -S`): plays one Lambda container for a package that was unpacked.

Arguments: the folders for sys.path. Each line of standard input is a {"handler", "event"}; the answer, or what was
raised, goes to standard error as one line of JSON, with the milliseconds that importing and handling took and the
process' memory in MB. Standard output is the functions' log.
"""

import importlib
import json
import re
import sys
import time
import traceback
import warnings
from pathlib import Path


class Context:
    """What handlers are given beside the event."""

    function_name = "packaged"
    function_version = "$LATEST"
    aws_request_id = "0"
    memory_limit_in_mb = 1024

    def get_remaining_time_in_millis(self) -> int:
        return 29000


def peak_kilobytes() -> int:
    """The most memory that this process had; getrusage would tell its parent's, from before it became this program."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found[1]) if found else 0


def main() -> None:
    sys.path[:0] = sys.argv[1:]
    sys.dont_write_bytecode = True  # what Lambda unpacks is read-only
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        asked = json.loads(line)
        module, _, name = asked["handler"].rpartition(".")
        answer: dict[str, object] = {}
        started = loaded = time.perf_counter()
        busy = loading = time.process_time()
        try:
            handler = getattr(importlib.import_module(module), name)
            loaded, loading = time.perf_counter(), time.process_time()
            answer["value"] = handler(asked["event"], Context())
        except BaseException:
            answer["raised"] = traceback.format_exc()
        ended = time.perf_counter()
        answer |= {"init_ms": (loaded - started) * 1000, "ms": (ended - loaded) * 1000}
        answer["init_cpu_ms"] = (loading - busy) * 1000
        answer["peak_mb"] = peak_kilobytes() / 1024
        sys.stderr.write(json.dumps(answer) + "\n")
        sys.stderr.flush()


main()
