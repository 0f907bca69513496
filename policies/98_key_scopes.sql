alter table private.key_scopes enable row level security;

-- Beside what members may: one restrictive policy per table and verb that a client has, for keys alone. So a scope
-- holds for what is embedded in an answer and for what an RPC touches, not only for the path that was asked for.
do $$
declare
  area record;
begin
  for area in
    select
      c.relname as name,
      verb.name as verb,
      coalesce(
        '(select private.key_allows('
          || quote_literal(case when verb.name = 'select' then s.reads else s.writes end) || '))',
        'false'
      ) as condition
    from pg_class as c
    cross join (values ('select'), ('insert'), ('update'), ('delete')) as verb (name)
    left join private.key_scopes as s on s.resource = c.relname
    where c.relnamespace = 'public'::regnamespace
      and c.relkind in ('r', 'p')
      and (
        has_table_privilege('authenticated', c.oid, verb.name)
        or (verb.name <> 'delete' and has_any_column_privilege('authenticated', c.oid, verb.name))
      )
  loop
    execute format(
      'create policy %I on public.%I as restrictive for %s to pgdesk_api_key %s (%s)',
      'Keys need a scope to ' || area.verb, area.name, area.verb,
      case area.verb when 'insert' then 'with check' else 'using' end, area.condition
    );
  end loop;
end;
$$;

create policy "Keys need a scope to answer contacts" on public.messages as restrictive
for insert to pgdesk_api_key with check (is_internal or sender <> 'member' or (select private.key_allows('mail:send')));

-- Files are read like the messages they hang on. Live topics are for people: programs have webhooks and events_since.
create policy "Keys need a scope to fetch files" on storage.objects as restrictive
for select to pgdesk_api_key using ((select private.key_allows('tickets:read')));
create policy "Keys hear no topics" on realtime.messages as restrictive
for select to pgdesk_api_key using (false);
create policy "Keys speak on no topics" on realtime.messages as restrictive
for insert to pgdesk_api_key with check (false);
