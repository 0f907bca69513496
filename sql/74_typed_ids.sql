-- Ids as integrators see them outside the database: `tkt_` and the 32 hex digits of the uuid, so that nobody takes a
-- ticket's for a message's. Postgres reads those digits as a uuid: what stands behind the prefix can be used in a
-- filter of the REST API as it is.

create table private.id_prefixes (
  -- What the id names, as in the key `<noun>_id`, or as in private.event_types.subject.
  noun text primary key check (noun ~ '^[a-z]+(_[a-z]+)*$'),
  prefix text not null check (prefix ~ '^[a-z]{3,5}$')
);

insert into private.id_prefixes (noun, prefix) values
  ('organization', 'org'),
  ('event', 'evt'),
  ('user', 'usr'),
  ('actor', 'usr'),
  ('assignee', 'usr'),
  ('member', 'usr'),
  ('team', 'tem'),
  ('contact', 'con'),
  ('session', 'wses'),
  ('tag', 'wtag'),
  ('company', 'cmp'),
  ('merge', 'mrg'),
  ('mail_address', 'adr'),
  ('ticket', 'tkt'),
  ('category', 'cat'),
  ('message', 'msg'),
  ('inbound_mail', 'iml'),
  ('outgoing_mail', 'oml'),
  ('provider_mail', 'pml'),
  ('article', 'art'),
  ('version', 'ver'),
  ('draft', 'drf'),
  ('action_form', 'frm'),
  ('csat_survey', 'srv'),
  ('csat_rating', 'rtg'),
  ('attachment', 'att'),
  ('webhook_endpoint', 'whe'),
  ('endpoint', 'whe'),
  ('webhook_delivery', 'whd'),
  ('delivery', 'whd'),
  ('chat_widget', 'wdg'),
  ('widget', 'wdg'),
  ('visitor', 'vis'),
  ('room', 'rom'),
  ('room_message', 'rmg');

-- The prefix of a noun, or of the last words of one that is longer (`from_ticket`); null where there is none.
create function private.id_prefix(noun text) returns text
language sql stable security definer set search_path = '' as $$
  select p.prefix
  from private.id_prefixes as p
  where id_prefix.noun = p.noun or right(id_prefix.noun, length(p.noun) + 1) = '_' || p.noun
  order by length(p.noun) desc
  limit 1;
$$;

-- `typed_id('ticket', …)` is `tkt_…`. A noun without a prefix leaves the uuid as it is.
create function public.typed_id(noun text, id uuid) returns text
language sql stable set search_path = '' as $$
  select coalesce(private.id_prefix(typed_id.noun) || '_' || replace(typed_id.id::text, '-', ''), typed_id.id::text);
$$;

-- The uuid behind a typed id, whatever it names.
create function public.uuid_of(typed_id text) returns uuid
language plpgsql immutable set search_path = '' as $$
begin
  if typed_id !~ '^[a-z]{3,5}_[0-9a-f]{32}$' then
    raise exception 'not a typed id: %', left(typed_id, 60)
      using errcode = '22023', hint = 'Three to five letters that say what it names, an underscore, 32 hex digits.';
  end if;
  return right(typed_id, 32)::uuid;
end;
$$;

-- Data of an event with every id typed: the values of its keys `…_id`.
create function private.with_typed_ids(data jsonb) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_object_agg(
    d.key,
    case
      when d.key like '%\_id' and private.try_uuid(d.value #>> '{}') is not null
      then to_jsonb(public.typed_id(left(d.key, -3), private.try_uuid(d.value #>> '{}')))
      else d.value
    end
  ), '{}')
  from jsonb_each(with_typed_ids.data) as d;
$$;
