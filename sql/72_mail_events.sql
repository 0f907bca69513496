-- What providers tell of the mail they took: delivered, bounced, opened. Each is believed once, in whatever order.

create table public.mail_events (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  outgoing_mail_id uuid not null,
  provider text not null,
  provider_event_id text not null check (length(provider_event_id) between 1 and 255),
  type text not null check (
    type in (
      'sent', 'delivery_delayed', 'delivered', 'bounced', 'complained', 'opened', 'clicked', 'failed', 'suppressed'
    )
  ),
  -- hard: the address is no good; soft: this mail did not arrive, the next one may.
  bounce text check (bounce in ('hard', 'soft')),
  at timestamptz not null,
  -- The provider's words, without addresses.
  detail jsonb not null default '{}',
  created_at timestamptz not null default now(),
  check ((type = 'bounced') = (bounce is not null)),
  unique (organization_id, provider, provider_event_id),
  foreign key (organization_id, outgoing_mail_id) references public.outgoing_mails (organization_id, id)
    on delete cascade
);
create index mail_events_mail_idx on public.mail_events (organization_id, outgoing_mail_id, at);

-- The mail that an event is about, whoever's it is: a provider's webhook belongs to no tenant. By the provider's id, by
-- our own id that the mail carried along, by its Message-ID. Gives ids.
create function private.find_outgoing_mail(
  provider text, provider_id text, own_id uuid default null, message_id_header text default null
) returns table (organization_id uuid, outgoing_mail_id uuid)
language plpgsql stable security definer set search_path = '' rows 1 as $$
#variable_conflict use_column
begin
  return query
  select found.organization_id, found.id
  from (
    select 1 as rank, m.organization_id, m.id from public.outgoing_mails as m
    where m.provider = find_outgoing_mail.provider and m.provider_id = find_outgoing_mail.provider_id
    union all
    select 2, m.organization_id, m.id from public.outgoing_mails as m where m.id = find_outgoing_mail.own_id
    union all
    select 3, m.organization_id, m.id from public.outgoing_mails as m
    where m.message_id_header = find_outgoing_mail.message_id_header
  ) as found
  order by found.rank
  limit 1;
end;
$$;

-- Completes the mail by all that is told of it, and draws the consequences. What is computed anew from all events
-- cannot depend on their order.
create function private.apply_mail_event() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  mail public.outgoing_mails;
begin
  -- One after the other for a mail, so that each sees what the others told.
  select m.* into mail
  from public.outgoing_mails as m
  where m.organization_id = new.organization_id and m.id = new.outgoing_mail_id
  for no key update;
  update public.outgoing_mails as m
  set delivery = told.delivery, delivered_at = told.delivered_at, bounced_at = told.bounced_at,
    complained_at = told.complained_at, opened_at = told.opened_at, clicked_at = told.clicked_at
  from (
    select
      max(
        case
          when e.type = 'delivery_delayed' then 'delayed'
          when e.type in ('opened', 'clicked') then 'delivered'
          when e.bounce = 'soft' then 'soft_bounced'
          else e.type
        end::public.mail_delivery
      ) as delivery,
      -- Who opens a mail has it, even where its delivery was never told.
      coalesce(
        min(e.at) filter (where e.type = 'delivered'), min(e.at) filter (where e.type in ('opened', 'clicked'))
      ) as delivered_at,
      min(e.at) filter (where e.type = 'bounced') as bounced_at,
      min(e.at) filter (where e.type = 'complained') as complained_at,
      min(e.at) filter (where e.type = 'opened') as opened_at,
      min(e.at) filter (where e.type = 'clicked') as clicked_at
    from public.mail_events as e
    where e.organization_id = mail.organization_id and e.outgoing_mail_id = mail.id
  ) as told
  where m.id = mail.id;
  if new.bounce = 'hard' or new.type = 'complained' then
    update public.contacts as c
    set suppressed_at = coalesce(c.suppressed_at, now()),
      suppressed_because = coalesce(
        c.suppressed_because,
        case new.type when 'complained' then 'the recipient complained' else 'mail to this address bounced' end
      )
    -- Where the contact has another address by now, that one did nothing wrong.
    where c.organization_id = mail.organization_id and mail.contact_id in (c.id, c.merged_into)
      and c.email = private.normal_email(mail.to_address)
      -- Of a mail with copies nobody can tell whose address it was.
      and mail.cc = '{}' and mail.bcc = '{}';
    if mail.user_id is not null then
      perform private.stop_notices(
        mail.user_id, case new.type when 'complained' then 'a mail was called spam' else 'a mail bounced' end
      );
    end if;
  end if;
  -- Members hear of the first of its kind.
  if new.type in ('bounced', 'complained', 'failed', 'suppressed') and not exists (
    select from public.mail_events as e
    where e.organization_id = mail.organization_id and e.outgoing_mail_id = mail.id and e.id <> new.id
      and e.type = new.type and e.bounce is not distinct from new.bounce
  ) then
    perform private.emit(
      mail.organization_id, 'mail.' || new.type, mail.id,
      jsonb_build_object('kind', mail.kind, 'message_id', mail.message_id, 'reason', new.detail ->> 'reason')
        || case when new.type = 'bounced' then jsonb_build_object('bounce', new.bounce) else '{}' end,
      'agents', mail.ticket_id
    );
  end if;
  return null;
