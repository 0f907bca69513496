"""A visitor of a widget sends files along with what they say, into a folder of their own, and gets nobody else's."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from tests.files.conftest import PNG, fetch, inspect, upload
from tests.people import ROLE_OF_VISITORS, Actor, not_there
from tests.privacy.conftest import Office


def place(office: Office, visitor: Actor, name: str = "lamp.png") -> str:
    return f"{office.box.acme}/uploads/{visitor.visitor_id}/{uuid4()}/{name}"


def says(office: Office, visitor: Actor, body: str = "See here") -> UUID:
    (said,) = office.as_(visitor, "select id from public.say_in_chat(%s)", body)
    return UUID(str(said["id"]))


def attaches(office: Office, visitor: Actor, message: UUID, *files: str) -> None:
    office.as_(visitor, "select id from public.attach_files(%s, %s)", message, list(files))


@pytest.fixture
def visitor(office: Office) -> Actor:
    return Actor(ROLE_OF_VISITORS, organization_id=office.box.acme, visitor_id=uuid4())


@pytest.fixture
def other(office: Office) -> Actor:
    other = Actor(ROLE_OF_VISITORS, organization_id=office.box.acme, visitor_id=uuid4())
    says(office, other, "Me too")
    return other


def test_a_visitor_sends_a_file_and_nobody_else_of_the_widget_gets_it(
    office: Office, visitor: Actor, other: Actor
) -> None:
    message = says(office, visitor)
    path = place(office, visitor)
    assert upload(office, visitor, path, PNG).status_code == 200
    attaches(office, visitor, message, path)
    assert fetch(office, visitor, path).status_code in (400, 404)  # before it was looked at
    assert inspect(office) == ["done"]
    assert fetch(office, visitor, path).content == PNG
    assert fetch(office, office.admin, path).content == PNG
    assert fetch(office, other, path).status_code in (400, 404)
    mine = "select file_name from public.attachments"
    assert office.as_(visitor, mine) == [{"file_name": "lamp.png"}]
    assert office.as_(other, mine) == []


def test_a_program_is_refused_to_a_visitor_too(office: Office, visitor: Actor) -> None:
    message, path = says(office, visitor), place(office, visitor)
    upload(office, visitor, path, b"MZ" + bytes(200))
    attaches(office, visitor, message, path)
    assert inspect(office) == ["done"]
    assert office.as_(visitor, "select verdict from public.attachments") == [{"verdict": "refused"}]
    assert fetch(office, office.admin, path).status_code in (400, 404)


def test_who_has_said_nothing_uploads_nothing(office: Office, visitor: Actor) -> None:
    assert upload(office, visitor, place(office, visitor), PNG).status_code in (400, 403)


def test_a_visitor_uploads_to_their_own_folder_of_their_own_desk_alone(
    office: Office, visitor: Actor, other: Actor
) -> None:
    says(office, visitor)
    abroad = replace(visitor, organization_id=office.box.other)
    for actor, path in (
        (visitor, place(office, other)),
        (visitor, f"{office.box.acme}/uploads/{office.admin.user_id}/1/a.png"),
        (visitor, f"{office.box.acme}/{uuid4()}/1-a.png"),
        (visitor, f"{office.box.other}/uploads/{visitor.visitor_id}/1/a.png"),
        (abroad, place(office, visitor)),
        (abroad, f"{office.box.other}/uploads/{visitor.visitor_id}/1/a.png"),
    ):
        assert upload(office, actor, path, PNG).status_code in (400, 403), path


def test_a_visitor_attaches_their_own_file_to_their_own_word_alone(
    office: Office, visitor: Actor, other: Actor
) -> None:
    mine, theirs = says(office, visitor), says(office, other)
    my_file, their_file = place(office, visitor), place(office, other)
    upload(office, visitor, my_file, PNG)
    upload(office, other, their_file, PNG)
    with not_there("uploaded no file"):
        attaches(office, visitor, mine, their_file)
    with not_there("just written"):
        attaches(office, visitor, theirs, my_file)


def test_a_visitor_sends_so_many_files_a_day(office: Office, visitor: Actor) -> None:
    says(office, visitor)
    office.db.execute(
        "insert into storage.objects (bucket_id, name) select 'attachments', %s || n from generate_series(1, 19) as n",
        [f"{office.box.acme}/uploads/{visitor.visitor_id}/1/"],
    )
    assert upload(office, visitor, place(office, visitor), PNG).status_code == 200
    assert upload(office, visitor, place(office, visitor), PNG).status_code in (400, 403)
