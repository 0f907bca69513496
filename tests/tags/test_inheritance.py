"""A session has the tags of its contact: always, whatever happens to tags, contacts and links, in whatever order."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

import psycopg
import pytest
from hypothesis import settings as sizes
from hypothesis import strategies as some
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from infra.local.settings import Settings
from tests.conftest import FULL
from tests.data_model.shop import Behind, Shop, connect, new_shop, waits
from tests.people import Actor
from tests.tags import labels
from tests.tags.visits import session

NAMES = some.sampled_from(("billing", "Refund", "refund", "VIP", "vip", "hot", "Ärger", "ärger"))
PLACE = some.integers(0, 30)


@dataclass
class Model:
    """What ought to be: tags by id, and who has which."""

    tags: dict[UUID, str] = field(default_factory=dict)
    parents: dict[UUID, UUID | None] = field(default_factory=dict)
    meant: dict[str, UUID] = field(default_factory=dict)  # names, former ones too, in lower case
    contacts: dict[UUID, set[UUID]] = field(default_factory=dict)
    sessions: dict[UUID, set[UUID]] = field(default_factory=dict)
    links: dict[UUID, UUID | None] = field(default_factory=dict)
    tickets: dict[UUID, list[UUID]] = field(default_factory=dict)

    def is_named(self, name: str) -> bool:
        return name.lower() in {known.lower() for known in self.tags.values()}

    def below(self, tag: UUID) -> set[UUID]:
        """The tag and all below it."""
        found = {tag}
        while more := {each for each, parent in self.parents.items() if parent in found} - found:
            found |= more
        return found

    def level(self, tag: UUID | None) -> int:
        return 0 if tag is None else 1 + self.level(self.parents[tag])

    def height(self, tag: UUID) -> int:
        return max(self.level(each) for each in self.below(tag)) - self.level(tag) + 1

    def drop(self, tag: UUID, instead: UUID | None) -> None:
        for has in (*self.contacts.values(), *self.sessions.values()):
            if tag in has:
                has.discard(tag)
                if instead:
                    has.add(instead)
        for ticket, named in self.tickets.items():
            swapped = [instead if each == tag else each for each in named]
            self.tickets[ticket] = list(dict.fromkeys(each for each in swapped if each))
        meaning_others = {name: means for name, means in self.meant.items() if means != tag}
        self.meant = meaning_others | (dict.fromkeys(self.meant.keys() - meaning_others, instead) if instead else {})
        del self.tags[tag], self.parents[tag]


class Tagging(RuleBasedStateMachine):
    """Anything that anybody may do, and after each step the database against the model."""

    shop: Shop  # one database for all examples, an organization for each
    manager: Actor

    @initialize()
    def begin(self) -> None:
        self.shop = new_shop(type(self).shop.settings, type(self).shop.db)
        self.manager = self.shop.member("manager")
        self.model = Model()
        for _ in range(2):
            self.model.contacts[self.shop.contact()] = set()
        for _ in range(3):
            visit = session(self.shop)
            self.model.sessions[visit], self.model.links[visit] = set(), None
        for contact in self.model.contacts:
            self.model.tickets[self.shop.ticket(contact)] = []

    def pick(self, place: int) -> UUID:
        return list(self.model.tags)[place % len(self.model.tags)]

    @rule(name=NAMES, place=PLACE, nested=some.booleans())
    def make(self, name: str, place: int, nested: bool) -> None:
        parent = self.pick(place) if nested and self.model.tags else None
        if self.model.is_named(name) or self.model.level(parent) >= 5:
            with pytest.raises((psycopg.errors.UniqueViolation, psycopg.errors.CheckViolation)):
                labels.tag(self.shop, name, parent)
            return
        made = labels.tag(self.shop, name, parent)
        self.model.tags[made], self.model.parents[made], self.model.meant[name.lower()] = name, parent, made

    @precondition(lambda self: self.model.tags)
    @rule(place=PLACE, who=PLACE, takes_off=some.booleans())
    def tag_contact(self, place: int, who: int, takes_off: bool) -> None:
        contact, label = list(self.model.contacts)[who % 2], self.pick(place)
        if takes_off:
            labels.untag_contact(self.shop, contact, label)
            self.model.contacts[contact].discard(label)
        else:
            labels.tag_contact(self.shop, contact, label)
            self.model.contacts[contact].add(label)

    @precondition(lambda self: self.model.tags)
    @rule(place=PLACE, who=PLACE, takes_off=some.booleans())
    def tag_session(self, place: int, who: int, takes_off: bool) -> None:
        visit, label = list(self.model.sessions)[who % 3], self.pick(place)
        if takes_off:
            labels.untag_session(self.shop, visit, label)
            self.model.sessions[visit].discard(label)
        else:
            labels.tag_session(self.shop, visit, label)
            self.model.sessions[visit].add(label)

    @rule(who=PLACE, whose=some.sampled_from((None, 0, 1)))
    def link(self, who: int, whose: int | None) -> None:
        visit = list(self.model.sessions)[who % 3]
        contact = None if whose is None else list(self.model.contacts)[whose]
        self.shop.db.execute("update public.sessions set contact_id = %s where id = %s", [contact, visit])
        self.model.links[visit] = contact

    @rule(who=PLACE, named=some.lists(NAMES, max_size=4))
    def label_ticket(self, who: int, named: list[str]) -> None:
        ticket = list(self.model.tickets)[who % 2]
        labels.label_ticket(self.shop, ticket, *named)
        for name in named:
            if name.lower() not in self.model.meant:
                made = self.shop.value(
                    "select id from public.tags where organization_id = %s and name = %s",
                    self.shop.organization, name,
                )  # fmt: skip
                self.model.tags[made], self.model.parents[made], self.model.meant[name.lower()] = name, None, made
        self.model.tickets[ticket] = list(dict.fromkeys(self.model.meant[name.lower()] for name in named))

    @precondition(lambda self: self.model.tags)
    @rule(place=PLACE, name=NAMES)
    def rename(self, place: int, name: str) -> None:
        label = self.pick(place)
        statement = "update public.tags set name = %s where id = %s"
        if self.model.is_named(name) and name.lower() != self.model.tags[label].lower():
            with pytest.raises(psycopg.errors.UniqueViolation):
                self.shop.db.execute(statement, [name, label])
            return
        self.shop.db.execute(statement, [name, label])
        self.model.tags[label] = name
        self.model.meant[name.lower()] = label

    @precondition(lambda self: self.model.tags)
    @rule(place=PLACE, under=PLACE | some.none())
    def move(self, place: int, under: int | None) -> None:
        label, parent = self.pick(place), None if under is None else self.pick(under)
        too_deep = self.model.level(parent) + self.model.height(label) > 5
        if parent in self.model.below(label) or too_deep:
            with pytest.raises(psycopg.errors.CheckViolation):
                self.shop.as_(self.manager, "select public.move_tag(%s, %s)", label, parent)
            return
        self.shop.as_(self.manager, "select public.move_tag(%s, %s)", label, parent)
        self.model.parents[label] = parent

    @precondition(lambda self: len(self.model.tags) > 1)
    @rule(place=PLACE, into=PLACE)
    def merge(self, place: int, into: int) -> None:
        label, kept = self.pick(place), self.pick(into)
        if label == kept:
            return
        try:
            self.shop.as_(self.manager, "select public.merge_tags(%s, %s)", label, kept)
        except psycopg.errors.CheckViolation as error:
            assert "levels deep" in str(error)  # noqa: PT017
            return
        if kept in self.model.below(label):
            self.model.parents[kept] = self.model.parents[label]
        for each, parent in self.model.parents.items():
            if parent == label and each != kept:
                self.model.parents[each] = kept
        self.model.drop(label, kept)

    @precondition(lambda self: self.model.tags)
    @rule(place=PLACE)
    def delete(self, place: int) -> None:
        label = self.pick(place)
        self.shop.as_(self.manager, "select public.delete_tag(%s)", label)
        for each, parent in self.model.parents.items():
            if parent == label:
                self.model.parents[each] = self.model.parents[label]
        self.model.drop(label, None)

    @invariant()
    def the_tree_is_as_it_should_be(self) -> None:
        rows = self.shop.db.execute(
            "select id, name, parent_id from public.tags where organization_id = %s", [self.shop.organization]
        ).fetchall()
        assert {row["id"]: row["name"] for row in rows} == self.model.tags
        assert {row["id"]: row["parent_id"] for row in rows} == self.model.parents
        assert all(self.model.level(label) <= 5 for label in self.model.tags)

    @invariant()
    def a_session_has_its_own_tags_and_its_contacts(self) -> None:
        rows = self.shop.db.execute(
            "select session_id, tag_id, source from public.session_tags where organization_id = %s",
            [self.shop.organization],
        ).fetchall()
        found = [(row["session_id"], row["tag_id"], row["source"]) for row in rows]
        expected = {(visit, label, "direct") for visit, has in self.model.sessions.items() for label in has} | {
            (visit, label, "inherited")
            for visit, contact in self.model.links.items()
            if contact
            for label in self.model.contacts[contact]
        }
        assert len(found) == len(expected)
        assert set(found) == expected

    @invariant()
    def a_ticket_is_found_by_the_tags_it_names(self) -> None:
        for ticket, has in self.model.tickets.items():
            assert labels.tags_of(self.shop, ticket) == [self.model.tags[label] for label in has]
            rows = self.shop.db.execute("select tag_id from public.ticket_tags where ticket_id = %s", [ticket])
            assert {row["tag_id"] for row in rows} == set(has)


def test_tags_are_as_a_recomputation_says_after_any_steps(shop: Shop) -> None:
    class Here(Tagging):
        pass

    Here.shop = shop
    case = Here.TestCase
    case.settings = sizes(max_examples=300 if FULL else 15, stateful_step_count=60 if FULL else 25, deadline=None)
    case().runTest()


def test_a_tag_stays_as_long_as_one_of_its_sources_does(shop: Shop) -> None:
    contact, label = shop.contact(), labels.tag(shop, "vip")
    visit = session(shop, contact)
    labels.tag_contact(shop, contact, label)
    labels.tag_session(shop, visit, label)
    assert labels.on_session(shop, visit) == {("vip", "direct"), ("vip", "inherited")}
    labels.untag_contact(shop, contact, label)
    assert labels.on_session(shop, visit) == {("vip", "direct")}
    labels.tag_contact(shop, contact, label)
    labels.untag_session(shop, visit, label)
    assert labels.on_session(shop, visit) == {("vip", "inherited")}
    assert labels.on_session(shop, session(shop, contact)) == {("vip", "inherited")}, "a new session too"


def test_a_session_that_is_linked_anew_while_contacts_are_tagged_has_the_tags_of_its_contact(
    shop: Shop, shared: Settings
) -> None:
    """A bulk tagging that is half done, and one that commits while the link changes."""
    agent, first = shop.member(), shop.contact()
    visit = session(shop, first)
    shop.db.execute(
        "insert into public.contacts (organization_id) select %s from generate_series(1, 500)", [shop.organization]
    )
    last = shop.contact()
    labels.bulk(shop, agent, "contacts", {"conditions": {"all": []}}, ["vip"], [])
    labels.work(shop, rounds=1)
    assert labels.on_session(shop, visit) == {("vip", "inherited")}
    with connect(shared, "supabase_admin") as other, other.transaction():
        other.execute("update public.sessions set contact_id = %s where id = %s", [last, visit])
        labels.work(shop)
    assert labels.on_session(shop, visit) == {("vip", "inherited")}
    labels.bulk(shop, agent, "contacts", {"ids": [str(last)]}, [], ["vip"])
    assert labels.on_session(shop, visit) == set()


def test_tags_follow_when_contacts_are_merged_and_come_back_when_that_is_undone(shop: Shop) -> None:
    manager, winner, loser = shop.member("manager"), shop.contact(), shop.contact()
    visits = [session(shop, winner), session(shop, loser)]
    both, one, other = (labels.tag(shop, name) for name in ("both", "one", "other"))
    for contact, label in ((winner, both), (winner, one), (loser, both), (loser, other)):
        labels.tag_contact(shop, contact, label)
    before = [labels.on_session(shop, visit) for visit in visits]
    (merge,) = shop.as_(manager, "select * from public.merge_contacts(%s, %s)", winner, [loser])
    inherited = {(name, "inherited") for name in ("both", "one", "other")}
    assert [labels.on_session(shop, visit) for visit in visits] == [inherited, inherited]
    shop.as_(manager, "select public.unmerge_contacts(%s)", merge["id"])
    assert [labels.on_session(shop, visit) for visit in visits] == before
    job = labels.bulk(shop, manager, "contacts", {"conditions": {"all": []}}, ["every"], [])
    assert job["changed"] == 2


def test_what_was_merged_into_another_contact_is_not_tagged_by_itself(shop: Shop) -> None:
    manager, winner, loser = shop.member("manager"), shop.contact(), shop.contact()
    shop.as_(manager, "select public.merge_contacts(%s, %s)", winner, [loser])
    job = labels.bulk(shop, manager, "contacts", {"conditions": {"all": []}}, ["vip"], [])
    assert (job["total"], job["changed"]) == (1, 1)
    assert labels.on_contact(shop, loser) == set()


def test_two_members_who_give_a_contact_the_same_tag_at_once_give_it_once(shop: Shop, shared: Settings) -> None:
    contact, label = shop.contact(), labels.tag(shop, "vip")
    visit = session(shop, contact)
    give = (
        "insert into public.contact_tags (organization_id, contact_id, tag_id) values (%s, %s, %s)"
        " on conflict do nothing"
    )
    with connect(shared, "supabase_admin") as other, connect(shared, "supabase_admin") as db:
        with other.transaction():
            other.execute(give, [shop.organization, contact, label])
            behind = Behind(lambda: db.execute(give, [shop.organization, contact, label]))
            waits(shop, db)
        behind.get()
    assert labels.on_session(shop, visit) == {("vip", "inherited")}
    assert [event["type"] for event in shop.events(contact)] == ["contact.created", "contact.tagged"]


def test_who_sees_no_tags_of_a_contact_sees_none_of_its_sessions(shop: Shop) -> None:
    contact, customer = shop.customer()
    visit = session(shop, contact)
    labels.tag_contact(shop, contact, labels.tag(shop, "difficult"))
    read = "select source from public.session_tags where session_id = %s"
    assert [row["source"] for row in shop.as_(shop.member("viewer"), read, visit)] == ["inherited"]
    for nobody in (customer, new_shop(shop.settings, shop.db).member("owner")):
        assert shop.as_(nobody, read, visit) == []
        assert shop.as_(nobody, "select 1 from public.tags") == []
