-- What a message does to a ticket that is over, and where one goes that was written to a merged ticket. It holds for
-- mail, portal and chat alike, because it is asked where messages are kept (35_messages.sql).

alter table public.organizations
-- A contact who writes later than this after the resolution gets a new ticket, linked to the old one. Null: never.
add column reopen_within interval check (reopen_within >= interval '0'),
-- Whether a closed ticket can be opened again at all.
add column reopen_closed boolean not null default true,
-- Whose a ticket is that comes back: who had it; its team's; who had it if they are at work, else the team's.
add column reopen_for text not null default 'assignee' check (reopen_for in ('assignee', 'team', 'assignee_at_work')),
-- Whether a solved ticket stays solved when all that the contact says is thanks.
add column thanks_stay_solved boolean not null default false;

-- Nothing but thanks: at most twelve words, all of them of this list or of the writer's name, one of them a thanks. So
-- "Thanks, works now!" is, and "Thanks, but it does not work" or "Thanks. When does it arrive?" is not.
create function private.is_thanks(body text, name text) returns boolean
language plpgsql immutable parallel safe set search_path = '' as $$
declare
  words constant text[] := regexp_split_to_array(
    btrim(regexp_replace(lower(left(body, 500)), '[^[:alnum:]?'']+', ' ', 'g')), ' +'
  );
begin
  return cardinality(words) between 1 and 12
    and words && '{thanks,thank,thx,cheers,danke,dank,dankeschön,merci,gracias,grazie}'
    and words <@ (
      '{thanks,thank,you,thx,so,very,much,many,a,lot,for,the,your,quick,fast,help,reply,answer,support,it,that,that''s,
        is,was,all,good,great,perfect,super,awesome,ok,okay,works,worked,now,again,and,hi,hello,dear,team,best,kind,
        regards,cheers,danke,dank,dankeschön,vielen,herzlichen,schön,für,die,ihre,eure,schnelle,hilfe,antwort,hallo,
        liebe,viele,grüße,grüsse,lg,mfg,merci,beaucoup,gracias,muchas,grazie,mille}'::text[]
      || regexp_split_to_array(lower(coalesce(name, '')), '[^[:alnum:]]+')
    );
end;
$$;

-- A ticket that takes up one that is over.
create function private.open_follow_up(ticket public.tickets, contact_id uuid, assignee_id uuid) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  opened uuid;
begin
  insert into public.tickets (
    organization_id, subject, channel, contact_id, mail_address_id, team_id, assignee_id, language
  )
  values (
    ticket.organization_id, ticket.subject, ticket.channel, open_follow_up.contact_id, ticket.mail_address_id,
    ticket.team_id, open_follow_up.assignee_id, ticket.language
  )
  returning id into opened;
  insert into public.ticket_links (organization_id, ticket_id, other_ticket_id, kind)
  values (ticket.organization_id, opened, ticket.id, 'follows');
  return opened;
end;
$$;

-- Where a message belongs that was written to a ticket which is merged or over, and whether it opens it again. The
-- ticket is locked then. `counts`: people are told of it, so it is no note, no machine's, and of somebody known.
create function private.place_message(
  organization_id uuid, ticket_id uuid, sender public.message_sender, contact_id uuid, counts boolean, body text,
  out place uuid, out reopens boolean
)
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  ticket public.tickets;
  rules public.organizations;
  keeper uuid;
begin
  loop
    select * into ticket from public.tickets as t
    where t.organization_id = place_message.organization_id and t.id = private.ticket_now(place_message.ticket_id)
    for no key update;
    if not found then
      raise exception 'there is no ticket %', place_message.ticket_id using errcode = '23503';
    end if;
    exit when ticket.merged_into is null; -- or it was merged while we waited
  end loop;
  place := ticket.id;
  reopens := true;
  -- Who answers has to see what stands there.
  if ticket.id <> place_message.ticket_id and counts and sender in ('member', 'ai') then
    raise exception 'the ticket was merged: answer in ticket %', ticket.number
      using errcode = 'PT409', detail = ticket.id::text;
  end if;
  if not (counts and sender = 'contact' and ticket.status_category = 'resolved') then
    return;
  end if;
  select * into rules from public.organizations as o where o.id = ticket.organization_id;
  if rules.thanks_stay_solved and private.is_thanks(
    body, (select c.name from public.contacts as c where c.id = place_message.contact_id)
  ) then
    reopens := false;
    return;
  end if;
  keeper := case
    when rules.reopen_for = 'assignee' or rules.reopen_for = 'assignee_at_work' and exists (
      select from public.member_availability as a
      where a.organization_id = ticket.organization_id and a.user_id = ticket.assignee_id and a.status = 'online'
    ) then ticket.assignee_id
  end;
  if now() > ticket.resolved_at + rules.reopen_within or ticket.status = 'closed' and not rules.reopen_closed then
    place := private.open_follow_up(ticket, place_message.contact_id, keeper);
  elsif keeper is distinct from ticket.assignee_id then
    update public.tickets as t set assignee_id = keeper where t.id = ticket.id;
  end if;
end;
$$;
