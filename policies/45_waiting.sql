grant update (solve_after, close_after) on public.organizations to authenticated;
grant update (snoozed_until) on public.tickets to authenticated;
grant execute on function public.snooze_ticket(uuid, timestamptz) to authenticated;
