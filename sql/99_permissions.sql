-- Who may do what, in one table: what the policies say of each table and verb, read from the policies themselves, and
-- what each RPC asks for. tests/access_rules/test_permissions.py tries every row of it: the role below is refused, the
-- role is not. After everything else: it speaks of every table and RPC.

create table private.rpc_permissions (
  rpc text primary key,
  permission text not null unique check (permission ~ '^[a-z_]+\.[a-z_]+$'),
  -- Null: no role is asked for; what the sentence says decides.
  least_role public.member_role,
  sentence text not null
);

insert into private.rpc_permissions (rpc, permission, least_role, sentence) values
  ('accept_draft', 'drafts.accept', 'agent', 'Send a draft of the AI, as it is or edited'),
  ('accept_invitation', 'invitations.accept', null, 'Join an organization that has invited your address'),
  ('add_participant', 'tickets.add_participant', 'agent', 'Add somebody to a ticket'),
  ('ai_report', 'metrics.ai', 'viewer', 'See what became of the AI''s answers, and what they cost'),
  ('archive_article', 'articles.archive', 'agent', 'Take an article out of the help centre'),
  ('attach_files', 'files.attach', 'agent', 'Send files of your own with what you write'),
  ('backlog', 'metrics.backlog', 'viewer', 'See what is open, by age'),
  ('become_contact', 'contacts.become', null, 'Become a contact of a desk by its portal'),
  ('bulk_tag', 'tags.tag_in_bulk', 'agent', 'Tag everything that a filter finds'),
  ('cancel_form', 'forms.cancel', 'agent', 'Take back a form that was sent'),
  ('cancel_tag_job', 'tags.cancel_bulk', 'agent', 'Stop a tagging that is under way'),
  ('capture_message', 'messages.capture', 'agent', 'Bring in a message from elsewhere'),
  ('chat_context', 'sessions.resolve', 'agent', 'Find organization, session and contact of a chat'),
  ('correct_triage', 'tickets.correct_triage', 'agent', 'Say better than triage what a ticket is about'),
  ('create_api_key', 'api_keys.create', 'admin', 'Make an API key, up to your own role'),
  ('create_article', 'articles.create', 'agent', 'Begin an article'),
  ('create_organization', 'organizations.create', null, 'Found an organization'),
  ('dead_jobs', 'jobs.list_dead', 'admin', 'See work that gave up'),
  ('delete_tag', 'tags.delete', 'manager', 'Delete a tag, with or without what stands below'),
  ('dismiss_duplicate', 'contacts.dismiss_duplicate', 'agent', 'Say that two contacts are not the same'),
  ('duplicate_contacts', 'contacts.find_duplicates', 'viewer', 'See contacts that may be the same'),
  ('edit_room_message', 'rooms.edit_message', 'viewer', 'Change what you have said in a room'),
  ('end_session', 'sessions.end', 'agent', 'End a session'),
  ('event_types', 'events.list_types', null, 'See what kinds of events there are'),
  ('events_since', 'events.follow', 'viewer', 'Follow what happens'),
  ('explain_assignment', 'tickets.explain_assignment', 'viewer', 'See why a ticket went where it went'),
  ('explain_sla', 'tickets.explain_sla', 'viewer', 'See how a ticket''s clocks were counted'),
  ('fill_text', 'tickets.fill_text', 'viewer', 'Fill a text''s variables for a ticket'),
  ('filter_tickets', 'tickets.filter', 'viewer', 'List tickets by conditions'),
  ('find_contact', 'contacts.find', 'viewer', 'Find a contact by address or external id'),
  ('join_room', 'rooms.join', 'agent', 'Join a room, or bring a colleague in'),
  ('journey', 'contacts.journey', 'viewer', 'See a contact''s way through site and desk'),
  ('leave_address', 'chat.leave_address', null, 'Leave an address in a visitor chat'),
  ('leave_organization', 'members.leave', 'viewer', 'Leave an organization'),
  ('leave_room', 'rooms.leave', 'viewer', 'Leave a room'),
  ('log_export', 'audit_log.note_export', 'viewer', 'Note that rows were taken out'),
  ('mail_status', 'invitations.mail_status', 'admin', 'See what became of an invitation''s mail'),
  ('mark_seen', 'chat.mark_seen', null, 'Say how far you have read, as the contact'),
  ('mark_read', 'tickets.mark_read', 'viewer', 'Say how far you have read'),
  ('merge_contacts', 'contacts.merge', 'agent', 'Make one contact of several'),
  ('merge_tags', 'tags.merge', 'manager', 'Make one tag of two'),
  ('merge_tickets', 'tickets.merge', 'agent', 'Merge tickets'),
  ('metrics', 'metrics.read', 'viewer', 'See the desk''s figures'),
  ('move_tag', 'tags.move', 'agent', 'Hang a tag below another'),
  ('my_desks', 'contacts.my_desks', null, 'See the desks you write to'),
  ('my_invitations', 'invitations.list_mine', null, 'See the invitations to your address'),
  ('my_memberships', 'organizations.list_mine', null, 'See the organizations you belong to'),
  ('my_profiles', 'contacts.my_profiles', null, 'See what the desks you write to know of you'),
  ('notification_choices', 'notifications.list_choices', 'viewer', 'See what you are told of, and how'),
  ('notification_counts', 'notifications.count', 'viewer', 'See how many notifications are new'),
  ('open_room', 'rooms.open', 'agent', 'Open a room'),
  ('open_ticket', 'tickets.open', 'agent', 'Open a ticket for a contact; contacts open their own'),
  ('permissions', 'permissions.list', null, 'See who may do what'),
  ('publish_article', 'articles.publish', 'agent', 'Publish an article'),
  ('rate_article', 'articles.rate', null, 'Say whether a published article helped'),
  ('rate_ticket', 'csat.rate', null, 'Rate an answer, as the contact'),
  ('read_room', 'rooms.mark_read', 'viewer', 'Say how far you have read in a room'),
  ('record_session_event', 'sessions.record', 'agent', 'Note what happened in a session'),
  ('register_session', 'sessions.register', 'agent', 'Begin a session and find its contact'),
  ('reject_draft', 'drafts.reject', 'agent', 'Put a draft of the AI aside'),
  ('remove_member', 'members.remove', 'admin', 'Remove a member, with their work handed over'),
  ('remove_participant', 'tickets.remove_participant', 'agent', 'Take somebody out of a ticket'),
  ('replay_failed_webhooks', 'webhooks.replay_failed', 'admin', 'Send failed webhooks again'),
  ('replay_webhooks', 'webhooks.replay_range', 'admin', 'Send the webhooks of a time again'),
  ('replay_webhook', 'webhooks.replay', 'admin', 'Send a webhook again'),
  ('request_contact_erasure', 'contacts.erase', 'admin', 'Have a contact erased'),
  ('request_contact_export', 'contacts.export', 'admin', 'Have all data of a contact given out'),
  ('resend_invitation', 'invitations.resend', 'admin', 'Mail an invitation again'),
  ('resolve_outgoing_mail', 'mails.resolve', 'agent', 'Decide about a mail whose sending is in doubt'),
  ('retry_dead_jobs', 'jobs.retry', 'admin', 'Have work that gave up done again'),
  ('help_centre', 'organizations.help_centre', null, 'See whose help centre it is'),
  ('inspect_again', 'files.inspect_again', 'manager', 'Have a file looked at again'),
  ('rotate_data_key', 'organizations.rotate_key', 'admin', 'Have all secrets encrypted anew'),
  ('retry_inbound_mail', 'mails.retry_inbound', 'admin', 'Have a quarantined mail read again'),
  ('retry_provider_mail', 'mails.retry_provider', 'admin', 'Have a mail fetched again'),
  ('revoke_api_key', 'api_keys.revoke', 'admin', 'End an API key'),
  ('run_macro', 'tickets.run_macro', 'agent', 'Do a macro''s steps in a ticket'),
  ('save_article', 'articles.save', 'agent', 'Write a new version of an article'),
  ('say_in_chat', 'chat.say', null, 'Write in a visitor chat, as the visitor'),
  ('say_in_room', 'rooms.say', 'agent', 'Talk in a room of yours'),
  ('search_articles', 'articles.search', null, 'Search what is published; members search the rest too'),
  ('search_contacts', 'contacts.search', 'viewer', 'Search contacts'),
  ('search_messages', 'messages.search', 'viewer', 'Search messages'),
  ('search_tickets', 'tickets.search', 'viewer', 'Search tickets'),
  ('send_form', 'forms.send', 'agent', 'Send a contact a form to fill'),
  ('send_reply', 'tickets.reply', 'agent', 'Answer a contact, or leave a note'),
  ('send_test_webhook', 'webhooks.test', 'admin', 'Send a test to an endpoint'),
  ('set_article_status', 'articles.set_status', 'agent', 'Move an article on'),
  ('set_availability', 'members.set_availability', 'agent', 'Say whether you are at work'),
  ('set_digest', 'notifications.set_digest', 'viewer', 'Say when you want a digest'),
  ('set_display_name', 'members.set_display_name', 'viewer', 'Name yourself in an organization'),
  ('set_fields', 'fields.set', 'agent', 'Set custom fields'),
  ('set_my_subscription', 'contacts.set_my_subscription', null, 'Say whether you want news'),
  ('similar_tickets', 'tickets.find_similar', 'viewer', 'See tickets that may be duplicates'),
  ('snooze_ticket', 'tickets.snooze', 'agent', 'Put a ticket aside until a time'),
  ('split_mail', 'tickets.split_mail', 'agent', 'Undo how a mail was threaded'),
  ('split_ticket', 'tickets.split', 'agent', 'Make a ticket of some messages of another'),
  ('submit_form', 'forms.submit', null, 'Fill a form, as the contact'),
  ('tag_with_descendants', 'tags.list_below', 'viewer', 'See a tag and what stands below'),
  ('take_next', 'tickets.take_next', 'agent', 'Take the next ticket of your lines'),
  ('ticket_metrics', 'metrics.of_ticket', 'viewer', 'See a ticket''s figures'),
  ('tickets_tagged', 'tags.find_tickets', 'viewer', 'List tickets by tag'),
  ('transfer_ownership', 'organizations.transfer', 'owner', 'Pass the ownership on'),
  ('typed_id', 'ids.make', null, 'Write an id with its prefix'),
  ('undo_move', 'tickets.undo_move', 'agent', 'Undo a merge or a split'),
  ('unmerge_contacts', 'contacts.undo_merge', 'agent', 'Undo a merge of contacts'),
  ('unread_counts', 'tickets.count_unread', 'viewer', 'See how many tickets hold something new'),
  ('unread_rooms', 'rooms.count_unread', 'viewer', 'See how much is new in your rooms'),
  ('preview', 'tickets.preview', 'viewer', 'See how the latest message of a ticket begins'),
  ('unread', 'tickets.unread', 'viewer', 'See how much of a ticket is new to you'),
  ('unsuppress_contact', 'contacts.unsuppress', 'agent', 'Let mail go to an address again'),
  ('upsert_contact', 'contacts.upsert', 'agent', 'Make a contact, or change the one there is'),
  ('usage', 'organizations.usage', 'viewer', 'See what is used of the plan'),
  ('uuid_of', 'ids.read', null, 'Read an id with a prefix'),
  ('verify_audit', 'audit_log.verify', 'admin', 'Verify the audit log'),
  ('view_counts', 'views.count', 'viewer', 'See how many tickets each view holds'),
  ('view_tickets', 'views.open', 'viewer', 'List a view''s tickets');

