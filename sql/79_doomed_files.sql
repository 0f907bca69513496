-- Files whose rows are gone are removed from Storage too, by a job.

-- Until Storage has let them go.
create table private.doomed_files (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  bucket text not null,
  path text not null,
  -- The erasure that is not done before this file is gone.
  request_id uuid,
  created_at timestamptz not null default now(),
  foreign key (organization_id, request_id)
    references public.privacy_requests (organization_id, id) on delete set null (request_id)
);
create index doomed_files_organization_idx on private.doomed_files (organization_id, id);
create index doomed_files_request_idx on private.doomed_files (organization_id, request_id);

-- Has files removed, in the transaction in which their rows go.
create function private.doom_files(organization_id uuid, bucket text, paths text[]) returns void
language plpgsql security definer set search_path = '' as $$
begin
  insert into private.doomed_files (organization_id, bucket, path, request_id)
  select
    doom_files.organization_id, doom_files.bucket, path,
    private.try_uuid(current_setting('app.privacy_request', true))
  from unnest(doom_files.paths) as path;
  if found then
    perform private.enqueue(doom_files.organization_id, 'privacy', '{"task": "files"}', dedupe_key => 'files');
  end if;
end;
$$;

create function private.doom_attachments() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.doom_files(g.organization_id, 'attachments', array_agg(path))
  from gone as g
  cross join lateral unnest(array_remove(array[g.storage_path, g.thumbnail_path], null)) as path
  -- Gone with its organization: whoever removes one removes its folder in Storage.
  where exists (select from public.organizations as o where o.id = g.organization_id)
  group by g.organization_id;
  return null;
end;
$$;

create trigger attachments_doom after delete on public.attachments
referencing old table as gone for each statement execute function private.doom_attachments();

-- The files that a job is to remove next.
create function private.doomed_files(most integer default 100) returns table (id uuid, bucket text, path text)
language plpgsql stable security definer set search_path = '' as $$
begin
  return query
  select d.id, d.bucket, d.path
  from private.doomed_files as d
  where d.organization_id = private.current_organization()
  order by d.id
  limit most;
end;
$$;

-- They are gone. Ends the erasures that waited for it, and asks for the next ones.
create function private.files_removed(removed uuid[]) returns void
language plpgsql security definer set search_path = '' as $$
declare
  organization uuid := private.current_organization();
begin
  delete from private.doomed_files as d where d.organization_id = organization and d.id = any (files_removed.removed);
  update public.privacy_requests as p
  set state = 'done', done_at = now()
  where p.organization_id = organization and p.kind = 'erasure' and p.state = 'waiting' and p.manifest ? 'public.contacts'
    and not exists (select from private.doomed_files as d where d.organization_id = organization and d.request_id = p.id);
  if exists (select from private.doomed_files as d where d.organization_id = organization) then
    perform private.enqueue(organization, 'privacy', '{"task": "files"}', dedupe_key => 'files');
  end if;
end;
$$;
