-- The seal on the audit log: of each row a salted digest, of all digests a chain of hashes. What is altered, removed or
-- slipped in behind it is found; what a person has a right to have erased can be, and the chain still holds.

-- One link: the rows of an organization since the link before, in the order (epoch, txid, id). Its hash rests on that
-- of the link before. Whoever keeps the last hash outside the database can prove that the log was not written anew.
create table public.audit_seals (
  organization_id uuid not null references public.organizations (id) on delete cascade,
  number integer not null,
  rows integer not null check (rows > 0),
  epoch integer not null,
  txid xid8 not null,
  last_id uuid not null,
  hash text not null check (hash ~ '^[0-9a-f]{64}$'),
  created_at timestamptz not null default now(),
  primary key (organization_id, number)
);

create table private.audit_digests (
  audit_id uuid primary key,
  organization_id uuid not null,
  seal integer not null,
  place integer not null,
  -- sha256(salt, row). Without its salt a digest tells nothing of what was in the row, even to who guesses.
  salt bytea check (length(salt) = 32),
  digest bytea not null check (length(digest) = 32),
  -- The row was erased on purpose: then its salt is gone, and nobody can put anything back.
  redacted_at timestamptz,
  check ((salt is null) = (redacted_at is not null)),
  foreign key (organization_id, seal) references public.audit_seals (organization_id, number) on delete cascade
    deferrable initially deferred
);
create index audit_digests_seal_idx on private.audit_digests (organization_id, seal);

-- A row as it is digested: the same text in every session.
create function private.audit_digest(audited public.audit_log, salt bytea) returns bytea
language sql stable parallel safe set search_path = '' as $$
  select sha256(salt || convert_to(jsonb_build_array(
    audited.id, audited.organization_id, audited.actor_id, audited.actor_role, audited.action, audited.table_name,
    audited.row_id, audited.changes, audited.ip, audited.user_agent, extract(epoch from audited.created_at),
    audited.epoch, audited.txid::text
  )::text, 'UTF8'));
$$;

-- A link's hash: of the one before, its number, and its rows' digests in their order.
create function private.link_hash(organization_id uuid, number integer, before text) returns text
language sql stable set search_path = '' as $$
  select encode(sha256(
    coalesce(decode(before, 'hex'), '') || uuid_send(link_hash.organization_id) || int4send(link_hash.number)
    || coalesce(string_agg(uuid_send(d.audit_id) || d.digest, ''::bytea order by d.place), '')
  ), 'hex')
  from private.audit_digests as d
  where d.organization_id = link_hash.organization_id and d.seal = link_hash.number;
$$;

-- Asks for a seal in a minute, where none is asked for yet. It waits for nobody: where somebody asks at the same
-- moment, one is enough.
create function private.request_seal(organization_id uuid) returns void
language plpgsql security definer set search_path = '' set lock_timeout = '20ms' as $$
begin
  if not exists (
    select from private.jobs as j
    where j.organization_id = request_seal.organization_id and j.consumer = 'clock' and j.dedupe_key = 'seal_audit'
      and j.state = 'waiting'
  ) then
    perform private.enqueue(
      request_seal.organization_id, 'clock', '{"ring": "seal_audit"}', now() + interval '1 minute',
      dedupe_key => 'seal_audit'
    );
  end if;
exception when lock_not_available then
  null;
end;
$$;

-- Organizations with rows that no seal covers: for who was missed, by the hourly cleaning.
create function private.request_missing_seals() returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform private.request_seal(o.id)
  from public.organizations as o
  left join lateral (
    select s.epoch, s.txid, s.last_id from public.audit_seals as s
    where s.organization_id = o.id order by s.number desc limit 1
  ) as last on true
  where exists (
    select from public.audit_log as a
    where a.organization_id = o.id
      and (a.epoch, a.txid, a.id) > (coalesce(last.epoch, 0), coalesce(last.txid, '0'), coalesce(last.last_id, o.id))
  );
end;
$$;

