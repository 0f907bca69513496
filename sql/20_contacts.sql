-- The people who write: customers, visitors, subscribers.

create table public.contacts (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  email text check (email = private.normal_email(email) and length(email) <= 320),
  name text not null default '' check (length(name) <= 500),
  language text check (language ~ '^[a-z]{2,3}$'),
  -- A hard bounce or a complaint: nothing is sent there any more.
  suppressed_at timestamptz,
  suppressed_because text,
  -- What was known of it is gone; the row stays for what is counted.
  erased_at timestamptz,
  -- The same person as another contact, who is merged into nobody: what comes for this one is that one's. The row
  -- stays, because its address still finds its way by it.
  merged_into uuid check (merged_into <> id),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, email),
  foreign key (organization_id, merged_into) references public.contacts (organization_id, id)
);
create index contacts_email_idx on public.contacts (email);
create index contacts_merged_idx on public.contacts (organization_id, merged_into);

create trigger contacts_touch before update on public.contacts
for each row execute function private.touch();

-- The contacts that the caller is. A contact is bound to a user only by an address which that user has confirmed, so
-- who merely claims an address sees nothing, and who gives an address up loses sight of its tickets.
create function private.my_contacts() returns setof uuid
language plpgsql stable security definer set search_path = '' rows 2 as $$
begin
  if current_setting('role', true) = 'pgdesk_visitor' then
    -- Whoever came by a widget (62_chat.sql).
    return query
    select v.contact_id from public.visitors as v
    where v.id = private.try_uuid(private.visitor_claim('visitor_id'))
      and v.organization_id = private.try_uuid(private.visitor_claim('organization_id'));
    return;
  end if;
  return query
  select coalesce(c.merged_into, c.id)
  from auth.users as u
  join public.contacts as c on c.email = lower(u.email::text)
  where u.id = (select auth.uid())
    and u.email_confirmed_at is not null
    and not coalesce(u.is_anonymous, false);
end;
$$;

-- The organizations of those contacts.
create function private.my_contact_organizations() returns setof uuid
language sql stable security definer set search_path = '' rows 2 as $$
  select c.organization_id from public.contacts as c where c.id in (select private.my_contacts());
$$;

-- Which of them the caller is in an organization; null for none.
create function private.my_contact_id(organization_id uuid) returns uuid
language sql stable security definer set search_path = '' as $$
  select c.id from public.contacts as c
  where c.organization_id = my_contact_id.organization_id and c.id in (select private.my_contacts());
$$;

-- The desks that the caller writes to, as far as they show themselves to contacts.
create function private.my_desks() returns table (id uuid, name text, slug text, language text)
language sql stable security definer set search_path = '' as $$
  select o.id, o.name, o.slug, o.language
  from public.organizations as o
  where o.id in (select private.my_contact_organizations())
  order by o.name, o.id;
$$;

create function public.my_desks() returns table (id uuid, name text, slug text, language text)
language sql stable set search_path = '' as $$
  select * from private.my_desks();
$$;

-- Makes the signed-in caller a contact of a desk, under their confirmed address, so that they can open a ticket without
-- having mailed before. Anyone may: as anyone may send mail. An organization closes its portal by the setting
-- `portal` = false. Returns the contact.
create function private.become_contact(organization_id uuid) returns uuid
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  contact_id uuid;
begin
  insert into public.contacts as c (organization_id, email, name, source)
  select o.id, lower(u.email::text), left(coalesce(u.raw_user_meta_data ->> 'name', ''), 200), 'portal'
  from auth.users as u
  join public.organizations as o on o.id = become_contact.organization_id
  where u.id = (select auth.uid())
    and u.email_confirmed_at is not null
    and not coalesce(u.is_anonymous, false)
    and coalesce(o.settings ->> 'portal', 'true') <> 'false'
  on conflict do nothing;
  contact_id := private.my_contact_id(become_contact.organization_id);
  if contact_id is null then
    raise exception 'this desk takes no new contacts by its portal, or your address is not confirmed'
      using errcode = '42501';
  end if;
  return contact_id;
end;
$$;

create function public.become_contact(organization_id uuid) returns uuid
language sql set search_path = '' as $$
  select private.become_contact(become_contact.organization_id);
$$;

create function private.announce_contact() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.emit(new.organization_id, 'contact.created', new.id);
  return null;
end;
$$;

create trigger contacts_announce after insert on public.contacts
for each row execute function private.announce_contact();
