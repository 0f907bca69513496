-- What is known of a contact is given out as files, or forgotten, when an admin asks for it. Each is a job.

-- Where personal data of contacts lie; the rows stand in sql/96_personal_data.sql. A test fails for a table that hangs
-- on a contact, or on what hangs on one, and is missing there.
--
-- `by_contact` and `by_ticket` are conditions on a row `r`. In both $1 is the organization; in the first $2 are the ids
-- of the contact and of those that were merged into it, and $3 their addresses; in the second $2 are tickets.
create table private.personal_data (
  -- With its schema.
  table_name text primary key,
  by_contact text,
  by_ticket text,
  is_exported boolean not null default true,
  -- Columns that are not given out: keys, vectors, what is bytes.
  hidden text[] not null default '{}',
  -- delete: the row goes; blank: it stays for what is counted, and `blank`, a SET list, empties it; call: `blank` is a
  -- call that does; keep: it holds nothing personal.
  erasure text not null check (erasure in ('delete', 'blank', 'call', 'keep')),
  blank text,
  -- Rows are erased in this order: what refers to others before them.
  position smallint not null default 0,
  -- Why it is not exported, or not erased.
  because text,
  check ((erasure in ('blank', 'call')) = (blank is not null)),
  check (because is not null or (is_exported and erasure <> 'keep')),
  check (by_contact is not null or by_ticket is not null or because is not null)
);

create table public.privacy_requests (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  contact_id uuid not null,
  kind text not null check (kind in ('export', 'erasure')),
  state text not null default 'waiting' check (state in ('waiting', 'done', 'failed')),
  -- The admin; an id, for people leave.
  requested_by uuid,
  note text not null default '' check (length(note) <= 1000),
  -- Rows given out or erased, by table: {"public.messages": 12}.
  manifest jsonb not null default '{}' check (jsonb_typeof(manifest) = 'object'),
  -- Of an export: where its parts lie in the bucket `exports`, until they expire.
  files text[] not null default '{}',
  expires_at timestamptz,
  error text,
  done_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id)
);
create unique index privacy_requests_open_idx on public.privacy_requests (organization_id, contact_id, kind)
where state = 'waiting';
create index privacy_requests_contact_idx on public.privacy_requests (organization_id, contact_id);

insert into private.contact_references (table_name, column_name, on_merge, because) values
('public.privacy_requests', 'contact_id', 'leave', 'what was asked for; nobody with an open one is merged');

create trigger privacy_requests_touch before update on public.privacy_requests
for each row execute function private.touch();

insert into storage.buckets (id, name, public) values ('exports', 'exports', false)
on conflict (id) do nothing;

insert into private.consumers (name, in_flight, lease, max_attempts) values ('privacy', 4, '10 minutes', 8);

-- Asks for the data of a contact, or for the end of them. For admins.
create function private.request_privacy(contact_id uuid, kind text, note text) returns public.privacy_requests
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  contact public.contacts;
  asked public.privacy_requests;
begin
  select * into contact from public.contacts as c
  where c.id = request_privacy.contact_id and c.organization_id in (select private.my_organizations('admin'));
  if not found then
    raise exception 'there is no contact % of an organization that you administer', request_privacy.contact_id
      using errcode = 'PT404';
  end if;
  if contact.erased_at is not null then
    raise exception 'this contact was erased on %', contact.erased_at::date using errcode = 'PT409';
  end if;
  insert into public.privacy_requests as p (organization_id, contact_id, kind, note, requested_by)
  values (
    contact.organization_id, contact.id, request_privacy.kind, coalesce(request_privacy.note, ''),
    (select private.actor_id())
  )
  on conflict (organization_id, contact_id, kind) where state = 'waiting' do nothing
  returning * into asked;
  if not found then
    raise exception 'this is being done already' using errcode = 'PT409';
  end if;
  if asked.kind = 'export' then
    perform private.log_export(asked.organization_id, 'contact ' || asked.contact_id, null);
  end if;
  perform private.enqueue(
    asked.organization_id, 'privacy', jsonb_build_object('task', asked.kind, 'request_id', asked.id)
  );
  return asked;
end;
$$;

create function public.request_contact_export(contact_id uuid, note text default '') returns public.privacy_requests
language sql set search_path = '' as $$
  select * from private.request_privacy(request_contact_export.contact_id, 'export', request_contact_export.note);
$$;

create function public.request_contact_erasure(contact_id uuid, note text default '') returns public.privacy_requests
language sql set search_path = '' as $$
  select * from private.request_privacy(request_contact_erasure.contact_id, 'erasure', request_contact_erasure.note);
$$;

