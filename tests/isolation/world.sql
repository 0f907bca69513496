-- One row of every tenant table for one organization. Parameters: org, slug, owner (a user), contact_email.

insert into public.skills (organization_id, name) values (%(org)s, 'spare');

insert into public.api_keys (organization_id, name, prefix, role, scopes) values (
  %(org)s, 'robot', 'pgd_00000000', 'admin', array[
    'tickets:write', 'mail:send', 'contacts:write', 'knowledge:write', 'organization:read', 'events:read',
    'webhooks:manage'
  ]
);

with colleague as (
  insert into auth.users (id, email, aud, role)
  values (gen_random_uuid(), 'colleague@' || %(slug)s || '.example', 'authenticated', 'authenticated') returning id
), joined as (
  insert into public.members (organization_id, user_id, role) select %(org)s, id, 'viewer' from colleague
)
insert into public.profiles (user_id, name) select id, 'Colleague' from colleague;

with skill as (
  insert into public.skills (organization_id, name) values (%(org)s, 'billing') returning id
), team as (
  insert into public.teams (organization_id, name) values (%(org)s, 'Billing') returning id
), member_skill as (
  insert into public.member_skills (organization_id, user_id, skill_id) select %(org)s, %(owner)s, id from skill
), team_skill as (
  insert into public.team_skills (organization_id, team_id, skill_id)
  select %(org)s, team.id, skill.id from team, skill
), team_member as (
  insert into public.team_members (organization_id, team_id, user_id) select %(org)s, id, %(owner)s from team
), address as (
  insert into public.mail_addresses (organization_id, address, team_id, is_default)
  select %(org)s, 'support@' || %(slug)s || '.example', id, true from team returning id
), category as (
  insert into public.ticket_categories (organization_id, key, name, skill_id)
  select %(org)s, 'refund', 'Refund', id from skill returning id
), invitation as (
  insert into public.invitations (organization_id, email, role, invited_by)
  values (%(org)s, 'new@' || %(slug)s || '.example', 'agent', %(owner)s)
), contact as (
  insert into public.contacts (organization_id, email, name) values (%(org)s, %(contact_email)s, 'Ada') returning id
)
insert into public.tickets (organization_id, subject, channel, contact_id, category_id, team_id, mail_address_id)
select %(org)s, 'Where is my parcel?', 'email', contact.id, category.id, team.id, address.id
from contact, category, team, address;

with session as (
  insert into public.sessions (organization_id, contact_id)
  select %(org)s, c.id from public.contacts as c where c.organization_id = %(org)s returning organization_id, id
)
insert into public.session_events (organization_id, session_id, seq) select organization_id, id, 1 from session;
insert into public.custom_fields (organization_id, target, key, label, type)
values (%(org)s, 'contact', 'plan', 'Plan', 'text');
with company as (
  insert into public.companies (organization_id, name) values (%(org)s, 'Acme') returning id
), domain as (
  insert into public.company_domains (organization_id, domain, company_id)
  select %(org)s, %(slug)s || '-customer.example', id from company
), spare as (
  insert into public.contacts (organization_id, name) values (%(org)s, 'Ada'), (%(org)s, 'Ada') returning id
), external_id as (
  insert into public.contact_external_ids (organization_id, system, external_id, contact_id)
  select %(org)s, 'shop', '1', t.contact_id from public.tickets as t where t.organization_id = %(org)s
), note as (
  insert into public.contact_notes (organization_id, contact_id, author_id, body)
  select %(org)s, t.contact_id, %(owner)s, 'Likes tea.' from public.tickets as t where t.organization_id = %(org)s
), merge as (
  insert into public.contact_merges (organization_id, winner_id, loser_id, loser_name)
  select %(org)s, t.contact_id, (select min(id::text)::uuid from spare), 'Ada'
  from public.tickets as t where t.organization_id = %(org)s
)
insert into public.dismissed_duplicates (organization_id, contact_id, other_id)
select %(org)s, min(id::text)::uuid, max(id::text)::uuid from spare;

with tag as (
  insert into public.tags (organization_id, name) values (%(org)s, 'vip') returning organization_id, id
), contact as (
  insert into public.contact_tags (organization_id, contact_id, tag_id)
  select tag.organization_id, c.id, tag.id from tag join public.contacts as c using (organization_id)
), session as (
  insert into public.session_taggings (organization_id, session_id, tag_id)
  select tag.organization_id, s.id, tag.id from tag join public.sessions as s using (organization_id)
)
insert into public.ticket_tags (organization_id, ticket_id, tag_id)
select tag.organization_id, t.id, tag.id from tag join public.tickets as t using (organization_id);
insert into public.tags (organization_id, name) values (%(org)s, 'spare');
insert into public.tag_jobs (organization_id, kind, target, filter)
values (%(org)s, 'tag', 'contacts', '{"ids": []}');

