"""Who is present on each topic: a key (a user) with one entry per channel that tracks it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

Meta = dict[str, Any]
State = dict[str, dict[str, list[Meta]]]
"""{key: {"metas": [{"phx_ref": …, …}]}}, as clients expect it."""


@dataclass
class Presence:
    """The presences of one topic, by the tracker (a channel's identity) that brought them."""

    _entries: dict[object, tuple[str, Meta]] = field(default_factory=dict)

    def state(self) -> State:
        state: State = {}
        for key, meta in self._entries.values():
            state.setdefault(key, {"metas": []})["metas"].append(meta)
        return state

    def track(self, tracker: object, key: str, payload: Meta) -> tuple[State, State] | None:
        """Set what `tracker` shows. Returns (joins, leaves), or None where nothing changed."""
        previous = self._entries.get(tracker)
        meta = {name: value for name, value in payload.items() if name not in {"phx_ref", "phx_ref_prev"}}
        leaves: State = {}
        if previous is not None:
            shown = {name: value for name, value in previous[1].items() if name not in {"phx_ref", "phx_ref_prev"}}
            if shown == meta:
                return None
            leaves = {previous[0]: {"metas": [previous[1]]}}
            meta["phx_ref_prev"] = previous[1]["phx_ref"]
        meta["phx_ref"] = uuid4().hex[:20]
        self._entries[tracker] = (key, meta)
        return {key: {"metas": [meta]}}, leaves

    def untrack(self, tracker: object) -> tuple[State, State] | None:
        """Forget `tracker`. Returns (joins, leaves), or None where it showed nothing."""
        previous = self._entries.pop(tracker, None)
        return None if previous is None else ({}, {previous[0]: {"metas": [previous[1]]}})

    def __bool__(self) -> bool:
        return bool(self._entries)
