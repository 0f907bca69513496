-- One row of every tenant table for one organization. Parameters: org, slug, owner (a user), contact_email.

insert into public.skills (organization_id, name) values (%(org)s, 'spare');

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

insert into public.messages (organization_id, ticket_id, sender, contact_id, body_text)
select %(org)s, t.id, 'contact', t.contact_id, 'a question' from public.tickets as t where t.organization_id = %(org)s;
insert into public.messages (organization_id, ticket_id, sender, member_id, body_text, is_internal)
select %(org)s, t.id, 'member', %(owner)s, 'an internal note', true
from public.tickets as t where t.organization_id = %(org)s;

insert into public.attachments (organization_id, ticket_id, message_id, file_name, content_type, bytes, sha256, storage_path)
select m.organization_id, m.ticket_id, m.id, 'a.txt', 'text/plain', 1, sha256('a'), m.organization_id || '/in/1-a.txt'
from public.messages as m where m.organization_id = %(org)s and not m.is_internal;

insert into storage.objects (bucket_id, name) values ('attachments', %(org)s || '/in/1-a.txt');
