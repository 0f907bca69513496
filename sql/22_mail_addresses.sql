-- Which address belongs to which organization.

create table public.mail_addresses (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  -- One address has one owner in the whole installation, or mail could not find its way. What follows a `+` is part of
  -- none: nobody can take another's reply addresses.
  address text not null unique check (address = private.normal_email(address) and address ~ '^[^@+\s]+@[^@\s]+$'),
  display_name text not null default '' check (length(display_name) <= 200 and display_name !~ '[\r\n]'),
  team_id uuid,
  is_default boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  foreign key (organization_id, team_id) references public.teams (organization_id, id) on delete set null (team_id)
);
create unique index mail_addresses_default_idx on public.mail_addresses (organization_id) where is_default;
create index mail_addresses_team_idx on public.mail_addresses (organization_id, team_id);

create trigger mail_addresses_touch before update on public.mail_addresses
for each row execute function private.touch();

-- Whose mail is it? `support+anything@x` is `support@x`. One of the few ways across tenants: it gives ids, no rows.
create function private.resolve_address(address text) returns table (organization_id uuid, mail_address_id uuid)
language sql stable security definer set search_path = '' as $$
  select m.organization_id, m.id
  from public.mail_addresses as m
  where m.address = regexp_replace(private.normal_email(resolve_address.address), '\+[^@]*@', '@');
$$;
