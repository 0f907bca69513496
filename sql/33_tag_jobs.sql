-- Tagging many at once: contacts, sessions or tickets that a filter finds. Few are tagged in the transaction that asks,
-- many some at a time in the background, with their progress in a row.

create table public.tag_jobs (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  -- tag: add and remove tags where the filter holds. The others follow a change of one tag (34_tag_changes.sql).
  kind text not null check (kind in ('tag', 'rename', 'merge', 'delete')),
  target text check (target in ('contacts', 'sessions', 'tickets')),
  filter jsonb check (jsonb_typeof(filter) = 'object'),
  -- Ids stay though what they name may be gone.
  add_tag_ids uuid[] not null default '{}',
  remove_tag_ids uuid[] not null default '{}',
  tag_id uuid,
  state text not null default 'running' check (state in ('running', 'done', 'canceled', 'failed')),
  -- How many there are to look at, have been looked at, were changed, or have no room for another tag.
  total integer not null default 0,
  done integer not null default 0,
  changed integer not null default 0,
  skipped integer not null default 0,
  error text,
  -- Ids up to here have been looked at; later ones than `until` came after the question.
  after_id uuid not null default '00000000-0000-0000-0000-000000000000',
  until_id uuid not null default private.uuid7(),
  created_by uuid default private.actor_id(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  finished_at timestamptz,
  unique (organization_id, id),
  check ((kind = 'tag') = (target is not null and filter is not null)),
  check ((kind = 'tag') = (tag_id is null))
);
create index tag_jobs_finished_idx on public.tag_jobs (finished_at);
create index tag_jobs_running_idx on public.tag_jobs (organization_id, tag_id) where state = 'running';

create trigger tag_jobs_touch before update on public.tag_jobs
for each row execute function private.touch();

-- What is wrong with a filter: {"ids": [uuid, …]} or {"conditions": condition}, of tickets as in 31_conditions.sql,
-- of contacts and of sessions those that ask `contact.…`. Null where it is sound.
create function private.tag_filter_error(target text, filter jsonb) returns text
language plpgsql stable set search_path = '' as $$
declare
  max_ids constant integer := 10000;
  problem text;
begin
  if jsonb_typeof(filter) is distinct from 'object' or (select count(*) from jsonb_object_keys(filter)) <> 1 then
    return 'a filter is {"ids": […]} or {"conditions": {…}}';
  elsif filter ? 'ids' then
    return case
      when jsonb_typeof(filter -> 'ids') <> 'array' or jsonb_array_length(filter -> 'ids') > max_ids
        then format('"ids" is a list of %s ids at most', max_ids)
      when exists (
        select from jsonb_array_elements(filter -> 'ids') as item where private.try_uuid(item #>> '{}') is null
      ) then '"ids" holds something that is no id'
    end;
  elsif not filter ? 'conditions' then
    return 'a filter is {"ids": […]} or {"conditions": {…}}';
  end if;
  problem := private.condition_error(filter -> 'conditions');
  if problem is null and target <> 'tickets' then
    select format('"%s" cannot be asked of %s', asked #>> '{}', target) into problem
    from jsonb_path_query(filter, '$.**.field') as asked
    where not starts_with(asked #>> '{}', 'contact.')
    limit 1;
  end if;
  return problem;
end;
$$;

-- The next rows that a job looks at, and which of them its filter finds; "me" is who asked.
create function private.next_for_tag_job(job public.tag_jobs, slice integer) returns table (id uuid, matches boolean)
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
declare
  ids constant uuid[] := case
    when job.filter ? 'ids' then array(select item::uuid from jsonb_array_elements_text(job.filter -> 'ids') as item)
  end;
  condition constant text := case
    when job.filter ? 'conditions' then private.condition_sql(job.filter -> 'conditions', job.created_by, array(
      select m.team_id from public.team_members as m
      where m.organization_id = job.organization_id and m.user_id = job.created_by
    ))
    else 'true'
  end;
  -- As conditions know them: a ticket is `t`, its contact `c`.
  looked_at constant text := case job.target when 'contacts' then 'c' else 't' end;
  place constant text := case job.target
    when 'contacts' then '(select * from public.contacts where merged_into is null) as c'
    else format(
      'public.%I as t left join public.contacts as c on c.organization_id = t.organization_id and c.id = t.contact_id',
      job.target
    )
  end;
begin
  return query execute format(
    'select %1$s.id, %2$s from %3$s where %1$s.organization_id = $1 and %1$s.id > $2 and %1$s.id <= $3'
    ' and ($4 is null or %1$s.id = any ($4)) order by %1$s.id limit $5',
    looked_at, condition, place
  )
  using job.organization_id, job.after_id, job.until_id, ids, slice;
end;
$$;

-- A ticket's names without those in `old_keys` and with these; as they were, where that would be too many.
create function private.with_tags(tags text[], old_keys text[], new_names text[]) returns text[]
language plpgsql immutable parallel safe set search_path = '' as $$
declare
  max_tags constant integer := 100;
  changed constant text[] := private.replace_tags(private.replace_tags(tags, old_keys, null) || new_names, '{}', null);
begin
  return case when cardinality(changed) <= max_tags then changed else tags end;
end;
$$;

-- Adds and removes a job's tags on these rows. Returns how many changed, and how many had no room for another tag.
create function private.apply_tags(job public.tag_jobs, ids uuid[], out changed integer, out skipped integer)
language plpgsql security definer set search_path = '' as $$
declare
  added constant uuid[] := array(
    select t.id from public.tags as t
    where t.organization_id = job.organization_id and t.id = any (job.add_tag_ids) and t.removed_at is null
  );
  new_names constant text[] := array(
    select t.name from public.tags as t where t.id = any (added) order by lower(t.name)
  );
  old_keys constant text[] := array(
    select lower(t.name) from public.tags as t
    where t.organization_id = job.organization_id and t.id = any (job.remove_tag_ids)
    union
    select a.name_key from private.tag_aliases as a
    where a.organization_id = job.organization_id and a.tag_id = any (job.remove_tag_ids)
  );
begin
  skipped := 0;
  case job.target
    when 'tickets' then
      -- In order, so that two jobs over the same tickets come one after the other.
      perform from public.tickets as t
      where t.organization_id = job.organization_id and t.id = any (ids)
      order by t.id
      for no key update;
      update public.tickets as t
      set tags = private.with_tags(t.tags, old_keys, new_names)
      where t.organization_id = job.organization_id and t.id = any (ids)
        and private.with_tags(t.tags, old_keys, new_names) <> t.tags;
      get diagnostics changed = row_count;
      select count(*) into skipped
      from public.tickets as t
      where t.organization_id = job.organization_id and t.id = any (ids) and not t.tags @> new_names;
    when 'contacts' then
      with gone as (
        delete from public.contact_tags as l
        where l.organization_id = job.organization_id and l.contact_id = any (ids)
          and l.tag_id = any (job.remove_tag_ids)
        returning l.contact_id
      ), come as (
        insert into public.contact_tags (organization_id, contact_id, tag_id, created_by)
        select job.organization_id, i.id, a.tag_id, job.created_by
        from unnest(ids) as i (id), unnest(added) as a (tag_id)
        order by i.id, a.tag_id
        on conflict do nothing
        returning contact_id
      )
      select count(*) into changed from (select * from gone union select * from come) as touched;
    else
      with gone as (
        delete from public.session_taggings as l
        where l.organization_id = job.organization_id and l.session_id = any (ids)
          and l.tag_id = any (job.remove_tag_ids)
        returning l.session_id
      ), come as (
        insert into public.session_taggings (organization_id, session_id, tag_id, created_by)
        select job.organization_id, i.id, a.tag_id, job.created_by
        from unnest(ids) as i (id), unnest(added) as a (tag_id)
        order by i.id, a.tag_id
        on conflict do nothing
        returning session_id
      )
      select count(*) into changed from (select * from gone union select * from come) as touched;
  end case;
end;
$$;

-- One step of a job of kind `tag`.
create function private.step_tag_job(inout job public.tag_jobs)
language plpgsql security definer set search_path = '' as $$
declare
  slice constant integer := 200;
  ids uuid[];
  matching uuid[];
  changed integer := 0;
  skipped integer := 0;
begin
  select coalesce(array_agg(n.id order by n.id), '{}'), coalesce(array_agg(n.id) filter (where n.matches), '{}')
  into ids, matching
  from private.next_for_tag_job(job, slice) as n;
  if matching <> '{}' then
    select a.changed, a.skipped into changed, skipped from private.apply_tags(job, matching) as a;
  end if;
  job.done := job.done + cardinality(ids);
  job.changed := job.changed + changed;
  job.skipped := job.skipped + skipped;
  job.after_id := coalesce(ids[cardinality(ids)], job.after_id);
  if cardinality(ids) < slice then
    job.state := 'done';
  end if;
end;
$$;

-- One step of whatever a job is: `patient` waits for rows that others have locked, and may not hold its tag's lock.
create function private.run_tag_job(job_id uuid, patient boolean) returns public.tag_jobs
language plpgsql security definer set search_path = '' as $$
declare
  job public.tag_jobs;
begin
  select * into job from public.tag_jobs as j where j.id = run_tag_job.job_id for update;
  if job.state is distinct from 'running' then
    return job;
  end if;
  begin
    if job.kind = 'tag' then
      job := private.step_tag_job(job);
    else
      job := private.follow_tag(job, patient);
    end if;
  exception when data_exception or integrity_constraint_violation then
    -- What will not get better. Anything else ends the attempt, and is tried again.
    job.state := 'failed';
    job.error := left(sqlerrm, 500);
  end;
  update public.tag_jobs as j
  set state = job.state, done = job.done, changed = job.changed, skipped = job.skipped, after_id = job.after_id,
    error = job.error, finished_at = case when job.state <> 'running' then now() end
  where j.id = job.id
  returning * into job;
  return job;
end;
$$;

create function private.enqueue_tag_job(job public.tag_jobs) returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform private.enqueue(
    job.organization_id, 'clock', jsonb_build_object('ring', 'tag_job', 'job_id', job.id),
    dedupe_key => 'tag_job:' || job.id
  );
end;
$$;

-- Does few at once; many, and what others have locked, are left to the background.
create function private.start_tag_job(job_id uuid) returns public.tag_jobs
language plpgsql security definer set search_path = '' as $$
declare
  few constant integer := 500;
  job public.tag_jobs;
  before integer;
begin
  select * into job from public.tag_jobs as j where j.id = start_tag_job.job_id;
  if job.total <= few then
    loop
      before := job.done;
      job := private.run_tag_job(job.id, false);
      exit when job.state <> 'running' or job.done = before;
    end loop;
  end if;
  if job.state = 'running' then
    perform private.enqueue_tag_job(job);
  end if;
  return job;
end;
$$;

create function private.ring_tag_job(payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  job public.tag_jobs;
begin
  select * into job from public.tag_jobs as j
  where j.organization_id = private.current_organization() and j.id = (payload ->> 'job_id')::uuid;
  job := private.run_tag_job(job.id, true);
  if job.state = 'running' then
    perform private.enqueue_tag_job(job);
  end if;
end;
$$;

-- Adds tags to and removes tags from all contacts, sessions or tickets that a filter finds. Tags are named; new ones
-- are made. Returns the job: `done` where they were few.
create function private.bulk_tag(
  organization_id uuid, target text, filter jsonb, add_tags text[], remove_tags text[]
) returns public.tag_jobs
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  max_named constant integer := 20;
  problem text;
  unwanted text[];
  added uuid[];
  removed uuid[];
  job public.tag_jobs;
begin
  if not coalesce(bulk_tag.organization_id in (select private.my_organizations('agent')), false)
    or (bulk_tag.target = 'tickets' and private.my_key_id() is not null and not private.key_allows('tickets:write'))
  then
    raise exception 'you may not tag % of this organization', bulk_tag.target using errcode = '42501';
  end if;
  problem := case
    when bulk_tag.target is null or bulk_tag.target not in ('contacts', 'sessions', 'tickets')
      then 'target is contacts, sessions or tickets'
    when coalesce(cardinality(add_tags), 0) + coalesce(cardinality(remove_tags), 0) not between 1 and max_named
      then format('name 1 to %s tags to add or to remove', max_named)
    else private.tag_filter_error(bulk_tag.target, bulk_tag.filter)
  end;
  if problem is not null then
    raise exception '%', problem using errcode = '22023';
  end if;
  -- In one order, as everybody takes them.
  added := array(
    select (private.take_tag(bulk_tag.organization_id, n.name)).id
    from (select name from unnest(add_tags) as name order by lower(name)) as n
  );
  unwanted := array(select lower(private.tag_name(name)) from unnest(remove_tags) as name);
  removed := array(
    select t.id from public.tags as t
    where t.organization_id = bulk_tag.organization_id and lower(t.name) = any (unwanted)
    union
    select a.tag_id from private.tag_aliases as a
    where a.organization_id = bulk_tag.organization_id and a.name_key = any (unwanted)
  );
  if array_position(added, null) is not null then
    raise exception 'a tag to add has no name, or is being deleted' using errcode = '22023';
  elsif added && removed then
    raise exception 'a tag cannot be added and removed at once' using errcode = '22023';
  end if;
  insert into public.tag_jobs (organization_id, kind, target, filter, add_tag_ids, remove_tag_ids)
  values (bulk_tag.organization_id, 'tag', bulk_tag.target, bulk_tag.filter, added, removed)
  returning * into job;
  update public.tag_jobs as j
  set total = case
    when j.filter ? 'ids' then (select count(*) from private.next_for_tag_job(j, 100000))
    when j.target = 'tickets'
      then (select count(*) from public.tickets as t where t.organization_id = j.organization_id)
    when j.target = 'contacts'
      then (
        select count(*) from public.contacts as c where c.organization_id = j.organization_id and c.merged_into is null
      )
    else (select count(*) from public.sessions as s where s.organization_id = j.organization_id)
  end
  where j.id = job.id;
  return private.start_tag_job(job.id);
end;
$$;

create function public.bulk_tag(
  organization_id uuid, target text, filter jsonb, add_tags text[] default '{}', remove_tags text[] default '{}'
) returns public.tag_jobs
language sql set search_path = '' as $$
  select * from private.bulk_tag(
    bulk_tag.organization_id, bulk_tag.target, bulk_tag.filter, bulk_tag.add_tags, bulk_tag.remove_tags
  );
$$;

-- Stops a bulk tagging where it is. What is done stays; what follows a change of a tag is not stopped half way.
create function private.cancel_tag_job(job_id uuid) returns public.tag_jobs
language plpgsql security definer set search_path = '' as $$
declare
  canceled public.tag_jobs;
begin
  update public.tag_jobs as j set state = 'canceled', finished_at = now()
  where j.id = cancel_tag_job.job_id and j.kind = 'tag' and j.state = 'running'
    and j.organization_id in (select private.my_organizations('agent'))
  returning * into canceled;
  if canceled.id is null then
    raise exception 'there is no running bulk tagging % that you may cancel', cancel_tag_job.job_id
      using errcode = 'PT404';
  end if;
  return canceled;
end;
$$;

create function public.cancel_tag_job(job_id uuid) returns public.tag_jobs
language sql set search_path = '' as $$
  select * from private.cancel_tag_job(cancel_tag_job.job_id);
$$;
