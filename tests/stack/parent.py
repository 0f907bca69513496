"""A process that runs a stack until it is told to stop. Arguments: data, API, DB, mail, queue, functions port."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from infra.local.process import StackError
from infra.local.settings import Keys, Settings
from infra.local.stack import Stack

if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    data = Path(sys.argv[1])
    api, database, mail, queue, functions = (int(port) for port in sys.argv[2:])
    settings = Settings(
        data=data, keys=Keys.load_or_create(data / "keys.json"), api_port=api, db_port=database, mail_port=mail,
        queue_port=queue, functions_port=functions,
    )  # fmt: skip
    try:
        Stack(settings, Path(__file__).with_name("app"), {"SEEN": str(data)}, [], {}).run(
            lambda: print("up", flush=True)
        )
    except StackError as error:
        sys.exit(str(error))
