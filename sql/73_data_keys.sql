-- What encrypts an organization's secrets. The functions encrypt and decrypt (kit/secrets.py); here lies only what is
-- of no use without the key that wraps it.

create table private.data_keys (
  organization_id uuid not null references public.organizations (id) on delete cascade,
  -- The newest seals; older ones still open what they sealed.
  version integer not null check (version > 0),
  wrapped bytea not null,
  -- Who unwraps it: `kms`, or `master:` and the fingerprint of a master key.
  wrapped_by text not null,
  created_at timestamptz not null default now(),
  primary key (organization_id, version)
);
