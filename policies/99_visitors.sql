alter table private.visitor_rights enable row level security;

-- A visitor reads what contacts read, of the tables that are named for them, and writes by functions alone: one
-- restrictive policy per table and verb that a client has.
do $$
declare
  area record;
begin
  for area in
    select c.relname as name, verb.name as verb, verb.name = 'select' and r.resource is not null as is_open
    from pg_class as c
    cross join (values ('select'), ('insert'), ('update'), ('delete')) as verb (name)
    left join private.visitor_rights as r on r.resource = c.relname
    where c.relnamespace = 'public'::regnamespace
      and c.relkind in ('r', 'p')
      and (
        has_table_privilege('authenticated', c.oid, verb.name)
        or (verb.name <> 'delete' and has_any_column_privilege('authenticated', c.oid, verb.name))
      )
  loop
    if not area.is_open then
      execute format(
        'create policy %I on public.%I as restrictive for %s to pgdesk_visitor %s (false)',
        'Visitors may not ' || area.verb, area.name, area.verb,
        case area.verb when 'insert' then 'with check' else 'using' end
      );
    end if;
  end loop;
end;
$$;