insert into public.canned_responses (organization_id, shortcut, title, body) values (%(org)s, 'hi', 'Hello', 'Hello');
insert into public.compositions (organization_id, ticket_id, user_id, body)
select %(org)s, t.id, %(owner)s, 'Dear' from public.tickets as t where t.organization_id = %(org)s;
insert into public.macros (organization_id, name, actions) values (%(org)s, 'Mine', '[{"do": "assign_me"}]');

insert into public.notification_preferences (organization_id, user_id, kind) values (%(org)s, %(owner)s, 'replied');
insert into public.notification_settings (organization_id, user_id) values (%(org)s, %(owner)s);
insert into public.notifications (organization_id, user_id, kind, ticket_id, subject_id, in_app, mail)
select %(org)s, %(owner)s, 'mentioned', t.id, t.id, true, 'off' from public.tickets as t where t.organization_id = %(org)s;

insert into public.ticket_reads (organization_id, ticket_id, user_id, seq)
select %(org)s, t.id, %(owner)s, 0 from public.tickets as t where t.organization_id = %(org)s
on conflict do nothing;
insert into public.contact_reads (organization_id, ticket_id, seq)
select t.organization_id, t.id, 0 from public.tickets as t where t.organization_id = %(org)s;

with rule as (
  insert into public.routing_rules (organization_id, name) values (%(org)s, 'All') returning id
), routing as (
  insert into public.ticket_routings (organization_id, ticket_id, rule_id, moment, rule, conditions)
  select %(org)s, t.id, rule.id, 'opened', 'All', '{"all": []}'
  from public.tickets as t, rule where t.organization_id = %(org)s
)
insert into public.member_availability (organization_id, user_id) values (%(org)s, %(owner)s);

with calendar as (
  insert into public.calendars (organization_id, name) values (%(org)s, 'Office') returning id
), hours as (
  insert into public.calendar_hours (organization_id, calendar_id, weekday, opens, closes)
  select %(org)s, id, 1, '09:00', '17:00' from calendar
), holiday as (
  insert into public.calendar_holidays (organization_id, calendar_id, day) select %(org)s, id, '2026-12-25' from calendar
), policy as (
  insert into public.sla_policies (organization_id, name) values (%(org)s, 'All') returning id
)
insert into public.sla_targets (organization_id, policy_id, priority, first_response)
select %(org)s, id, 'normal', '1 hour' from policy;

insert into public.messages (organization_id, ticket_id, sender, contact_id, body_text)
select %(org)s, t.id, 'contact', t.contact_id, 'a question' from public.tickets as t where t.organization_id = %(org)s;
insert into public.messages (organization_id, ticket_id, sender, member_id, body_text, is_internal)
select %(org)s, t.id, 'member', %(owner)s, 'an internal note', true
from public.tickets as t where t.organization_id = %(org)s;

insert into public.attachments (
  organization_id, ticket_id, message_id, file_name, content_type, bytes, sha256, storage_path, verdict
)
select
  m.organization_id, m.ticket_id, m.id, 'a.txt', 'text/plain', 1, sha256('a'), m.organization_id || '/in/1-a.txt', 'clean'
from public.messages as m where m.organization_id = %(org)s and not m.is_internal;

insert into storage.objects (bucket_id, name) values ('attachments', %(org)s || '/in/1-a.txt');

with category as (
  insert into public.article_categories (organization_id, name) values (%(org)s, 'Delivery') returning id
)
insert into public.articles (organization_id, category_id, slug)
select %(org)s, category.id, wanted.slug from category, (values ('published'), ('draft')) as wanted (slug);
insert into public.article_versions (organization_id, article_id, title, body)
select a.organization_id, a.id, 'An article', 'What it says.' from public.articles as a where a.organization_id = %(org)s;
update public.articles set status = 'published' where organization_id = %(org)s and slug = 'published';
insert into public.chunks (organization_id, article_id, version_id, ordinal, title, text, language, tokens)
select a.organization_id, a.id, a.current_version_id, 0, 'An article', 'What it says.', 'en', 5
from public.articles as a where a.organization_id = %(org)s and a.status = 'published';
insert into public.article_feedback (organization_id, article_id, version_id, contact_id, helpful)
select c.organization_id, c.article_id, c.version_id, t.contact_id, true
from public.chunks as c join public.tickets as t using (organization_id) where c.organization_id = %(org)s;

