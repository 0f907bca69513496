"""Replies: retrieve, answer with citations, check, and decide between send, draft and escalate."""
