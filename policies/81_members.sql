grant execute on function private.remove_member(uuid, uuid, uuid) to authenticated;
grant execute on function public.remove_member(uuid, uuid, uuid) to authenticated;
grant execute on function public.leave_organization(uuid, uuid) to authenticated;
grant execute on function private.transfer_ownership(uuid, uuid) to authenticated;
grant execute on function public.transfer_ownership(uuid, uuid) to authenticated;
grant execute on function private.my_memberships() to authenticated;
grant execute on function public.my_memberships() to authenticated;
grant execute on function private.my_invitations() to authenticated;
grant execute on function public.my_invitations() to authenticated;
