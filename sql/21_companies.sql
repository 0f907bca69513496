-- The companies that contacts belong to, and the domains that their people write from.

create table public.companies (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  name text not null check (length(btrim(name)) between 1 and 200),
  description text not null default '' check (length(description) <= 5000),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id)
);
create index companies_name_idx on public.companies (organization_id, name);

create trigger companies_touch before update on public.companies
for each row execute function private.touch();

-- Where anybody can have an address: it says nothing about whom somebody works for.
create function private.is_public_mail_host(domain text) returns boolean
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return domain = any (array[
    '126.com', '163.com', 'aol.com', 'bluewin.ch', 'btinternet.com', 'comcast.net', 'duck.com', 'fastmail.com',
    'freenet.de', 'free.fr', 'gmail.com', 'gmx.at', 'gmx.ch', 'gmx.com', 'gmx.de', 'gmx.net', 'googlemail.com', 'hey.com',
    'hotmail.co.uk', 'hotmail.com', 'hotmail.de', 'hotmail.fr', 'hotmail.it', 'icloud.com', 'laposte.net', 'libero.it',
    'live.com', 'mac.com', 'mail.com', 'mail.ru', 'mailbox.org', 'me.com', 'msn.com', 'naver.com', 'o2.pl', 'onet.pl',
    'orange.fr', 'outlook.com', 'outlook.de', 'outlook.fr', 'pm.me', 'posteo.de', 'proton.me', 'protonmail.com', 'qq.com',
    'rediffmail.com', 'rocketmail.com', 'seznam.cz', 'sfr.fr', 't-online.de', 'tutanota.com', 'uol.com.br', 'verizon.net',
    'virgilio.it', 'wanadoo.fr', 'web.de', 'wp.pl', 'yahoo.co.in', 'yahoo.co.jp', 'yahoo.co.uk', 'yahoo.com', 'yahoo.de',
    'yahoo.fr', 'yandex.com', 'yandex.ru', 'ymail.com', 'zoho.com'
  ]);
end;
$$;

-- Who writes from here belongs to the company.
create table public.company_domains (
  organization_id uuid not null,
  domain text not null
  check (domain ~ '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$' and length(domain) <= 253),
  company_id uuid not null,
  created_at timestamptz not null default now(),
  primary key (organization_id, domain),
  foreign key (organization_id, company_id) references public.companies (organization_id, id) on delete cascade
);
create index company_domains_company_idx on public.company_domains (organization_id, company_id);

alter table public.contacts
add column company_id uuid,
add foreign key (organization_id, company_id)
references public.companies (organization_id, id) on delete set null (company_id);
create index contacts_company_idx on public.contacts (organization_id, company_id);

-- Puts a contact with a new address where its domain belongs, unless somebody has said where it does.
create function private.find_company() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  select d.company_id into new.company_id
  from public.company_domains as d
  where d.organization_id = new.organization_id and d.domain = split_part(new.email, '@', 2);
  return new;
end;
$$;

create trigger contacts_company before insert or update of email on public.contacts
for each row when (new.email is not null and new.company_id is null) execute function private.find_company();

-- Who is there already and belongs to no company is looked through in the background.
create function private.follow_domain() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if private.is_public_mail_host(new.domain) then
    raise exception 'anybody can have an address at %: it is no company''s', new.domain using errcode = '23514';
  end if;
  perform private.enqueue(
    new.organization_id, 'clock', jsonb_build_object('ring', 'company_domain', 'domain', new.domain),
    dedupe_key => 'company_domain:' || new.domain
  );
  return null;
end;
$$;

create trigger company_domains_follow after insert on public.company_domains
for each row execute function private.follow_domain();

create function private.ring_company_domain(payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  slice constant integer := 2000;
  seen integer;
  last_id uuid;
begin
  with looked_at as materialized (
    select c.id, c.email, c.company_id
    from public.contacts as c
    where c.organization_id = private.current_organization()
      and c.id > coalesce((payload ->> 'after')::uuid, '00000000-0000-0000-0000-000000000000')
    order by c.id
    limit slice
  ), linked as (
    update public.contacts as c set company_id = d.company_id
    from looked_at as l
    join public.company_domains as d
      on d.organization_id = private.current_organization() and d.domain = payload ->> 'domain'
        and d.domain = split_part(l.email, '@', 2)
    where c.id = l.id and l.company_id is null and c.company_id is null
  )
  select count(*), (array_agg(l.id order by l.id desc))[1] into seen, last_id from looked_at as l;
  if seen = slice then
    perform private.enqueue_own('clock', payload || jsonb_build_object('after', last_id));
  end if;
end;
$$;
