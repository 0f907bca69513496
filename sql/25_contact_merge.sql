-- Two contacts that are one person become one, and can become two again.
--
-- The loser's row stays and points to the winner (`contacts.merged_into`): its address is an alias from then on. What
-- belongs to it is moved, what the winner lacks is filled in, and both are noted, so that they can be taken back.

insert into private.event_types (type, subject, audience, happens, properties, is_partial, example) values
(
  'contact.merged', 'contact', 'agents',
  'Another contact turned out to be this one: what was that one''s is this one''s now. Its moved tickets are told as '
    '`ticket.updated`.',
  '{"from_contact_id": {"$ref": "#/$defs/contact_id"}, "merge_id": {"$ref": "#/$defs/merge_id"}}',
  false,
  '{
    "from_contact_id": "01993f2a-5c00-7b1e-9c41-4f2f0a6d7e10", "merge_id": "01993f2a-9100-7c01-8a22-3b4c5d6e7f80"
  }'
),
(
  'contact.unmerged', 'contact', 'agents',
  'A merge was undone: the other contact stands for itself again, with what was its own.',
  '{"from_contact_id": {"$ref": "#/$defs/contact_id"}, "merge_id": {"$ref": "#/$defs/merge_id"}}',
  false,
  '{
    "from_contact_id": "01993f2a-5c00-7b1e-9c41-4f2f0a6d7e10", "merge_id": "01993f2a-9100-7c01-8a22-3b4c5d6e7f80"
  }'
);

-- What refers to a contact, and what a merge does with it. Every foreign key to contacts has its row here, beside its
-- table where that comes later; tests/contacts/test_merge.py finds the one that has none.
create table private.contact_references (
  table_name text not null check (table_name ~ '^(public|private)\.[a-z_]+$'),
  column_name text not null,
  on_merge text not null check (on_merge in ('move', 'leave')),
  because text not null,
  primary key (table_name, column_name)
);

insert into private.contact_references (table_name, column_name, on_merge, because) values
('public.contacts', 'merged_into', 'move', 'who was merged into the loser is the winner now'),
('public.contact_external_ids', 'contact_id', 'move', 'other systems mean the same person'),
('public.contact_notes', 'contact_id', 'move', 'they are about the same person'),
('public.tickets', 'contact_id', 'move', 'the winner is their requester'),
('public.messages', 'contact_id', 'move', 'the winner wrote them'),
('public.outgoing_mails', 'contact_id', 'move', 'the winner was mailed; the address stays in the row'),
('public.article_feedback', 'contact_id', 'move', 'one person has one voice: where both gave one, the winner''s'),
('public.contact_merges', 'winner_id', 'leave', 'what happened'),
('public.contact_merges', 'loser_id', 'leave', 'what happened');

create table public.contact_merges (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null,
  winner_id uuid not null,
  loser_id uuid not null check (loser_id <> winner_id),
  -- Whom to look for: the loser's row is not seen any more.
  loser_name text not null,
  loser_email text,
  -- What the winner did not have and took from the loser; of its subscription [before, after].
  filled jsonb not null default '{}',
  -- How many rows of which table were moved.
  moved jsonb not null default '{}',
  -- The user or API key.
  merged_by uuid,
  created_at timestamptz not null default now(),
  undone_at timestamptz,
  undone_by uuid,
  unique (organization_id, id),
  foreign key (organization_id, winner_id) references public.contacts (organization_id, id) on delete cascade,
  foreign key (organization_id, loser_id) references public.contacts (organization_id, id) on delete cascade
);
create index contact_merges_winner_idx on public.contact_merges (organization_id, winner_id);
create index contact_merges_loser_idx on public.contact_merges (organization_id, loser_id);

-- Each row that a merge moved, by its primary key without the contact.
create table private.contact_moves (
  merge_id uuid not null references public.contact_merges (id) on delete cascade,
  table_name text not null,
  column_name text not null,
  row_key jsonb not null,
  primary key (merge_id, table_name, column_name, row_key),
  foreign key (table_name, column_name) references private.contact_references (table_name, column_name)
);
create index contact_moves_reference_idx on private.contact_moves (table_name, column_name);

