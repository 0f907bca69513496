-- Files are looked at before anybody gets them: what they are by their content, whether the organization takes that,
-- whether they carry a virus. Members and contacts add files of their own; how much is kept, the plan says.

alter table public.organizations
-- Types that are taken, as `image/png` or `image/*`; null: those that a desk usually needs.
add column file_types text[] check (cardinality(file_types) between 1 and 200);

create index attachments_thumbnail_idx on public.attachments (organization_id, thumbnail_path)
where thumbnail_path is not null;

insert into private.consumers (name, in_flight, lease, max_attempts) values ('inspect_file', 12, '5 minutes', 12);

insert into private.event_types (type, subject, audience, happens, properties, is_partial, example) values
(
  'attachment.inspected', 'attachment', 'contact',
  'A file was looked at: it can be fetched from now on, or it says why not.',
  '{"verdict": {"enum": ["clean", "unscanned", "infected", "refused"]}}', false, '{"verdict": "clean"}'
);

-- How much each organization keeps, kept by triggers.
create table private.file_usage (
  organization_id uuid primary key references public.organizations (id) on delete cascade,
  bytes bigint not null default 0
);

create function private.count_files() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into private.file_usage as u (organization_id, bytes)
  select c.organization_id, sum(c.bytes)
  from changed as c
  where exists (select from public.organizations as o where o.id = c.organization_id)
  group by c.organization_id
  on conflict (organization_id) do update
  set bytes = u.bytes + case when tg_op = 'DELETE' then -excluded.bytes else excluded.bytes end;
  return null;
end;
$$;

create trigger attachments_count after insert on public.attachments
referencing new table as changed for each statement execute function private.count_files();
create trigger attachments_uncount after delete on public.attachments
referencing old table as changed for each statement execute function private.count_files();

create function private.have_inspected() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.enqueue(new.organization_id, 'inspect_file', jsonb_build_object('attachment_id', new.id));
  return null;
end;
$$;

create trigger attachments_inspect after insert on public.attachments
for each row when (new.verdict = 'waiting') execute function private.have_inspected();

-- Has an organization room for more? Asked before an upload, and once more when it is attached.
create function private.has_room_for_files(organization_id uuid) returns boolean
language plpgsql stable security definer set search_path = '' as $$
declare
  allowed constant bigint := private.plan_limit(has_room_for_files.organization_id, 'storage');
begin
  return allowed is null or allowed > coalesce((
    select u.bytes from private.file_usage as u where u.organization_id = has_room_for_files.organization_id
  ), 0);
end;
$$;

-- Whose folder the caller uploads to: a user's, or that of a visitor of a widget.
create function private.uploader() returns uuid
language plpgsql stable set search_path = '' as $$
begin
  return coalesce(private.try_uuid(private.visitor_claim('visitor_id')), (select auth.uid()));
end;
$$;

-- Where the caller may upload to: as an agent, or as a contact of a desk that shows itself to contacts. A visitor who
-- has said something is a contact; anybody can be one, so theirs are 20 files a day.
create function private.may_upload(organization_id uuid) returns boolean
language plpgsql stable security definer set search_path = '' as $$
declare
  visitor constant text := private.visitor_claim('visitor_id');
begin
  return may_upload.organization_id in (
    select private.my_organizations('agent') union select private.my_contact_organizations()
  ) and private.has_room_for_files(may_upload.organization_id)
  and (
    visitor is null
    or 20 > (
      select count(*) from storage.objects as o
      where o.bucket_id = 'attachments'
        and o.name like may_upload.organization_id || '/uploads/' || visitor || '/%'
        and o.created_at > now() - interval '1 day'
    )
  );
end;
$$;

-- Makes uploads of the caller attachments of a message that the caller has written just now.
create function private.attach_files(message_id uuid, files text[]) returns setof public.attachments
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  most constant integer := 20;
  message public.messages;
  me constant uuid := private.uploader();
  missing text;
