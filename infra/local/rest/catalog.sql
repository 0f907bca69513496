-- The system catalog as the schema cache reads it. %(schemas)s are the exposed schemas, %(searched)s those and the
-- extra search path. They run with an empty search_path, so that every type and function is told with its schema.

-- tables --
select
  n.nspname::text as schema,
  c.relname::text as name,
  obj_description(c.oid, 'pg_class') as description,
  c.relkind in ('v', 'm') as is_view,
  c.relkind in ('r', 'p') or (c.relkind in ('v', 'f') and pg_relation_is_updatable(c.oid, true) & 8 > 0) as insertable,
  c.relkind in ('r', 'p') or (c.relkind in ('v', 'f') and pg_relation_is_updatable(c.oid, true) & 4 > 0) as updatable,
  c.relkind in ('r', 'p') or (c.relkind in ('v', 'f') and pg_relation_is_updatable(c.oid, true) & 16 > 0) as deletable,
  coalesce(
    (
      select array_agg(a.attname::text order by a.attname)
      from pg_constraint k
      join pg_attribute a on a.attrelid = c.oid and a.attnum = any (k.conkey)
      where k.conrelid = c.oid and k.contype = 'p'
    ),
    '{}'
  ) as primary_key,
  c.oid::int8 as oid
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where
  c.relkind in ('r', 'v', 'm', 'f', 'p')
  and not c.relispartition
  and n.nspname not in ('pg_catalog', 'information_schema')
  and n.nspname !~ '^pg_(toast|temp)'
order by 1, 2;

-- columns --
with recursive base as (
  select t.oid, t.oid as base, t.typbasetype as below, t.typnamespace as namespace
  from pg_type t
  union all
  select b.oid, t.oid, t.typbasetype, t.typnamespace
  from base b
  join pg_type t on t.oid = b.below
)
select
  a.attrelid::int8 as table_oid,
  a.attname::text as name,
  col_description(a.attrelid, a.attnum) as description,
  not (a.attnotnull or (t.typtype = 'd' and t.typnotnull)) as nullable,
  case
    when t.typtype = 'd' and b.namespace = 'pg_catalog'::regnamespace then format_type(b.base, null)
    when t.typtype <> 'd' and t.typnamespace = 'pg_catalog'::regnamespace then format_type(a.atttypid, null)
    else format_type(a.atttypid, a.atttypmod)
  end as type,
  format_type(a.atttypid, a.atttypmod) as nominal_type,
  information_schema._pg_char_max_length(
    information_schema._pg_truetypid(a, t), information_schema._pg_truetypmod(a, t)
  )::int as max_length,
  case
    when t.typbasetype <> 0 and d.adbin is null then pg_get_expr(t.typdefaultbin, 0)
    when a.attidentity = 'd' then (
      select format('nextval(%%L)', s.objid::regclass)
      from pg_depend s
      where
        s.classid = 'pg_class'::regclass
        and s.refclassid = 'pg_class'::regclass
        and s.refobjid = a.attrelid
        and s.refobjsubid = a.attnum
        and s.deptype = 'i'
    )
    when a.attgenerated <> '' then null
    else pg_get_expr(d.adbin, d.adrelid)
  end as default_expression,
  coalesce(
    (select array_agg(e.enumlabel::text order by e.enumsortorder) from pg_enum e where e.enumtypid = b.base), '{}'
  ) as labels
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_type t on t.oid = a.atttypid
join base b on b.oid = t.oid and b.below = 0
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where
  a.attnum > 0
  and not a.attisdropped
  and c.relkind in ('r', 'v', 'm', 'f', 'p')
  and c.relnamespace = any (%(schemas)s::text[]::regnamespace[])
order by a.attrelid, a.attnum;

