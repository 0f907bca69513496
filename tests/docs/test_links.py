"""What the documents name is there: pages, headings, files, tests, tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "infra").rglob("README.md")],
)
DATA_MODEL = ROOT / "docs" / "data-model.md"

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
# A path of this repository: no wildcard, no placeholder (NN, <area>, {a,b}).
PATH = re.compile(r"[\w.-]+(?:/[\w.@-]+)+/?")
TEST = re.compile(r"(?:[\w/.-]+::)?(test_\w+)")
# Made when something runs, or named without being there (`docs/adr/NNNN-….md`).
MADE = ("build/", ".pgdesk/", ".venv/", "bench/out")


def prose(page: Path) -> str:
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def named(page: Path) -> Iterator[str]:
    for match in CODE.finditer(prose(page)):
        yield match[1].strip()


@cache
def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub makes addresses of them."""
    return {
        re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        for heading in HEADING.findall(page.read_text(encoding="utf-8"))
    }


@cache
def written_tests() -> set[str]:
    return {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^\s*(?:async )?def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    }


@cache
def schema() -> str:
    return "\n".join(file.read_text(encoding="utf-8") for file in sorted((ROOT / "sql").glob("*.sql")))


def per_page() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])


@per_page()
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and there.suffix == ".md" and anchor not in anchors(there)):
            broken.append(target)
    assert not broken


@per_page()
def test_every_file_that_is_named_exists(page: Path) -> None:
    tops = {entry.name for entry in ROOT.iterdir()}
    missing = [
        name
        for name in named(page)
        if PATH.fullmatch(name)
        and name.split("/")[0] in tops
        and not name.startswith(MADE)
        and "NN" not in name
        and not (ROOT / name).exists()
        and not (page.parent / name).exists()
    ]
    assert not missing


@per_page()
def test_every_test_that_is_named_exists(page: Path) -> None:
    files = {file.stem for file in (ROOT / "tests").rglob("test_*.py")}
    found = [match[1] for name in named(page) if (match := TEST.fullmatch(name))]
    assert [name for name in found if name not in written_tests() | files] == []


def test_the_data_model_names_every_table_and_no_other() -> None:
    made = set(re.findall(r"^create (?:unlogged )?table (?:public|private)\.(\w+)", schema(), re.MULTILINE))
    listed = set(re.findall(r"^\| `(?:private\.)?(\w+)` \|", DATA_MODEL.read_text(encoding="utf-8"), re.MULTILINE))
    assert listed == made