begin
  select * into message from public.messages as m
  where m.id = attach_files.message_id and m.created_at > now() - interval '1 hour'
    and (
      (m.sender = 'member' and m.member_id = me and m.organization_id in (select private.my_organizations('agent')))
      or (m.sender = 'contact' and m.contact_id in (select private.my_contacts()))
    );
  if not found then
    raise exception 'there is no message % that you have just written', attach_files.message_id using errcode = 'PT404';
  end if;
  -- Its mail has been made by now, or is being made.
  if message.sender = 'member' and not message.is_internal and message.created_at <> now() then
    raise exception 'a reply is sent with its files, or without: give them to send_reply' using errcode = 'PT409';
  end if;
  if cardinality(files) > most or cardinality(files) <> (select count(distinct f) from unnest(files) as f) then
    raise exception 'a message takes % files at most, each once', most using errcode = '22023';
  end if;
  select f into missing from unnest(files) as f
  where not starts_with(f, message.organization_id || '/uploads/' || me || '/')
    or not exists (select from storage.objects as o where o.bucket_id = 'attachments' and o.name = f)
  limit 1;
  if missing is not null or me is null then
    raise exception 'you have uploaded no file %', left(missing, 200) using errcode = 'PT404';
  end if;
  -- Of two at the limit one passes: the other waits here, and counts again.
  perform from private.file_usage as u where u.organization_id = message.organization_id for update;
  if not private.has_room_for_files(message.organization_id) then
    raise exception 'the plan includes no more room for files'
      using errcode = 'PT402', hint = 'usage(organization_id) tells what is used.';
  end if;
  return query
  insert into public.attachments as a (
    organization_id, ticket_id, message_id, file_name, content_type, bytes, storage_path, uploaded_by
  )
  select
    message.organization_id, message.ticket_id, message.id, right(regexp_replace(o.name, '^.*/', ''), 255),
    left(coalesce(o.metadata ->> 'mimetype', 'application/octet-stream'), 255),
    coalesce((o.metadata ->> 'size')::bigint, 0), o.name, me
  from storage.objects as o
  where o.bucket_id = 'attachments' and o.name = any (files)
  returning a.*;
end;
$$;

create function public.attach_files(message_id uuid, files text[]) returns setof public.attachments
language sql set search_path = '' as $$
  select * from private.attach_files(attach_files.message_id, attach_files.files);
$$;

-- Has a file looked at again: a scanner was away, or other types are taken now. For managers.
create function private.inspect_again(attachment_id uuid) returns public.attachments
language plpgsql security definer set search_path = '' as $$
declare
  file public.attachments;
begin
  update public.attachments as a
  set verdict = 'waiting', verdict_because = null
  where a.id = inspect_again.attachment_id and a.organization_id in (select private.my_organizations('manager'))
  returning * into file;
  if not found then
    raise exception 'there is no attachment %', inspect_again.attachment_id using errcode = 'PT404';
  end if;
  perform private.enqueue(file.organization_id, 'inspect_file', jsonb_build_object('attachment_id', file.id));
  return file;
end;
$$;

create function public.inspect_again(attachment_id uuid) returns public.attachments
language sql set search_path = '' as $$
  select * from private.inspect_again(inspect_again.attachment_id);
$$;

-- A file that waits to be looked at, for the function that does. `kept_as`: the type that Storage gives it out by.
create function private.file_to_inspect(attachment_id uuid)
returns table (storage_path text, kept_as text, file_types text[])
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
begin
  return query
  select a.storage_path, s.metadata ->> 'mimetype', o.file_types
  from public.attachments as a
  join public.organizations as o on o.id = a.organization_id
  left join storage.objects as s on s.bucket_id = 'attachments' and s.name = a.storage_path
  where a.organization_id = private.current_organization() and a.id = file_to_inspect.attachment_id
    and a.verdict = 'waiting';
end;
$$;

create function private.file_inspected(
  attachment_id uuid, verdict text, because text, detected_type text, bytes bigint, sha256 bytea, thumbnail_path text
) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  file public.attachments;
begin
  update public.attachments as a
  set verdict = file_inspected.verdict, verdict_because = left(file_inspected.because, 500),
    detected_type = file_inspected.detected_type, bytes = coalesce(file_inspected.bytes, a.bytes),
    sha256 = coalesce(file_inspected.sha256, a.sha256), thumbnail_path = file_inspected.thumbnail_path
  where a.organization_id = private.current_organization() and a.id = file_inspected.attachment_id
    and a.verdict = 'waiting'
  returning * into file;
  if found then
    perform private.emit(
      file.organization_id, 'attachment.inspected', file.id, jsonb_build_object('verdict', file.verdict),
      case when (
        select m.is_internal or m.sender_status = 'pending' from public.messages as m where m.id = file.message_id
      ) then 'agents' else 'contact' end,
      file.ticket_id
    );
  end if;
end;
$$;

-- Uploads of yesterday that belong to no message are removed; called once an hour with the rest of the housekeeping.
create function private.forget_uploads() returns integer
language plpgsql security definer set search_path = '' as $$
declare
  forgotten integer;
begin
  perform private.doom_files(o.id, 'attachments', array_agg(s.name))
  from (
    select s.name, private.try_uuid(split_part(s.name, '/', 1)) as organization_id
    from storage.objects as s
    where s.bucket_id = 'attachments' and split_part(s.name, '/', 2) = 'uploads'
      and s.created_at < now() - interval '1 day'
      and not exists (
        select from public.attachments as a
        where a.organization_id = private.try_uuid(split_part(s.name, '/', 1))
          and s.name in (a.storage_path, a.thumbnail_path)
      )
      and not exists (
        select from private.doomed_files as d where d.bucket = 'attachments' and d.path = s.name
      )
    limit 1000
  ) as s
  join public.organizations as o on o.id = s.organization_id
  group by o.id;
  get diagnostics forgotten = row_count;
  return forgotten;
end;
$$;
