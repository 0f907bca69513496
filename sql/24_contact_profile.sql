-- What is known of a contact beyond name and address: phone, where they came from, whether they want to be written to,
-- what other systems call them, what members noted.

insert into private.event_types (type, subject, audience, happens, properties, is_partial, example) values
(
  'contact.updated', 'contact', 'agents',
  'Something about a contact changed: which of its columns, custom fields (as `fields.plan`), `notes` or '
    '`external_ids`.',
  '{"changed": {"type": "array", "items": {"type": "string"}, "minItems": 1}}',
  false,
  '{"changed": ["name", "fields.plan"]}'
);

alter table public.contacts
add column phone text check (private.is_phone(phone)),
-- By what they became a contact. Who adds one may say so; a program's are its own, a member's are by hand.
add column source text not null default case when private.my_key_id() is null then 'hand' else 'api' end
check (source in ('mail', 'portal', 'chat', 'api', 'import', 'hand')),
-- May news be sent to them? none: nobody asked; pending: they have been asked. Answers are always sent.
add column subscription_status text not null default 'none'
check (subscription_status in ('none', 'pending', 'subscribed', 'unsubscribed')),
-- When that was said last, and by whom: the contact, a member, a program, or pgdesk itself.
add column subscription_changed_at timestamptz,
add column subscription_changed_by text check (subscription_changed_by in ('contact', 'member', 'api', 'system')),
-- Where and how they agreed, as one would show it to a judge: "checkout form, double opt-in of 2026-01-31".
add column consent_source text check (length(btrim(consent_source)) between 1 and 500),
add check (subscription_status <> 'subscribed' or consent_source is not null);

create function private.keep_subscription() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  new.subscription_changed_at := now();
  new.subscription_changed_by := case
    when new.id in (select private.my_contacts()) then 'contact'
    when private.my_key_id() is not null then 'api'
    when (select auth.uid()) is not null then 'member'
    else 'system'
  end;
  return new;
end;
$$;

create trigger contacts_subscription_new before insert on public.contacts
for each row when (new.subscription_status <> 'none') execute function private.keep_subscription();
create trigger contacts_subscription before update of subscription_status, consent_source on public.contacts
for each row when (
  (new.subscription_status, new.consent_source) is distinct from (old.subscription_status, old.consent_source)
)
execute function private.keep_subscription();

-- Where a contact is merged, the one it is merged into, locked against a merge until the end of the transaction.
create function private.standing_contact(contact_id uuid) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  standing uuid := contact_id;
  next_one uuid;
begin
  loop
    select c.merged_into into next_one from public.contacts as c where c.id = standing for key share;
    exit when next_one is null;
    standing := next_one;
  end loop;
  return standing;
end;
$$;

-- Trigger of tables whose rows belong to a contact: what is for one that is merged lands at the other. Before anything
-- else is locked, so that a merge, which locks the contact and then what it moves, is never in each other's way.
create function private.land_at_standing_contact() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  new.contact_id := private.standing_contact(new.contact_id);
  return new;
end;
$$;

-- What other systems call a contact.
create table public.contact_external_ids (
  organization_id uuid not null,
  system text not null check (system ~ '^[a-z0-9][a-z0-9_.-]{0,39}$'),
  external_id text not null check (length(external_id) between 1 and 200),
  contact_id uuid not null,
  created_at timestamptz not null default now(),
  primary key (organization_id, system, external_id),
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id) on delete cascade
);
create index contact_external_ids_contact_idx on public.contact_external_ids (organization_id, contact_id);

-- What members want each other to know of a contact. No contact ever sees one.
create table public.contact_notes (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null,
  contact_id uuid not null,
  -- Null: written by a program, or by somebody who has left.
  author_id uuid default auth.uid(),
  body text not null check (body ~ '\S' and length(body) <= 20000),
  is_pinned boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id) on delete cascade,
  foreign key (organization_id, author_id)
    references public.members (organization_id, user_id) on delete set null (author_id)
);
create index contact_notes_contact_idx on public.contact_notes (organization_id, contact_id);
create index contact_notes_author_idx on public.contact_notes (organization_id, author_id);

