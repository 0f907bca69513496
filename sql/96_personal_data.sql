-- What of every table is about a contact, and what becomes of it (sql/78_privacy.sql reads it). After everything else:
-- it speaks of every table.

insert into private.personal_data (
  table_name, by_contact, by_ticket, is_exported, hidden, erasure, blank, position, because
) values
-- What was written.
('public.messages', 'r.contact_id = any ($2) and r.body_text <> ''''', 'r.ticket_id = any ($2)', true, '{member_id}',
  'blank',
  'body_text = '''', reply_text = null, body_html = null, message_id_header = null', 10, null),
('public.attachments',
  'r.message_id in (select m.id from public.messages as m where m.organization_id = $1 and m.contact_id = any ($2))',
  'r.ticket_id = any ($2)', true, '{storage_path,thumbnail_path,sha256,uploaded_by}', 'delete', null, 5, null),
('public.compositions', null, 'r.ticket_id = any ($2)', false, '{}', 'delete', null, 10,
  'What a member has not sent yet is no word to or from the contact.'),
('public.drafts', null, 'r.ticket_id = any ($2)', true, '{}', 'delete', null, 10, null),
('public.draft_citations', null, null, false, '{}', 'keep', null, 0, 'Go with their draft; cite articles.'),
('public.draft_feedback', null, null, false, '{}', 'keep', null, 0, 'Goes with its draft; a member''s word on it.'),
('public.ai_executions', null, 'r.ticket_id = any ($2)', false, '{}', 'blank', 'error = null', 10,
  'Counts tokens and cost; an error might quote.'),
('public.triage_results', null, 'r.ticket_id = any ($2)', true, '{embedding,lexical}', 'delete', null, 10, null),
('public.triage_examples', null, 'r.ticket_id = any ($2)', true, '{embedding,lexical}', 'delete', null, 10, null),
('public.article_feedback', 'r.contact_id = any ($2)', null, true, '{}', 'delete', null, 10, null),
-- Mail.
('private.inbound_raw', null,
  'r.inbound_mail_id in (
    select m.id from public.inbound_mails as m where m.organization_id = $1 and m.ticket_id = any ($2)
  )', false, '{}', 'delete', null, 10, 'Each mail is exported as a file of its own.'),
('public.inbound_mails', 'r.sender = any ($3)', 'r.ticket_id = any ($2)', true, '{content_sha256}', 'blank',
  'sender = null, subject = null, envelope_from = null, message_id_header = null, recipients = ''{erased}'',
    decision = ''{}'', reason = null', 20, null),
('public.provider_mails', 'r.envelope_from = any ($3)',
  'r.inbound_mail_id in (
    select m.id from public.inbound_mails as m where m.organization_id = $1 and m.ticket_id = any ($2)
  )', false, '{}', 'blank', 'envelope_from = null, recipients = ''{}'', locator = null', 15,
  'Says only who delivered a mail, which is exported itself.'),
('public.outgoing_mails', 'r.contact_id = any ($2)', 'r.ticket_id = any ($2)', true, '{attempt_token}', 'blank',
  'to_address = '''', cc = ''{}'', bcc = ''{}'', subject = '''', body_text = '''', body_html = '''', headers = ''{}'',
    reply_to = '''', message_id_header = null,
    status = case r.status when ''stored'' then ''given_up'' else r.status end', 10, null),
('public.mail_events',
  'r.outgoing_mail_id in (
    select o.id from public.outgoing_mails as o where o.organization_id = $1 and o.contact_id = any ($2)
  )', null, true, '{}', 'blank', 'detail = ''{}''', 10, null),
-- The ticket itself, its clocks and its history.
('public.tickets', null, 'r.id = any ($2)', true, '{set_by_member}', 'blank',
  'subject = '''', fields = ''{}'', erased_at = now()', 30, null),
('public.ticket_history', null, 'r.ticket_id = any ($2)', true, '{actor_id,assignee_id}', 'keep', null, 0,
  'Times and states: what is counted.'),
('public.sla_clocks', null, null, false, '{}', 'keep', null, 0, 'Times that were promised to the ticket.'),
('private.sla_rules', null, null, false, '{}', 'keep', null, 0, 'The rules that a ticket was judged by.'),
('public.ticket_reads', null, null, false, '{}', 'keep', null, 0, 'What members have read.'),
('public.contact_reads', null, 'r.ticket_id = any ($2)', true, '{}', 'delete', null, 10, null),
('public.ticket_routings', null, null, false, '{}', 'keep', null, 0, 'Which rules were taken.'),
('public.ticket_participants', 'r.contact_id = any ($2)', 'r.ticket_id = any ($2)', true, '{added_by}', 'delete', null,
  10, null),
('public.ticket_links', null, null, false, '{}', 'keep', null, 0, 'Which tickets belong together: ids alone.'),
('public.ticket_moves', null, null, false, '{}', 'keep', null, 0, 'What was merged and split: ids alone.'),
('private.ticket_vectors', null, 'r.ticket_id = any ($2)', false, '{}', 'delete', null, 10,
  'Numbers that were made of the first message, which is exported itself.'),
('private.ticket_search', null, null, false, '{}', 'keep', null, 0,
  'Words of the ticket, indexed anew by triggers as they go.'),
('private.notification_kinds', null, null, false, '{}', 'keep', null, 0, 'What kinds of news there are.'),
('public.notification_preferences', null, null, false, '{}', 'keep', null, 0, 'How members want to be told.'),
('public.notifications', null, null, false, '{}', 'keep', null, 0, 'That a member was told of something, by ids.'),
('private.contact_words', 'r.contact_id = any ($2)', null, false, '{}', 'delete', null, 10,
  'Words of the name and address, which are exported themselves.'),
-- Work.
('private.jobs', null,
  'r.state = ''dead'' and (
    r.payload ->> ''ticket_id'' = any ($2::text[]) or r.payload ->> ''inbound_mail_id'' in (
      select m.id::text from public.inbound_mails as m where m.organization_id = $1 and m.ticket_id = any ($2)
    )
  )', false, '{}', 'blank', 'error = ''''', 10,
  'Ids of what is to be done; the error of a dead one might quote. Done ones go after seven days.'),
