-- Who changed what that is sensitive. Written plainly and never in the way of the change: what cannot be written raises
-- an alarm. A job seals it afterwards (91_audit_seal.sql).

create table public.audit_log (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  actor_id uuid,
  actor_role text not null,
  action text not null check (
    action in ('insert', 'update', 'delete', 'sign_in', 'sign_in_failed', 'export', 'redact')
  ),
  table_name text not null,
  row_id text not null,
  -- {column: [before, after]}; what is secret reads "[redacted]".
  changes jsonb not null,
  ip inet,
  user_agent text,
  created_at timestamptz not null default now(),
  -- The order in which it is sealed: by then no transaction can add a row before those that are.
  epoch integer not null,
  txid xid8 not null default pg_current_xact_id()
);
create index audit_log_organization_idx on public.audit_log (organization_id, created_at desc);
create index audit_log_cursor_idx on public.audit_log (organization_id, epoch, txid, id);

-- What somebody has to look at, though nothing stood still for it. No client's; told by /health and the metric Alarms.
create table private.alarms (
  id uuid primary key default private.uuid7(),
  kind text not null check (kind in ('audit', 'sign_in')),
  organization_id uuid,
  detail text not null,
  created_at timestamptz not null default now()
);
create index alarms_created_at_idx on private.alarms (created_at);

-- Raises an alarm, and fails at nothing: it is called where something has failed already.
create function private.raise_alarm(kind text, organization_id uuid, detail text) returns void
language plpgsql security definer set search_path = '' as $$
begin
  raise warning '%', raise_alarm.detail;
  insert into private.alarms (kind, organization_id, detail)
  values (raise_alarm.kind, raise_alarm.organization_id, left(raise_alarm.detail, 1000));
exception when others then
  raise warning 'the alarm % could not be kept: %', raise_alarm.kind, sqlerrm;
end;
$$;

-- How many alarms of each kind there were in the last five minutes and in the last day.
create function private.alarm_status() returns table (kind text, raised bigint, raised_today bigint, last text)
language sql stable security definer set search_path = '' as $$
  select
    k.kind, count(a.id) filter (where a.created_at > now() - interval '5 minutes'), count(a.id),
    (array_agg(a.detail order by a.created_at desc))[1]
  from (values ('audit'), ('sign_in')) as k (kind)
  left join private.alarms as a on a.kind = k.kind and a.created_at > now() - interval '1 day'
  group by k.kind
  order by k.kind;
$$;

-- In plpgsql, statement by statement: in SQL the planner may evaluate the cast of a known value before the case around
-- it.
create function private.try_inet(value text) returns inet
language plpgsql stable parallel safe set search_path = '' as $$
begin
  if pg_input_is_valid(value, 'inet') then
    return value::inet;
  end if;
  return null;
end;
$$;

create function private.try_jsonb(value text) returns jsonb
language plpgsql stable parallel safe set search_path = '' as $$
begin
  if pg_input_is_valid(value, 'jsonb') then
    return value::jsonb;
  end if;
  return null;
end;
$$;

-- Where a request came from, by what the front door says and its sender cannot: cf-connecting-ip, which it sets anew,
-- or the last address of x-forwarded-for, which it adds. What stands before that anybody can write.
create function private.caller_ip(headers jsonb) returns inet
language plpgsql stable parallel safe set search_path = '' as $$
begin
  return coalesce(
    private.try_inet(btrim(headers ->> 'cf-connecting-ip')),
    private.try_inet(btrim(split_part(headers ->> 'x-forwarded-for', ',', -1)))
  );
end;
$$;

-- Adds a row to the log. It may raise: its callers turn that into an alarm.
create function private.write_audit(
  organization_id uuid, action text, table_name text, row_id text, changes jsonb,
  actor_id uuid default private.actor_id()
) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  headers constant jsonb := private.try_jsonb(current_setting('request.headers', true));
begin
  insert into public.audit_log (
    organization_id, actor_id, actor_role, action, table_name, row_id, changes, ip, user_agent, epoch
  )
  values (
    write_audit.organization_id, write_audit.actor_id,
    coalesce(nullif(current_setting('role', true), 'none'), session_user), write_audit.action, write_audit.table_name,
    write_audit.row_id, write_audit.changes, private.caller_ip(headers), left(headers ->> 'user-agent', 400),
    (select e.epoch from private.event_epoch as e)
  );
  perform private.request_seal(write_audit.organization_id);
end;
$$;

-- Trigger argument: the column that names the row.
create function private.audit() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  before jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) else '{}' end;
  after jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) else '{}' end;
  whose uuid;