-- Moves the rows of one reference from the loser to the winner, or those that were moved and are still there back. What
-- the other one has already (a unique key says so) stays where it is. Returns how many went.
create function private.move_contact_rows(
  merge public.contact_merges, reference private.contact_references, is_back boolean
) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  key_of text;
  is_same_key text;
  statement text;
  place jsonb;
  places constant text := case when is_back
    then 'select m.row_key from private.contact_moves as m where m.merge_id = $1 and m.table_name = $2 and m.column_name = $3'
    else 'select %s from %s as r where r.organization_id = $4 and r.%I = $5'
  end;
  went integer;
  total integer := 0;
begin
  select
    'jsonb_build_object(' || coalesce(string_agg(format('%L, r.%I', a.attname, a.attname), ', '), '') || ')',
    coalesce(string_agg(
      format(' and r.%I = (m.row_key ->> %L)::%s', a.attname, a.attname, format_type(a.atttypid, a.atttypmod)), ''
    ), '')
  into key_of, is_same_key
  from pg_catalog.pg_index as i
  join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
  where i.indrelid = reference.table_name::regclass and i.indisprimary
    and a.attname not in ('organization_id', reference.column_name);
  statement := case when is_back then
    format(
      'update %1$s as r set %2$I = $5 from private.contact_moves as m'
      ' where m.merge_id = $1 and m.table_name = $2 and m.column_name = $3 and ($7 is null or m.row_key = $7)'
      ' and r.organization_id = $4 and r.%2$I = $6%3$s',
      reference.table_name, reference.column_name, is_same_key
    )
  else
    format(
      'with moved as ('
      'update %1$s as r set %2$I = $6 where r.organization_id = $4 and r.%2$I = $5 and ($7 is null or %3$s = $7)'
      ' returning %3$s as row_key'
      ') insert into private.contact_moves (merge_id, table_name, column_name, row_key) select $1, $2, $3, row_key from moved',
      reference.table_name, reference.column_name, key_of
    )
  end;
  begin
    execute statement using
      merge.id, reference.table_name, reference.column_name, merge.organization_id, merge.loser_id, merge.winner_id,
      null::jsonb;
    get diagnostics total = row_count;
  exception when unique_violation then
    -- Then one by one.
    for place in execute format(places, key_of, reference.table_name, reference.column_name) using
      merge.id, reference.table_name, reference.column_name, merge.organization_id, merge.loser_id
    loop
      begin
        execute statement using
          merge.id, reference.table_name, reference.column_name, merge.organization_id, merge.loser_id, merge.winner_id,
          place;
        get diagnostics went = row_count;
        total := total + went;
      exception when unique_violation then
        null;
      end;
    end loop;
  end;
  return total;
end;
$$;

-- What the winner lacks and the loser has. An address comes with what was said about mail to it; and who wants no news
-- at one address gets none at the other.
create function private.contact_filling(winner public.contacts, loser public.contacts) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  mine constant jsonb := to_jsonb(winner);
  filling jsonb;
  subscription text;