('private.doomed_files', null, null, false, '{}', 'keep', null, 0, 'Paths of files until they are gone.'),
-- Of members, not of contacts.
('public.invitations', null, null, false, '{}', 'keep', null, 0, 'Addresses of colleagues who are invited.'),
('public.mail_addresses', null, null, false, '{}', 'keep', null, 0, 'The organization''s own addresses.'),
('public.audit_log',
  'r.table_name = ''contacts'' and r.row_id = any ($2::text[]) or r.table_name = ''contact_merges'' and r.row_id in (
    select m.id::text from public.contact_merges as m
    where m.organization_id = $1 and (m.winner_id = any ($2) or m.loser_id = any ($2))
  )', null, true,
  '{actor_id,ip,user_agent}', 'call', 'private.redact_audit(r.id)', 10, null),
-- What the contact did and said besides.
('public.action_forms', 'r.contact_id = any ($2)', 'r.ticket_id = any ($2)', true, '{}', 'blank',
  'answers = case when r.answers is not null then ''{}''::jsonb end', 10, null),
('public.csat_surveys', null, null, false, '{}', 'keep', null, 0, 'When it was asked; the answer is in csat_ratings.'),
('public.csat_ratings', 'r.contact_id = any ($2)', 'r.ticket_id = any ($2)', true, '{member_id}', 'blank',
  'comment = ''''', 10, null),
('public.sessions', 'r.contact_id = any ($2) or r.visitor_id = any ($2)', null, true, '{}', 'delete', null, 20, null),
('public.session_events',
  'r.session_id in (select s.id from public.sessions as s where s.organization_id = $1
    and (s.contact_id = any ($2) or s.visitor_id = any ($2)))',
  null, true, '{}', 'delete', null, 10, null),
-- How it came by chat and by other channels.
('public.visitors', 'r.contact_id = any ($2)', null, true, '{}', 'delete', null, 20, null),
('public.channel_threads', 'r.contact_id = any ($2)', 'r.ticket_id = any ($2)', true, '{}', 'delete', null, 20, null),
('public.captured_messages', null, 'r.ticket_id = any ($2)', true, '{}', 'delete', null, 10, null),
('public.contact_tags', 'r.contact_id = any ($2)', null, true, '{created_by}', 'delete', null, 10, null),
('public.session_taggings',
  'r.session_id in (select s.id from public.sessions as s where s.organization_id = $1 and s.contact_id = any ($2))',
  null, true, '{created_by}', 'delete', null, 10, null),
('public.ticket_tags', null, null, false, '{}', 'keep', null, 0, 'Which tags the names in tickets.tags are.'),
('public.tag_jobs', null, null, false, '{}', 'keep', null, 0,
  'What was asked for of many at once, by ids or conditions; goes after 30 days.'),
-- What members and other systems know of the contact.
('public.contact_notes', 'r.contact_id = any ($2)', null, true, '{author_id}', 'delete', null, 10, null),
('public.contact_external_ids', 'r.contact_id = any ($2)', null, true, '{}', 'delete', null, 10, null),
('private.contact_keys', 'r.contact_id = any ($2)', null, false, '{}', 'delete', null, 10,
  'Made from the contact itself.'),
('public.contact_merges', 'r.winner_id = any ($2) or r.loser_id = any ($2)', null, true, '{merged_by,undone_by}',
  'blank', 'loser_name = '''', loser_email = null, filled = ''{}''', 20, null),
('private.contact_moves', null, null, false, '{}', 'keep', null, 0, 'Ids of rows that a merge moved.'),
('public.dismissed_duplicates', 'r.contact_id = any ($2) or r.other_id = any ($2)', null, false, '{}', 'delete', null,
  10, 'Pairs of ids that members have looked at.'),
('public.sensitive_fields', 'r.contact_id = any ($2)', null, false, '{}', 'delete', null, 10,
  'Opened by the function that writes the export, into it.'),
('public.sensitive_field_reads', 'r.contact_id = any ($2)', null, true, '{member_id}', 'delete', null, 10, null),
-- What was asked for by law.
('public.privacy_requests', null, null, false, '{}', 'keep', null, 0,
  'The proof that a request was met; names nobody.'),
-- At last the contact.
('public.contacts', 'r.id = any ($2)', null, true, '{}', 'blank',
  'email = null, name = '''', language = null, phone = null, company_id = null, fields = ''{}'',
    subscription_status = ''none'', consent_source = null, suppressed_because = null, erased_at = now()', 90, null);
