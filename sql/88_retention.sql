-- How long an organization keeps what it need not keep for ever. Rules are kept by a job a day.

create table public.retention_rules (
  organization_id uuid not null references public.organizations (id) on delete cascade,
  -- raw_mail: mails as they came, once filed (what they said stands in the ticket). sessions: visits and their pages.
  -- spam: tickets of spam, as a whole. resolved_tickets: the words and files of tickets that have rested since.
  -- contacts: who has no ticket with words left, and has not been heard of since.
  what text not null check (what in ('raw_mail', 'sessions', 'spam', 'resolved_tickets', 'contacts')),
  keep interval not null check (keep between interval '1 day' and interval '50 years'),
  -- When it was kept last, and how many rows or tickets have gone by it.
  last_run_at timestamptz,
  gone bigint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (organization_id, what)
);

create trigger retention_rules_touch before update on public.retention_rules
for each row execute function private.touch();

-- A rule that is new or shorter is kept at once.
create function private.ask_retention() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.enqueue(new.organization_id, 'clock', '{"ring": "retention"}', dedupe_key => 'retention');
  return null;
end;
$$;

create trigger retention_rules_new after insert on public.retention_rules
for each row execute function private.ask_retention();
create trigger retention_rules_changed after update of keep on public.retention_rules
for each row when (new.keep <> old.keep) execute function private.ask_retention();

create index tickets_rested_idx on public.tickets (organization_id, resolved_at)
where resolved_at is not null and erased_at is null;
create index tickets_spam_idx on public.tickets (organization_id, last_message_at) where is_spam;

-- Removes some of what a rule no longer keeps. Returns how many.
create function private.keep_retention(rule public.retention_rules, most integer) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  before constant timestamptz := now() - rule.keep;
  some_ids uuid[];
  gone integer;
begin
  case rule.what
    when 'raw_mail' then
      delete from private.inbound_raw as r
      where r.organization_id = rule.organization_id and r.inbound_mail_id in (
        select m.id
        from private.inbound_raw as c
        join public.inbound_mails as m on m.organization_id = c.organization_id and m.id = c.inbound_mail_id
        where c.organization_id = rule.organization_id and c.inbound_mail_id < private.uuid7_floor(before)
          and m.state = 'done'
        order by c.inbound_mail_id
        limit most
      );
    when 'sessions' then
      delete from public.sessions as s
      where s.organization_id = rule.organization_id and s.id in (
        select c.id from public.sessions as c
        where c.organization_id = rule.organization_id and c.last_seen_at < before
        limit most
      );
    when 'spam' then
      some_ids := array(
        select t.id from public.tickets as t
        where t.organization_id = rule.organization_id and t.is_spam and t.last_message_at < before
        limit most / 10
        for update skip locked
      );
      if some_ids <> '{}' then
        -- What the ledger of mail says of them goes too.
        perform private.erase_tickets(rule.organization_id, some_ids);
        delete from public.tickets as t where t.organization_id = rule.organization_id and t.id = any (some_ids);
      end if;
      return cardinality(some_ids);
    when 'resolved_tickets' then
      some_ids := array(
        select t.id from public.tickets as t
        where t.organization_id = rule.organization_id and t.resolved_at < before and t.erased_at is null
        order by t.resolved_at
        limit most / 10
        for update skip locked
      );
      if some_ids <> '{}' then
        perform private.erase_tickets(rule.organization_id, some_ids);
      end if;
      return cardinality(some_ids);
    when 'contacts' then
      some_ids := array(
        select c.id from public.contacts as c
        where c.organization_id = rule.organization_id and c.erased_at is null and c.updated_at < before
          and c.id < private.uuid7_floor(before)
          and not exists (
            select from public.tickets as t
            where t.organization_id = c.organization_id and t.contact_id = c.id and t.erased_at is null
          )
          and not exists (
            select from public.sessions as s
            where s.organization_id = c.organization_id and s.contact_id = c.id and s.last_seen_at >= before
          )
        limit most / 10
        for update skip locked
      );
      if some_ids <> '{}' then
        perform private.erase_contacts(rule.organization_id, some_ids);
      end if;
      return cardinality(some_ids);
  end case;
  get diagnostics gone = row_count;
  return gone;
end;
$$;

-- One slice by each rule. Comes again at once where a slice was full, else in a day, as long as there are rules.
create function private.ring_retention(payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  slice constant integer := 1000;
  organization uuid := private.current_organization();
  rule public.retention_rules;
  gone integer;
  there_is_more boolean := false;
begin
  for rule in
    select * from public.retention_rules as r where r.organization_id = organization order by r.what
  loop
    gone := private.keep_retention(rule, slice);
    there_is_more := there_is_more
      or gone >= case when rule.what in ('spam', 'resolved_tickets', 'contacts') then slice / 10 else slice end;
    update public.retention_rules as r
    set last_run_at = now(), gone = r.gone + keep_now.gone
    from (values (gone)) as keep_now (gone)
    where r.organization_id = organization and r.what = rule.what;
  end loop;
  if exists (select from public.retention_rules as r where r.organization_id = organization) then
    perform private.enqueue(
      organization, 'clock', '{"ring": "retention"}',
      now() + case when there_is_more then interval '0' else interval '1 day' end, dedupe_key => 'retention'
    );
  end if;
end;
$$;
