-- What is typed into a search field, and the passage of a text that answers it.

-- In plpgsql, which keeps the plans of a session: SQL functions are read and planned anew in each statement.

-- Text as it is compared: lower case, without accents, in no language.
create function private.fold(value text) returns text
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return regexp_replace(normalize(lower(fold.value), nfkd), '[\u0300-\u036f]', '', 'g');
end;
$$;

-- Its words. An address is found by its parts too.
create function private.search_words(value text) returns tsvector
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return to_tsvector(
    'pg_catalog.simple', private.fold(search_words.value || ' ' || translate(search_words.value, '@_/', '   '))
  );
end;
$$;

-- What `name:value` in a query asks of a ticket; null where it is no more than words.
create function private.query_filter(name text, value text) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  asked constant text := lower(value);
  question constant jsonb := case
    when name = 'status' and asked in ('open', 'waiting', 'resolved')
      then jsonb_build_object('field', 'status_category', 'op', 'is', 'value', asked)
    when name in ('status', 'language')
      or name = 'priority' and asked = any (enum_range(null::public.ticket_priority)::text[])
      or name = 'channel' and asked = any (enum_range(null::public.ticket_channel)::text[])
      then jsonb_build_object('field', name, 'op', 'is', 'value', asked)
    when name = 'tag' then jsonb_build_object('field', 'tags', 'op', 'contains', 'value', asked)
    when name = 'from' then jsonb_build_object('field', 'contact.email', 'op', 'contains', 'value', asked)
    when name in ('assignee', 'team') and asked = 'none'
      then jsonb_build_object('field', name || '_id', 'op', 'is_not_set')
    when name = 'assignee' and (asked = 'me' or private.try_uuid(asked) is not null)
      then jsonb_build_object('field', 'assignee_id', 'op', 'is', 'value', asked)
    when name = 'team' and (asked = 'mine' or private.try_uuid(asked) is not null) then
      jsonb_build_object(
        'field', 'team_id', 'op', 'is', 'value', case asked when 'mine' then 'my_teams' else asked end
      )
    when name in ('before', 'after') then
      jsonb_build_object(
        'field', 'created_at', 'op', case name when 'before' then 'below' else 'above' end, 'value', asked
      )
  end;
begin
  return case when question is not null and private.question_error(question) is null then question end;
end;
$$;

-- The number of the ticket that has this one's messages now: its own, if it was not merged.
create function private.number_now(organization_id uuid, number bigint) returns bigint
language plpgsql stable set search_path = '' as $$
#variable_conflict use_column
begin
  return coalesce((
    select here.number
    from public.tickets as t
    join public.tickets as here on here.id = private.ticket_now(t.id)
    where t.organization_id = number_now.organization_id and t.number = number_now.number
  ), number_now.number);
end;
$$;

-- A query, read: its words in the order in which they were typed, whether the last may be unfinished, what stands in
-- quotes, and what is asked of tickets. Whatever is typed is a query; of what is endless, the beginning.
create function private.read_query(
  organization_id uuid, query text,
  out words text[], out is_unfinished boolean, out phrases tsquery[], out filters jsonb[]
)
language plpgsql stable set search_path = '' as $$
declare
  token text;
  value text;
  filter jsonb;
  phrase tsquery;
  is_address boolean;
  plain text := '';