insert into public.inbound_mails (organization_id, mail_address_id, recipients, bytes, content_sha256)
select t.organization_id, t.mail_address_id, array['support@' || %(slug)s || '.example'], 1, sha256('mail')
from public.tickets as t where t.organization_id = %(org)s;
insert into private.inbound_raw (inbound_mail_id, organization_id, raw)
select m.id, m.organization_id, 'x' from public.inbound_mails as m where m.organization_id = %(org)s;
insert into public.provider_mails (organization_id, provider, provider_id, recipients, state, inbound_mail_id)
select m.organization_id, 'resend', 'held for ' || %(slug)s, m.recipients, 'kept', m.id
from public.inbound_mails as m where m.organization_id = %(org)s;

insert into public.triage_examples (organization_id, category_id, text)
select c.organization_id, c.id, 'I want my money back' from public.ticket_categories as c where c.organization_id = %(org)s;
insert into private.triage_heads (
  organization_id, model, examples, read_at, slope, vote, logit_mean, logit_deviation, cosine_mean, cosine_deviation, floor
) values (%(org)s, 'none', 1, now(), 1, 1, 0, 1, 0, 1, -2);
insert into private.triage_weights (organization_id, category_id, weight, bias)
select c.organization_id, c.id, array_fill(0.1, array[384])::extensions.vector, 0
from public.ticket_categories as c where c.organization_id = %(org)s;
insert into public.triage_results (
  organization_id, ticket_id, message_id, text, embedding, lexical, model, abstained, priority, sentiment, is_spam,
  wants_human, injection, signals, ms
)
select m.organization_id, m.ticket_id, m.id, 'a question', array_fill(0.1, array[384])::extensions.vector,
  '{1:1}/65536'::extensions.sparsevec, 'none', true, 'normal', 'neutral', false, false, false, '{}', 1
from public.messages as m where m.organization_id = %(org)s and m.sender = 'contact';

insert into public.ai_executions (organization_id, ticket_id, purpose, model, status)
select t.organization_id, t.id, 'reply', 'extract', 'ok' from public.tickets as t where t.organization_id = %(org)s;
insert into public.drafts (
  organization_id, ticket_id, message_id, seen_seq, decision, confidence, source, body_text
)
select m.organization_id, m.ticket_id, m.id, 2, 'draft', 0.9, 'extract', 'an answer'
from public.messages as m where m.organization_id = %(org)s and m.sender = 'contact';
insert into public.draft_citations (
  organization_id, draft_id, ordinal, sentence, chunk_id, version_id, article_id, support
)
select d.organization_id, d.id, 1, 'an answer', c.id, c.version_id, c.article_id, 1
from public.drafts as d join public.chunks as c using (organization_id) where d.organization_id = %(org)s;
insert into public.draft_feedback (organization_id, draft_id, member_id, verdict)
select d.organization_id, d.id, %(owner)s, 'rejected' from public.drafts as d where d.organization_id = %(org)s;
with survey as (
  insert into public.csat_surveys (organization_id, ticket_id, contact_id, resolved_at)
  select %(org)s, t.id, t.contact_id, now() from public.tickets as t where t.organization_id = %(org)s
  returning id, ticket_id, contact_id
)
insert into public.csat_ratings (organization_id, survey_id, ticket_id, contact_id, score, via)
select %(org)s, id, ticket_id, contact_id, 5, 'link' from survey;
with template as (
  insert into public.action_templates (organization_id, name, body, fields)
  values (%(org)s, 'Return', 'Please fill this in.', '[{"key": "order", "label": "Order", "type": "text"}]')
  returning id, name, fields
)
insert into public.action_forms (
  organization_id, ticket_id, contact_id, template_id, message_id, title, fields, expires_at
)
select %(org)s, t.id, t.contact_id, a.id, m.id, a.name, a.fields, now() + interval '1 day'
from public.tickets as t join public.messages as m on m.ticket_id = t.id and m.seq = 1, template as a
where t.organization_id = %(org)s;
insert into public.outgoing_mails (
  organization_id, ticket_id, kind, is_automatic, contact_id, to_address, from_address, reply_to, subject, body_text, body_html
)
select t.organization_id, t.id, 'receipt', true, t.contact_id, 'a@b.example', 'c@d.example', 'c@d.example', 'Re', 'x', 'x'
from public.tickets as t where t.organization_id = %(org)s;
insert into public.mail_events (organization_id, outgoing_mail_id, provider, provider_event_id, type, at)
select m.organization_id, m.id, 'resend', 'event', 'delivered', now()
from public.outgoing_mails as m where m.organization_id = %(org)s;

