-- What a visitor's token may reach. After everything else: it speaks of every table and RPC.

-- Tables that visitors may read, as far as contacts may, and functions that they may call; nothing else. Policies are
-- made of the tables' rows (policies/99_visitors.sql): a change here is a migration.
create table private.visitor_rights (
  -- As the API's paths name it: a table, or rpc/<function>.
  resource text primary key
);

insert into private.visitor_rights (resource) values
  ('tickets'),
  ('messages'),
  ('attachments'),
  ('events'),
  ('ticket_statuses'),
  ('articles'),
  ('article_versions'),
  ('article_categories'),
  ('rpc/events_since'),
  ('rpc/search_articles'),
  ('rpc/my_desks'),
  ('rpc/my_profiles'),
  ('rpc/say_in_chat'),
  ('rpc/leave_address'),
  ('rpc/mark_seen'),
  ('rpc/attach_files'),
  ('contact_reads'),
  ('rpc/register_session'),
  ('rpc/record_session_event'),
  ('rpc/end_session'),
  ('rpc/rate_ticket'),
  ('csat_ratings');