-- A request whose job has died says so; given another life, it waits again.
create function private.follow_job_of_privacy() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.privacy_requests as p
  set state = case when new.state = 'dead' then 'failed' else 'waiting' end,
    error = case when new.state = 'dead' then left(coalesce(new.error, ''), 1000) end
  where p.organization_id = new.organization_id
    and p.id = private.try_uuid(new.payload ->> 'request_id')
    and p.state = case when new.state = 'dead' then 'waiting' else 'failed' end;
  return null;
end;
$$;

create trigger jobs_privacy after update of state on private.jobs
for each row when (
  new.consumer = 'privacy' and new.state <> old.state
  and (new.state = 'dead' or (old.state = 'dead' and new.state = 'waiting'))
)
execute function private.follow_job_of_privacy();

-- The contact, and whoever was merged into it.
create function private.contact_family(organization_id uuid, contact_id uuid) returns uuid[]
language plpgsql stable security definer set search_path = '' as $$
begin
  return array(
    with recursive family as (
      select contact_family.contact_id as id
      union
      select c.id
      from family as f
      join public.contacts as c on c.organization_id = contact_family.organization_id and c.merged_into = f.id
    )
    select f.id from family as f
  );
end;
$$;

-- All that is known of the contact of an export: {table: [rows]}. One snapshot.
create function private.export_contact(request_id uuid) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
declare
  organization uuid := private.current_organization();
  family uuid[];
  addresses text[];
  tickets uuid[];
  place private.personal_data;
  found_rows jsonb;
  told jsonb := '{}';
begin
  select private.contact_family(organization, p.contact_id) into family
  from public.privacy_requests as p
  where p.organization_id = organization and p.id = export_contact.request_id and p.kind = 'export';
  if family is null then
    raise exception 'there is no export %', export_contact.request_id using errcode = 'PT404';
  end if;
  addresses := array(select c.email from public.contacts as c where c.id = any (family) and c.email is not null);
  tickets := array(
    select t.id from public.tickets as t where t.organization_id = organization and t.contact_id = any (family)
  );
  for place in
    select * from private.personal_data as d where d.is_exported order by d.table_name
  loop
    execute format(
      'select coalesce(jsonb_agg(to_jsonb(r) - $5), ''[]'') from %s as r where r.organization_id = $1 and (%s or %s)',
      place.table_name,
      coalesce('(' || place.by_contact || ')', 'false'),
      coalesce('(' || replace(place.by_ticket, '$2', '$4') || ')', 'false')
    ) into found_rows using organization, family, addresses, tickets, place.hidden;
    if found_rows <> '[]' then
      told := told || jsonb_build_object(place.table_name, found_rows);
    end if;
  end loop;
  return told;
end;
$$;

-- The files of an export: attachments, and mails as they came (without a path: the ledger has them).
create function private.files_of_contact(request_id uuid)
returns table (folder text, id uuid, name text, bucket text, path text)
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
declare
  organization uuid := private.current_organization();
  tickets uuid[] := array(
    select t.id
    from public.privacy_requests as p
    join public.tickets as t
      on t.organization_id = organization and t.contact_id = any (private.contact_family(organization, p.contact_id))
    where p.organization_id = organization and p.id = files_of_contact.request_id
  );
begin
  return query
  select 'files', a.id, a.file_name, 'attachments', a.storage_path
  from public.attachments as a
  where a.organization_id = organization and a.ticket_id = any (tickets)
  union all
  select 'mails', m.id, 'mail.eml', null, null
  from public.inbound_mails as m
  join private.inbound_raw as r on r.organization_id = m.organization_id and r.inbound_mail_id = m.id
  where m.organization_id = organization and m.ticket_id = any (tickets);
end;
$$;

-- The parts of an export lie in Storage.
create function private.keep_export(request_id uuid, files text[], manifest jsonb) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  keep constant interval := '7 days';
begin
  update public.privacy_requests as p
  set state = 'done', done_at = now(), expires_at = now() + keep, files = keep_export.files,
    manifest = keep_export.manifest
  where p.organization_id = private.current_organization() and p.id = keep_export.request_id;
  perform private.enqueue(
    private.current_organization(), 'clock',
    jsonb_build_object('ring', 'export_expires', 'request_id', keep_export.request_id), now() + keep
  );
end;
$$;