begin
  select coalesce(jsonb_object_agg(theirs.key, theirs.value), '{}') into filling
  from jsonb_each(to_jsonb(loser)) as theirs
  where theirs.key in ('name', 'email', 'phone', 'language', 'company_id')
    and coalesce(mine ->> theirs.key, '') = '' and coalesce(theirs.value #>> '{}', '') <> '';
  filling := filling || coalesce((
    select jsonb_build_object('fields', jsonb_object_agg(theirs.key, theirs.value))
    from jsonb_each(loser.fields) as theirs
    join public.custom_fields as f
      on f.organization_id = loser.organization_id and f.target = 'contact' and f.key = theirs.key
    where not winner.fields ? theirs.key and f.archived_at is null and not f.is_sensitive
    having count(*) > 0
  ), '{}');
  subscription := case
    when loser.subscription_status = 'unsubscribed' then 'unsubscribed'
    when filling ? 'email' and winner.subscription_status = 'none' then loser.subscription_status
  end;
  if subscription <> winner.subscription_status then
    filling := filling || jsonb_build_object('subscription', jsonb_build_array(winner.subscription_status, subscription));
  end if;
  return filling;
end;
$$;

create function private.merge_one_contact(winner_id uuid, loser_id uuid) returns public.contact_merges
language plpgsql security definer set search_path = '' as $$
declare
  winner public.contacts;
  loser public.contacts;
  merge public.contact_merges;
  reference private.contact_references;
  went integer;
begin
  select * into winner from public.contacts as c where c.id = merge_one_contact.winner_id;
  select * into loser from public.contacts as c where c.id = merge_one_contact.loser_id;
  insert into public.contact_merges (organization_id, winner_id, loser_id, loser_name, loser_email, filled, merged_by)
  values (
    winner.organization_id, winner.id, loser.id, loser.name, loser.email, private.contact_filling(winner, loser),
    private.actor_id()
  )
  returning * into merge;
  update public.contacts as c
  set merged_into = winner.id, email = case when merge.filled ? 'email' then null else c.email end
  where c.id = loser.id;
  update public.contacts as c
  set name = coalesce(merge.filled ->> 'name', c.name),
    email = coalesce(merge.filled ->> 'email', c.email),
    phone = coalesce(merge.filled ->> 'phone', c.phone),
    language = coalesce(merge.filled ->> 'language', c.language),
    company_id = coalesce((merge.filled ->> 'company_id')::uuid, c.company_id),
    fields = coalesce(merge.filled -> 'fields', '{}') || c.fields,
    subscription_status = coalesce(merge.filled -> 'subscription' ->> 1, c.subscription_status),
    consent_source = case when merge.filled ? 'subscription' then coalesce(c.consent_source, loser.consent_source)
      else c.consent_source end
  where c.id = winner.id and merge.filled <> '{}';
  if merge.filled ? 'email' and loser.suppressed_at is not null then
    -- By itself: a new address clears it.
    update public.contacts as c
    set suppressed_at = loser.suppressed_at, suppressed_because = loser.suppressed_because
    where c.id = winner.id;
  end if;
  for reference in
    select r.* from private.contact_references as r where r.on_merge = 'move' order by r.table_name, r.column_name
  loop
    went := private.move_contact_rows(merge, reference, false);
    if went > 0 then
      merge.moved := merge.moved || jsonb_build_object(split_part(reference.table_name, '.', 2), went);
    end if;
  end loop;
  update public.contact_merges as m set moved = merge.moved where m.id = merge.id;
  perform private.emit(
    winner.organization_id, 'contact.merged', winner.id,
    jsonb_build_object('from_contact_id', loser.id, 'merge_id', merge.id)
  );
  return merge;
end;
$$;

-- Makes contacts of one organization one: the losers are the winner from now on. All of them, or none. Where one of
-- them chats from a browser and nobody vouches for who that is, somebody must have decided (`share`) that whoever sits
-- there sees what is the others'.
create function private.merge_contacts(winner_id uuid, loser_ids uuid[], share boolean)
returns setof public.contact_merges
language plpgsql security definer set search_path = '' as $$
declare
  max_losers constant integer := 50;
  all_ids constant uuid[] := winner_id || loser_ids;
  organizations uuid[];
  missing uuid;
  loser_id uuid;
begin
  if coalesce(cardinality(loser_ids), 0) not between 1 and max_losers or winner_id is null
    or cardinality(all_ids) <> (select count(distinct id) from unnest(all_ids) as id)
  then
    raise exception 'name one contact to keep and 1 to % others', max_losers using errcode = '22023';
  end if;
  -- Whoever is writing something for one of them goes first; who comes later finds the winner.
  perform from public.contacts as c where c.id = any (all_ids) order by c.id for update;
  select wanted.id into missing
  from unnest(all_ids) as wanted (id)
  where not exists (
    select from public.contacts as c
    where c.id = wanted.id and c.merged_into is null and c.erased_at is null
      and c.organization_id = any (array(select private.my_organizations('agent')))
  )
  limit 1;
  if missing is not null then
    raise exception 'there is no contact % that you may merge', missing
      using errcode = 'PT404', hint = 'It may be merged already.';
  end if;
  organizations := array(select distinct c.organization_id from public.contacts as c where c.id = any (all_ids));
  if cardinality(organizations) <> 1 then
    raise exception 'contacts of different organizations stay apart' using errcode = '22023';
  end if;
  if exists (
    select from public.privacy_requests as p
    where p.organization_id = organizations[1] and p.contact_id = any (all_ids) and p.state = 'waiting'
  ) then
    raise exception 'one of them is being exported or erased' using errcode = 'PT409';
  end if;
  if not coalesce(share, false) and exists (
    select from public.visitors as v
    where v.organization_id = organizations[1] and v.contact_id = any (all_ids) and not v.is_identified
  ) then
    raise exception 'one of them is a visitor for whom nobody vouches, and would see what is the others'''
      using errcode = 'PT409', hint = 'Pass share, where you know who it is.';
  end if;
  foreach loser_id in array loser_ids loop
    return next private.merge_one_contact(winner_id, loser_id);
  end loop;
end;
$$;

create function public.merge_contacts(winner_id uuid, loser_ids uuid[], share boolean default false)
returns setof public.contact_merges
language sql set search_path = '' as $$
  select * from private.merge_contacts(merge_contacts.winner_id, merge_contacts.loser_ids, merge_contacts.share);
$$;

-- Takes a merge back: what it moved and is still the winner's goes back, what it filled in and is still so goes away.
-- What came since stays with the winner.
create function private.unmerge_contacts(merge_id uuid) returns public.contact_merges
language plpgsql security definer set search_path = '' as $$
declare
  merge public.contact_merges;
  winner public.contacts;
  reference private.contact_references;
  is_still_unwanted boolean;
begin
  select * into merge
  from public.contact_merges as m
  where m.id = unmerge_contacts.merge_id
    and m.organization_id = any (array(select private.my_organizations('agent')))
  for update;
  if merge.id is null then
    raise exception 'there is no merge % that you may undo', unmerge_contacts.merge_id using errcode = 'PT404';
  elsif merge.undone_at is not null then
    raise exception 'the merge is undone already' using errcode = 'PT409';
  end if;
  perform from public.contacts as c where c.id in (merge.winner_id, merge.loser_id) order by c.id for update;
  select * into winner from public.contacts as c where c.id = merge.winner_id;
  if winner.erased_at is not null then
    raise exception 'this person was erased' using errcode = 'PT409';
  end if;
  if winner.merged_into is not null then
    raise exception 'contact % has been merged itself since', winner.id using errcode = 'PT409', hint = format(
      'Undo merge %s first.', (
        select m.id from public.contact_merges as m
        where m.organization_id = merge.organization_id and m.loser_id = winner.id and m.undone_at is null
      )
    );
  end if;
  -- Somebody else who is this contact wants no news.
  is_still_unwanted := exists (
    select from public.contacts as c
    where c.organization_id = merge.organization_id and c.merged_into = winner.id and c.id <> merge.loser_id
      and c.subscription_status = 'unsubscribed'
  );
  update public.contacts as c
  set name = case when c.name = merge.filled ->> 'name' then '' else c.name end,
    email = nullif(c.email, merge.filled ->> 'email'),
    phone = nullif(c.phone, merge.filled ->> 'phone'),
    language = nullif(c.language, merge.filled ->> 'language'),
    company_id = nullif(c.company_id, (merge.filled ->> 'company_id')::uuid),
    fields = (
      select coalesce(jsonb_object_agg(f.key, f.value), '{}') from jsonb_each(c.fields) as f
      where f.value is distinct from merge.filled -> 'fields' -> f.key
    ),
    subscription_status = case
      when c.subscription_status = merge.filled -> 'subscription' ->> 1 and not is_still_unwanted
        then merge.filled -> 'subscription' ->> 0
      else c.subscription_status
    end
  where c.id = winner.id and merge.filled <> '{}';
  update public.contacts as c
  set merged_into = null, email = coalesce(
    c.email, (
      select back.email from (values (merge.filled ->> 'email')) as back (email)
      where not exists (
        select from public.contacts as o where o.organization_id = c.organization_id and o.email = back.email
      )
    )
  )
  where c.id = merge.loser_id;
  if merge.filled ? 'email' and winner.email = merge.filled ->> 'email' and winner.suppressed_at is not null then
    update public.contacts as c
    set suppressed_at = winner.suppressed_at, suppressed_because = winner.suppressed_because
    where c.id = merge.loser_id;
  end if;
  for reference in
    select r.* from private.contact_references as r where r.on_merge = 'move' order by r.table_name, r.column_name
  loop
    perform private.move_contact_rows(merge, reference, true);
  end loop;
  delete from private.contact_moves as m where m.merge_id = merge.id;
  update public.contact_merges as m set undone_at = now(), undone_by = private.actor_id()
  where m.id = merge.id
  returning * into merge;
  perform private.emit(
    merge.organization_id, 'contact.unmerged', merge.winner_id,
    jsonb_build_object('from_contact_id', merge.loser_id, 'merge_id', merge.id)
  );
  return merge;
end;
$$;

create function public.unmerge_contacts(merge_id uuid) returns public.contact_merges
language sql set search_path = '' as $$
  select * from private.unmerge_contacts(unmerge_contacts.merge_id);
$$;
