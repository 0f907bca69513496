-- A tag gets another name, is merged into another one, or deleted: and everything that has it follows. Few at once,
-- many in the background (33_tag_jobs.sql).

-- How many have a tag.
create function private.count_tagged(tag public.tags) returns integer
language sql stable security definer set search_path = '' as $$
  select count(*)::integer
  from (
    select organization_id, tag_id from public.ticket_tags
    union all
    select organization_id, tag_id from public.contact_tags
    union all
    select organization_id, tag_id from public.session_taggings
  ) as l
  where l.organization_id = (tag).organization_id and l.tag_id = (tag).id;
$$;

create function private.start_following(tag public.tags, kind text, total integer) returns public.tag_jobs
language plpgsql security definer set search_path = '' as $$
declare
  job_id uuid;
begin
  insert into public.tag_jobs (organization_id, kind, tag_id, total)
  values (tag.organization_id, start_following.kind, tag.id, start_following.total)
  returning id into job_id;
  return private.start_tag_job(job_id);
end;
$$;

-- A step of tickets that name a tag, returned by their ids: the next ones after `after_id`. Impatient, all but those
-- that somebody else has locked: who changes a tag holds it, and must wait for nobody who waits for it.
create function private.follow_tag_in_tickets(job public.tag_jobs, tag public.tags, patient boolean) returns uuid[]
language plpgsql security definer set search_path = '' as $$
declare
  slice constant integer := 200;
  keys constant text[] := lower(tag.name) || array(
    select a.name_key from private.tag_aliases as a
    where a.organization_id = tag.organization_id and a.tag_id = tag.id
  );
  replacement text := case when job.kind = 'rename' then tag.name end;
  ids uuid[];
begin
  if tag.merged_into is not null then
    select t.name into replacement from public.tags as t where t.id = tag.merged_into;
  end if;
  if patient then
    ids := array(
      select l.ticket_id from public.ticket_tags as l
      where l.organization_id = tag.organization_id and l.tag_id = tag.id and l.ticket_id > job.after_id
      order by l.ticket_id
      limit slice
    );
    perform from public.tickets as t
    where t.organization_id = tag.organization_id and t.id = any (ids)
    order by t.id
    for no key update;
  else
    ids := array(
      select t.id
      from public.ticket_tags as l
      join public.tickets as t on t.organization_id = l.organization_id and t.id = l.ticket_id
      where l.organization_id = tag.organization_id and l.tag_id = tag.id
      for no key update of t skip locked
    );
  end if;
  update public.tickets as t
  set tags = private.replace_tags(t.tags, keys, replacement)
  where t.organization_id = tag.organization_id and t.id = any (ids)
    and private.replace_tags(t.tags, keys, replacement) <> t.tags;
  if job.kind <> 'rename' then
    delete from public.ticket_tags as l
    where l.organization_id = tag.organization_id and l.tag_id = tag.id and l.ticket_id = any (ids);
  end if;
  return ids;
end;
$$;

-- Takes a tag that is being removed off some contacts and sessions, or gives them the one that takes its place.
create function private.follow_tag_in_links(tag public.tags) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  slice constant integer := 500;
  contacts uuid[];
  sessions uuid[];
begin
  with gone as (
    delete from public.contact_tags as l
    where (l.organization_id, l.contact_id, l.tag_id) in (
      select n.organization_id, n.contact_id, n.tag_id from public.contact_tags as n
      where n.organization_id = tag.organization_id and n.tag_id = tag.id
      limit slice
      for update skip locked
    )
    returning l.contact_id
  )
  select coalesce(array_agg(contact_id order by contact_id), '{}') into contacts from gone;
  with gone as (
    delete from public.session_taggings as l
    where (l.organization_id, l.session_id, l.tag_id) in (
      select n.organization_id, n.session_id, n.tag_id from public.session_taggings as n
      where n.organization_id = tag.organization_id and n.tag_id = tag.id
      limit slice
      for update skip locked
    )
    returning l.session_id
  )
  select coalesce(array_agg(session_id order by session_id), '{}') into sessions from gone;
  if tag.merged_into is not null then
    insert into public.contact_tags (organization_id, contact_id, tag_id)
    select tag.organization_id, id, tag.merged_into from unnest(contacts) as id
    on conflict do nothing;
    insert into public.session_taggings (organization_id, session_id, tag_id)
    select tag.organization_id, id, tag.merged_into from unnest(sessions) as id
    on conflict do nothing;
  end if;
  return cardinality(contacts) + cardinality(sessions);