insert into private.data_keys (organization_id, version, wrapped, wrapped_by) values (%(org)s, 1, 'x', 'kms');
with endpoint as (
  insert into public.webhook_endpoints (organization_id, url, event_types)
  values (%(org)s, 'https://hooks.example/', '{ticket.*}') returning organization_id, id
), secret as (
  insert into private.webhook_secrets (id, organization_id, endpoint_id, sealed, key_version)
  select gen_random_uuid(), organization_id, id, 'x', 1 from endpoint
), delivery as (
  insert into public.webhook_deliveries (organization_id, endpoint_id, event_type, payload)
  select organization_id, id, 'webhook.test', '{}' from endpoint returning organization_id, id
)
insert into public.webhook_attempts (organization_id, delivery_id, started_at, ms, status)
select organization_id, id, now(), 5, 500 from delivery;

insert into public.privacy_requests (organization_id, contact_id, kind, state)
select c.organization_id, c.id, 'export', 'done' from public.contacts as c where c.organization_id = %(org)s;
insert into public.audit_seals (organization_id, number, rows, epoch, txid, last_id, hash)
values (%(org)s, 1, 1, 0, '0', gen_random_uuid(), repeat('0', 64));

-- Last, for what stands above speaks of all messages there are.
insert into public.messages (organization_id, ticket_id, sender, member_id, body_text)
select %(org)s, t.id, 'member', u.id, 'an answer'
from public.tickets as t, auth.users as u
where t.organization_id = %(org)s and u.email = 'colleague@' || %(slug)s || '.example';
with other as (
  insert into public.tickets (organization_id, subject, channel, contact_id)
  select %(org)s, 'Where is my other parcel?', 'email', c.id from public.contacts as c
  where c.organization_id = %(org)s and c.email = %(contact_email)s
  returning id
), pair as (
  select t.id, other.id as other from public.tickets as t, other
  where t.organization_id = %(org)s and t.subject = 'Where is my parcel?'
), link as (
  insert into public.ticket_links (organization_id, ticket_id, other_ticket_id, kind)
  select %(org)s, id, other, 'distinct' from pair
), move as (
  insert into public.ticket_moves (organization_id, kind, from_ticket_id, to_ticket_id, message_ids)
  select %(org)s, 'split', id, other, '{}' from pair
), copied as (
  insert into public.contacts (organization_id, email) values (%(org)s, 'copied@' || %(slug)s || '.example') returning id
)
insert into public.ticket_participants (organization_id, ticket_id, contact_id, source)
select %(org)s, pair.id, copied.id, 'agent' from pair, copied;

insert into private.ticket_vectors (organization_id, ticket_id, embedding, model)
select r.organization_id, r.ticket_id, r.embedding::extensions.halfvec, r.model
from public.triage_results as r where r.organization_id = %(org)s;
with widget as (
  insert into public.chat_widgets (organization_id, name, domains)
  values (%(org)s, 'Site', array[%(slug)s || '.example']) returning organization_id, id
), visitor as (
  insert into public.visitors (id, organization_id, widget_id, contact_id)
  select gen_random_uuid(), w.organization_id, w.id, c.id
  from widget as w join public.contacts as c using (organization_id) where c.email = %(contact_email)s
), thread as (
  insert into public.channel_threads (organization_id, channel, thread, contact_id, ticket_id)
  select t.organization_id, 'chat', t.id::text, t.contact_id, t.id from public.tickets as t where t.organization_id = %(org)s
)
insert into public.captured_messages (organization_id, channel, external_id, ticket_id, message_id)
select m.organization_id, 'chat', '1', m.ticket_id, m.id
from public.messages as m where m.organization_id = %(org)s and m.sender = 'contact' limit 1;

with room as (
  insert into public.rooms (organization_id, kind, name) values (%(org)s, 'open', 'Hall') returning organization_id, id
), member as (
  insert into public.room_members (organization_id, room_id, user_id) select organization_id, id, %(owner)s from room
)
insert into public.room_messages (organization_id, room_id, seq, user_id, body)
select organization_id, id, 1, %(owner)s, 'Good morning' from room;
insert into public.retention_rules (organization_id, what, keep) values (%(org)s, 'spam', '30 days');

with key as (
  insert into private.data_keys (organization_id, version, wrapped, wrapped_by) values (%(org)s, 1, '', 'kms')
  on conflict do nothing
), field as (
  insert into public.custom_fields (organization_id, target, key, label, type, is_sensitive)
  values (%(org)s, 'contact', 'passport', 'Passport', 'text', true) returning id
), contact as (
  select c.id from public.contacts as c where c.organization_id = %(org)s limit 1
), seen as (
  insert into public.sensitive_field_reads (organization_id, contact_id, field_id, member_id)
  select %(org)s, contact.id, field.id, %(owner)s from contact, field
)
insert into public.sensitive_fields (id, organization_id, contact_id, field_id, sealed, key_version, blind_index)
select private.uuid7(), %(org)s, contact.id, field.id, '', 1, decode(repeat('00', 16), 'hex') from contact, field;
