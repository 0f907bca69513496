-- Webhooks that others send to the functions: which were believed, so that none is believed twice.

create table private.received_webhooks (
  source text not null,
  id text not null check (length(id) between 1 and 255),
  received_at timestamptz not null default now(),
  primary key (source, id)
);
create index received_webhooks_received_at_idx on private.received_webhooks (received_at);

-- Notes a webhook whose signature was found good, in the transaction of its effects. False: it was here before, and
-- there is nothing left to do.
create function private.note_webhook(source text, id text) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
  insert into private.received_webhooks (source, id) values (note_webhook.source, note_webhook.id)
  on conflict do nothing;
  return found;
end;
$$;
