"""Realtime: broadcast, presence and database changes over WebSockets."""

from infra.local.realtime.service import RealtimeService

__all__ = ["RealtimeService"]
