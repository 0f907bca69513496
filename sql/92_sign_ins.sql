-- Sign-ins in the audit log of every organization that the user is a member of: written by Auth's hooks, in whose hands
-- nothing may fail. Auth calls them inside the sign-in itself.

-- Adds an action of a user's to the log of each of their organizations. Waits for nobody, and raises nothing.
create function private.note_sign_in(user_id uuid, session_id uuid, ip text, action text, method text, aal text)
returns void
language plpgsql security definer set search_path = '' set lock_timeout = '200ms' as $$
#variable_conflict use_column
declare
  session record;
begin
  -- Auth tells a hook little of the client: what its session was begun with says more.
  select s.ip, s.user_agent into session from auth.sessions as s where s.id = note_sign_in.session_id;
  perform set_config(
    'request.headers',
    jsonb_build_object(
      'cf-connecting-ip', coalesce(host(session.ip), note_sign_in.ip), 'user-agent', session.user_agent
    )::text,
    true
  );
  perform private.write_audit(
    m.organization_id, note_sign_in.action, 'users', note_sign_in.user_id::text,
    jsonb_strip_nulls(jsonb_build_object(
      'method', jsonb_build_array(null, note_sign_in.method), 'aal', jsonb_build_array(null, note_sign_in.aal)
    )),
    note_sign_in.user_id
  )
  from public.members as m
  where m.user_id = note_sign_in.user_id;
exception when others then
  perform private.raise_alarm('sign_in', null, format('a %s is not in the audit log: %s', action, sqlerrm));
end;
$$;

-- Auth's custom access token hook: leaves the claims as they are. A refresh is no sign-in.
create function private.custom_access_token(event jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  if coalesce(event ->> 'authentication_method', '') <> 'token_refresh' then
    perform private.note_sign_in(
      private.try_uuid(event ->> 'user_id'), private.try_uuid(event #>> '{claims,session_id}'),
      event #>> '{metadata,ip_address}', 'sign_in', event ->> 'authentication_method', event #>> '{claims,aal}'
    );
  end if;
  return jsonb_build_object('claims', event -> 'claims');
end;
$$;

-- Auth's hook on passwords: a wrong one for a member is in the log, ten of them an hour at most: who tries them by the
-- thousand fills no log with it. It never says who may sign in.
create function private.password_checked(event jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  whose constant uuid := private.try_uuid(event ->> 'user_id');
begin
  begin
    if event ->> 'valid' = 'false' and (
      select count(*) < 10 from (
        select distinct a.created_at
        from public.members as m
        join public.audit_log as a on a.organization_id = m.organization_id
        where m.user_id = whose and a.actor_id = whose and a.action = 'sign_in_failed'
          and a.created_at > now() - interval '1 hour'
      ) as lately
    ) then
      perform private.note_sign_in(
        whose, null, event #>> '{metadata,ip_address}', 'sign_in_failed', 'password', null
      );
    end if;
  exception when others then
    perform private.raise_alarm('sign_in', null, format('a failed sign-in is not in the audit log: %s', sqlerrm));
  end;
  return '{"decision": "continue"}';
end;
$$;
