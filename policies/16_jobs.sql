-- Jobs are reached through functions alone.
alter table private.consumers enable row level security;
alter table private.routes enable row level security;
alter table private.jobs enable row level security;
alter table private.claim_marks enable row level security;
alter table private.relay_address enable row level security;

grant execute on function private.claim_jobs(integer) to pgdesk_functions;
grant execute on function private.mark_published(uuid[]) to pgdesk_functions;
grant execute on function private.release_jobs(uuid[]) to pgdesk_functions;
grant execute on function private.begin_job(uuid) to pgdesk_functions;
grant execute on function private.enter_job(uuid, uuid) to pgdesk_functions;
grant execute on function private.finish_job(uuid, uuid) to pgdesk_functions;
grant execute on function private.fail_job(uuid, uuid, text, interval, boolean) to pgdesk_functions;
grant execute on function private.enqueue_own(text, jsonb, timestamptz, text, text) to pgdesk_functions;
grant execute on function private.enqueue_maintenance() to pgdesk_functions;
grant execute on function private.queue_status() to pgdesk_functions;
grant execute on function public.dead_jobs(uuid) to authenticated;
grant execute on function private.dead_jobs(uuid) to authenticated;
grant execute on function public.retry_dead_jobs(uuid, uuid[]) to authenticated;
grant execute on function private.retry_dead_jobs(uuid, uuid[]) to authenticated;