end;
$$;

create trigger mail_events_apply after insert on public.mail_events
for each row execute function private.apply_mail_event();

-- Keeps what a webhook tells of a mail of the tenant that the function works for: once, however often it comes. Returns
-- whether it was new.
create function private.note_mail_event(
  webhook_source text, webhook_id text, outgoing_mail_id uuid, provider text, provider_event_id text,
  provider_id text, message_id_header text, type text, bounce text, at timestamptz, detail jsonb
) returns boolean
language plpgsql set search_path = '' as $$
#variable_conflict use_column
begin
  if not private.note_webhook(webhook_source, webhook_id) then
    return false;
  end if;
  -- Whatever else it says, the provider has the mail.
  perform private.mark_sent(outgoing_mail_id, provider, provider_id, message_id_header, at);
  insert into public.mail_events (
    organization_id, outgoing_mail_id, provider, provider_event_id, type, bounce, at, detail
  ) values (
    (select private.current_organization()), note_mail_event.outgoing_mail_id, note_mail_event.provider,
    note_mail_event.provider_event_id, note_mail_event.type, note_mail_event.bounce, note_mail_event.at,
    note_mail_event.detail
  )
  on conflict do nothing;
  return found;
end;
$$;

-- Lets mail go to a contact again after a bounce or a complaint. Agents of its organization. Returns whether it was
-- held back before.
create function private.unsuppress_contact(contact_id uuid) returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  contact public.contacts;
begin
  select c.* into contact
  from public.contacts as c
  where c.id = unsuppress_contact.contact_id
    and c.organization_id = any(array(select private.my_organizations('agent')))
  for no key update;
  if contact.id is null then
    raise exception 'there is no contact %', unsuppress_contact.contact_id using errcode = 'PT404';
  end if;
  update public.contacts as c set suppressed_at = null, suppressed_because = null
  where c.id = contact.id and c.suppressed_at is not null;
  return contact.suppressed_at is not null;
end;
$$;

create function public.unsuppress_contact(contact_id uuid) returns boolean
language sql set search_path = '' as $$
  select private.unsuppress_contact(unsuppress_contact.contact_id);
$$;

-- Another address begins anew.
create function private.forget_suppression() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.suppressed_at := null;
  new.suppressed_because := null;
  return new;
end;
$$;

create trigger contacts_forget_suppression before update of email on public.contacts
for each row when (old.email is distinct from new.email) execute function private.forget_suppression();
