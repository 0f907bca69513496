grant update (reopen_within, reopen_closed, reopen_for, thanks_stay_solved) on public.organizations to authenticated;
