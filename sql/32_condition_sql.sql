-- Conditions as SQL: the answers of private.condition_holds, asked of many tickets at once and by their indexes.
--
-- Of a condition nothing gets into the text but literals (%L) and the names of fields that condition_fields knows.

-- One question as a predicate over `t`, a ticket, and `c`, its contact; never null. "me" for an assignee is the caller,
-- "my_teams" for a team are theirs.
create function private.question_sql(question jsonb, me uuid, my_teams uuid[]) returns text
language plpgsql stable set search_path = '' as $$
declare
  field constant text := question ->> 'field';
  op constant text := question ->> 'op';
  kind constant text := private.condition_kind(question ->> 'field');
  is_id constant boolean := field like '%\_id';
  fact constant text := case
    when field = 'contact.tags' then
      'array(select g.name from public.contact_tags as l join public.tags as g on g.id = l.tag_id'
      ' where l.organization_id = c.organization_id and l.contact_id = c.id)'
    when field = 'contact.company' then
      '(select k.name from public.companies as k where k.organization_id = c.organization_id and k.id = c.company_id)'
    when starts_with(field, 'contact.fields.') then format('(c.fields ->> %L)', substr(field, 16))
    when starts_with(field, 'fields.') then format('(t.fields ->> %L)', substr(field, 8))
    when starts_with(field, 'contact.') then format('c.%I', substr(field, 9))
    else format('t.%I', field)
  end;
  -- As texts are compared; ids and statuses as they are, for that is how they are indexed.
  as_text constant text := format('lower(%s::text)', fact);
  compared constant text := case when is_id or field in ('status', 'status_category') then fact else as_text end;
  type constant text := case when is_id then 'uuid' else 'text' end;
  asked text[] := array(
    select lower(value)
    from jsonb_array_elements_text(
      case jsonb_typeof(question -> 'value')
        when 'array' then question -> 'value'
        else jsonb_build_array(question -> 'value')
      end
    ) as value
  );
  is_negative boolean := op in ('is_not', 'not_in', 'not_contains', 'is_not_set');
  equal text;
begin
  if kind is null then
    return 'false';
  elsif op in ('is_set', 'is_not_set') then
    return format(
      case
        when kind = 'list' and is_negative then 'cardinality(%s) = 0'
        when kind = 'list' then 'cardinality(%s) > 0'
        when kind = 'text' and not is_id and is_negative then 'coalesce(%s::text, '''') = '''''
        when kind = 'text' and not is_id then 'coalesce(%s::text, '''') <> '''''
        when is_negative then '%s is null'
        else '%s is not null'
      end,
      fact
    );
  elsif kind = 'list' then
    return format(
      '%sexists (select from unnest(%s) as item where lower(item) = %L)',
      case when is_negative then 'not ' else '' end, fact, asked[1]
    );
  elsif kind <> 'text' then
    return format(
      '(%1$s is not null and %1$s %2$s %3$L::%4$s)',
      fact || case when kind = 'number' then '::numeric' else '' end,
      case op when 'above' then '>' when 'below' then '<' else '=' end,
      case when kind = 'instant' then private.instant(asked[1])::text else asked[1] end,
      case kind when 'instant' then 'timestamptz' when 'number' then 'numeric' else kind end
    );
  elsif op = 'contains' then
    return format('position(%L in coalesce(%s, '''')) > 0 and %s is not null', asked[1], as_text, fact);
  elsif op = 'not_contains' then
    return format('position(%L in coalesce(%s, '''')) = 0', asked[1], as_text);
  elsif op = 'starts_with' then
    return format('(%s is not null and starts_with(%s, %L))', fact, as_text, asked[1]);
  elsif op = 'ends_with' then
    return format('(%s is not null and right(%s, %s) = %L)', fact, as_text, length(asked[1]), asked[1]);
  end if;
  if field = 'assignee_id' then
    asked := array_replace(asked, 'me', me::text);
  elsif field = 'team_id' and 'my_teams' = any (asked) then
    asked := asked || my_teams::text[];
  elsif field = 'status_category' and is_negative then
    -- What is not resolved is open or waiting: this way an index finds it.
    asked := array(select key from unnest(array['open', 'waiting', 'resolved']) as key where key <> all (asked));
    is_negative := false;
  end if;
  if is_id then
    asked := array(
      select value from unnest(asked) as value where value ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    );
  end if;
  -- One value as `=`: only so does an index give what is equal in its order.
  equal := case cardinality(asked)
    when 0 then 'false'
    when 1 then format('%s = %L::%s', compared, asked[1], type)
    else format('%s = any (%L::%s[])', compared, asked, type)
  end;
  return format(
    case when is_negative then '(%s is null or not %s)' else '(%s is not null and %s)' end, fact, equal
  );
end;
$$;

-- A sound condition as a predicate.
create function private.condition_sql(condition jsonb, me uuid default null, my_teams uuid[] default '{}') returns text
language plpgsql stable set search_path = '' as $$
declare
  parts text;
begin
  if condition ? 'field' then
    return '(' || private.question_sql(condition, me, my_teams) || ')';
  elsif condition ? 'not' then
    return '(not ' || private.condition_sql(condition -> 'not', me, my_teams) || ')';
  end if;
  select string_agg(
    private.condition_sql(part, me, my_teams), case when condition ? 'all' then ' and ' else ' or ' end
  ) into parts
  from jsonb_array_elements(coalesce(condition -> 'all', condition -> 'any')) as part;
  return coalesce('(' || parts || ')', (condition ? 'all')::text);
end;
$$;

-- Questions that hold for all tickets of a condition: those it asks alone, or as one of `all`.
create function private.certain_questions(condition jsonb) returns setof jsonb
language sql immutable parallel safe set search_path = '' as $$
  select part
  from jsonb_array_elements(
    case when condition ? 'all' then condition -> 'all' else jsonb_build_array(condition) end
  ) as part
  where part ? 'field';
$$;

-- The teams that the caller is in.
create function private.my_teams() returns setof uuid
language sql stable security definer set search_path = '' rows 3 as $$
  select m.team_id from public.team_members as m where m.user_id = (select auth.uid());
$$;

-- A condition as a predicate for the caller. One that is not sound has an end here.
create function private.my_predicate(condition jsonb) returns text
language plpgsql stable set search_path = '' as $$
declare
  problem constant text := private.condition_error(condition);
begin
  if problem is not null then
    raise exception 'conditions: %', problem using errcode = '22023';
  end if;
  return private.condition_sql(condition, (select auth.uid()), array(select private.my_teams()));
end;
$$;
