-- Which contacts may be one person. What they could have in common is kept as keys, so that only those are compared
-- that share one: never every pair.

create table private.contact_keys (
  organization_id uuid not null,
  -- mailbox: the address without dots and what follows a plus; phone: its last digits; external: an id in any system;
  -- name: its words in order; sound: their consonants, within one company or mail domain.
  kind text not null check (kind in ('mailbox', 'phone', 'external', 'name', 'sound')),
  key text not null,
  contact_id uuid not null,
  primary key (organization_id, kind, key, contact_id),
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id) on delete cascade
);
create index contact_keys_contact_idx on private.contact_keys (organization_id, contact_id);

-- Two that members have looked at and know to be two.
create table public.dismissed_duplicates (
  organization_id uuid not null,
  contact_id uuid not null,
  other_id uuid not null,
  dismissed_by uuid default auth.uid(),
  created_at timestamptz not null default now(),
  primary key (contact_id, other_id),
  check (contact_id < other_id),
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id) on delete cascade,
  foreign key (organization_id, other_id) references public.contacts (organization_id, id) on delete cascade
);
create index dismissed_duplicates_contact_idx on public.dismissed_duplicates (organization_id, contact_id);
create index dismissed_duplicates_other_idx on public.dismissed_duplicates (organization_id, other_id);

insert into private.contact_references (table_name, column_name, on_merge, because) values
('private.contact_keys', 'contact_id', 'leave', 'made from the contact itself; who is merged has none'),
('public.dismissed_duplicates', 'contact_id', 'leave', 'said of these two; nobody compares one that is merged'),
('public.dismissed_duplicates', 'other_id', 'leave', 'said of these two; nobody compares one that is merged');

-- The words of a name in alphabetical order, lower case, without accents: "Müller, José" is "jose muller". Null where
-- it is one word, which says little.
create function private.name_key(name text) returns text
language plpgsql immutable parallel safe set search_path = '' as $$
declare
  words constant text[] := array(
    select word
    from regexp_split_to_table(regexp_replace(normalize(lower(name), nfkd), '[\u0300-\u036f''’]', '', 'g'), '[^[:alnum:]]+')
      as word
    where word <> ''
    order by word collate "C"
  );
begin
  return case when cardinality(words) between 2 and 6 then left(array_to_string(words, ' '), 200) end;
end;
$$;

-- How a name sounds, roughly: "john smyth" and "jon smith" are "jn smt". By words that begin alike.
create function private.sound_key(name_key text) returns text
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return regexp_replace(
    regexp_replace(
      translate(replace(replace(name_key, 'ph', 'f'), 'ck', 'k'), 'czyw', 'ksiv'), '(?<=[[:alnum:]])[aeiouh]', '', 'g'
    ),
    '([[:alnum:]])\1+', '\1', 'g'
  );
end;
$$;

-- How much two texts have in common: shared trigrams among all, from 0 to 1.
create function private.likeness(a text, b text) returns real
language sql immutable parallel safe set search_path = '' as $$
  with grams as (
    select side, substr(padded, place, 3) as gram
    from (values (1, '  ' || likeness.a || ' '), (2, '  ' || likeness.b || ' ')) as texts (side, padded),
      generate_series(1, length(padded) - 2) as place
  ), counted as (
    select count(distinct side) as sides from grams group by gram
  )
  select coalesce(count(*) filter (where sides = 2)::real / nullif(count(*), 0), 0) from counted;
$$;

create function private.keys_of_contact(contact public.contacts) returns table (kind text, key text)
language plpgsql stable security definer set search_path = '' as $$
declare
  mailbox constant text := split_part(split_part(contact.email, '@', 1), '+', 1);
  domain constant text := split_part(contact.email, '@', 2);
  digits constant text := regexp_replace(contact.phone, '[^0-9]', '', 'g');
  named constant text := private.name_key(contact.name);
  -- Names alike mean something among few.
  circle constant text := coalesce(
    contact.company_id::text, case when not private.is_public_mail_host(domain) then domain end
  );
begin
  if contact.email is not null then
    kind := 'mailbox';
    key := concat(replace(mailbox, '.', ''), '@', case domain when 'googlemail.com' then 'gmail.com' else domain end);
    return next;
  end if;
  if length(digits) >= 7 then
    -- With or without the code of the country.
    kind := 'phone';
    key := right(digits, 9);
    return next;
  end if;
  if named is not null then
    kind := 'name';
    key := named;
    return next;
    if circle is not null then
      kind := 'sound';
      key := concat(circle, ' ', private.sound_key(named));
      return next;
    end if;
  end if;
  return query
  select distinct 'external', lower(x.external_id)
  from public.contact_external_ids as x
  where x.organization_id = contact.organization_id and x.contact_id = contact.id and length(x.external_id) >= 6;
end;
$$;

