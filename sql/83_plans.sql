-- What an organization's plan includes. Enforced where rows are made, for people and programs that make more; never for
-- what comes in: a customer's mail is kept, answered and counted whatever the plan says.

create table private.plans (
  key text primary key check (key ~ '^[a-z][a-z0-9_]{0,39}$'),
  -- Null: as many as there are.
  contacts integer check (contacts >= 0),
  mails_per_month integer check (mails_per_month >= 0),
  workflows integer check (workflows >= 0),
  seats integer check (seats > 0),
  -- Files of members and contacts; what comes by mail is kept all the same, and counts.
  storage_mb integer check (storage_mb > 0)
);

insert into private.plans (key, contacts, mails_per_month, workflows, seats, storage_mb) values
  ('unlimited', null, null, null, null, null),
  ('free', 500, 1000, 2, 2, 500),
  ('team', 10000, 20000, 20, 10, 20000),
  ('business', 100000, 200000, 100, 50, 200000);

-- Who runs the installation sets it; an organization does not.
alter table public.organizations add column plan text not null default 'unlimited' references private.plans (key);
create index organizations_plan_idx on public.organizations (plan);

-- How many an organization may have; null: no limit.
create function private.plan_limit(organization_id uuid, what text) returns bigint
language plpgsql stable security definer set search_path = '' as $$
declare
  plan private.plans;
begin
  select p.* into plan
  from public.organizations as o
  join private.plans as p on p.key = o.plan
  where o.id = plan_limit.organization_id;
  return case what
    when 'contacts' then plan.contacts
    when 'mails' then plan.mails_per_month
    when 'workflows' then plan.workflows
    when 'seats' then plan.seats
    when 'storage' then plan.storage_mb * 1048576::bigint
  end;
end;
$$;

-- How many it has: counted from the rows, up to `enough`, so that no counter can be wrong (`storage`, in bytes, is one
-- that triggers keep). Mails are those of this
-- month (UTC) that were not held back.
create function private.plan_use(organization_id uuid, what text, enough bigint default null) returns bigint
language plpgsql volatile security definer set search_path = '' as $$
#variable_conflict use_column
declare
  used bigint := 0;
begin
  case what
    when 'contacts' then
      select count(*) into used from (
        select from public.contacts as c where c.organization_id = plan_use.organization_id limit enough
      ) as counted;
    when 'mails' then
      select count(*) into used from (
        select from public.outgoing_mails as m
        where m.organization_id = plan_use.organization_id
          and m.id >= private.uuid7_floor(date_trunc('month', now() at time zone 'utc') at time zone 'utc')
          and m.status <> 'suppressed'
        limit enough
      ) as counted;
    when 'seats' then
      select count(*) into used from public.members as m where m.organization_id = plan_use.organization_id;
    when 'storage' then -- bytes
      used := coalesce((
        select u.bytes from private.file_usage as u where u.organization_id = plan_use.organization_id
      ), 0);
    else
      if to_regclass('public.' || quote_ident(what)) is not null then
        execute format('select count(*) from public.%I where organization_id = $1', what)
        into used using plan_use.organization_id;
      end if;
  end case;
  return used;
end;
$$;

-- Raises where an organization would have more than its plan includes, with `adding` besides what there is. Who asks at
-- the same time waits, and then counts what the other has made: of two at the limit one passes.
create function private.check_plan(organization_id uuid, what text, adding bigint default 0) returns void
language plpgsql volatile security definer set search_path = '' as $$
declare
  allowed constant bigint := private.plan_limit(check_plan.organization_id, what);
begin
  if allowed is null then
    return;
  end if;
  perform pg_advisory_xact_lock(hashtextextended('pgdesk.plan:' || what || ':' || check_plan.organization_id, 0));
  if private.plan_use(check_plan.organization_id, what, allowed + 1) + adding > allowed then
    raise exception 'the plan includes % %', allowed, what
      using errcode = 'PT402', detail = format('what: %s, allowed: %s', what, allowed),
        hint = 'usage(organization_id) tells what is used; another plan includes more.';
  end if;
end;
$$;

-- After rows were made. Trigger arguments: what they are; and `by_members`, where nobody else is refused: functions and
-- contacts make contacts because a customer came in.
create function private.keep_to_plan() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_argv[1] = 'by_members' and private.actor_id() is null then
    return null;
  end if;
  perform private.check_plan(made.organization_id, tg_argv[0])
  from (select distinct n.organization_id from made_rows as n) as made
  where tg_argv[1] is distinct from 'by_members' or made.organization_id in (select private.my_organizations());
  return null;
end;
$$;

create trigger contacts_plan after insert on public.contacts
referencing new table as made_rows
for each statement execute function private.keep_to_plan('contacts', 'by_members');
create trigger members_plan after insert on public.members
referencing new table as made_rows
for each statement execute function private.keep_to_plan('seats');

-- Who is invited has a seat kept for them, until the invitation expires.
create function private.keep_invitations_to_plan() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.check_plan(new.organization_id, 'seats', (
    select count(*) from public.invitations as i
    where i.organization_id = new.organization_id and i.accepted_at is null and i.expires_at > now()
  ));
  return null;
end;
$$;

create trigger invitations_plan after insert on public.invitations
for each row execute function private.keep_invitations_to_plan();

-- Mails beyond the plan. Answers, and what members and the invited are told, go out all the same, and show in usage: a
-- customer who was let in is not left without an answer. What the desk sends unasked (receipts, questions how it went)
-- is held back, visibly. Anything else is refused to whoever wants to send it.
create function private.keep_mails_to_plan() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.check_plan(new.organization_id, 'mails', 1);
  return new;
exception when sqlstate 'PT402' then
  if new.kind in ('receipt', 'csat') then
    new.status := 'suppressed';
    new.reason := 'over the mails a month that the plan includes';
    return new;
  end if;
  raise;
end;
$$;

create trigger outgoing_mails_plan before insert on public.outgoing_mails
for each row when (new.kind not in ('reply', 'chat', 'notices', 'invitation') and new.status = 'stored')
execute function private.keep_mails_to_plan();

-- What an organization uses of its plan. `allowed` null: no limit.
create function private.usage(organization_id uuid) returns table (what text, used bigint, allowed bigint)
language plpgsql volatile security definer set search_path = '' as $$
#variable_conflict use_column
begin
  if private.my_role(usage.organization_id) is null then
    raise exception 'you are not a member of this organization' using errcode = '42501';
  end if;
  return query
  select w.what, private.plan_use(usage.organization_id, w.what), private.plan_limit(usage.organization_id, w.what)
  from (values ('contacts'), ('mails'), ('seats'), ('storage'), ('workflows')) as w (what);
end;
$$;

create function public.usage(organization_id uuid) returns table (what text, used bigint, allowed bigint)
language sql volatile set search_path = '' as $$
  select * from private.usage(usage.organization_id);
$$;
