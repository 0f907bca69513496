grant execute on function private.explain_sla(uuid) to authenticated;
grant execute on function public.explain_sla(uuid) to authenticated;
