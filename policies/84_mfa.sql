grant execute on function private.closed_organizations() to authenticated;

-- The second lock: no row of such an organization by whatever other policy, on every table that belongs to one. It
-- holds for what is somebody's own, too, which is reached by user_id and not by a role.
do $$
declare
  area record;
begin
  for area in
    select c.relname as name, case c.relname when 'organizations' then 'id' else 'organization_id' end as tenant
    from pg_class as c
    where c.relnamespace = 'public'::regnamespace
      and c.relkind in ('r', 'p')
      and (
        c.relname = 'organizations'
        or exists (select from pg_attribute as a where a.attrelid = c.oid and a.attname = 'organization_id')
      )
  loop
    execute format(
      'create policy "A second factor where it is asked for" on public.%I as restrictive for all to authenticated'
        ' using (%I <> all(array(select private.closed_organizations())))',
      area.name, area.tenant
    );
  end loop;
end;
$$;
