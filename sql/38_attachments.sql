-- Files that came with a message. The bytes lie in Storage, bucket `attachments`, under <organization>/…; what members
-- and contacts upload, under <organization>/uploads/<user or visitor>/….

create table public.attachments (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  ticket_id uuid not null,
  message_id uuid not null,
  file_name text not null check (length(file_name) between 1 and 255),
  -- As the sender said; what it is by its content, once it was looked at (77_files.sql).
  content_type text not null check (length(content_type) <= 255),
  detected_type text,
  -- waiting: to be looked at; clean: a scanner found nothing; unscanned: no scanner has looked; infected; refused: of a
  -- type that the organization does not take. Waiting, infected and refused ones are given to nobody.
  verdict text not null default 'waiting' check (verdict in ('waiting', 'clean', 'unscanned', 'infected', 'refused')),
  verdict_because text,
  bytes bigint not null check (bytes >= 0),
  -- Of an upload, once it was looked at.
  sha256 bytea check (length(sha256) = 32),
  -- Of an image.
  thumbnail_path text,
  uploaded_by uuid,
  -- Set for a part that the HTML body shows in place (cid:…).
  content_id text,
  is_inline boolean not null default false,
  storage_path text not null check (storage_path like organization_id::text || '/%'),
  created_at timestamptz not null default now(),
  unique (organization_id, storage_path),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, message_id) references public.messages (organization_id, id) on delete cascade
);
create index attachments_ticket_idx on public.attachments (organization_id, ticket_id);
create index attachments_message_idx on public.attachments (organization_id, message_id);

insert into storage.buckets (id, name, public, file_size_limit) values
  ('attachments', 'attachments', false, 52428800)
on conflict (id) do nothing;
