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
    "organizations": Rule("viewer", update="admin"),
    "members": Rule("viewer", update="admin", delete="admin"),
    "invitations": Rule("admin", insert="admin", delete="admin"),
    "api_keys": Rule("admin"),
    "teams": Rule("viewer", "manager", "manager", "manager"),
    "team_members": Rule("viewer", "manager", "manager", "manager"),
    "skills": Rule("viewer", "manager", "manager", "manager"),
    "member_skills": Rule("viewer", "manager", "manager", "manager"),
    "team_skills": Rule("viewer", "manager", "manager", "manager"),
    "calendars": Rule("viewer", "manager", "manager", "manager"),
    "calendar_hours": Rule("viewer", "manager", "manager", "manager"),
    "calendar_holidays": Rule("viewer", "manager", "manager", "manager"),
    "events": Rule("viewer", contact=True),
    "contacts": Rule("viewer", "agent", "agent", contact=True),
    "sessions": Rule("viewer", update="agent"),
    "session_events": Rule("viewer"),
    "mail_addresses": Rule("viewer", "admin", "admin", "admin"),
    "ticket_statuses": Rule("viewer", "admin", "admin", "admin", contact=True),
    "ticket_categories": Rule("viewer", "manager", "manager", "manager"),
    "tickets": Rule("viewer", "agent", "agent", contact=True),
    "canned_responses": Rule("viewer", "agent", "agent", "agent"),
    # Everybody has their own and no other: the one row there is, is the owner's.
    "compositions": Rule("owner", "agent", "owner", "owner"),
    "macros": Rule("viewer", "manager", "manager", "manager"),
    "ticket_history": Rule("viewer"),
    "ticket_reads": Rule("viewer"),
    "routing_rules": Rule("viewer", "manager", "manager", "manager"),
    "ticket_routings": Rule("viewer"),
    "member_availability": Rule("viewer", "manager", "manager"),
    "sla_policies": Rule("viewer", "manager", "manager", "manager"),
    "sla_targets": Rule("viewer", "manager", "manager", "manager"),
    "sla_clocks": Rule("viewer"),
    "messages": Rule("viewer", "agent", contact=True),
    "attachments": Rule("viewer", contact=True),
    "audit_log": Rule("admin"),
    "article_categories": Rule("viewer", "manager", "manager", "manager", contact=True, anon=True),
    "articles": Rule("viewer", "agent", "agent", contact=True, anon=True),
    "article_versions": Rule("viewer", "agent", contact=True, anon=True),
    "chunks": Rule("viewer"),
    "article_feedback": Rule("viewer", contact=True),
    "inbound_mails": Rule("admin"),
    "provider_mails": Rule("admin"),
    "triage_examples": Rule("viewer", "manager", "manager", "manager"),
    "triage_results": Rule("viewer"),
    "ai_executions": Rule("manager"),
    "csat_surveys": Rule("viewer", contact=True),
    "csat_ratings": Rule("viewer", contact=True),
    "drafts": Rule("viewer", update="agent"),
    "draft_citations": Rule("viewer"),
    "draft_feedback": Rule("viewer", "agent"),
    "outgoing_mails": Rule("viewer"),
    "webhook_endpoints": Rule("admin", update="admin", delete="admin"),
    "webhook_health": Rule("admin"),
    "webhook_deliveries": Rule("admin"),
    "webhook_attempts": Rule("admin"),
    "mail_events": Rule("viewer"),
}

# What anon may read of a table with `anon`: the rows that this condition holds for, of any organization.
PUBLISHED = {
    "article_categories": "exists (select from public.articles as a where a.category_id = article_categories.id"
    " and a.status = 'published')",
    "articles": "status = 'published'",
    "article_versions": "exists (select from public.articles as a where a.current_version_id = article_versions.id"
    " and a.status = 'published')",
}

