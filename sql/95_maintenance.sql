-- What keeps the house clean, run by a job once an hour.

-- Makes partitions ahead and deletes what has served its time, in slices: a long absence must not become one long
-- transaction. Where a slice was full it queues itself again. Returns what it did, for the log.
create function private.maintain() returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  slice constant integer := 20000;
  keep_done_jobs constant interval := '7 days';
  keep_events constant interval := '90 days';
  -- Far longer than a signature is good for, and than any provider repeats a webhook.
  keep_webhook_ids constant interval := '30 days';
  keep_webhook_deliveries constant interval := '90 days';
  keep_notifications constant interval := '90 days';
  -- Mostly spam to addresses that nobody has; long enough to notice an address that was forgotten.
  keep_unaddressed_mails constant interval := '30 days';
  keep_alarms constant interval := '90 days';
  keep_tag_jobs constant interval := '30 days';
  partitions integer := private.ensure_message_partitions();
  jobs integer;
  events integer;
  webhook_ids integer;
  webhook_deliveries integer;
  notifications integer;
  unaddressed_mails integer;
  rotations integer := private.enqueue_key_rotations();
  uploads integer := private.forget_uploads();
begin
  delete from private.jobs as j
  where j.id in (
    select d.id from private.jobs as d
    where d.state = 'done' and d.finished_at < now() - keep_done_jobs
    limit slice
  );
  get diagnostics jobs = row_count;
  with gone as (
    delete from public.events as e
    where e.id in (select d.id from public.events as d where d.created_at < now() - keep_events limit slice)
    returning e.txid
  ), last_gone as (
    select txid from gone order by txid desc limit 1
  ), noted as (
    update private.event_epoch as e set forgotten = greatest(e.forgotten, l.txid) from last_gone as l
  )
  select count(*) into events from gone;
  delete from private.received_webhooks as w
  where (w.source, w.id) in (
    select d.source, d.id from private.received_webhooks as d
    where d.received_at < now() - keep_webhook_ids
    limit slice
  );
  get diagnostics webhook_ids = row_count;
  delete from public.webhook_deliveries as w
  where w.id in (
    select d.id from public.webhook_deliveries as d
    where d.id < private.uuid7_floor(now() - keep_webhook_deliveries)
    limit slice
  );
  get diagnostics webhook_deliveries = row_count;
  delete from public.notifications as n
  where n.id in (
    select d.id from public.notifications as d
    where d.id < private.uuid7_floor(now() - keep_notifications)
    limit slice
  );
  get diagnostics notifications = row_count;
  delete from public.provider_mails as p
  where p.id in (
    select d.id from public.provider_mails as d
    where d.state = 'unaddressed' and d.created_at < now() - keep_unaddressed_mails
    limit slice
  );
  get diagnostics unaddressed_mails = row_count;
  perform private.request_all_metrics();
  delete from private.rate_counts as c
  where c.minute not between now() - interval '1 hour' and now() + interval '1 hour';
  delete from public.tag_jobs as j where j.finished_at < now() - keep_tag_jobs;
  delete from private.alarms as a where a.created_at < now() - keep_alarms;
  perform private.request_missing_seals();
  if slice in (jobs, events, webhook_ids, webhook_deliveries, unaddressed_mails, notifications) then
    perform private.enqueue_maintenance();
  end if;
  return jsonb_build_object(
    'partitions', partitions, 'jobs', jobs, 'events', events, 'webhook_ids', webhook_ids,
    'webhook_deliveries', webhook_deliveries, 'unaddressed_mails', unaddressed_mails, 'notifications', notifications,
    'rotations', rotations, 'uploads', uploads
  );
end;
$$;
