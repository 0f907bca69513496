"""Runs in an empty interpreter (`python -I -S`): plays Lambda for the package in the folder that it is given.

Arguments: the package's folder, further folders for sys.path. Each line of standard input is a {"handler", "event"};
the answer, or what was raised, goes to standard error as one line of JSON. Standard output is the functions' log.
"""

import importlib
import json
import sys
import time
import traceback
import warnings


class Context:
    """What handlers are given beside the event."""

    function_name = "packaged"
    function_version = "$LATEST"
    aws_request_id = "0"
    memory_limit_in_mb = 1024

    def get_remaining_time_in_millis(self) -> int:
        return 29000


def main() -> None:
    sys.path[:0] = sys.argv[1:]
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        asked = json.loads(line)
        module, _, name = asked["handler"].rpartition(".")
        started = time.perf_counter()
        try:
            answer = {"value": getattr(importlib.import_module(module), name)(asked["event"], Context())}
        except BaseException:
            answer = {"raised": traceback.format_exc()}
        answer["ms"] = round((time.perf_counter() - started) * 1000)
        sys.stderr.write(json.dumps(answer) + "\n")
        sys.stderr.flush()


main()
