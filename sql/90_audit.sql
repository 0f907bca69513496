-- Who changed what that is sensitive. Written plainly and never in the way of the change.

create table public.audit_log (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  actor_id uuid,
  actor_role text not null,
  action text not null check (action in ('insert', 'update', 'delete')),
  table_name text not null,
  row_id text not null,
  -- {column: [before, after]}; what is secret reads "[redacted]".
  changes jsonb not null,
  ip inet,
  user_agent text,
  created_at timestamptz not null default now()
);
create index audit_log_organization_idx on public.audit_log (organization_id, created_at desc);

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

-- Trigger argument: the column that names the row.
create function private.audit() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  before jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) else '{}' end;
  after jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) else '{}' end;
  whose uuid;
  headers jsonb;
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
    headers := private.try_jsonb(current_setting('request.headers', true));
    insert into public.audit_log (
      organization_id, actor_id, actor_role, action, table_name, row_id, changes, ip, user_agent
    )
    select
      whose, (select private.actor_id()), coalesce(nullif(current_setting('role', true), 'none'), session_user),
      lower(tg_op), tg_table_name, coalesce(after ->> tg_argv[0], before ->> tg_argv[0], ''),
      coalesce(jsonb_object_agg(
        key, case
          when key ~ '(secret|password|token|key_hash)' then '["[redacted]", "[redacted]"]'::jsonb
          else jsonb_build_array(before -> key, after -> key)
        end
      ) filter (where key is not null), '{}'),
      private.try_inet(btrim(split_part(coalesce(headers ->> 'x-forwarded-for', ''), ',', 1))),
      left(headers ->> 'user-agent', 400)
    from (
      select key from jsonb_object_keys(before || after) as key
      where before -> key is distinct from after -> key and key <> 'updated_at'
    ) as changed;
  exception when others then
    raise warning 'audit of % on % failed: %', tg_op, tg_table_name, sqlerrm;
  end;
  return null;
end;
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
-- What a person decided about a mail; whom mail is kept from, and since when no more.
create trigger outgoing_mails_audit after update of status on public.outgoing_mails
for each row when (old.status in ('failed', 'unknown') and new.status <> old.status)
execute function private.audit('id');
create trigger contacts_audit after update of suppressed_at on public.contacts
for each row when (old.suppressed_at is distinct from new.suppressed_at) execute function private.audit('id');
-- A merge may show one contact another's words.
create trigger ticket_moves_audit after insert or update of undone_at on public.ticket_moves
for each row execute function private.audit('id');
create trigger ticket_participants_audit after insert or update or delete on public.ticket_participants
for each row execute function private.audit('contact_id');