-- foreign_keys --
with uniques as (
  select k.conrelid, (select array_agg(number order by number) from unnest(k.conkey) number) as numbers
  from pg_constraint k
  where k.contype in ('p', 'u')
)
select
  k.conname::text as name,
  k.conrelid::int8 as table_oid,
  k.confrelid::int8 as foreign_oid,
  sn.nspname::text as schema,
  s.relname::text as table_name,
  fn.nspname::text as foreign_schema,
  f.relname::text as foreign_name,
  k.conkey::int[] as numbers,
  k.confkey::int[] as foreign_numbers,
  (
    select array_agg(a.attname::text order by place)
    from unnest(k.conkey) with ordinality as key (number, place)
    join pg_attribute a on a.attrelid = k.conrelid and a.attnum = number
  ) as columns,
  (
    select array_agg(a.attname::text order by place)
    from unnest(k.confkey) with ordinality as key (number, place)
    join pg_attribute a on a.attrelid = k.confrelid and a.attnum = number
  ) as foreign_columns,
  exists (
    select
    from uniques u
    where
      u.conrelid = k.conrelid
      and u.numbers = (select array_agg(number order by number) from unnest(k.conkey) number)
  ) as is_unique
from pg_constraint k
join pg_class s on s.oid = k.conrelid
join pg_namespace sn on sn.oid = s.relnamespace
join pg_class f on f.oid = k.confrelid
join pg_namespace fn on fn.oid = f.relnamespace
where k.contype = 'f' and k.conparentid = 0
order by k.conrelid, k.conname;

-- primary_keys --
select
  k.conname::text as name,
  k.conrelid::int8 as table_oid,
  k.conkey::int[] as numbers
from pg_constraint k
where k.contype = 'p';

-- views --
select
  c.oid::int8 as oid,
  n.nspname::text as schema,
  c.relname::text as name,
  n.nspname = any (%(schemas)s) as exposed,
  r.ev_action::text as definition,
  (select array_agg(a.attname::text order by a.attnum) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0)
    as columns
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_rewrite r on r.ev_class = c.oid and r.ev_type = '1'
where c.relkind in ('v', 'm') and n.nspname = any (%(searched)s);

-- functions --
with recursive base as (
  select t.oid, t.oid as base, t.typbasetype as below
  from pg_type t
  union all
  select b.oid, t.oid, t.typbasetype
  from base b
  join pg_type t on t.oid = b.below
),
arguments as (
  select
    p.oid,
    json_agg(json_build_array(
      coalesce(name, ''),
      type::regtype::text,
      case type
        when 'bit'::regtype then 'bit varying'
        when 'bit[]'::regtype then 'bit varying[]'
        when 'character'::regtype then 'character varying'
        when 'character[]'::regtype then 'character varying[]'
        else type::regtype::text
      end,
      place <= p.pronargs - p.pronargdefaults,
      coalesce(mode = 'v', false)
    ) order by place) as parameters,
    count(*) filter (where coalesce(name, '') = '') as unnamed,
    min(type::regtype::text) filter (where coalesce(name, '') = '') as unnamed_type
  from pg_proc p
  cross join lateral unnest(p.proargnames, p.proargtypes, p.proargmodes) with ordinality as _ (name, type, mode, place)
  where type is not null
  group by p.oid
)
select
  n.nspname::text as schema,
  p.proname::text as name,
  obj_description(p.oid, 'pg_proc') as description,
  coalesce(a.parameters, '[]') as parameters,
  tn.nspname::text as return_schema,
  coalesce(tc.relname, t.typname)::text as return_name,
  p.proretset as returns_set,
  t.typtype = 'c' or coalesce(p.proargmodes::text[] && '{t,b,o}', false) as returns_composite,
  p.provolatile::text as volatility,
  p.provariadic > 0 as variadic,
  coalesce(p.proconfig, '{}') as settings,
  p.oid::int8 as oid
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
join base b on b.oid = p.prorettype and b.below = 0
join pg_type t on t.oid = b.base
join pg_namespace tn on tn.oid = t.typnamespace
left join pg_class tc on tc.oid = t.typrelid
left join arguments a on a.oid = p.oid
where
  p.prokind = 'f'
  and t.oid <> 'trigger'::regtype
  and (
    coalesce(a.unnamed, 0) = 0
    or (a.unnamed = 1 and a.unnamed_type in ('bytea', 'json', 'jsonb', 'text', 'xml'))
  )
  and n.nspname = any (%(schemas)s)
