-- The functions may ask; who asks them must show the relay's secret.
grant execute on function private.health() to pgdesk_functions;