begin
  is_unfinished := false;
  phrases := '{}';
  filters := '{}';
  for token in
    select match[1]
    from regexp_matches(left(query, 300), '([[:alpha:]]+:"[^"]*"|"[^"]*"|\S+)', 'g') with ordinality as m (match, place)
    order by place
    limit 30
  loop
    value := btrim(substr(token, position(':' in token) + 1), '"');
    filter := case
      when token ~ '^#[0-9]{1,15}$' then jsonb_build_object(
        'field', 'number', 'op', 'is', 'value', private.number_now(organization_id, substr(token, 2)::bigint)
      )
      when token ~* '^[a-z]+:.' then private.query_filter(lower(split_part(token, ':', 1)), value)
    end;
    if filter is not null then
      filters := filters || filter;
      continue;
    end if;
    -- An address is one word, that few tickets have; its parts are words that many have.
    is_address := position('@' in token) > 1 and length(token) <= 60
      and tsvector_to_array(to_tsvector('pg_catalog.simple', private.fold(token))) = array[private.fold(token)];
    plain := plain || ' ' || case when is_address then token else translate(token, '@_/', '   ') end;
    is_unfinished := not starts_with(token, '"');
    phrase := case when token ~ '^".*"$' then phraseto_tsquery('pg_catalog.simple', private.fold(value)) end;
    if numnode(phrase) > 1 then
      phrases := phrases || phrase;
    end if;
  end loop;
  -- Eight words leave nothing to choose. What is longer than any name is no word that somebody types.
  words := array(
    select w.lexeme
    from unnest(to_tsvector('pg_catalog.simple', private.fold(plain))) as w
    where length(w.lexeme) <= 60
    order by w.positions[cardinality(w.positions)]
    limit 8
  );
end;
$$;

-- The words of a query for a text that must have them all; the last may be unfinished.
create function private.words_query(words text[], is_unfinished boolean) returns tsquery
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return (
    select string_agg(
      quote_literal(w.word) || case when is_unfinished and w.place = cardinality(words) then ':*' else '' end, ' & '
    )
    from unnest(words) with ordinality as w (word, place)
  )::tsquery;
end;
$$;

-- Where words stand in a text, as a pattern for one without accents, whatever the case.
create function private.words_pattern(words text[], is_unfinished boolean) returns text
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return (
    select '\m(?:' || string_agg(
      regexp_replace(normalize(w.word, nfc), '([^[:alnum:]])', '\\\1', 'g')
        || case when is_unfinished and w.place = cardinality(words) then '\w*' else '\M' end,
      '|'
    ) || ')'
    from unnest(words) with ordinality as w (word, place)
  );
end;
$$;

-- The passage of a text around the first match of such a pattern, in HTML: its characters that mean something there are
-- escaped. What matches stands between U+E000 and U+E001, which occur nowhere else in it.
create function private.passage(value text, pattern text) returns text
language plpgsql immutable parallel safe set search_path = '' as $$
declare
  size constant integer := 240;
  plain constant text := btrim(regexp_replace(normalize(value, nfc), '[\s\u0001-\u001f\ue000\ue001]+', ' ', 'g'));
  -- Without accents: letter for letter, where that is possible.
  without_accents constant text := normalize(
    regexp_replace(normalize(plain, nfd), '[\u0300-\u036f]', '', 'g'), nfc
  );
  bare constant text := case when length(without_accents) = length(plain) then without_accents else plain end;
  found integer := coalesce(regexp_instr(bare, pattern, 1, 1, 0, 'i'), 0);
  -- From the beginning of a word somewhat before.
  here integer := case when found > 60 then found - 60 else 1 end;
  ends_at integer;
  shown text := '';
begin
  if here > 1 then
    here := here + coalesce(nullif(position(' ' in substr(plain, here, 60)), 0), 0);
    shown := '…';
  end if;
  ends_at := length(plain) + 1;
  if ends_at > here + size then
    ends_at := here + size - greatest(position(' ' in reverse(substr(plain, here, size))) % 60, 1);
  end if;
  while found > 0 and found < ends_at loop
    shown := shown || private.escape_html(substr(plain, here, found - here)) || U&'\E000';
    here := least(regexp_instr(bare, pattern, found, 1, 1, 'i'), ends_at);
    shown := shown || private.escape_html(substr(plain, found, here - found)) || U&'\E001';
    exit when here <= found;
    found := regexp_instr(bare, pattern, here, 1, 0, 'i');
  end loop;
  return shown || private.escape_html(substr(plain, here, ends_at - here))
    || case when ends_at <= length(plain) then '…' else '' end;
end;
$$;

create function private.escape_html(value text) returns text
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return replace(
    replace(replace(replace(replace(value, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;'
  );
end;
$$;
