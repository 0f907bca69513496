grant execute on function private.maintain() to pgdesk_functions;
