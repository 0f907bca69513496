-- Reached through its function alone.
alter table private.received_webhooks enable row level security;

grant execute on function private.note_webhook(text, text) to pgdesk_functions;
