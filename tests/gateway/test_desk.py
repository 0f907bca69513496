"""What the desk does by nothing but the platform's public APIs: the official client, a URL, two keys."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from postgrest.exceptions import APIError
from realtime import AsyncRealtimeClient, RealtimeChannelOptions
from storage3.exceptions import StorageApiError
from supabase_auth.errors import AuthApiError

from supabase import Client
from tests.gateway.conftest import PASSWORD, Project

pytestmark = pytest.mark.public_api
SECONDS = 20
PRIVATE: RealtimeChannelOptions = {
    "config": {"private": True, "broadcast": {"ack": False, "self": False}, "presence": {"key": "", "enabled": False}}
}


def signed_in(project: Project) -> Client:
    client = project.client()
    client.auth.sign_in_with_password({"email": project.new_user(), "password": PASSWORD})
    return client


def call(client: Client, rpc: str, /, **arguments: Any) -> Any:
    return client.rpc(rpc, arguments).execute().data


@pytest.fixture(scope="module")
def owner(project: Project) -> Client:
    return signed_in(project)


@pytest.fixture(scope="module")
def organization(owner: Client) -> str:
    """Its id. What it is called is nobody else's name, as it may stay behind on a project that lasts."""
    made = call(owner, "create_organization", name="By public APIs", slug=f"t-{uuid4().hex[:12]}")
    return str(made["id"])


def test_a_session_is_refreshed_and_ends_with_its_logout(project: Project) -> None:
    client = project.client()
    first = client.auth.sign_in_with_password({"email": project.new_user(), "password": PASSWORD}).session
    assert first
    second = client.auth.refresh_session().session
    assert second
    assert second.refresh_token != first.refresh_token
    client.auth.sign_out()
    with pytest.raises(AuthApiError):
        project.client().auth.refresh_session(second.refresh_token)
    assert project.call("GET", "/auth/v1/user", second.access_token).status_code in (401, 403)


def test_a_wrong_password_and_an_unknown_address_look_the_same(project: Project) -> None:
    told = []
    for address in (project.new_user(), f"{uuid4().hex}@example.com"):
        with pytest.raises(AuthApiError) as refusal:
            project.client().auth.sign_in_with_password({"email": address, "password": "wrong"})
        told.append((refusal.value.status, refusal.value.code, refusal.value.message))
    assert told[0] == told[1]
    assert told[0][:2] == (400, "invalid_credentials")


def test_only_members_see_an_organization_and_what_is_in_it(project: Project, owner: Client, organization: str) -> None:
    def rows(client: Client, table: str) -> Any:
        return client.table(table).select("*").execute().data

    assert [row["id"] for row in rows(owner, "organizations")] == [organization]
    own = owner.table("members").select("role, organizations!inner(id)").execute().data
    assert own == [{"role": "owner", "organizations": {"id": organization}}]
    stranger = signed_in(project)
    for table in ("organizations", "members", "tickets", "ticket_statuses", "audit_log", "events"):
        assert rows(stranger, table) == [], table
    for table in ("organizations", "tickets"):
        with pytest.raises(APIError) as refusal:
            rows(project.client(), table)
        assert refusal.value.code == "42501"


def test_nobody_writes_into_an_organization_of_others(project: Project, organization: str) -> None:
    stranger = signed_in(project)
    user = stranger.auth.get_user()
    assert user
    own = {"organization_id": organization, "email": "x@example.com", "role": "admin", "invited_by": user.user.id}
    with pytest.raises(APIError) as refusal:
        stranger.table("invitations").insert(own).execute()
    assert refusal.value.code == "42501"
    changed = stranger.table("organizations").update({"name": "Mine"}).eq("id", organization).execute()
    assert changed.data == []


def test_the_log_knows_where_a_change_came_from_whatever_its_sender_says(
    owner: Client, project: Project, organization: str
) -> None:
    session = owner.auth.get_session()
    assert session
    forged = {"x-forwarded-for": "192.0.2.1", "cf-connecting-ip": "192.0.2.2"}
    headers = {"apikey": project.publishable_key, "authorization": f"Bearer {session.access_token}"}
    url = f"{project.url}/rest/v1/organizations?id=eq.{organization}"
    changed = project.http.patch(url, json={"name": "Renamed"}, headers=headers | forged)
    assert changed.status_code == 204
    log = owner.table("audit_log").select("ip").eq("table_name", "organizations").execute().data
    assert log
    assert not any(address in str(log) for address in forged.values())


def test_an_update_without_a_filter_is_refused(owner: Client, project: Project) -> None:
    token = owner.auth.get_session()
    assert token
    answer = project.call("PATCH", "/rest/v1/organizations", token.access_token, json={"name": "All"})
    assert (answer.status_code, answer.json()["code"]) == (400, "21000")


def test_members_hear_of_a_ticket_and_strangers_may_not_listen(
    project: Project, owner: Client, organization: str
) -> None:
    stranger = signed_in(project)

    async def channel(person: Client) -> tuple[AsyncRealtimeClient, asyncio.Queue[Any], asyncio.Queue[Any]]:
        session = person.auth.get_session()
        assert session
        client = AsyncRealtimeClient(f"{project.url}/realtime/v1", project.publishable_key)
        await client.set_auth(session.access_token)
        heard: asyncio.Queue[Any] = asyncio.Queue()
        states: asyncio.Queue[Any] = asyncio.Queue()
        made = client.channel(f"org:{organization}", PRIVATE)
        made.on_broadcast("*", heard.put_nowait)
        await made.subscribe(lambda state, _: states.put_nowait(state.value))
        return client, heard, states

    async def scene() -> None:
        async with asyncio.timeout(SECONDS):
            member, heard, joined = await channel(owner)
            outside, _, refused = await channel(stranger)
            try:
                assert await joined.get() == "SUBSCRIBED"
                assert await refused.get() == "CHANNEL_ERROR"
                await asyncio.to_thread(open_a_ticket)
                while (await heard.get())["event"] != "ticket.created":
                    pass
            finally:
                await member.close()
                await outside.close()

    def open_a_ticket() -> None:
        own = {"organization_id": organization}
        contact: Any = owner.table("contacts").insert({**own, "email": f"{uuid4().hex}@example.com"}).execute().data
        ticket = {**own, "contact_id": contact[0]["id"], "channel": "portal", "subject": "Hi"}
        owner.table("tickets").insert(ticket).execute()

    asyncio.run(scene())


def test_files_of_an_organization_are_not_there_for_others(project: Project, organization: str) -> None:
    stranger = signed_in(project)
    bucket = stranger.storage.from_("attachments")
    assert bucket.list(organization) == []
    with pytest.raises(StorageApiError):
        bucket.upload(f"{organization}/x.txt", b"x")
    with pytest.raises(StorageApiError):
        bucket.download(f"{organization}/x.txt")
    with pytest.raises(StorageApiError):
        bucket.create_signed_url(f"{organization}/x.txt", 60)
