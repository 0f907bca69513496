"""Triage: what a message is about, how urgent, in which language, for whom, and how sure we are of each."""
