grant execute on function private.maintain(interval, interval) to pgdesk_functions;
