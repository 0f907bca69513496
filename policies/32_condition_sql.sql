grant execute on function private.my_teams() to authenticated;
