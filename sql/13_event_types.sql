-- The event catalogue: every type of event there is, when it happens, and what its data hold. What writes events and
-- what is routed by them refers to it, so no other type can happen; docs/events.md and docs/events.schema.json are made
-- from it (`make docs`).
--
-- A new event is a row, here or beside the `private.emit` that brings it, and again in the migration that brings both.

create table private.event_types (
  type text primary key check (type ~ '^[a-z_]+(\.[a-z_]+)+$'),
  -- What subject_id is the id of: a row of the table with this name in the plural.
  subject text not null,
  -- The widest audience that one of this type may have.
  audience text not null check (audience in ('agents', 'contact')),
  -- When it happens, as a sentence or two.
  happens text not null,
  -- Each property of its data as a JSON Schema. `#/$defs/` is that of docs/events.schema.json: ids by the kind of what
  -- they name, and the same `_or_null`.
  properties json not null default '{}' check (json_typeof(properties) = 'object'),
  -- Data hold some of the properties, not all: those that changed.
  is_partial boolean not null default false,
  -- Data of one such event.
  example json not null default '{}' check (json_typeof(example) = 'object')
);

insert into private.event_types (type, subject, audience, happens, properties, is_partial, example) values
(
  'contact.created', 'contact', 'agents',
  'Somebody became a contact: by a first mail, or by a member''s hand.',
  '{}', false, '{}'
),
(
  'ticket.created', 'ticket', 'contact',
  'A ticket was opened, whatever its channel. Its first message follows as an event of its own.',
  '{
    "number": {"type": "integer", "minimum": 1, "description": "its number in the organization"},
    "channel": {"$ref": "#/$defs/channel"},
    "contact_id": {"$ref": "#/$defs/contact_id"}
  }',
  false,
  '{"number": 1042, "channel": "email", "contact_id": "01993f2a-5c00-7b1e-9c41-4f2f0a6d7e10"}'
),
(
  'ticket.status.changed', 'ticket', 'contact',
  'The status changed: by a member, or because a contact wrote again or was answered.',
  '{
    "from": {"$ref": "#/$defs/status"},
    "to": {"$ref": "#/$defs/status"},
    "from_category": {"$ref": "#/$defs/status_category"},
    "to_category": {"$ref": "#/$defs/status_category"}
  }',
  false,
  '{"from": "open", "to": "solved", "from_category": "open", "to_category": "resolved"}'
),
(
  'ticket.assigned', 'ticket', 'agents',
  'The assignee or the team changed; both are told, as they are now. The team hears of it too.',
  '{"assignee_id": {"$ref": "#/$defs/user_id_or_null"}, "team_id": {"$ref": "#/$defs/team_id_or_null"}}',
  false,
  '{"assignee_id": null, "team_id": "01993f2a-5c00-7d33-8a55-0b8a3c1f9e21"}'
),
(
  'ticket.updated', 'ticket', 'agents',
  'Columns of the ticket changed: each that did, with its new value. Of the subject and of custom fields, which are '
  || 'content, only that they changed. Comes beside `ticket.status.changed` and `ticket.assigned`.',
  '{
    "subject": {"type": "null", "description": "it changed; read it from the ticket"},
    "status": {"$ref": "#/$defs/status"},
    "channel": {"$ref": "#/$defs/channel"},
    "priority": {"$ref": "#/$defs/priority"},
    "category_id": {"$ref": "#/$defs/category_id_or_null"},
    "contact_id": {"$ref": "#/$defs/contact_id"},
    "mail_address_id": {"$ref": "#/$defs/mail_address_id_or_null"},
    "team_id": {"$ref": "#/$defs/team_id_or_null"},
    "assignee_id": {"$ref": "#/$defs/user_id_or_null"},
    "language": {"$ref": "#/$defs/language_or_null"},
    "sentiment": {"enum": ["negative", "neutral", "positive", null]},
    "is_spam": {"type": "boolean"},
    "tags": {"type": "array", "items": {"type": "string"}},
    "fields": {"type": "null", "description": "custom fields changed; read them from the ticket"},
    "ai_state": {"enum": ["on", "off"], "description": "off: a human has taken over, no bot posts"},
    "first_response_due_at": {"$ref": "#/$defs/instant_or_null"},
    "next_response_due_at": {"$ref": "#/$defs/instant_or_null"},
    "resolution_due_at": {"$ref": "#/$defs/instant_or_null"},
    "first_responded_at": {"$ref": "#/$defs/instant_or_null"},
    "resolved_at": {"$ref": "#/$defs/instant_or_null"}
  }',
  true,
  '{"priority": "high", "tags": ["vip"]}'
),
(
  'ticket.triaged', 'ticket', 'agents',
  'Triage has looked at a message of the contact. What it set in the ticket follows as `ticket.updated`.',
  '{
    "message_id": {"$ref": "#/$defs/message_id"},
    "category_id": {"$ref": "#/$defs/category_id_or_null", "description": "the best category, taken or not"},
    "confidence": {"$ref": "#/$defs/probability"},
    "abstained": {"type": "boolean", "description": "no category fits: none was taken"},
    "priority": {"$ref": "#/$defs/priority"},
    "is_spam": {"type": "boolean"}
  }',
  false,
  '{
    "message_id": "01993f2a-6100-7a02-b0c4-6d1f5e8a2b33", "category_id": "01993f2a-5c00-7e44-93d0-2a7b9c0d1e55",
    "confidence": 0.93, "abstained": false, "priority": "normal", "is_spam": false
  }'
),
(
  'ticket.escalated', 'ticket', 'agents',
  'The AI hands a message to a person: it will not be answered by itself, and the reasons say why.',
  '{
    "draft_id": {"$ref": "#/$defs/draft_id"},
    "message_id": {"$ref": "#/$defs/message_id"},
    "confidence": {"$ref": "#/$defs/probability"},
    "reasons": {"$ref": "#/$defs/reasons"}
  }',
  false,
  '{
    "draft_id": "01993f2a-6f00-7c19-a1b2-8e3d4f5a6b77", "message_id": "01993f2a-6100-7a02-b0c4-6d1f5e8a2b33",
    "confidence": 0.31, "reasons": ["human_asked"]
  }'
),
(
  'message.received', 'message', 'contact',
  'A contact wrote, in whatever channel. Members only, while the sender is pending: not known to belong to the ticket.',
  '{
    "seq": {"$ref": "#/$defs/seq"},
    "sender": {"const": "contact"},
    "is_machine": {"type": "boolean", "description": "an auto-reply or the like: never answered"},
    "sender_status": {"$ref": "#/$defs/sender_status"},
    "process": {"type": "boolean", "description": "false: captured to be kept, the AI leaves it alone"}
  }',
  false,
  '{"seq": 1, "sender": "contact", "is_machine": false, "sender_status": "known", "process": true}'
),
(
  'message.sent', 'message', 'contact',
  'A member, the AI or the system wrote to the contact. Whether a mail of it went out is told by `mail.…` events.',
  '{
    "seq": {"$ref": "#/$defs/seq"},
    "sender": {"enum": ["member", "ai", "system"]},
    "is_machine": {"type": "boolean"},
    "sender_status": {"$ref": "#/$defs/sender_status"}
  }',
  false,
  '{"seq": 2, "sender": "ai", "is_machine": false, "sender_status": "known"}'
),
(
  'note.created', 'message', 'agents',
  'An internal note stands in a ticket: written by a member, or kept of a bounce.',
  '{
    "seq": {"$ref": "#/$defs/seq"},
    "sender": {"enum": ["member", "ai", "system"]},
    "is_machine": {"type": "boolean"},
    "sender_status": {"$ref": "#/$defs/sender_status"}
  }',
  false,
  '{"seq": 3, "sender": "member", "is_machine": false, "sender_status": "known"}'
),
(
  'message.moved', 'message', 'agents',
  'A member took a message out of its ticket and opened another with it, or took that back.',
  '{"from_ticket_id": {"$ref": "#/$defs/ticket_id"}, "to_ticket_id": {"$ref": "#/$defs/ticket_id"}}',
  false,
  '{
    "from_ticket_id": "01993f2a-5d00-7f00-8c11-1d2e3f4a5b66", "to_ticket_id": "01993f2b-0100-7e21-9d22-7a8b9c0d1e2f"
  }'
),
(
  'draft.created', 'draft', 'agents',
  'The AI wrote an answer that waits for a person: to be sent as it is, edited or rejected.',
  '{
    "draft_id": {"$ref": "#/$defs/draft_id"},
    "message_id": {"$ref": "#/$defs/message_id"},
    "confidence": {"$ref": "#/$defs/probability"},
    "reasons": {"$ref": "#/$defs/reasons"}
  }',
  false,
  '{
    "draft_id": "01993f2a-6f00-7c19-a1b2-8e3d4f5a6b77", "message_id": "01993f2a-6100-7a02-b0c4-6d1f5e8a2b33",
    "confidence": 0.82, "reasons": []
  }'
),
(
  'draft.sent', 'draft', 'agents',
  'The AI answered by itself. The message that went out has its own `message.sent`.',
  '{
    "draft_id": {"$ref": "#/$defs/draft_id"},
    "message_id": {"$ref": "#/$defs/message_id"},
    "confidence": {"$ref": "#/$defs/probability"},
    "reasons": {"$ref": "#/$defs/reasons"}
  }',
  false,
  '{
    "draft_id": "01993f2a-6f00-7c19-a1b2-8e3d4f5a6b77", "message_id": "01993f2a-6100-7a02-b0c4-6d1f5e8a2b33",
    "confidence": 0.96, "reasons": []
  }'
),
(
  'article.created', 'article', 'agents',
  'An article was begun; nobody outside sees it yet.',
  '{"version_id": {"$ref": "#/$defs/version_id_or_null"}}',
  false,
  '{"version_id": null}'
),
(
  'article.published', 'article', 'agents',
  'An article can be read by everyone. It is searched as soon as `article.reindexed` follows.',
  '{"version_id": {"$ref": "#/$defs/version_id"}}',
  false,
  '{"version_id": "01993f2a-7000-7b02-8e33-5c6d7e8f9a01"}'
),
(
  'article.updated', 'article', 'agents',
  'A published article has a new version, or another language.',
  '{"version_id": {"$ref": "#/$defs/version_id"}}',
  false,
  '{"version_id": "01993f2a-7100-7a55-9f44-6d7e8f9a0b12"}'
),
(
  'article.unpublished', 'article', 'agents',
  'A published article went back to being a draft: it is no longer read nor found.',
  '{"version_id": {"$ref": "#/$defs/version_id"}}',
  false,
  '{"version_id": "01993f2a-7100-7a55-9f44-6d7e8f9a0b12"}'
),
(
  'article.archived', 'article', 'agents',
  'A published article was put away: it is no longer read nor found.',
  '{"version_id": {"$ref": "#/$defs/version_id"}}',
  false,
  '{"version_id": "01993f2a-7100-7a55-9f44-6d7e8f9a0b12"}'
),
(
  'article.reindexed', 'article', 'agents',
  'What search finds of an article is now this version.',
  '{"version_id": {"$ref": "#/$defs/version_id"}, "previous_version_id": {"$ref": "#/$defs/version_id_or_null"}}',
  false,
  '{
    "version_id": "01993f2a-7100-7a55-9f44-6d7e8f9a0b12",
    "previous_version_id": "01993f2a-7000-7b02-8e33-5c6d7e8f9a01"
  }'
),
(
  'mail.quarantined', 'inbound_mail', 'agents',
  'A mail came in that could not be read or filed. It is kept, and an admin can have it tried again.',
  '{"reason": {"$ref": "#/$defs/reason_or_null"}}',
  false,
  '{"reason": "too many parts"}'
),
(
  'mail.failed', 'outgoing_mail', 'agents',
  'A mail out was refused for good, or the provider took it and could not send it.',
  '{
    "kind": {"$ref": "#/$defs/mail_kind"},
    "message_id": {"$ref": "#/$defs/message_id_or_null"},
    "reason": {"$ref": "#/$defs/reason_or_null"}
  }',
  false,
  '{
    "kind": "reply", "message_id": "01993f2a-6100-7a02-b0c4-6d1f5e8a2b33", "reason": "the address is malformed"
  }'
),
(
  'mail.unknown', 'outgoing_mail', 'agents',
  'Whether the provider sent a mail cannot be found out any more. It is not sent again by itself: a person looks.',
  '{
    "kind": {"$ref": "#/$defs/mail_kind"},
    "message_id": {"$ref": "#/$defs/message_id_or_null"},
    "reason": {"$ref": "#/$defs/reason_or_null"}
  }',
  false,
  '{
    "kind": "reply", "message_id": "01993f2a-6100-7a02-b0c4-6d1f5e8a2b33",
    "reason": "no try succeeded while the provider remembered its key"
  }'
),
(
  'mail.suppressed', 'outgoing_mail', 'agents',
  'A mail was not sent, on purpose: the address bounced before, or machines would be answering each other. Or the '
    'provider took it and holds it back, because the address is on a list of its own.',
  '{
    "kind": {"$ref": "#/$defs/mail_kind"},
    "message_id": {"$ref": "#/$defs/message_id_or_null"},
    "reason": {"$ref": "#/$defs/reason_or_null"}
  }',
  false,
  '{"kind": "receipt", "message_id": null, "reason": "suppressed address"}'
),
(
  'mail.bounced', 'outgoing_mail', 'agents',
  'A mail came back. Bounce is hard where the address is no good: nothing is sent there any more. Soft: this mail did '
    'not arrive, the next one may.',
  '{
    "kind": {"$ref": "#/$defs/mail_kind"},
    "message_id": {"$ref": "#/$defs/message_id_or_null"},
    "reason": {"$ref": "#/$defs/reason_or_null"},
    "bounce": {"enum": ["hard", "soft"]}
  }',
  false,
  '{
    "kind": "reply", "message_id": "01993f2a-6100-7a02-b0c4-6d1f5e8a2b33",
    "reason": "550 5.1.1 there is no such mailbox", "bounce": "hard"
  }'
),
(
  'mail.complained', 'outgoing_mail', 'agents',
  'The recipient of a mail called it spam: nothing is sent there any more.',
  '{
    "kind": {"$ref": "#/$defs/mail_kind"},
    "message_id": {"$ref": "#/$defs/message_id_or_null"},
    "reason": {"$ref": "#/$defs/reason_or_null"}
  }',
  false,
  '{"kind": "reply", "message_id": "01993f2a-6100-7a02-b0c4-6d1f5e8a2b33", "reason": null}'
),
(
  'mail.resolved', 'outgoing_mail', 'agents',
  'A person decided about a mail that had failed, or whose fate was unknown.',
  '{
    "kind": {"$ref": "#/$defs/mail_kind"},
    "message_id": {"$ref": "#/$defs/message_id_or_null"},
    "decision": {"enum": ["was_sent", "send_again", "give_up"]}
  }',
  false,
  '{"kind": "reply", "message_id": "01993f2a-6100-7a02-b0c4-6d1f5e8a2b33", "decision": "send_again"}'
);

-- What an integrator can listen for.
create function private.list_event_types() returns table (
  type text, subject text, audience text, happens text, properties json, example json
)
language sql stable security definer set search_path = '' as $$
  select e.type, e.subject, e.audience, e.happens, e.properties, e.example
  from private.event_types as e
  order by e.type;
$$;

create function public.event_types() returns table (
  type text, subject text, audience text, happens text, properties json, example json
)
language sql stable set search_path = '' as $$
  select * from private.list_event_types();
$$;
