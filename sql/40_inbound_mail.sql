-- Inbound mail is a ledger: raw mail is stored first, then each row says what became of it. Nothing is ever dropped.

create type public.inbound_state as enum (
  'received',    -- raw mail kept, a job is to read it
  'parsed',      -- read: sender, subject and verdict are known
  'threaded',    -- its ticket is decided (seen only inside the transaction that files it)
  'done',        -- filed, or recorded without a ticket
  'quarantined'  -- could not be read or filed: `reason` says why, an admin can retry it
);

create table public.inbound_mails (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  mail_address_id uuid,
  -- Envelope recipients as they were given, of every delivery of this mail.
  recipients text[] not null check (cardinality(recipients) between 1 and 1000),
  envelope_from text,
  bytes integer not null check (bytes >= 0),
  -- Of what the sender sent: without the fields that servers add on the way.
  content_sha256 bytea not null check (length(content_sha256) = 32),
  message_id_header text check (length(message_id_header) <= 998),
  -- Another mail with other content came under this Message-ID before.
  id_reused boolean not null default false,
  deliveries integer not null default 1,
  last_delivered_at timestamptz not null default now(),
  state public.inbound_state not null default 'received',
  reason text,
  sender text,
  subject text,
  -- Who wrote: a human, or which kind of machine (never answered).
  verdict text check (verdict in ('human', 'auto_reply', 'bounce', 'list', 'loop')),
  dmarc text check (dmarc in ('pass', 'fail', 'none')),
  -- new_ticket, threaded: a message in a ticket; note: an internal note there (bounce, a member's mail); recorded: this
  -- row is all there is.
  outcome text check (outcome in ('new_ticket', 'threaded', 'note', 'recorded')),
  ticket_id uuid,
  message_id uuid,
  -- How the ticket was found, what spoke for and against it, who undid it.
  decision jsonb not null default '{}',
  done_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  foreign key (organization_id, mail_address_id)
    references public.mail_addresses (organization_id, id) on delete set null (mail_address_id),
  foreign key (organization_id, ticket_id)
    references public.tickets (organization_id, id) on delete set null (ticket_id),
  foreign key (organization_id, message_id)
    references public.messages (organization_id, id) on delete set null (message_id)
);
-- The same mail is: same organization, same Message-ID (or none) and same content.
create unique index inbound_mails_same_idx on public.inbound_mails
  (organization_id, coalesce(message_id_header, ''), content_sha256);
create index inbound_mails_message_id_idx on public.inbound_mails (organization_id, message_id_header)
where message_id_header is not null;
create index inbound_mails_state_idx on public.inbound_mails (organization_id, state, id);
create index inbound_mails_ticket_idx on public.inbound_mails (organization_id, ticket_id);
create index inbound_mails_message_idx on public.inbound_mails (organization_id, message_id);
create index inbound_mails_address_idx on public.inbound_mails (organization_id, mail_address_id);

create trigger inbound_mails_touch before update on public.inbound_mails
for each row execute function private.touch();

-- The mail itself, apart from the ledger so that lists stay light.
create table private.inbound_raw (
  inbound_mail_id uuid primary key,
  organization_id uuid not null,
  raw bytea not null,
  foreign key (organization_id, inbound_mail_id)
    references public.inbound_mails (organization_id, id) on delete cascade
);
create index inbound_raw_organization_idx on private.inbound_raw (organization_id, inbound_mail_id);
-- Mail is mostly base64 and other text that was compressed before: no second try.
alter table private.inbound_raw alter column raw set storage external;

-- Members hear of a mail that needs them.
create function private.announce_inbound_mail() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.emit(new.organization_id, 'mail.' || new.state, new.id, jsonb_build_object('reason', new.reason));
  return null;
end;
$$;

create trigger inbound_mails_announce after update of state on public.inbound_mails
for each row when (new.state = 'quarantined' and old.state <> 'quarantined')
execute function private.announce_inbound_mail();

-- A mail whose job has died is set aside, so that the ledger says so too; given another life, it is to be read again.
create function private.follow_job_of_mail() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.inbound_mails as m
  set state = case when new.state = 'dead' then 'quarantined' else 'received' end::public.inbound_state,
    reason = case when new.state = 'dead' then left('reading it came to no end: ' || coalesce(new.error, ''), 1000) end
  where m.organization_id = new.organization_id
    and m.id = private.try_uuid(new.payload ->> 'inbound_mail_id')
    and m.state = any (
      case when new.state = 'dead' then '{received,parsed}' else '{quarantined}' end::public.inbound_state[]
    );
  return null;
end;
$$;

create trigger jobs_intake_mail after update of state on private.jobs
for each row when (
  new.consumer = 'intake' and new.state <> old.state
  and (new.state = 'dead' or (old.state = 'dead' and new.state = 'waiting'))
)
execute function private.follow_job_of_mail();

-- Keeps a raw mail and queues its reading, in one. A mail that is here already only counts as one more delivery.
-- `order_key`: mails of one sender are read one after the other, so that an answer does not overtake its question.
create function private.accept_mail(
  organization_id uuid, mail_address_id uuid, recipient text, envelope_from text, message_id_header text,
  content_sha256 bytea, raw bytea, order_key text
) returns table (id uuid, is_duplicate boolean)
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  mail_id uuid;
begin
  update public.inbound_mails as m
  set deliveries = m.deliveries + 1,
    last_delivered_at = now(),
    recipients = case
      when accept_mail.recipient = any (m.recipients) or cardinality(m.recipients) >= 1000 then m.recipients
      else m.recipients || accept_mail.recipient
    end
  where m.organization_id = accept_mail.organization_id
    and coalesce(m.message_id_header, '') = coalesce(accept_mail.message_id_header, '')
    and m.content_sha256 = accept_mail.content_sha256
  returning m.id into mail_id;
  if mail_id is null then
    insert into public.inbound_mails as m (
      organization_id, mail_address_id, recipients, envelope_from, bytes, content_sha256, message_id_header, id_reused
    )
    values (
      accept_mail.organization_id, accept_mail.mail_address_id, array[accept_mail.recipient], accept_mail.envelope_from,
      length(accept_mail.raw), accept_mail.content_sha256, accept_mail.message_id_header,
      exists (
        select from public.inbound_mails as other
        where other.organization_id = accept_mail.organization_id
          and other.message_id_header = accept_mail.message_id_header
      )
    )
    on conflict do nothing
    returning m.id into mail_id;
    if mail_id is null then
      -- Another delivery of it was committed between the two statements: it is seen now.
      return query
      select * from private.accept_mail(
        accept_mail.organization_id, accept_mail.mail_address_id, accept_mail.recipient, accept_mail.envelope_from,
        accept_mail.message_id_header, accept_mail.content_sha256, accept_mail.raw, accept_mail.order_key
      );
      return;
    end if;
    insert into private.inbound_raw (inbound_mail_id, organization_id, raw)
    values (mail_id, accept_mail.organization_id, accept_mail.raw);
    perform private.enqueue_own(
      'intake', jsonb_build_object('inbound_mail_id', mail_id),
      -- The line's name, not the sender's: jobs stay for a while after they are done.
      order_key => 'intake:' || md5(accept_mail.order_key)
    );
    return query select mail_id, false;
    return;
  end if;
  return query select mail_id, true;
end;
$$;

-- The member of the current tenant who owns a confirmed address, or null. Users live in schema auth, which functions
-- cannot read.
create function private.member_by_email(email text) returns uuid
language sql stable security definer set search_path = '' as $$
  select m.user_id
  from public.members as m
  join auth.users as u on u.id = m.user_id
  where m.organization_id = (select private.current_organization())
    and lower(u.email::text) = private.normal_email(member_by_email.email)
    and u.email_confirmed_at is not null
    and m.role >= 'agent';
$$;

-- A subject without what mail clients put before it, to compare with.
create function private.bare_subject(subject text) returns text
language sql immutable parallel safe set search_path = '' as $$
  select lower(btrim(regexp_replace(
    bare_subject.subject, '^(\s*(\[[^\]]{1,40}\]|[[:alpha:]]{1,6}(\[\d+\])?\s*[:：])\s*)+', '', 'i'
  )));
$$;

-- Is `email` known to a ticket: its requester, a writer whose message was not pending, somebody mailed from it, or
-- somebody in copy? The address of a contact that is merged is the other one's too.
create function private.is_participant(organization_id uuid, ticket_id uuid, email text) returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return exists (
    select
    from public.contacts as c
    where c.organization_id = is_participant.organization_id
      and c.email = is_participant.email
      and (
        exists (
          select from public.tickets as t
          where t.id = is_participant.ticket_id and t.contact_id = coalesce(c.merged_into, c.id)
        )
        or exists (
          select from public.messages as m
          where m.ticket_id = is_participant.ticket_id and m.contact_id = coalesce(c.merged_into, c.id)
            and m.sender_status = 'known'
        )
        or exists (
          select from public.outgoing_mails as o
          where o.organization_id = is_participant.organization_id
            and o.ticket_id = is_participant.ticket_id and o.contact_id = coalesce(c.merged_into, c.id)
        )
        or exists (
          select from public.ticket_participants as p
          where p.ticket_id = is_participant.ticket_id and p.contact_id = coalesce(c.merged_into, c.id)
            and p.removed_at is null
        )
      )
  );
end;
$$;

-- To which ticket a mail belongs: by the signed token in its recipient, else by the Message-IDs it answers. Never by
-- subject. No row: to none. `is_known`: the sender belongs to that thread; else its message is kept as pending.
-- Among several candidates one that knows the sender wins, then the id that stands first in `message_ids`. One that was
-- merged leads to where it is now.
create function private.find_thread(
  organization_id uuid, token_ticket_id uuid, token_is_senders boolean, message_ids text[], sender text
) returns table (ticket_id uuid, how text, is_known boolean, evidence jsonb)
language plpgsql stable set search_path = '' as $$
#variable_conflict use_column
begin
  return query
  with candidates as (
    select t.id as candidate, 'reply_token' as way, 0 as place, find_thread.token_is_senders as certain, null as told_by
    from public.tickets as t
    where t.organization_id = find_thread.organization_id and t.id = find_thread.token_ticket_id
    union all
    select k.ticket_id, 'message_id', array_position(find_thread.message_ids, k.message_id_header), false,
      k.message_id_header
    from private.tickets_by_message_id(find_thread.organization_id, find_thread.message_ids) as k
    union all
    select o.ticket_id, 'message_id', array_position(find_thread.message_ids, o.message_id_header), false,
      o.message_id_header
    from public.outgoing_mails as o
    where o.organization_id = find_thread.organization_id and o.message_id_header = any (find_thread.message_ids)
  ), judged as (
    -- A member's address proves nothing here: file_mail makes a note of what a verified member mails.
    select c.*,
      c.certain or private.is_participant(find_thread.organization_id, c.candidate, find_thread.sender) as knows
    from (
      select distinct private.ticket_now(every.candidate) as candidate, every.way, every.place, every.certain, every.told_by
      from candidates as every
    ) as c
  )
  select j.candidate, j.way, j.knows, jsonb_build_object(
    'told_by', j.told_by, 'candidates', (select count(distinct every.candidate) from judged as every)
  )
  from judged as j
  order by j.way = 'reply_token' desc, j.knows desc, j.place, j.candidate desc
  limit 1;
end;
$$;

-- Notes what was read, before anything is filed. Returns what filing needs to know: whether a mail that this one
-- answers is itself still being read (then wait: threading would miss it).
create function private.note_parsed(
  inbound_mail_id uuid, sender text, subject text, verdict text, dmarc text, decision jsonb, message_ids text[]
) returns boolean
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  mail public.inbound_mails;
begin
  update public.inbound_mails as m
  set state = 'parsed', reason = null, sender = note_parsed.sender, subject = note_parsed.subject,
    verdict = note_parsed.verdict, dmarc = note_parsed.dmarc, decision = note_parsed.decision
  where m.id = note_parsed.inbound_mail_id and m.state in ('received', 'parsed')
  returning * into mail;
  if mail.id is null then
    raise exception 'inbound mail % is not to be read', note_parsed.inbound_mail_id using errcode = 'PT404';
  end if;
  return exists (
    select from public.inbound_mails as m
    where m.organization_id = mail.organization_id
      and m.message_id_header = any (note_parsed.message_ids)
      and m.state in ('received', 'parsed')
      and m.id < mail.id
  );
end;
$$;

-- The contact with an address, made where it is missing; of one that is merged, whom it is merged into. Without an
-- address a mail gets a contact of its own.
create function private.contact_for(organization_id uuid, email text, name text) returns uuid
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  contact_id uuid;
begin
  insert into public.contacts as c (organization_id, email, name, source)
  values (contact_for.organization_id, nullif(contact_for.email, ''), contact_for.name, 'mail')
  on conflict (organization_id, email) do nothing
  returning c.id into contact_id;
  if contact_id is null then
    select coalesce(c.merged_into, c.id) into contact_id from public.contacts as c
    where c.organization_id = contact_for.organization_id and c.email = contact_for.email;
    update public.contacts as c set name = contact_for.name
    where c.id = contact_id and c.name = '' and contact_for.name <> '';
  end if;
  return contact_id;
end;
$$;

-- Files a mail that was read: contact, ticket, message, attachments, ledger, in the caller's transaction. Filing it
-- again changes nothing. `mail` is what functions/chalicelib/intake/consumer.py makes; its keys are the columns below.
--
-- human: into its thread, else a new ticket. list (lists, bulk, notifications, which may carry a person's words): the
-- same, marked as machine mail. auto_reply: into its thread only. bounce: a note in its thread only. loop: nowhere.
create function private.file_mail(inbound_mail_id uuid, mail jsonb) returns public.inbound_mails
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  ledger public.inbound_mails;
  thread_id uuid;
  how text := 'none';
  is_known boolean;
  evidence jsonb;
  contact_id uuid;
  member_id uuid;
  is_note boolean;
  filed_ticket uuid;
  filed_message uuid := private.uuid7();
  follows boolean;
  is_pending boolean;
  sender text := private.normal_email(mail ->> 'sender');
begin
  select * into ledger from public.inbound_mails as m where m.id = file_mail.inbound_mail_id for update;
  if ledger.id is null then
    raise exception 'there is no inbound mail %', file_mail.inbound_mail_id using errcode = 'PT404';
  end if;
  if ledger.state in ('done', 'quarantined') then
    return ledger;
  end if;
  if ledger.verdict <> 'loop' then
    select f.ticket_id, f.how, f.is_known, f.evidence into thread_id, how, is_known, evidence
    from private.find_thread(
      ledger.organization_id, (mail ->> 'token_ticket_id')::uuid,
      coalesce((mail ->> 'token_is_senders')::boolean, false),
      array(select jsonb_array_elements_text(mail -> 'message_ids')), sender
    ) as f;
  end if;
  if thread_id is null and ledger.verdict in ('auto_reply', 'bounce', 'loop') then
    update public.inbound_mails as m
    set state = 'done', outcome = 'recorded', done_at = now(),
      decision = m.decision || jsonb_build_object('thread', 'none')
    where m.id = ledger.id
    returning * into ledger;
    return ledger;
  end if;

  is_note := ledger.verdict = 'bounce';
  if not is_note and thread_id is not null and (mail ->> 'is_verified')::boolean then
    -- What a colleague mails into a ticket is a note: nothing goes to the contact by mail alone.
    member_id := private.member_by_email(sender);
    is_note := member_id is not null;
  end if;
  -- Who may not be who it says is never taken for a participant.
  is_pending := not is_note and (ledger.dmarc = 'fail' or coalesce(not is_known, false));
  if not is_note then
    contact_id := private.contact_for(ledger.organization_id, sender, coalesce(mail ->> 'sender_name', ''));
  end if;

  filed_ticket := thread_id;
  if filed_ticket is null then
    insert into public.tickets as t (organization_id, subject, channel, contact_id, mail_address_id)
    values (ledger.organization_id, coalesce(ledger.subject, ''), 'email', contact_id, ledger.mail_address_id)
    returning t.id into filed_ticket;
  end if;
  update public.inbound_mails as m
  set state = 'threaded', ticket_id = filed_ticket, decision = m.decision || jsonb_build_object(
    'thread', coalesce(how, 'none'), 'sender_known', is_known, 'evidence', evidence,
    'subject_changed', (
      select private.bare_subject(t.subject) <> private.bare_subject(m.subject)
      from public.tickets as t where t.id = thread_id
    )
  )
  where m.id = ledger.id;

  insert into public.messages as m (
    id, organization_id, ticket_id, sender, contact_id, member_id, is_internal, is_machine, sender_status, is_verified,
    body_text, reply_text, body_html, message_id_header
  ) values (
    filed_message, ledger.organization_id, filed_ticket,
    case when member_id is not null then 'member' when is_note then 'system' else 'contact' end::public.message_sender,
    contact_id, member_id, is_note, ledger.verdict <> 'human', case when is_pending then 'pending' else 'known' end,
    coalesce((mail ->> 'is_verified')::boolean, false) and not is_pending and ledger.verdict <> 'bounce',
    coalesce(mail ->> 'body_text', ''), mail ->> 'reply_text', mail ->> 'body_html', ledger.message_id_header
  )
  -- A ticket that is over may be followed by a new one, one that was merged meanwhile leads to another.
  returning m.ticket_id, m.seq = 1 and m.ticket_id <> thread_id into filed_ticket, follows;
  if jsonb_array_length(mail -> 'named') > 0 and ledger.verdict = 'human' and not is_note and not is_pending
    and (thread_id is null or (mail ->> 'is_verified')::boolean)
  then
    perform private.bring_participants(filed_ticket, contact_id, mail -> 'named');
  end if;
  insert into public.attachments (
    organization_id, ticket_id, message_id, file_name, content_type, bytes, sha256, content_id, is_inline, storage_path
  )
  select ledger.organization_id, filed_ticket, filed_message, a.file_name, a.content_type, a.bytes,
    decode(a.sha256, 'hex'), nullif(a.content_id, ''), a.is_inline, a.storage_path
  from jsonb_to_recordset(coalesce(mail -> 'attachments', '[]')) as a (
    file_name text, content_type text, bytes bigint, sha256 text, content_id text, is_inline boolean, storage_path text
  );
  if ledger.verdict = 'bounce' and (mail ->> 'bounce_is_permanent')::boolean then
    update public.contacts as c
    set suppressed_at = coalesce(c.suppressed_at, now()), suppressed_because = 'mail to this address is refused'
    where c.organization_id = ledger.organization_id
      and c.email in (select jsonb_array_elements_text(mail -> 'bounced'))
      and private.is_participant(ledger.organization_id, filed_ticket, c.email)
      -- Anybody can write a bounce: only one that names a mail of ours counts.
      and exists (
        select from public.outgoing_mails as o
        where o.organization_id = ledger.organization_id and o.ticket_id = filed_ticket
          and o.message_id_header = any(array(select jsonb_array_elements_text(mail -> 'message_ids')))
        union all
        select from public.messages as m
        where m.ticket_id = filed_ticket and m.sender in ('member', 'ai')
          and m.message_id_header = any(array(select jsonb_array_elements_text(mail -> 'message_ids')))
      );
  end if;
  update public.inbound_mails as m
  set state = 'done', message_id = filed_message, done_at = now(), ticket_id = filed_ticket,
    outcome = case
      when is_note then 'note' when thread_id is null or follows then 'new_ticket' else 'threaded'
    end,
    decision = m.decision || case when follows then jsonb_build_object('follows', thread_id) else '{}' end
  where m.id = ledger.id
  returning * into ledger;
  return ledger;
end;
$$;

-- Sets a mail aside, visibly.
create function private.quarantine_mail(inbound_mail_id uuid, reason text) returns void
language sql set search_path = '' as $$
  update public.inbound_mails as m
  set state = 'quarantined', reason = left(quarantine_mail.reason, 1000)
  where m.id = quarantine_mail.inbound_mail_id and m.state <> 'done';
$$;

-- Reads a quarantined mail again. Admins of its organization.
create function private.retry_inbound_mail(inbound_mail_id uuid) returns public.inbound_mails
language plpgsql security definer set search_path = '' as $$
declare
  mail public.inbound_mails;
begin
  update public.inbound_mails as m
  set state = 'received', reason = null
  where m.id = retry_inbound_mail.inbound_mail_id
    and m.state = 'quarantined'
    and m.organization_id = any(array(select private.my_organizations('admin')))
  returning * into mail;
  if mail.id is null then
    raise exception 'there is no quarantined mail %', retry_inbound_mail.inbound_mail_id using errcode = 'PT404';
  end if;
  perform private.enqueue(mail.organization_id, 'intake', jsonb_build_object('inbound_mail_id', mail.id));
  return mail;
end;
$$;

create function public.retry_inbound_mail(inbound_mail_id uuid) returns public.inbound_mails
language sql set search_path = '' as $$
  select * from private.retry_inbound_mail(retry_inbound_mail.inbound_mail_id);
$$;

-- Undoes a threading decision: the mail's message moves to a ticket of its own, as private.split_ticket does it, and
-- the ledger says so. Agents of its organization. Returns the new ticket.
create function private.split_mail(message_id uuid) returns public.tickets
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  ticket public.tickets;
  mail public.inbound_mails;
  opened public.tickets;
begin
  -- The ticket before the mail, as everybody does who moves messages: nothing is answered in it meanwhile.
  select t.* into ticket
  from public.messages as m
  join public.tickets as t on t.id = m.ticket_id
  where m.id = split_mail.message_id and m.organization_id = any(array(select private.my_organizations('agent')))
  for no key update of t;
  select i.* into mail
  from public.inbound_mails as i
  where i.organization_id = ticket.organization_id and i.message_id = split_mail.message_id
    and i.ticket_id = ticket.id and i.outcome = 'threaded';
  if mail.id is null then
    raise exception 'no mail was threaded as message %', split_mail.message_id using errcode = 'PT404';
  end if;
  opened := private.split_off(ticket, array[split_mail.message_id], coalesce(mail.subject, ''));
  update public.inbound_mails as m
  set outcome = 'new_ticket', decision = m.decision || jsonb_build_object(
    'undone', jsonb_build_object('by', (select private.actor_id()), 'at', now(), 'was_in', ticket.id)
  )
  where m.id = mail.id;
  return opened;
end;
$$;

create function public.split_mail(message_id uuid) returns public.tickets
language sql set search_path = '' as $$
  select * from private.split_mail(split_mail.message_id);
$$;