create function private.ring_export_expires(payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  expired public.privacy_requests;
begin
  update public.privacy_requests as p
  set files = '{}'
  from public.privacy_requests as before
  where p.organization_id = private.current_organization() and p.id = (payload ->> 'request_id')::uuid
    and before.id = p.id
  returning before.* into expired;
  perform private.doom_files(expired.organization_id, 'exports', expired.files);
end;
$$;

-- Erases what the manifest names and `where_column` (by_contact, by_ticket) finds. Returns the rows by table.
create function private.erase_rows(
  organization_id uuid, where_column text, ids uuid[], addresses text[] default '{}'
) returns jsonb
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  place private.personal_data;
  condition text;
  erased bigint;
  done jsonb := '{}';
begin
  for place in
    select * from private.personal_data as d
    where d.erasure <> 'keep' and case where_column when 'by_contact' then d.by_contact else d.by_ticket end is not null
    order by d.position, d.table_name
  loop
    condition := case where_column when 'by_contact' then place.by_contact else place.by_ticket end;
    execute format(
      case place.erasure
        when 'delete' then 'delete from %1$s as r where r.organization_id = $1 and (%2$s)'
        when 'call' then 'select %3$s from %1$s as r where r.organization_id = $1 and (%2$s)'
        else 'update %1$s as r set %3$s where r.organization_id = $1 and (%2$s)'
      end,
      place.table_name, condition, place.blank
    ) using erase_rows.organization_id, erase_rows.ids, erase_rows.addresses;
    get diagnostics erased = row_count;
    if erased > 0 then
      done := done || jsonb_build_object(place.table_name, erased);
    end if;
  end loop;
  return done;
end;
$$;

-- Two counts by table, as one.
create function private.add_counts(one jsonb, other jsonb) returns jsonb
language sql immutable set search_path = '' as $$
  select coalesce(jsonb_object_agg(c.key, c.rows), '{}')
  from (
    select each.key, sum(each.value::bigint) as rows
    from (select * from jsonb_each_text(one) union all select * from jsonb_each_text(other)) as each
    group by each.key
  ) as c;
$$;

-- Contacts, without anything that says who they were.
create function private.erase_contacts(organization_id uuid, contacts uuid[]) returns jsonb
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  addresses constant text[] := array(
    select c.email from public.contacts as c where c.id = any (erase_contacts.contacts) and c.email is not null
  );
begin
  -- In copy of what was written to others.
  update public.outgoing_mails as m
  set cc = array(select unnest(m.cc) except select unnest(addresses)),
    bcc = array(select unnest(m.bcc) except select unnest(addresses))
  where m.organization_id = erase_contacts.organization_id and (m.cc && addresses or m.bcc && addresses);
  return private.erase_rows(erase_contacts.organization_id, 'by_contact', erase_contacts.contacts, addresses);
end;
$$;

-- One step of an erasure: some tickets, and when none is left the contact itself. The ticket stays for what is counted,
-- without a word of what was said. Returns whether it wants to be called again.
create function private.erase_contact(request_id uuid) returns boolean
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  organization uuid := private.current_organization();
  slice constant integer := 50;
  request public.privacy_requests;
  family uuid[];
  some_tickets uuid[];
  done jsonb;
begin
  select * into request from public.privacy_requests as p
  where p.organization_id = organization and p.id = erase_contact.request_id and p.kind = 'erasure'
  for update;
  if not found then
    raise exception 'there is no erasure %', erase_contact.request_id using errcode = 'PT404';
  end if;
  if request.state = 'done' or request.manifest ? 'public.contacts' then
    return false;
  end if;
  perform set_config('app.privacy_request', request.id::text, true);
  family := private.contact_family(organization, request.contact_id);
  some_tickets := array(
    select t.id from public.tickets as t
    where t.organization_id = organization and t.contact_id = any (family) and t.erased_at is null
    order by t.id
    limit slice
    for update
  );
  if some_tickets <> '{}' then
    done := private.erase_tickets(organization, some_tickets);
  else
    -- Nothing of the contact arrives any more: its address is no longer its own after this.
    done := private.erase_contacts(organization, family);
  end if;
  done := private.add_counts(request.manifest, done);
  update public.privacy_requests as p
  set manifest = done,
    state = case when done ? 'public.contacts' and not exists (
      select from private.doomed_files as d where d.organization_id = organization and d.request_id = p.id
    ) then 'done' else 'waiting' end,
    done_at = case when done ? 'public.contacts' then now() end
  where p.id = request.id;
  return not done ? 'public.contacts';
end;
$$;

-- Tickets without their words. Open ones are closed: nobody can be answered there any more.
create function private.erase_tickets(organization_id uuid, tickets uuid[]) returns jsonb
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  update public.tickets as t
  set status = coalesce((
    select s.key from public.ticket_statuses as s
    where s.organization_id = t.organization_id and s.category = 'resolved'
    order by s.key = 'closed' desc, s.position, s.key
    limit 1
  ), t.status)
  where t.organization_id = erase_tickets.organization_id and t.id = any (erase_tickets.tickets)
    and t.status_category <> 'resolved';
  return private.erase_rows(erase_tickets.organization_id, 'by_ticket', erase_tickets.tickets);
end;
$$;
