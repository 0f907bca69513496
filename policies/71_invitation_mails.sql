grant execute on function private.may_mail_invitation(uuid, text) to pgdesk_functions;
grant execute on function private.is_refused_address(text) to pgdesk_functions;
grant execute on function private.resend_invitation(uuid) to authenticated;
grant execute on function public.resend_invitation(uuid) to authenticated;
grant execute on function public.mail_status(public.invitations) to authenticated;