end;
$$;

-- One step of a job that follows a tag.
create function private.follow_tag(inout job public.tag_jobs, patient boolean)
language plpgsql security definer set search_path = '' as $$
declare
  tag public.tags;
  tickets uuid[];
  found integer;
begin
  select * into tag from public.tags as t where t.organization_id = job.organization_id and t.id = job.tag_id;
  if tag.id is null then
    job.state := 'done';
    return;
  end if;
  tickets := private.follow_tag_in_tickets(job, tag, patient);
  found := cardinality(tickets);
  job.done := job.done + found;
  if patient then
    job.after_id := coalesce(tickets[found], job.after_id);
  end if;
  if job.kind = 'rename' then
    if (patient and found = 0) or (not patient and job.done = job.total) then
      job.state := 'done';
    elsif not patient then
      job.done := 0; -- somebody is at work on the others: all of them once more, in the background
    end if;
    return;
  end if;
  if patient and found > 0 then
    return;
  end if;
  found := private.follow_tag_in_links(tag);
  job.done := job.done + found;
  -- Its lock is taken by a step that has locked nothing else.
  if (patient and found > 0) or private.count_tagged(tag) > 0 then
    job.after_id := '00000000-0000-0000-0000-000000000000';
    return;
  end if;
  if tag.merged_into is not null then
    update private.tag_aliases as a set tag_id = tag.merged_into
    where a.organization_id = tag.organization_id and a.tag_id = tag.id;
    insert into private.tag_aliases (organization_id, name_key, tag_id)
    values (tag.organization_id, lower(tag.name), tag.merged_into)
    on conflict (organization_id, name_key) do update set tag_id = excluded.tag_id;
  end if;
  delete from public.tags as t where t.id = tag.id;
  job.state := 'done';
end;
$$;

-- A name that somebody gives a tag is that tag's from now on, unless tickets still go by it as a former one of another.
create function private.claim_tag_name(tag public.tags) returns void
language plpgsql security definer set search_path = '' as $$
begin
  if exists (
    select from private.tag_aliases as a
    join public.tag_jobs as j on j.organization_id = a.organization_id and j.tag_id = a.tag_id and j.state = 'running'
    where a.organization_id = tag.organization_id and a.name_key = lower(tag.name) and a.tag_id <> tag.id
  ) then
    raise exception 'tag "%" was renamed, and tickets still follow: try again when that is done', tag.name
      using errcode = 'PT409';
  end if;
  delete from private.tag_aliases as a
  where a.organization_id = tag.organization_id and a.name_key = lower(tag.name);
end;
$$;

create function private.follow_tag_name() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  total integer;
begin
  perform private.claim_tag_name(new);
  if tg_op = 'UPDATE' then
    if lower(new.name) <> lower(old.name) then
      insert into private.tag_aliases (organization_id, name_key, tag_id)
      values (new.organization_id, lower(old.name), new.id)
      on conflict (organization_id, name_key) do update set tag_id = excluded.tag_id;
    end if;
    select count(*) into total from public.ticket_tags as l
    where l.organization_id = new.organization_id and l.tag_id = new.id;
    if total > 0 then
      perform private.start_following(new, 'rename', total);
    end if;
  end if;
  return null;
end;
$$;