create trigger contact_notes_touch before update on public.contact_notes
for each row execute function private.touch();
create trigger contact_notes_contact before insert on public.contact_notes
for each row execute function private.land_at_standing_contact();
create trigger contact_external_ids_contact before insert on public.contact_external_ids
for each row execute function private.land_at_standing_contact();

create function private.announce_contact_changed() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  before constant jsonb := to_jsonb(old);
  changed text[];
begin
  changed := array(
    select name from (
      select v.key as name from jsonb_each(to_jsonb(new)) as v
      where v.value is distinct from before -> v.key and v.key not in ('updated_at', 'fields', 'merged_into')
      union all
      select concat('fields.', key)
      from jsonb_object_keys(new.fields || old.fields) as key
      where new.fields -> key is distinct from old.fields -> key
    ) as each
    order by name
  );
  -- What loses its company with the organization is told to nobody.
  if changed <> '{}' and exists (select from public.organizations as o where o.id = new.organization_id) then
    perform private.emit(
      new.organization_id, 'contact.updated', new.id, jsonb_build_object('changed', to_jsonb(changed))
    );
  end if;
  return null;
end;
$$;

create trigger contacts_announce_changed after update on public.contacts
for each row when (new.merged_into is null and old.* is distinct from new.*)
execute function private.announce_contact_changed();

-- Trigger argument: what of the contact changed.
create function private.announce_contact_part() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  part record := coalesce(new, old);
begin
  -- Not where it goes with its contact, or with the organization.
  if exists (
    select from public.contacts as c
    join public.organizations as o on o.id = c.organization_id
    where c.organization_id = part.organization_id and c.id = part.contact_id
  ) then
    perform private.emit(
      part.organization_id, 'contact.updated', part.contact_id, jsonb_build_object('changed', array[tg_argv[0]])
    );
  end if;
  return null;
end;
$$;

create trigger contact_notes_announce after insert or update or delete on public.contact_notes
for each row execute function private.announce_contact_part('notes');
create trigger contact_external_ids_announce after insert or delete on public.contact_external_ids
for each row execute function private.announce_contact_part('external_ids');

-- What contacts are told of themselves, desk by desk. What members keep of them is another matter, so they do not read
-- the table.
create function private.my_profiles() returns table (
  organization_id uuid, contact_id uuid, email text, name text, language text, phone text, is_subscribed boolean
)
language sql stable security definer set search_path = '' rows 2 as $$
  select c.organization_id, c.id, c.email, c.name, c.language, c.phone, c.subscription_status = 'subscribed'
  from public.contacts as c
  where c.id in (select private.my_contacts())
  order by c.id;
$$;

create function public.my_profiles() returns table (
  organization_id uuid, contact_id uuid, email text, name text, language text, phone text, is_subscribed boolean
)
language sql stable set search_path = '' as $$
  select * from private.my_profiles();
$$;

-- The caller, as a contact of the organization, wants its news or does not.
create function private.set_my_subscription(organization_id uuid, is_subscribed boolean) returns void
language plpgsql security definer set search_path = '' as $$
begin
  update public.contacts as c
  set subscription_status = case when is_subscribed then 'subscribed' else 'unsubscribed' end,
    consent_source = case when is_subscribed then 'said so when signed in' else c.consent_source end
  where c.id = private.my_contact_id(set_my_subscription.organization_id) and is_subscribed is not null;
  if not found then
    raise exception 'you are not a contact of this organization' using errcode = '42501';
  end if;
end;
$$;

create function public.set_my_subscription(organization_id uuid, is_subscribed boolean) returns void
language sql set search_path = '' as $$
  select private.set_my_subscription(set_my_subscription.organization_id, set_my_subscription.is_subscribed);
$$;