# Functions of schema public, and who may execute them.
RPCS = {
    "accept_draft": {"authenticated"},
    "accept_invitation": {"authenticated"},
    "archive_article": {"authenticated"},
    "become_contact": {"authenticated"},
    "correct_triage": {"authenticated"},
    "create_api_key": {"authenticated"},
    "create_article": {"authenticated"},
    "create_organization": {"authenticated"},
    "dead_jobs": {"authenticated"},
    "end_session": {"authenticated"},
    "event_types": {"authenticated"},
    "events_since": {"authenticated"},
    "explain_assignment": {"authenticated"},
    "explain_sla": {"authenticated"},
    "fill_text": {"authenticated"},
    "journey": {"authenticated"},
    "mark_read": {"authenticated"},
    "my_desks": {"authenticated"},
    "open_ticket": {"authenticated"},
    "publish_article": {"authenticated"},
    "rate_ticket": {"authenticated"},
    "record_session_event": {"authenticated"},
    "register_session": {"authenticated"},
    "reject_draft": {"authenticated"},
    "replay_failed_webhooks": {"authenticated"},
    "replay_webhook": {"authenticated"},
    "replay_webhooks": {"authenticated"},
    "resolve_outgoing_mail": {"authenticated"},
    "retry_dead_jobs": {"authenticated"},
    "retry_inbound_mail": {"authenticated"},
    "retry_provider_mail": {"authenticated"},
    "revoke_api_key": {"authenticated"},
    "run_macro": {"authenticated"},
    "save_article": {"authenticated"},
    "search_articles": {"anon", "authenticated"},
    "search_tickets": {"authenticated"},
    "send_reply": {"authenticated"},
    "send_test_webhook": {"authenticated"},
    "set_article_status": {"authenticated"},
    "set_availability": {"authenticated"},
    "set_display_name": {"authenticated"},
    "snooze_ticket": {"authenticated"},
    "split_mail": {"authenticated"},
    "take_next": {"authenticated"},
    "typed_id": {"authenticated"},
    "unread": {"authenticated"},
    "unread_counts": {"authenticated"},
    "uuid_of": {"anon", "authenticated"},
    "unsuppress_contact": {"authenticated"},
}

# Definer functions of schema private that clients may execute: each is called by a policy or an invoker RPC.
PRIVATE_FOR_CLIENTS = {
    "accept_invitation",
    "become_contact",
    "before_request",
    "confirm_category",
    "create_api_key",
    "create_organization",
    "dead_jobs",
    "end_session",
    "events_epoch",
    "explain_assignment",
    "explain_sla",
    "id_prefix",
    "list_event_types",
    "mark_read",
    "may_join",
    "my_contact_organizations",
    "my_desks",
    "my_contacts",
    "my_organizations",
    "my_role",
    "rate_ticket",
    "record_session_event",
    "register_session",
    "replay_webhooks",
    "resolve_outgoing_mail",
    "retry_dead_jobs",
    "retry_inbound_mail",
    "retry_provider_mail",
    "revoke_api_key",
    "search_chunks",
    "search_tickets",
    "send_test_webhook",
    "set_availability",
    "set_display_name",
    "split_mail",
    "take_next",
    "unread_counts",
    "unsuppress_contact",
}

# The only functions through which pgdesk_functions reaches beyond one tenant.
ACROSS_TENANTS = {
    "begin_job",
    "claim_jobs",
    "find_outgoing_mail",
    "health",
    "known_provider_mails",
    "open_api_key",
    "queue_status",
    "resolve_address",
}

# Definer functions that pgdesk_functions may execute, besides those: each binds itself to the current tenant, to a
# job's token, or gives away no tenant's rows.
PRIVATE_FOR_FUNCTIONS = {
    "add_webhook_endpoint",
    "administered_webhook",
    "begin_webhooks",
    "check_webhook_admin",
    "claim_webhooks",
    "enqueue_maintenance",
    "end_session",
    "enqueue_own",
    "ensure_message_partitions",
    "enter_job",
    "fail_job",
    "fetch_provider_mail",
    "finish_job",
    "hold_passages",
    "maintain",
    "mark_published",
    "member_by_email",
    "note_webhook",
    "rate_by_link",
    "record_session_event",
    "record_webhooks",
    "register_session",
    "release_jobs",
    "replace_chunks",
    "ring",
    "rotate_webhook_secret",
    "route_triaged",
    "search_own_chunks",
    "take_for_user",
    "take_rate",
}
