"""Who follows row changes: subscriptions in groups that differ in nothing but who asks.

A change is compared with each group, not with each subscriber: 500 clients that follow one table are one group.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from infra.local.realtime.subscriptions import Interest, Listener, Subscription


@dataclass
class Group:
    """Subscriptions of one interest, by the claims (JSON text) that they are judged with."""

    interest: Interest
    callers: dict[str, list[Subscription]] = field(default_factory=dict)


@dataclass
class Register:
    """All subscriptions, by the listener that holds them and by group."""

    _held: dict[Listener, list[Subscription]] = field(default_factory=dict)
    _groups: dict[Interest, Group] = field(default_factory=dict)

    def __contains__(self, listener: Listener) -> bool:
        return listener in self._held

    def __bool__(self) -> bool:
        return bool(self._held)

    def __iter__(self) -> Iterator[Listener]:
        return iter(list(self._held))

    @property
    def groups(self) -> list[Group]:
        return list(self._groups.values())

    def put(self, listener: Listener, subscriptions: list[Subscription]) -> None:
        """Replace what `listener` holds."""
        self.drop(listener)
        self._held[listener] = subscriptions
        for one in subscriptions:
            group = self._groups.setdefault(one.interest, Group(one.interest))
            group.callers.setdefault(one.claims, []).append(one)

    def drop(self, listener: Listener) -> None:
        for one in self._held.pop(listener, ()):
            group = self._groups[one.interest]
            left = [each for each in group.callers[one.claims] if each.listener is not listener]
            if left:
                group.callers[one.claims] = left
            else:
                del group.callers[one.claims]
            if not group.callers:
                del self._groups[one.interest]
