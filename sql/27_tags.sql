-- Tags: an organization's own words for contacts, sessions and tickets, with a colour each, as a tree.

create table public.tags (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  name text not null,
  color text not null default '#8a8f98' check (color ~* '^#[0-9a-f]{6}$'),
  parent_id uuid,
  -- Set: it is being removed. What still has it loses it in the background, or has `merged_into` instead; nothing new
  -- gets it.
  removed_at timestamptz,
  merged_into uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  check (parent_id <> id and merged_into <> id),
  foreign key (organization_id, parent_id) references public.tags (organization_id, id),
  foreign key (organization_id, merged_into)
    references public.tags (organization_id, id) on delete set null (merged_into)
);
create unique index tags_name_idx on public.tags (organization_id, lower(name));
create index tags_parent_idx on public.tags (organization_id, parent_id);
create index tags_merged_into_idx on public.tags (organization_id, merged_into);

-- Names that a tag had before, in lower case, and names of tags that were merged into it: whoever still says them, such
-- as a routing rule, means this one.
create table private.tag_aliases (
  organization_id uuid not null,
  name_key text not null,
  tag_id uuid not null,
  created_at timestamptz not null default now(),
  primary key (organization_id, name_key),
  foreign key (organization_id, tag_id) references public.tags (organization_id, id) on delete cascade
);
create index tag_aliases_tag_idx on private.tag_aliases (organization_id, tag_id);

-- A name as it is kept: on one line, without space around it, at most 60 characters. May be empty.
create function private.tag_name(value text) returns text
language sql immutable parallel safe set search_path = '' as $$
  select btrim(left(btrim(regexp_replace(normalize(value, nfc), '[[:space:][:cntrl:]]+', ' ', 'g')), 60));
$$;

alter table public.tags add check (name = private.tag_name(name) and name <> '');

-- Whoever changes the shape of an organization's tree waits for whoever does so before, and then sees what they did.
create function private.lock_tag_tree(organization_id uuid) returns void
language plpgsql set search_path = '' as $$
begin
  perform pg_advisory_xact_lock(hashtext('pgdesk.tags'), hashtext(lock_tag_tree.organization_id::text));
end;
$$;

-- Keeps the tree a tree, of five levels at most.
create function private.keep_tag_tree() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  max_levels constant integer := 5;
  above uuid[];
  below integer;
begin
  perform private.lock_tag_tree(new.organization_id);
  with recursive line as (
    select t.id, t.parent_id from public.tags as t
    where t.organization_id = new.organization_id and t.id = new.parent_id and t.removed_at is null
    union
    select t.id, t.parent_id
    from line
    join public.tags as t on t.organization_id = new.organization_id and t.id = line.parent_id
  )
  select array_agg(line.id) into above from line;
  if above is null then
    raise exception 'there is no tag % to stand under', new.parent_id using errcode = '23503';
  elsif new.id = any (above) then
    raise exception 'tag "%" cannot stand under itself', new.name using errcode = '23514';
  end if;
  with recursive tree as (
    select new.id as id, 1 as level
    union all
    select t.id, tree.level + 1
    from tree
    join public.tags as t on t.organization_id = new.organization_id and t.parent_id = tree.id
  )
  select max(tree.level) into below from tree;
  if cardinality(above) + below > max_levels then
    raise exception 'tags stand % levels deep at most', max_levels using errcode = '23514';
  end if;
  return new;
end;
$$;

create trigger tags_tree_begins before insert on public.tags
for each row when (new.parent_id is not null) execute function private.keep_tag_tree();
create trigger tags_tree before update of parent_id on public.tags
for each row when (new.parent_id is not null and new.parent_id is distinct from old.parent_id)
execute function private.keep_tag_tree();
create trigger tags_touch before update on public.tags
for each row execute function private.touch();

-- Puts a tag, with all below it, under another one, or on top (null).
create function private.move_tag(tag_id uuid, parent_id uuid) returns public.tags
language plpgsql security definer set search_path = '' as $$
declare
  moved public.tags;
begin
  select * into moved from public.tags as t
  where t.id = move_tag.tag_id and t.organization_id in (select private.my_organizations('agent'));
  -- The tree first, then its rows: so no two changes wait for each other.
  perform private.lock_tag_tree(moved.organization_id);
  update public.tags as t set parent_id = move_tag.parent_id
  where t.id = moved.id and t.removed_at is null
  returning * into moved;
  if moved.id is null then
    raise exception 'there is no tag % that you may move', move_tag.tag_id using errcode = 'PT404';
  end if;
  return moved;
end;
$$;

create function public.move_tag(tag_id uuid, parent_id uuid default null) returns public.tags
language sql set search_path = '' as $$
  select * from private.move_tag(move_tag.tag_id, move_tag.parent_id);
$$;

-- A tag and all below it; with those that are being merged into one of them.
create function public.tag_with_descendants(tag_id uuid) returns setof public.tags
language sql stable set search_path = '' rows 10 as $$
  with recursive tree as (
    select t.id, t.organization_id from public.tags as t where t.id = tag_with_descendants.tag_id
    union
    select t.id, t.organization_id
    from tree
    join public.tags as t on t.organization_id = tree.organization_id and tree.id in (t.parent_id, t.merged_into)
  )
  select t.* from tree join public.tags as t on t.id = tree.id;
$$;

-- The tag that a name means, made where there is none; null while it is being deleted. Until the transaction ends it
-- keeps its name and stays.
create function private.take_tag(organization_id uuid, name text) returns public.tags
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  wanted constant text := private.tag_name(take_tag.name);
  tag public.tags;
begin
  if coalesce(wanted, '') = '' then
    return null;
  end if;
  for attempt in 1 .. 5 loop
    select * into tag from public.tags as t
    where t.organization_id = take_tag.organization_id and lower(t.name) = lower(wanted)
    for share;
    if tag.id is null then
      select t.* into tag
      from private.tag_aliases as a
      join public.tags as t on t.organization_id = a.organization_id and t.id = a.tag_id
      where a.organization_id = take_tag.organization_id and a.name_key = lower(wanted)
      for share of t;
    end if;
    if tag.merged_into is not null then
      select * into tag from public.tags as t where t.id = tag.merged_into for share;
    end if;
    if tag.id is null then
      insert into public.tags (organization_id, name) values (take_tag.organization_id, wanted)
      on conflict do nothing
      returning * into tag;
    end if;
    if tag.id is not null then
      return case when tag.removed_at is null then tag end;
    end if;
    -- Somebody else has made it at the same time, or renamed it.
  end loop;
  raise exception 'tag "%" changes too fast', wanted using errcode = 'PT409', hint = 'Try again.';
end;
$$;
