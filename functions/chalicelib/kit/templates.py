"""Jinja templates beside a module. In HTML everything that is put in is escaped."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, select_autoescape


@lru_cache(maxsize=4)
def templates(module_file: str) -> Environment:
    """Those of the folder `templates` beside a module."""
    return Environment(
        loader=FileSystemLoader(Path(module_file).with_name("templates")),
        autoescape=select_autoescape(["html.j2"]),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
