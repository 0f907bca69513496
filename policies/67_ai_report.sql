grant execute on function public.ai_report(uuid, date, date) to authenticated;
