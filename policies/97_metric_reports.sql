grant execute on function private.metrics(uuid, date, date, text, text, text) to authenticated;
grant execute on function public.metrics(uuid, date, date, text, text, text) to authenticated;
grant execute on function private.backlog(uuid, text, text) to authenticated;
grant execute on function public.backlog(uuid, text, text) to authenticated;
grant execute on function private.ticket_metrics(uuid) to authenticated;
grant execute on function public.ticket_metrics(uuid) to authenticated;
