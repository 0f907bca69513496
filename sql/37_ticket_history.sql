-- What became of each ticket, step by step: what SLA clocks and metrics are computed from.

-- Append-only. A row says how the ticket stands since `at`, and who wrote in that very step. Ids stay though what they
-- name may be gone.
create table public.ticket_history (
  organization_id uuid not null,
  ticket_id uuid not null,
  step integer not null,
  at timestamptz not null default clock_timestamp(),
  -- Whose public message made the step; null: nobody wrote.
  wrote text check (wrote in ('contact', 'member', 'ai')),
  status text not null,
  status_category text not null,
  priority public.ticket_priority not null,
  category_id uuid,
  team_id uuid,
  assignee_id uuid,
  actor_id uuid,
  primary key (ticket_id, step),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade
);
create index ticket_history_ticket_idx on public.ticket_history (organization_id, ticket_id);

-- The ticket's row is locked by whoever changes it, so its steps come one after the other, and so do their times.
create function private.keep_history() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  last public.ticket_history;
begin
  if tg_op = 'UPDATE' then
    select * into last from public.ticket_history as h where h.ticket_id = new.id order by h.step desc limit 1;
  end if;
  insert into public.ticket_history (
    organization_id, ticket_id, step, at, wrote, status, status_category, priority, category_id, team_id, assignee_id,
    actor_id
  )
  values (
    new.organization_id, new.id, coalesce(last.step, 0) + 1, greatest(clock_timestamp(), last.at),
    case
      when tg_op = 'INSERT' then null
      when new.last_contact_at is distinct from old.last_contact_at then 'contact'
      when new.last_answer_at is distinct from old.last_answer_at then new.last_answer_by
    end,
    new.status, new.status_category, new.priority, new.category_id, new.team_id, new.assignee_id,
    (select private.actor_id())
  );
  return null;
end;
$$;

create trigger tickets_history_begins after insert on public.tickets
for each row execute function private.keep_history();
create trigger tickets_history after update on public.tickets
for each row when (
  (
    old.last_contact_at, old.last_answer_at, old.status, old.priority, old.category_id, old.team_id, old.assignee_id
  ) is distinct from (
    new.last_contact_at, new.last_answer_at, new.status, new.priority, new.category_id, new.team_id, new.assignee_id
  )
)
execute function private.keep_history();
