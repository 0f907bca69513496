"""Who may do what to which table. A table of schema public that is missing here fails the isolation test."""

from __future__ import annotations

from dataclasses import dataclass

ROLES = ("viewer", "agent", "manager", "admin", "owner")


@dataclass(frozen=True)
class Rule:
    """The least member role that may; None: no member may. `contact`, `anon`: may they read (some of) it?"""

    select: str | None
    insert: str | None = None
    update: str | None = None
    delete: str | None = None
    contact: bool = False
    anon: bool = False


TABLES = {
    "organizations": Rule("viewer", update="admin", contact=True),
    "members": Rule("viewer", update="admin", delete="admin"),
    "invitations": Rule("admin", insert="admin", delete="admin"),
    "teams": Rule("viewer", "manager", "manager", "manager"),
    "team_members": Rule("viewer", "manager", "manager", "manager"),
    "skills": Rule("viewer", "manager", "manager", "manager"),
    "member_skills": Rule("viewer", "manager", "manager", "manager"),
    "team_skills": Rule("viewer", "manager", "manager", "manager"),
    "events": Rule("viewer", contact=True),
    "contacts": Rule("viewer", "agent", "agent", contact=True),
    "mail_addresses": Rule("viewer", "admin", "admin", "admin"),
    "ticket_statuses": Rule("viewer", "admin", "admin", "admin", contact=True),
    "ticket_categories": Rule("viewer", "manager", "manager", "manager"),
    "tickets": Rule("viewer", "agent", "agent", contact=True),
    "messages": Rule("viewer", "agent", contact=True),
    "attachments": Rule("viewer", contact=True),
    "audit_log": Rule("admin"),
}

# Functions of schema public, and who may execute them.
RPCS = {
    "accept_invitation": {"authenticated"},
    "create_organization": {"authenticated"},
    "dead_jobs": {"authenticated"},
    "events_since": {"authenticated"},
    "open_ticket": {"authenticated"},
    "retry_dead_jobs": {"authenticated"},
    "send_reply": {"authenticated"},
}

# Definer functions of schema private that clients may execute: each is called by a policy or an invoker RPC.
PRIVATE_FOR_CLIENTS = {
    "accept_invitation",
    "create_organization",
    "dead_jobs",
    "events_epoch",
    "may_join",
    "my_contact_organizations",
    "my_contacts",
    "my_organizations",
    "my_role",
    "retry_dead_jobs",
}

# The only functions through which pgdesk_functions reaches beyond one tenant.
ACROSS_TENANTS = {"claim_jobs", "begin_job", "resolve_address"}

# Definer functions that pgdesk_functions may execute, besides those: each binds itself to the current tenant, to a
# job's token, or gives away no tenant's rows.
PRIVATE_FOR_FUNCTIONS = {
    "ensure_message_partitions",
    "enqueue_maintenance",
    "enqueue_own",
    "enter_job",
    "fail_job",
    "finish_job",
    "maintain",
    "mark_published",
    "queue_status",
    "release_jobs",
}
