-- Finding contacts while their names or addresses are typed. For members.

-- The words of each contact, kept by triggers. In the order of bytes: so what begins like a word stands together, and
-- however much begins like it, a page is read and no more.
create table private.contact_words (
  organization_id uuid not null,
  contact_id uuid not null,
  word text collate "C" not null,
  primary key (organization_id, contact_id, word),
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id) on delete cascade
);
create index contact_words_word_idx on private.contact_words (organization_id, word, contact_id desc);

insert into private.contact_references (table_name, column_name, on_merge, because) values
('private.contact_words', 'contact_id', 'leave', 'made anew for both');

-- Words as they are typed, without what stands around them.
create function private.typed_words(value text) returns setof text
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return query
  select distinct left(word, 100)
  from regexp_split_to_table(private.fold(typed_words.value), '\s+') as token
  cross join lateral btrim(token, '.,;:!?()<>[]"''@+') as word
  where word <> '';
end;
$$;

-- Its own words, and of those that were merged into it: who looks for one of them finds the one that it is. Who is
-- merged has none.
create function private.index_contact(contact_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  delete from private.contact_words as w
  using public.contacts as c
  where c.id = index_contact.contact_id and w.organization_id = c.organization_id and w.contact_id = c.id;
  -- As they are written, and in their parts: "ann-marie" is found by "marie", an address by its domain.
  insert into private.contact_words (organization_id, contact_id, word)
  select known.organization_id, index_contact.contact_id, w.word
  from (
    select
      one.organization_id, string_agg(concat_ws(' ', c.name, c.email, c.phone), ' ') as written,
      string_agg(concat_ws(' ', split_part(c.email, '@', 2), regexp_replace(c.phone, '[^0-9]', '', 'g')), ' ') as more,
      (
        select string_agg(e.external_id, ' ') from public.contact_external_ids as e
        where e.organization_id = one.organization_id and e.contact_id = index_contact.contact_id
      ) as ids
    from public.contacts as one
    join public.contacts as c
      on c.organization_id = one.organization_id and (c.id = one.id or c.merged_into = one.id)
    where one.id = index_contact.contact_id and one.merged_into is null
    group by one.organization_id
  ) as known
  cross join lateral (
    select private.typed_words(concat_ws(' ', known.written, known.more, known.ids)) as word
    union
    select private.typed_words(regexp_replace(known.written, '[^[:alnum:]]+', ' ', 'g'))
    limit 200
  ) as w;
end;
$$;

create function private.contact_words_changed() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.index_contact(changed.id)
  from unnest(
    case tg_op when 'UPDATE' then array[new.id, new.merged_into, old.merged_into] else array[new.id] end
  ) as changed (id)
  where changed.id is not null
  group by changed.id;
  return null;
end;
$$;

create trigger contacts_words_new after insert on public.contacts
for each row execute function private.contact_words_changed();
create trigger contacts_words after update of name, email, phone, merged_into on public.contacts
for each row when (
  (new.name, new.email, new.phone, new.merged_into) is distinct from (old.name, old.email, old.phone, old.merged_into)
)
execute function private.contact_words_changed();

create function private.contact_ids_changed() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.index_contact(old.contact_id) where tg_op <> 'INSERT';
  perform private.index_contact(new.contact_id) where tg_op <> 'DELETE';
  return null;
end;
$$;

create trigger contact_external_ids_words after insert or delete or update of contact_id, external_id
on public.contact_external_ids
for each row execute function private.contact_ids_changed();

-- Contacts that have words beginning with each word of a query. The rarest of them is looked up, and of what begins
-- with it the first 2,000 words.
create function private.search_contacts(organization_id uuid, query text, max_contacts integer)
returns table (contact_id uuid, place bigint)
language plpgsql stable security definer set search_path = '' rows 20 as $$
#variable_conflict use_column
declare
  page_size constant integer := least(greatest(coalesce(max_contacts, 20), 1), 100);
  to_look_at constant integer := 2000;
  beyond constant text := U&'\+10FFFF';
  words text[] := array(
    select word from private.typed_words(left(search_contacts.query, 200)) as word
    order by length(word) desc, word
    limit 8
  );
begin
  if not search_contacts.organization_id in (select private.my_organizations()) then
    return;
  end if;
  if cardinality(words) > 1 then
    words := array(
      select typed.word
      from unnest(words) as typed (word)
      cross join lateral (
        select count(*) as contacts
        from (
          select from private.contact_words as w
          where w.organization_id = search_contacts.organization_id
            and w.word >= typed.word collate "C" and w.word < (typed.word || beyond) collate "C"
          limit to_look_at + 1
        ) as beginning
      ) as found
      order by found.contacts
    );
  end if;
  return query
  select found.contact_id, row_number() over (order by found.is_whole desc, found.contact_id desc)
  from (
    select candidate.contact_id, bool_or(candidate.word = words[1]) as is_whole
    from (
      select w.contact_id, w.word
      from private.contact_words as w
      where w.organization_id = search_contacts.organization_id
        and w.word >= words[1] collate "C" and w.word < (words[1] || beyond) collate "C"
      order by w.word, w.contact_id desc
      limit case cardinality(words) when 1 then page_size * 10 else to_look_at end
    ) as candidate
    where not exists (
      select from unnest(words[2:]) as other (word)
      where not exists (
        select from private.contact_words as w
        where w.organization_id = search_contacts.organization_id and w.contact_id = candidate.contact_id
          and w.word >= other.word collate "C" and w.word < (other.word || beyond) collate "C"
      )
    )
    group by candidate.contact_id
  ) as found
  order by 2
  limit page_size;
end;
$$;

-- Contacts of an organization by the beginnings of name, address, domain, phone and external id: those with a whole
-- word first, then the newest. Only members find anything.
create function public.search_contacts(organization_id uuid, query text, max_contacts integer default 20)
returns setof public.contacts
language sql stable set search_path = '' as $$
  select c.*
  from private.search_contacts(
    search_contacts.organization_id, search_contacts.query, search_contacts.max_contacts
  ) as found
  join public.contacts as c on c.id = found.contact_id
  order by found.place;
$$;
