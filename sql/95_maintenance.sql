-- What keeps the house clean, run by a job once an hour.

-- Makes partitions ahead and deletes what has served its time. Returns what it did, for the log.
create function private.maintain(
  keep_done_jobs interval default '7 days', keep_events interval default '90 days'
) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  partitions integer := private.ensure_message_partitions();
  jobs integer;
  events integer;
begin
  -- In slices: a long absence must not become one long transaction.
  delete from private.jobs as j
  where j.id in (
    select d.id from private.jobs as d
    where d.state = 'done' and d.finished_at < now() - keep_done_jobs
    limit 20000
  );
  get diagnostics jobs = row_count;
  delete from public.events as e
  where e.id in (select d.id from public.events as d where d.created_at < now() - keep_events limit 20000);
  get diagnostics events = row_count;
  return jsonb_build_object('partitions', partitions, 'jobs', jobs, 'events', events);
end;
$$;