order by n.nspname, p.proname, p.pronargs, p.oid;

-- computed_relationships --
select
  fn.nspname::text as function_schema,
  p.proname::text as function_name,
  an.nspname::text as schema,
  at.typname::text as table_name,
  rn.nspname::text as foreign_schema,
  rt.typname::text as foreign_name,
  not p.proretset or p.prorows = 1 as to_one
from pg_proc p
join pg_namespace fn on fn.oid = p.pronamespace
join pg_type at on at.oid = p.proargtypes[0]
join pg_namespace an on an.oid = at.typnamespace
join pg_class ac on ac.oid = at.typrelid and ac.relkind in ('r', 'v', 'm', 'f', 'p')
join pg_type rt on rt.oid = p.prorettype
join pg_namespace rn on rn.oid = rt.typnamespace
join pg_class rc on rc.oid = rt.typrelid and rc.relkind in ('r', 'v', 'm', 'f', 'p')
where p.pronargs = 1;

-- representations --
select
  c.castsource::regtype::text as source,
  c.casttarget::regtype::text as target,
  c.castfunc::regproc::text as function
from pg_cast c
join pg_type s on s.oid = c.castsource
join pg_type t on t.oid = c.casttarget
where
  c.castcontext = 'i'
  and c.castmethod = 'f'
  and has_function_privilege(c.castfunc, 'execute')
  and (
    (s.typtype = 'd' and c.casttarget in ('json'::regtype, 'text'::regtype))
    or (t.typtype = 'd' and c.castsource in ('json'::regtype, 'text'::regtype))
  );

-- media_handlers --
with media as (
  select t.oid, n.nspname::text as type_schema, t.typname::text as type_name, lower(t.typname) as name
  from pg_type t
  join pg_namespace n on n.oid = t.typnamespace
  where t.typbasetype <> 0 and (t.typname ~* '^[a-z0-9.-]+/[a-z0-9.+-]+$' or t.typname = '*/*')
)
select
  pn.nspname::text as handler_schema,
  p.proname::text as handler_name,
  an.nspname::text as target_schema,
  at.typname::text as target_name,
  m.name as media_type
from media m
join pg_proc p on p.prorettype = m.oid
join pg_namespace pn on pn.oid = p.pronamespace
join pg_aggregate g on g.aggfnoid = p.oid
join pg_type at on at.oid = p.proargtypes[0]
join pg_namespace an on an.oid = at.typnamespace
where pn.nspname = any (%(schemas)s) and p.pronargs = 1
union all
select m.type_schema, m.type_name, pn.nspname::text, p.proname::text, m.name
from media m
join pg_proc p on p.prorettype = m.oid
join pg_namespace pn on pn.oid = p.pronamespace
where pn.nspname = any (%(schemas)s) and not p.proretset and p.prokind = 'f';

-- configuration --
with setting as (
  select setdatabase, unnest(setconfig) as entry
  from pg_db_role_setting
  where
    setrole = (select oid from pg_roles where rolname = current_user)
    and setdatabase in (0, (select oid from pg_database where datname = current_database()))
)
select
  substr(entry, 7, strpos(entry, '=') - 7) as name,
  substr(entry, strpos(entry, '=') + 1) as value
from setting
where entry like 'pgrst.%%'
order by setdatabase;

-- role_settings --
select
  r.rolname::text as role,
  substr(entry, 1, strpos(entry, '=') - 1) as name,
  substr(entry, strpos(entry, '=') + 1) as value
from pg_auth_members m
join pg_roles r on r.oid = m.roleid
cross join lateral unnest(r.rolconfig) entry
join pg_settings s on s.name = substr(entry, 1, strpos(entry, '=') - 1)
where
  m.member = (select oid from pg_roles where rolname = current_user)
  and (s.context = 'user' or has_parameter_privilege(current_user, s.name, 'set'));