create trigger tags_begin after insert on public.tags
for each row execute function private.follow_tag_name();
create trigger tags_rename after update on public.tags
for each row when (new.name is distinct from old.name) execute function private.follow_tag_name();

-- The tag, locked, with its organization's tree; null where the caller does not manage it.
create function private.managed_tag(tag_id uuid) returns public.tags
language plpgsql security definer set search_path = '' as $$
declare
  tag public.tags;
begin
  select * into tag from public.tags as t
  where t.id = managed_tag.tag_id and t.organization_id in (select private.my_organizations('manager'));
  perform private.lock_tag_tree(tag.organization_id);
  select * into tag from public.tags as t where t.id = tag.id and t.removed_at is null for update;
  return tag;
end;
$$;

-- Whatever has the first tag has the second instead, and the first is no more. What stands below it comes under the
-- second; its names mean the second from now on.
create function private.merge_tags(tag_id uuid, into_tag_id uuid) returns public.tag_jobs
language plpgsql security definer set search_path = '' as $$
declare
  tag public.tags;
  kept public.tags;
begin
  -- In one order, as everybody takes them.
  if merge_tags.tag_id < merge_tags.into_tag_id then
    tag := private.managed_tag(merge_tags.tag_id);
    kept := private.managed_tag(merge_tags.into_tag_id);
  else
    kept := private.managed_tag(merge_tags.into_tag_id);
    tag := private.managed_tag(merge_tags.tag_id);
  end if;
  if tag.id is null or kept.id is null or tag.organization_id <> kept.organization_id then
    raise exception 'there are no two tags % and % that you may merge', merge_tags.tag_id, merge_tags.into_tag_id
      using errcode = 'PT404';
  elsif tag.id = kept.id then
    raise exception 'a tag cannot be merged into itself' using errcode = '22023';
  end if;
  update public.tags as t set parent_id = tag.parent_id
  where t.id = kept.id and exists (
    select from public.tag_with_descendants(tag.id) as d where d.id = kept.id
  );
  update public.tags as t set parent_id = kept.id
  where t.organization_id = tag.organization_id and t.parent_id = tag.id and t.id <> kept.id;
  update public.tags as t set merged_into = kept.id
  where t.organization_id = tag.organization_id and t.merged_into = tag.id;
  update public.tags as t set parent_id = null, removed_at = now(), merged_into = kept.id where t.id = tag.id;
  update public.tag_jobs as j
  set add_tag_ids = array_replace(j.add_tag_ids, tag.id, kept.id)
  where j.organization_id = tag.organization_id and j.state = 'running' and j.add_tag_ids && array[tag.id];
  return private.start_following(tag, 'merge', private.count_tagged(tag));
end;
$$;

create function public.merge_tags(tag_id uuid, into_tag_id uuid) returns public.tag_jobs
language sql set search_path = '' as $$
  select * from private.merge_tags(merge_tags.tag_id, merge_tags.into_tag_id);
$$;

-- Takes a tag off whatever has it, and away. What stands below it moves up.
create function private.delete_tag(tag_id uuid) returns public.tag_jobs
language plpgsql security definer set search_path = '' as $$
declare
  tag constant public.tags := private.managed_tag(delete_tag.tag_id);
begin
  if tag.id is null then
    raise exception 'there is no tag % that you may delete', delete_tag.tag_id using errcode = 'PT404';
  end if;
  update public.tags as t set parent_id = tag.parent_id
  where t.organization_id = tag.organization_id and t.parent_id = tag.id;
  update public.tags as t set merged_into = null
  where t.organization_id = tag.organization_id and t.merged_into = tag.id;
  update public.tags as t set parent_id = null, removed_at = now() where t.id = tag.id;
  return private.start_following(tag, 'delete', private.count_tagged(tag));
end;
$$;

create function public.delete_tag(tag_id uuid) returns public.tag_jobs
language sql set search_path = '' as $$
  select * from private.delete_tag(delete_tag.tag_id);
$$;
