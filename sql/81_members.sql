-- How members come and go: who is removed hands over their work, ownership passes in one step, and a user of many
-- organizations sees them all by one token.

-- What a member has open goes back to its team's line, and from there to whose turn it is (44_assignment.sql). The
-- rest of what was theirs alone (teams, availability, compositions, what they have read) goes by its foreign keys.
-- After the row is gone: whoever gave them a ticket before is seen, and whoever does after is refused.
create function private.release_work() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if exists (select from public.organizations as o where o.id = old.organization_id) then
    update public.tickets as t set assignee_id = null
    where t.organization_id = old.organization_id and t.assignee_id = old.user_id and t.status_category <> 'resolved';
  end if;
  return null;
end;
$$;

create trigger members_release after delete on public.members
for each row execute function private.release_work();

-- Takes a member out of an organization, at once: which organizations a token opens is read at every request. What they
-- have open goes to `hand_over_to`, an agent, or back to its teams. Admins remove others; everybody may leave. Returns
-- how many tickets were handed over.
create function private.remove_member(organization_id uuid, user_id uuid, hand_over_to uuid) returns integer
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  mine constant public.member_role := private.my_role(remove_member.organization_id);
  handed_over integer := 0;
begin
  if coalesce(mine < 'admin', true) and not (mine is not null and remove_member.user_id = (select auth.uid())) then
    raise exception 'only admins remove members' using errcode = '42501';
  end if;
  perform from public.members as m
  where m.organization_id = remove_member.organization_id and m.user_id = remove_member.user_id
  for update;
  if not found then
    raise exception 'there is no member %', remove_member.user_id using errcode = 'PT404';
  end if;
  if remove_member.hand_over_to is not null then
    if remove_member.hand_over_to = remove_member.user_id or not exists (
      select from public.members as m
      where m.organization_id = remove_member.organization_id and m.user_id = remove_member.hand_over_to
        and m.role >= 'agent'
    ) then
      raise exception 'tickets are handed over to another agent of the organization, not to %',
        remove_member.hand_over_to using errcode = '22023';
    end if;
    update public.tickets as t set assignee_id = remove_member.hand_over_to
    where t.organization_id = remove_member.organization_id and t.assignee_id = remove_member.user_id
      and t.status_category <> 'resolved';
    get diagnostics handed_over = row_count;
  end if;
  delete from public.members as m
  where m.organization_id = remove_member.organization_id and m.user_id = remove_member.user_id;
  return handed_over;
end;
$$;

create function public.remove_member(
  organization_id uuid, user_id uuid, hand_over_to uuid default null
) returns integer
language sql set search_path = '' as $$
  select private.remove_member(remove_member.organization_id, remove_member.user_id, remove_member.hand_over_to);
$$;

create function public.leave_organization(organization_id uuid, hand_over_to uuid default null) returns integer
language sql set search_path = '' as $$
  select private.remove_member(
    leave_organization.organization_id, (select auth.uid()), leave_organization.hand_over_to
  );
$$;

-- The caller, an owner, makes another member the owner and is an admin from then on.
create function private.transfer_ownership(organization_id uuid, user_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  if coalesce(private.my_role(transfer_ownership.organization_id) < 'owner', true) then
    raise exception 'only an owner passes the ownership on' using errcode = '42501';
  end if;
  if transfer_ownership.user_id = (select auth.uid()) then
    raise exception 'you are the owner already' using errcode = '22023';
  end if;
  -- As guard_members does: owners are counted one change at a time.
  perform from public.organizations as o where o.id = transfer_ownership.organization_id for no key update;
  update public.members as m set role = 'owner'
  where m.organization_id = transfer_ownership.organization_id and m.user_id = transfer_ownership.user_id;
  if not found then
    raise exception 'there is no member %', transfer_ownership.user_id using errcode = 'PT404';
  end if;
  update public.members as m set role = 'admin'
  where m.organization_id = transfer_ownership.organization_id and m.user_id = (select auth.uid());
end;
$$;

create function public.transfer_ownership(organization_id uuid, user_id uuid) returns void
language sql set search_path = '' as $$
  select private.transfer_ownership(transfer_ownership.organization_id, transfer_ownership.user_id);
$$;

-- Every organization that the caller is a member of, by whatever token: what a switch between them shows. One that asks
-- for a second factor the token has not (`needs_mfa`) tells its name and no more.
create function private.my_memberships() returns table (
  organization_id uuid, name text, slug text, role public.member_role, needs_mfa boolean, unread_mine integer,
  unread_unassigned integer
)
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
begin
  return query
  select
    o.id, o.name, o.slug, m.role, mine.role is null, unread.mine, unread.unassigned
  from public.members as m
  join public.organizations as o on o.id = m.organization_id
  cross join lateral (select private.my_role(o.id) as role) as mine
  left join lateral private.unread_counts(o.id) as unread on mine.role is not null
  where m.user_id = (select auth.uid())
  order by o.name, o.id;
end;
$$;

create function public.my_memberships() returns table (
  organization_id uuid, name text, slug text, role public.member_role, needs_mfa boolean, unread_mine integer,
  unread_unassigned integer
)
language sql stable set search_path = '' as $$
  select * from private.my_memberships();
$$;

-- The invitations that the caller can accept: open ones to their confirmed address. So who signs in finds the way in
-- without the mail.
create function private.my_invitations() returns table (
  id uuid, organization text, role public.member_role, expires_at timestamptz
)
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
begin
  return query
  select i.id, o.name, i.role, i.expires_at
  from auth.users as u
  join public.invitations as i on i.email = lower(u.email)
  join public.organizations as o on o.id = i.organization_id
  join public.members as inviter on inviter.organization_id = i.organization_id and inviter.user_id = i.invited_by
    and inviter.role >= greatest(i.role, 'admin')
  where u.id = (select auth.uid()) and u.email_confirmed_at is not null
    and i.accepted_at is null and i.expires_at > now()
    and not exists (
      select from public.members as m where m.organization_id = i.organization_id and m.user_id = u.id
    )
  order by i.expires_at, i.id;
end;
$$;

create function public.my_invitations() returns table (
  id uuid, organization text, role public.member_role, expires_at timestamptz
)
language sql stable set search_path = '' as $$
  select * from private.my_invitations();
$$;
