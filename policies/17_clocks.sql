grant execute on function private.ring(jsonb) to pgdesk_functions;