-- The clock of sealing: one link for what was written since the last, up to the oldest transaction that is still open.
create function private.ring_seal_audit(payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  slice constant integer := 1000;
  organization constant uuid := private.current_organization();
  horizon constant xid8 := pg_snapshot_xmin(pg_current_snapshot());
  now_epoch constant integer := (select e.epoch from private.event_epoch as e);
  last public.audit_seals;
  next public.audit_seals;
begin
  perform pg_advisory_xact_lock(hashtextextended('pgdesk.seal:' || organization, 0));
  select * into last from public.audit_seals as s
  where s.organization_id = organization order by s.number desc limit 1;
  next.number := coalesce(last.number, 0) + 1;
  with due as materialized (
    select a as audited, uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) as salt
    from public.audit_log as a
    where a.organization_id = organization
      and (last.number is null or (a.epoch, a.txid, a.id) > (last.epoch, last.txid, last.last_id))
      and (a.epoch < now_epoch or a.txid < horizon)
    order by a.epoch, a.txid, a.id
    limit slice
  ), digested as (
    insert into private.audit_digests (audit_id, organization_id, seal, place, salt, digest)
    select
      (d.audited).id, organization, next.number,
      row_number() over (order by (d.audited).epoch, (d.audited).txid, (d.audited).id), d.salt,
      private.audit_digest(d.audited, d.salt)
    from due as d
  )
  select count(*) over (), (d.audited).epoch, (d.audited).txid, (d.audited).id
  into next.rows, next.epoch, next.txid, next.last_id
  from due as d
  order by (d.audited).epoch desc, (d.audited).txid desc, (d.audited).id desc
  limit 1;
  if next.rows is not null then
    insert into public.audit_seals (organization_id, number, rows, epoch, txid, last_id, hash)
    values (
      organization, next.number, next.rows, next.epoch, next.txid, next.last_id,
      private.link_hash(organization, next.number, last.hash)
    );
  end if;
  if exists (
    select from public.audit_log as a
    where a.organization_id = organization
      and (a.epoch, a.txid, a.id) > (
        coalesce(next.epoch, last.epoch, 0), coalesce(next.txid, last.txid, '0'),
        coalesce(next.last_id, last.last_id, organization)
      )
  ) then
    perform private.request_seal(organization);
  end if;
end;
$$;

-- Looks at every row and every link: what was altered, removed, or slipped in behind a seal. For admins. `head` is the
-- hash of the last link, to be kept elsewhere and compared: who owns the tables could write the whole chain anew.
create function private.verify_audit(organization_id uuid) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
declare
  shown constant integer := 100;
  whose constant uuid := verify_audit.organization_id;
  head text;
  answer jsonb;
begin
  if coalesce(private.my_role(whose) < 'admin', true) then
    raise exception 'only admins verify the audit log' using errcode = '42501';
  end if;
  select s.hash into head from public.audit_seals as s where s.organization_id = whose order by s.number desc limit 1;
  with links as (
    select
      s.*, lag(s.hash) over (order by s.number) as before, row_number() over (order by s.number) as expected
    from public.audit_seals as s where s.organization_id = whose
  ), last as (
    select l.epoch, l.txid, l.last_id from links as l order by l.number desc limit 1
  ), found (problem, audit_id, seal) as (
    select 'the chain is broken', null::uuid, l.number
    from links as l
    where l.number <> l.expected
      or l.hash <> private.link_hash(whose, l.number, l.before)
      or l.rows <> (
        select count(*) from private.audit_digests as d where d.organization_id = whose and d.seal = l.number
      )
    union all
    select case when a.id is null then 'the row was removed' else 'the row was altered' end, d.audit_id, d.seal
    from private.audit_digests as d
    left join public.audit_log as a on a.id = d.audit_id
    where d.organization_id = whose
      and case
        when a.id is null then true
        when d.salt is null then a.changes <> '{}' or a.ip is not null or a.user_agent is not null
        else private.audit_digest(a, d.salt) <> d.digest
      end
    union all
    select 'the row was slipped in', a.id, null
    from public.audit_log as a
    cross join last as l
    where a.organization_id = whose
      and (a.epoch, a.txid, a.id) <= (l.epoch, l.txid, l.last_id)
      and not exists (select from private.audit_digests as d where d.audit_id = a.id)
  )
  select jsonb_build_object(
    'is_sound', not exists (select from found),
    'problems', coalesce((
      select jsonb_agg(to_jsonb(f)) from (select * from found as f order by f.seal, f.audit_id limit shown) as f
    ), '[]'),
    'problem_count', (select count(*) from found),
    'rows', (select count(*) from public.audit_log as a where a.organization_id = whose),
    'sealed', (select count(*) from private.audit_digests as d where d.organization_id = whose),
    'redacted', (
      select count(*) from private.audit_digests as d where d.organization_id = whose and d.redacted_at is not null
    ),
    'seals', (select count(*) from links),
    'head', head
  ) into answer;
  return answer;
end;
$$;

create function public.verify_audit(organization_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select private.verify_audit(verify_audit.organization_id);
$$;

-- Erases what a row of the log says of people, for good, and leaves that there was one: who did what to which row.
-- The digest stays too, so the chain holds; without its salt it tells nothing. For the erasure of a contact.
create function private.redact_audit(audit_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
declare
  erased public.audit_log;
begin
  update public.audit_log as a set changes = '{}', ip = null, user_agent = null
  where a.id = redact_audit.audit_id and a.action <> 'redact'
  returning a.* into erased;
  if erased.id is null then
    return;
  end if;
  update private.audit_digests as d set salt = null, redacted_at = now()
  where d.audit_id = erased.id and d.salt is not null;
  perform private.write_audit(erased.organization_id, 'redact', 'audit_log', erased.id::text, '{}');
end;
$$;