begin
  begin
    whose := case tg_table_name
      when 'organizations' then private.try_uuid(coalesce(after ->> 'id', before ->> 'id'))
      else private.try_uuid(coalesce(after ->> 'organization_id', before ->> 'organization_id'))
    end;
    -- Gone with its organization: there is nobody left to read it.
    if not exists (select from public.organizations as o where o.id = whose) then
      return null;
    end if;
    perform private.write_audit(
      whose, lower(tg_op), tg_table_name, coalesce(after ->> tg_argv[0], before ->> tg_argv[0], ''),
      coalesce(jsonb_object_agg(
        key, case
          when key ~ '(secret|password|token|key_hash)' then '["[redacted]", "[redacted]"]'::jsonb
          else jsonb_build_array(before -> key, after -> key)
        end
      ) filter (where key is not null), '{}')
    )
    from (
      select key from jsonb_object_keys(before || after) as key
      where before -> key is distinct from after -> key and key <> 'updated_at'
    ) as changed;
  exception when others then
    perform private.raise_alarm(
      'audit', whose, format('audit of %s on %s failed: %s', tg_op, tg_table_name, sqlerrm)
    );
  end;
  return null;
end;
$$;

-- A member takes rows out of the desk: a client says so when it writes a list to a file.
create function private.log_export(organization_id uuid, what text, row_count integer) returns void
language plpgsql security definer set search_path = '' as $$
begin
  if private.my_role(log_export.organization_id) is null then
    raise exception 'you are not a member of this organization' using errcode = '42501';
  end if;
  begin
    perform private.write_audit(
      log_export.organization_id, 'export', left(log_export.what, 100), '',
      jsonb_build_object('rows', jsonb_build_array(null, log_export.row_count))
    );
  exception when others then
    perform private.raise_alarm('audit', log_export.organization_id, format('audit of an export failed: %s', sqlerrm));
  end;
end;
$$;

create function public.log_export(organization_id uuid, what text, row_count integer default null) returns void
language sql set search_path = '' as $$
  select private.log_export(log_export.organization_id, log_export.what, log_export.row_count);
$$;

create trigger organizations_audit after update on public.organizations
for each row execute function private.audit('id');
create trigger members_audit after insert or update or delete on public.members
for each row execute function private.audit('user_id');
create trigger invitations_audit after insert or update or delete on public.invitations
for each row execute function private.audit('id');
create trigger mail_addresses_audit after insert or update or delete on public.mail_addresses
for each row execute function private.audit('id');
create trigger api_keys_audit after insert or delete or update of revoked_at on public.api_keys
for each row execute function private.audit('id');
create trigger teams_audit after insert or update or delete on public.teams
for each row execute function private.audit('id');
create trigger team_members_audit after insert or update or delete on public.team_members
for each row execute function private.audit('user_id');
create trigger webhook_endpoints_audit after insert or update or delete on public.webhook_endpoints
for each row execute function private.audit('id');

-- How an organization is set up. By table, the column that names a row. Not what other changes bring with them: the
-- statuses of a new organization, the skills of a member who is removed.
do $$
declare
  area record;
begin
  for area in
    select * from (values
      ('skills', 'id'), ('member_skills', 'user_id'), ('team_skills', 'team_id'), ('member_availability', 'user_id'),
      ('ticket_statuses', 'key'), ('ticket_categories', 'id'), ('routing_rules', 'id'), ('macros', 'id'),
      ('canned_responses', 'id'), ('calendars', 'id'), ('calendar_hours', 'calendar_id'),
      ('calendar_holidays', 'calendar_id'), ('sla_policies', 'id'), ('sla_targets', 'policy_id'),
      ('article_categories', 'id'), ('triage_examples', 'id'), ('action_templates', 'id')
    ) as t (name, key)
  loop
    execute format(
      'create trigger %I after insert or update or delete on public.%I'
        ' for each row when (pg_trigger_depth() = 0) execute function private.audit(%L)',
      area.name || '_audit', area.name, area.key
    );
  end loop;
end;
$$;

-- What a person decided about a mail; whom mail is kept from, and since when no more.
create trigger chat_widgets_audit after insert or update or delete on public.chat_widgets
for each row execute function private.audit('id');
create trigger outgoing_mails_audit after update of status on public.outgoing_mails
for each row when (old.status in ('failed', 'unknown') and new.status <> old.status)
execute function private.audit('id');
-- A merge may show one contact another's words.
create trigger ticket_moves_audit after insert or update of undone_at on public.ticket_moves
for each row execute function private.audit('id');
create trigger ticket_participants_audit after insert or update or delete on public.ticket_participants
for each row execute function private.audit('contact_id');
create trigger tags_audit after update on public.tags
for each row when ((old.name, old.removed_at) is distinct from (new.name, new.removed_at))
execute function private.audit('id');
-- Also: who may be sent news, and by whose word.
create trigger contacts_audit after update of suppressed_at, subscription_status on public.contacts
for each row when (
  (old.suppressed_at, old.subscription_status) is distinct from (new.suppressed_at, new.subscription_status)
)
execute function private.audit('id');
create trigger contact_merges_audit after insert or update of undone_at on public.contact_merges
for each row execute function private.audit('id');
create trigger custom_fields_audit after insert or update on public.custom_fields
for each row execute function private.audit('id');
-- What was given out of somebody, and what forgotten.
create trigger privacy_requests_audit after insert or update of state on public.privacy_requests
for each row execute function private.audit('id');
create trigger retention_rules_audit after insert or delete or update of keep on public.retention_rules
for each row execute function private.audit('what');
