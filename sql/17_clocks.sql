-- Work that is SQL alone and comes at its time: SLA clocks, snoozes, reminders. Each is a job of the consumer `clock`.

-- Does what a clock's payload says: {"ring": "sla", …} calls private.ring_sla(payload). Payloads are written by this
-- schema alone. Inside the job's last transaction, so that it happens once.
create function private.ring(payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  bell constant text := 'private.ring_' || coalesce(payload ->> 'ring', '');
begin
  if to_regprocedure(format('%s(jsonb)', bell)) is null or bell !~ '^private\.ring_[a-z_]+$' then
    raise exception 'there is no clock "%"', left(payload ->> 'ring', 60) using errcode = '22023';
  end if;
  execute format('select %s($1)', bell) using payload;
end;
$$;