-- The contact that another system's id or an address belongs to, also where that was another's before a merge. For the
-- organization's members and keys; null where there is none.
create function private.find_contact(organization_id uuid, email text, system text, external_id text) returns uuid
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
begin
  if find_contact.organization_id <> all (array(select private.my_organizations())) then
    return null;
  end if;
  return coalesce(
    (
      select x.contact_id from public.contact_external_ids as x
      where x.organization_id = find_contact.organization_id
        and x.system = find_contact.system and x.external_id = find_contact.external_id
    ),
    (
      select coalesce(c.merged_into, c.id) from public.contacts as c
      where c.organization_id = find_contact.organization_id and c.email = private.normal_email(find_contact.email)
    )
  );
end;
$$;

create function public.find_contact(
  organization_id uuid, email text default null, system text default null, external_id text default null
) returns setof public.contacts
language sql stable set search_path = '' as $$
  select * from public.contacts as c
  where c.id = private.find_contact(
    find_contact.organization_id, find_contact.email, find_contact.system, find_contact.external_id
  );
$$;

-- The contact that another system's id, or else an address, belongs to, with what is given; made where there is none.
-- What is not given stays, of `fields` too.
create function public.upsert_contact(
  organization_id uuid, email text default null, system text default null, external_id text default null,
  name text default null, phone text default null, language text default null, company_id uuid default null,
  fields jsonb default '{}', source text default null
) returns public.contacts
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  address constant text := nullif(private.normal_email(upsert_contact.email), '');
  by_id uuid;
  by_email uuid;
  kept public.contacts;
begin
  if num_nonnulls(upsert_contact.system, upsert_contact.external_id) = 1
    or num_nonnulls(address, upsert_contact.external_id) = 0
  then
    raise exception 'a contact is known by an email, or by a system and an external_id' using errcode = '22023';
  end if;
  -- One at a time of those who bring the same id; an address is unique by itself.
  perform pg_advisory_xact_lock(
    hashtext('pgdesk.upsert_contact'),
    hashtext(concat_ws(' ', upsert_contact.organization_id, upsert_contact.system, upsert_contact.external_id))
  )
  where upsert_contact.external_id is not null;
  by_id := private.find_contact(organization_id, null, upsert_contact.system, upsert_contact.external_id);
  by_email := private.find_contact(organization_id, address, null, null);
  if by_id <> by_email then
    raise exception 'the id belongs to contact %, the address to contact %', by_id, by_email
      using errcode = 'PT409', hint = 'Where they are the same person, call merge_contacts.';
  end if;
  if coalesce(by_id, by_email) is null then
    insert into public.contacts as c (organization_id, email, name, phone, language, company_id, fields, source)
    values (
      upsert_contact.organization_id, address, coalesce(upsert_contact.name, ''), upsert_contact.phone,
      upsert_contact.language, upsert_contact.company_id, upsert_contact.fields,
      coalesce(upsert_contact.source, case when private.my_key_id() is null then 'hand' else 'api' end)
    )
    on conflict (organization_id, email) do nothing
    returning * into kept;
    by_email := private.find_contact(organization_id, address, null, null);
  end if;
  if kept.id is null then
    update public.contacts as c
    set name = coalesce(upsert_contact.name, c.name), phone = coalesce(upsert_contact.phone, c.phone),
      language = coalesce(upsert_contact.language, c.language), company_id = coalesce(upsert_contact.company_id, c.company_id),
      -- An address that finds the contact may be one of those that were merged into it: that is not its own.
      email = case when by_email is null then coalesce(address, c.email) else c.email end,
      fields = c.fields || upsert_contact.fields
    where c.id = coalesce(by_id, by_email)
    returning * into kept;
    if kept.id is null then
      raise exception 'you may not change this contact' using errcode = '42501';
    end if;
  end if;
  if upsert_contact.external_id is not null and by_id is null then
    insert into public.contact_external_ids (organization_id, system, external_id, contact_id)
    values (upsert_contact.organization_id, upsert_contact.system, upsert_contact.external_id, kept.id);
  end if;
  return kept;
end;
$$;
