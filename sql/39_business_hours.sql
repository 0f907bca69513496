-- When a team works: opening hours in a time zone, and the holidays between.

create table public.calendars (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  name text not null check (length(btrim(name)) between 1 and 100),
  time_zone text not null default 'UTC' check (length(time_zone) <= 64),
  -- That of teams that have none of their own. Without any, the clock goes round.
  is_default boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, name)
);
create unique index calendars_default_idx on public.calendars (organization_id) where is_default;

-- Several a day, if it has a break. What overlaps counts once.
create table public.calendar_hours (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null,
  calendar_id uuid not null,
  weekday smallint not null check (weekday between 1 and 7), -- ISO 8601: 1 is Monday
  opens time not null,
  closes time not null, -- 24:00 is midnight
  check (opens < closes),
  unique (calendar_id, weekday, opens),
  foreign key (organization_id, calendar_id) references public.calendars (organization_id, id) on delete cascade
);
create index calendar_hours_calendar_idx on public.calendar_hours (organization_id, calendar_id);

create table public.calendar_holidays (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null,
  calendar_id uuid not null,
  day date not null,
  name text not null default '' check (length(name) <= 100),
  unique (calendar_id, day),
  foreign key (organization_id, calendar_id) references public.calendars (organization_id, id) on delete cascade
);
create index calendar_holidays_calendar_idx on public.calendar_holidays (organization_id, calendar_id);

alter table public.teams add column calendar_id uuid;
alter table public.teams add foreign key (organization_id, calendar_id)
references public.calendars (organization_id, id) on delete set null (calendar_id);
create index teams_calendar_idx on public.teams (organization_id, calendar_id);

create trigger calendars_touch before update on public.calendars
for each row execute function private.touch();

create function private.check_time_zone() returns trigger
language plpgsql set search_path = '' as $$
begin
  perform now() at time zone new.time_zone;
  return new;
exception when invalid_parameter_value then
  raise exception 'there is no time zone "%"', new.time_zone
    using errcode = '23514', hint = 'Names are those of the IANA database, as Europe/Berlin.';
end;
$$;

create trigger calendars_time_zone before insert or update of time_zone on public.calendars
for each row execute function private.check_time_zone();

-- A calendar as a value: {"zone", "hours": [{"day", "opens", "closes"}], "holidays": [date]}. What was promised to a
-- customer is computed from it, also after somebody has changed the calendar. Null for none.
create function private.calendar_value(calendar_id uuid) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return (
    select jsonb_build_object(
      'zone', c.time_zone,
      'hours', coalesce(
        (
          select jsonb_agg(
            jsonb_build_object('day', h.weekday, 'opens', h.opens, 'closes', h.closes) order by h.weekday, h.opens
          )
          from public.calendar_hours as h where h.calendar_id = c.id
        ), '[]'
      ),
      'holidays', coalesce(
        (select jsonb_agg(d.day order by d.day) from public.calendar_holidays as d where d.calendar_id = c.id), '[]'
      )
    )
    from public.calendars as c
    where c.id = calendar_value.calendar_id
  );
end;
$$;

-- When a calendar is open, within a range of time that has both ends. Null calendar: always. Where clocks are turned
-- forward, an hour that does not exist is not open; where they are turned back, the doubled hour counts twice.
create function private.open_spans(calendar jsonb, during tstzrange) returns tstzmultirange
language plpgsql stable set search_path = '' as $$
begin
  return (
    select case
      when calendar is null then tstzmultirange(during)
      else coalesce(
        (
          select range_agg(tstzrange(span.opens, span.closes))
          from generate_series(
            (lower(during) at time zone (calendar ->> 'zone'))::date - 1,
            (upper(during) at time zone (calendar ->> 'zone'))::date,
            interval '1 day'
          ) as date (day)
          join jsonb_to_recordset(calendar -> 'hours') as h (day integer, opens time, closes time)
            on h.day = extract(isodow from date.day)
          cross join lateral (
            select (date.day::date + h.opens) at time zone (calendar ->> 'zone') as opens,
              (date.day::date + h.closes) at time zone (calendar ->> 'zone') as closes
          ) as span
          where not calendar -> 'holidays' @> to_jsonb(to_char(date.day, 'YYYY-MM-DD')) and span.opens < span.closes
        ),
        '{}'
      ) * tstzmultirange(during)
    end
  );
end;
$$;

-- Whether a calendar is open at an instant, and, where it is not, when it opens next within two weeks. Nulls for no
-- calendar: nothing is promised.
create function private.opening(calendar jsonb, at timestamptz) returns table (is_open boolean, opens_at timestamptz)
language plpgsql stable set search_path = '' rows 1 as $$
declare
  next_open timestamptz;
begin
  if calendar is not null then
    next_open := lower(private.open_spans(calendar, tstzrange(at, at + interval '14 days')));
    is_open := coalesce(next_open = at, false);
    opens_at := case when not is_open then next_open end;
  end if;
  return next;
end;
$$;

-- How long a calendar is open between two instants. In seconds within the interval: a day is no 24 hours when clocks
-- are turned.
create function private.open_time(calendar jsonb, starts timestamptz, ends timestamptz) returns interval
language plpgsql stable set search_path = '' as $$
begin
  return (
    select make_interval(
      secs => coalesce(sum(extract(epoch from upper(s.span)) - extract(epoch from lower(s.span))), 0)::float8
    )
    from unnest(private.open_spans(calendar, tstzrange(starts, greatest(starts, ends)))) as s (span)
  );
end;
$$;

-- The instant at which a calendar has been open for `work` since `starts`; null where that does not come within three
-- years (a calendar that never opens).
create function private.open_until(calendar jsonb, starts timestamptz, work interval) returns timestamptz
language plpgsql stable set search_path = '' as $$
declare
  remaining float8 := extract(epoch from work);
  weeks integer := 2;
  place timestamptz := starts;
  span tstzrange;
begin
  if remaining <= 0 then
    return starts;
  end if;
  while place < starts + interval '3 years' loop
    for span in
      select s.span
      from unnest(private.open_spans(calendar, tstzrange(place, place + make_interval(weeks => weeks)))) as s (span)
    loop
      if remaining <= extract(epoch from upper(span)) - extract(epoch from lower(span)) then
        return lower(span) + make_interval(secs => remaining);
      end if;
      remaining := remaining - (extract(epoch from upper(span)) - extract(epoch from lower(span)));
    end loop;
    place := place + make_interval(weeks => weeks);
    weeks := least(weeks * 2, 52);
  end loop;
  return null;
end;
$$;