create function private.keep_contact_keys(organization_id uuid, contact_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
begin
  delete from private.contact_keys as k
  where k.organization_id = keep_contact_keys.organization_id and k.contact_id = keep_contact_keys.contact_id;
  insert into private.contact_keys (organization_id, kind, key, contact_id)
  select c.organization_id, k.kind, k.key, c.id
  from public.contacts as c
  cross join lateral private.keys_of_contact(c) as k
  where c.id = keep_contact_keys.contact_id and c.merged_into is null;
end;
$$;

create function private.follow_contact() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'INSERT' then
    insert into private.contact_keys (organization_id, kind, key, contact_id)
    select new.organization_id, k.kind, k.key, new.id from private.keys_of_contact(new) as k;
  else
    perform private.keep_contact_keys(new.organization_id, new.id);
  end if;
  return null;
end;
$$;

create trigger contacts_keys_new after insert on public.contacts
for each row when (new.email is not null or new.name <> '' or new.phone is not null)
execute function private.follow_contact();
create trigger contacts_keys after update of email, name, phone, company_id, merged_into on public.contacts
for each row when (
  (new.email, new.name, new.phone, new.company_id, new.merged_into)
  is distinct from (old.email, old.name, old.phone, old.company_id, old.merged_into)
)
execute function private.follow_contact();

create function private.follow_external_id() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op <> 'INSERT' then
    perform private.keep_contact_keys(old.organization_id, old.contact_id);
  end if;
  if tg_op <> 'DELETE' then
    perform private.keep_contact_keys(new.organization_id, new.contact_id);
  end if;
  return null;
end;
$$;

create trigger contact_external_ids_keys after insert or update or delete on public.contact_external_ids
for each row execute function private.follow_external_id();

-- Pairs of contacts that may be one person, the likeliest first, with why; of one contact, or of all. The older one
-- comes first. `score`: each thing in common says by itself how likely it is; together they say more. What many share
-- says nothing.
create function private.duplicate_contacts(organization_id uuid, of_contact uuid, max_pairs integer)
returns table (contact_id uuid, other_id uuid, score real, reasons text[])
language plpgsql stable security definer set search_path = '' rows 50 as $$
#variable_conflict use_column
declare
  max_holders constant integer := 10;
begin
  if duplicate_contacts.organization_id <> all (array(select private.my_organizations())) then
    return;
  end if;
  return query
  with shared as (
    select k.kind, k.key, array_agg(k.contact_id order by k.contact_id) as holders
    from private.contact_keys as k
    where k.organization_id = duplicate_contacts.organization_id and duplicate_contacts.of_contact is null
    group by k.kind, k.key
    having count(*) between 2 and max_holders
    union all
    select mine.kind, mine.key, array_agg(k.contact_id order by k.contact_id)
    from private.contact_keys as mine
    join private.contact_keys as k
      on k.organization_id = mine.organization_id and k.kind = mine.kind and k.key = mine.key
    where mine.organization_id = duplicate_contacts.organization_id and mine.contact_id = duplicate_contacts.of_contact
    group by mine.kind, mine.key
    having count(*) between 2 and max_holders
  ), pairs as (
    select s.kind, a.id as older, b.id as newer
    from shared as s
    cross join lateral unnest(s.holders) as a (id)
    cross join lateral unnest(s.holders) as b (id)
    where a.id < b.id and coalesce(duplicate_contacts.of_contact in (a.id, b.id), true)
  ), told as (
    select
      p.older, p.newer,
      case
        when p.kind <> 'sound' then 'same_' || p.kind
        when n.likeness = 1 then 'same_company'
        else 'similar_name_at_company'
      end as reason,
      case p.kind
        when 'mailbox' then 0.9 when 'phone' then 0.8 when 'external' then 0.6 when 'name' then 0.4 else 0.6 * n.likeness
      end as weight
    from pairs as p
    left join lateral (
      select private.likeness(private.name_key(a.name), private.name_key(b.name)) as likeness
      from public.contacts as a, public.contacts as b
      where a.id = p.older and b.id = p.newer and p.kind = 'sound'
    ) as n on true
  )
  select t.older, t.newer, (1 - exp(sum(ln(1 - t.weight))))::real as score, array_agg(t.reason order by t.weight desc)
  from told as t
  where not exists (
    select from public.dismissed_duplicates as d where d.contact_id = t.older and d.other_id = t.newer
  )
  group by t.older, t.newer
  order by score desc, t.newer desc
  limit least(greatest(coalesce(max_pairs, 50), 1), 500);
end;
$$;

create function public.duplicate_contacts(
  organization_id uuid, of_contact uuid default null, max_pairs integer default 50
) returns table (contact_id uuid, other_id uuid, score real, reasons text[])
language sql stable set search_path = '' as $$
  select * from private.duplicate_contacts(
    duplicate_contacts.organization_id, duplicate_contacts.of_contact, duplicate_contacts.max_pairs
  );
$$;

-- They are two: the pair is not suggested again.
create function public.dismiss_duplicate(contact_id uuid, other_id uuid) returns void
language plpgsql set search_path = '' as $$
begin
  insert into public.dismissed_duplicates (organization_id, contact_id, other_id)
  select c.organization_id, least(c.id, o.id), greatest(c.id, o.id)
  from public.contacts as c
  join public.contacts as o on o.organization_id = c.organization_id and o.id <> c.id
  where c.id = dismiss_duplicate.contact_id and o.id = dismiss_duplicate.other_id
  on conflict do nothing;
  if not found and not exists (
    select from public.dismissed_duplicates as d
    where d.contact_id = least(dismiss_duplicate.contact_id, dismiss_duplicate.other_id)
      and d.other_id = greatest(dismiss_duplicate.contact_id, dismiss_duplicate.other_id)
  ) then
    raise exception 'there are no two contacts % and %', dismiss_duplicate.contact_id, dismiss_duplicate.other_id
      using errcode = 'PT404';
  end if;
end;
$$;
