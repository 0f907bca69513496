-- Mail that a provider holds for us: announced by a webhook, or found by a comparison with the provider's list. A job
-- fetches it; then it is in the ledger (40_inbound_mail.sql) like any other. One row per mail and organization.

create type public.provider_mail_state as enum (
  'announced',   -- a place to upload it was given away; nothing has been handed in
  'waiting',     -- the provider has it, a job is to fetch it
  'kept',        -- it is in the ledger: inbound_mail_id
  'unaddressed', -- its recipients are nobody's here
  'failed'       -- it could not be fetched: `reason` says why, an admin can retry it
);

create table public.provider_mails (
  id uuid primary key default private.uuid7(),
  -- Null: nobody's here, or nobody's yet (a provider's list need not name the envelope's recipients).
  organization_id uuid references public.organizations (id) on delete cascade,
  provider text not null check (provider in ('resend', 'mailgun', 'ses', 'upload')),
  -- What the provider calls it.
  provider_id text not null check (length(provider_id) between 1 and 1024),
  -- Where the provider keeps it, where its id does not say so: an address, a key.
  locator text check (length(locator) <= 2048),
  -- Envelope recipients as far as they are known; of this organization, where there is one.
  recipients text[] not null default '{}' check (cardinality(recipients) <= 1000),
  envelope_from text check (length(envelope_from) <= 1000),
  -- What the provider, as our receiver, found out about the sender: dmarc, spf, dkim, each pass, fail or none.
  verdicts jsonb check (jsonb_typeof(verdicts) = 'object'),
  state public.provider_mail_state not null default 'waiting',
  reason text,
  inbound_mail_id uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique nulls not distinct (provider, provider_id, organization_id),
  check (state <> 'unaddressed' or organization_id is null),
  foreign key (organization_id, inbound_mail_id)
    references public.inbound_mails (organization_id, id) on delete set null (inbound_mail_id)
);
create index provider_mails_state_idx on public.provider_mails (organization_id, state, id);
create index provider_mails_inbound_idx on public.provider_mails (organization_id, inbound_mail_id);
create index provider_mails_unaddressed_idx on public.provider_mails (created_at) where state = 'unaddressed';

create trigger provider_mails_touch before update on public.provider_mails
for each row execute function private.touch();

insert into private.event_types (type, subject, audience, happens, properties, is_partial, example) values (
  'mail.fetch_failed', 'provider_mail', 'agents',
  'A mail that a provider holds for the organization could not be fetched. An admin can have it tried again.',
  '{"provider": {"type": "string"}, "reason": {"$ref": "#/$defs/reason_or_null"}}',
  false,
  '{"provider": "resend", "reason": "the provider no longer has it"}'
);

-- Members hear of a mail that cannot be had.
create function private.announce_provider_mail() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.emit(
    new.organization_id, 'mail.fetch_failed', new.id,
    jsonb_build_object('provider', new.provider, 'reason', new.reason)
  );
  return null;
end;
$$;

create trigger provider_mails_announce after update of state on public.provider_mails
for each row when (new.state = 'failed' and old.state <> 'failed' and new.organization_id is not null)
execute function private.announce_provider_mail();

-- Queues the fetching of a mail, for the tenant of its row (none: for the installation). One that waits is enough.
create function private.fetch_provider_mail(
  provider_mail_id uuid, run_at timestamptz default now(), dedupe_key text default null
) returns uuid
language sql security definer set search_path = '' as $$
  select private.enqueue(
    m.organization_id, 'fetch_mail', jsonb_build_object('provider_mail_id', m.id), fetch_provider_mail.run_at,
    dedupe_key => coalesce(fetch_provider_mail.dedupe_key, m.id::text)
  )
  from public.provider_mails as m
  where m.id = fetch_provider_mail.provider_mail_id
    and m.organization_id is not distinct from private.current_organization();
$$;

-- Enters a mail that a provider holds, and queues its fetching where `state` is waiting. What is known of it already is
-- completed; what was kept stays kept, what failed is tried again. For the current tenant, or for none.
create function private.record_provider_mail(
  organization_id uuid, provider text, provider_id text, state public.provider_mail_state, recipients text[],
  locator text default null, envelope_from text default null, verdicts jsonb default null
) returns public.provider_mails
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  held public.provider_mails;
begin
  insert into public.provider_mails as m (
    organization_id, provider, provider_id, state, recipients, locator, envelope_from, verdicts
  ) values (
    record_provider_mail.organization_id, record_provider_mail.provider, record_provider_mail.provider_id,
    record_provider_mail.state, record_provider_mail.recipients, record_provider_mail.locator,
    record_provider_mail.envelope_from, record_provider_mail.verdicts
  )
  on conflict (provider, provider_id, organization_id) do update set
    state = case when m.state in ('waiting', 'kept') then m.state else excluded.state end,
    reason = case when m.state = excluded.state then m.reason end,
    recipients = (
      array(select distinct each.address from unnest(m.recipients || excluded.recipients) as each (address))
    )[:1000],
    locator = coalesce(excluded.locator, m.locator),
    envelope_from = coalesce(excluded.envelope_from, m.envelope_from),
    verdicts = coalesce(m.verdicts, excluded.verdicts)
  returning * into held;
  if held.state = 'waiting' then
    perform private.fetch_provider_mail(held.id);
  end if;
  return held;
end;
$$;

-- Of the ids that a provider lists, those that need nothing more: kept, or nobody's (with their recipients, who may be
-- somebody by now). It tells of no tenant more than that a mail is here.
create function private.known_provider_mails(provider text, provider_ids text[]) returns table (
  provider_id text, is_unaddressed boolean, recipients text[]
)
language sql stable security definer set search_path = '' as $$
  select m.provider_id, bool_and(m.state = 'unaddressed'),
    coalesce(min(m.recipients) filter (where m.state = 'unaddressed'), '{}')
  from public.provider_mails as m
  where m.provider = known_provider_mails.provider and m.provider_id = any (known_provider_mails.provider_ids)
  group by m.provider_id
  having bool_and(m.state in ('kept', 'unaddressed'));
$$;

-- Fetches a mail again that could not be had. Admins of its organization.
create function private.retry_provider_mail(provider_mail_id uuid) returns public.provider_mails
language plpgsql security definer set search_path = '' as $$
declare
  held public.provider_mails;
begin
  update public.provider_mails as m
  set state = 'waiting', reason = null
  where m.id = retry_provider_mail.provider_mail_id
    and m.state = 'failed'
    and m.organization_id = any(array(select private.my_organizations('admin')))
  returning * into held;
  if held.id is null then
    raise exception 'there is no failed mail %', retry_provider_mail.provider_mail_id using errcode = 'PT404';
  end if;
  perform private.enqueue(
    held.organization_id, 'fetch_mail', jsonb_build_object('provider_mail_id', held.id), dedupe_key => held.id::text
  );
  return held;
end;
$$;

create function public.retry_provider_mail(provider_mail_id uuid) returns public.provider_mails
language sql set search_path = '' as $$
  select * from private.retry_provider_mail(retry_provider_mail.provider_mail_id);
$$;

-- Where mail too large for one request is uploaded, under <organization>/<id>.eml, until it is in the ledger.
insert into storage.buckets (id, name, public, file_size_limit) values
  ('inbound', 'inbound', false, 41943040)
on conflict (id) do nothing;
