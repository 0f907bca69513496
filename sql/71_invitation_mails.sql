-- The mail that carries an invitation to who is invited.

alter table public.invitations
-- By outgoing_mails.about_id; another each time it is sent again. Null: there was no address to send it from.
add column mailed_in uuid;

-- Sends an invitation, where its organization has an address to send from.
create function private.mail_invitation() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  new.mailed_in := case when exists (
    select from public.mail_addresses as a where a.organization_id = new.organization_id
  ) then private.uuid7() end;
  if new.mailed_in is not null then
    perform private.enqueue(
      new.organization_id, 'send_mail', jsonb_build_object('type', 'invitation', 'subject_id', new.mailed_in),
      order_key => 'send_mail:' || new.id
    );
  end if;
  return new;
end;
$$;

create trigger invitations_mail before insert or update of mailed_in on public.invitations
for each row execute function private.mail_invitation();

-- May one more invitation be mailed there? Three a day to an address, a hundred a day in all, so that no desk can be
-- made to pester people with them.
create function private.may_mail_invitation(organization_id uuid, address text) returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return (
    select count(*) filter (where m.to_address = may_mail_invitation.address) < 3 and count(*) < 100
    from public.outgoing_mails as m
    where m.organization_id = may_mail_invitation.organization_id
      and m.kind = 'invitation' and m.status <> 'suppressed'
      and m.created_at > now() - interval '1 day'
  );
end;
$$;

-- Did mail to this address bounce, or was it called spam, within a month? Of addresses that are no contact's: those of
-- contacts are suppressed there. For the tenant that the function works for.
create function private.is_refused_address(address text) returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return exists (
    select from public.outgoing_mails as m
    where m.organization_id = (select private.current_organization())
      and m.kind in ('invitation', 'chat') and m.to_address = is_refused_address.address
      and m.delivery in ('bounced', 'complained')
      and m.created_at > now() - interval '30 days'
  );
end;
$$;

-- Sends an open invitation again, good for another seven days. It is the caller's from then on: an invitation is void
-- without an inviter who may still give its role.
create function private.resend_invitation(invitation_id uuid) returns public.invitations
language plpgsql security definer set search_path = '' as $$
declare
  invitation public.invitations;
begin
  select i.* into invitation
  from public.invitations as i
  where i.id = resend_invitation.invitation_id and i.accepted_at is null
    and i.organization_id = any (array(select private.my_organizations('admin')))
  for update;
  if invitation.id is null then
    raise exception 'there is no open invitation %', resend_invitation.invitation_id using errcode = 'PT404';
  end if;
  if coalesce(private.my_role(invitation.organization_id) < invitation.role, true) then
    raise exception 'nobody invites to a role above their own' using errcode = '42501';
  end if;
  if not exists (
    select from public.mail_addresses as a where a.organization_id = invitation.organization_id
  ) then
    raise exception 'there is no address to send it from'
      using errcode = 'PT409', hint = 'Add a mail address, or tell the invitation''s id by another way.';
  end if;
  if not private.may_mail_invitation(invitation.organization_id, invitation.email) then
    raise exception 'enough invitations were mailed for today'
      using errcode = 'PT429', hint = 'Three a day go to an address, a hundred in all.';
  end if;
  update public.invitations as i
  set mailed_in = private.uuid7(), invited_by = (select auth.uid()), expires_at = now() + interval '7 days'
  where i.id = invitation.id
  returning i.* into invitation;
  return invitation;
end;
$$;

create function public.resend_invitation(invitation_id uuid) returns public.invitations
language sql set search_path = '' as $$
  select * from private.resend_invitation(resend_invitation.invitation_id);
$$;

-- What became of an invitation's mail, a computed column of the API: not_sent (there is no address to send from),
-- waiting, or as outgoing_mails has it: what the provider told, else the status.
create function public.mail_status(invitation public.invitations) returns text
language sql stable set search_path = '' as $$
  select coalesce(
    (
      select coalesce(m.delivery::text, case m.status when 'stored' then 'waiting' else m.status end)
      from public.outgoing_mails as m
      where m.organization_id = i.organization_id and m.kind = 'invitation' and m.about_id = i.mailed_in
    ),
    case when i.mailed_in is null or not exists (
      select from public.mail_addresses as a where a.organization_id = i.organization_id
    ) then 'not_sent' else 'waiting' end
  )
  from public.invitations as i
  where i.id = (invitation).id;
$$;