-- A policy's least role is the one it asks private.my_organizations for; null where it asks for none: one's own rows.
-- Its name is the sentence.
create view private.permissions as
select
  p.tablename || '.' || v.verb as permission, 'table' as kind, p.tablename::text as name, v.verb,
  (
    select min(coalesce(asked[1], 'viewer')::public.member_role)
    from regexp_matches(
      concat_ws(' ', p.qual, p.with_check), 'my_organizations\((?:''(\w+)''[^)]*)?\)', 'g'
    ) as asked
  ) as least_role,
  p.policyname::text as sentence
from pg_catalog.pg_policies as p
join (
  values ('SELECT', 'read'), ('INSERT', 'add'), ('UPDATE', 'change'), ('DELETE', 'remove')
) as v (command, verb) on v.command = p.cmd or p.cmd = 'ALL'
where p.schemaname = 'public' and p.permissive = 'PERMISSIVE' and 'authenticated' = any(p.roles)
union all
select r.permission, 'rpc', r.rpc, 'call', r.least_role, r.sentence
from private.rpc_permissions as r;

-- The table, and what the caller may of it in an organization (`allowed`; null where none was named): what a client
-- need not offer.
create function private.list_permissions(organization_id uuid) returns table (
  permission text, kind text, name text, verb text, least_role public.member_role, sentence text, allowed boolean
)
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
declare
  mine constant public.member_role := private.my_role(list_permissions.organization_id);
begin
  return query
  select
    p.permission, p.kind, p.name, p.verb, p.least_role, p.sentence,
    case when list_permissions.organization_id is not null then coalesce(mine >= p.least_role, p.least_role is null) end
  from private.permissions as p
  order by p.permission;
end;
$$;

create function public.permissions(organization_id uuid default null) returns table (
  permission text, kind text, name text, verb text, least_role public.member_role, sentence text, allowed boolean
)
language sql stable set search_path = '' as $$
  select * from private.list_permissions(permissions.organization_id);
$$;
