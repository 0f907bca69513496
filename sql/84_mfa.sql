-- Organizations that ask for a second factor. Their members come with a token of level aal2, or find the door closed:
-- private.my_role and private.my_organizations see to it wherever rights are asked for, in policies, RPCs, topics and
-- files. API keys and contacts have no second factor, and none is asked of them.

-- Whoever turns it on has one in hand: an organization cannot lock all of its admins out by a click.
create function private.guard_mfa() returns trigger
language plpgsql set search_path = '' as $$
begin
  if (select auth.uid()) is not null and (select auth.jwt()) ->> 'aal' is distinct from 'aal2' then
    raise exception 'sign in with your own second factor before you ask it of others' using errcode = '42501';
  end if;
  return new;
end;
$$;

create trigger organizations_mfa before update of require_mfa on public.organizations
for each row when (new.require_mfa and not old.require_mfa) execute function private.guard_mfa();

create function private.keep_strict() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if new.require_mfa then
    insert into private.strict_organizations (organization_id) values (new.id) on conflict do nothing;
  else
    delete from private.strict_organizations as s where s.organization_id = new.id;
  end if;
  return null;
end;
$$;

create trigger organizations_strict after update of require_mfa on public.organizations
for each row when (new.require_mfa <> old.require_mfa) execute function private.keep_strict();
create trigger organizations_strict_from_the_start after insert on public.organizations
for each row when (new.require_mfa) execute function private.keep_strict();

-- The caller's organizations whose second factor this token lacks.
create function private.closed_organizations() returns setof uuid
language plpgsql stable security definer set search_path = '' rows 1 as $$
begin
  if (select auth.jwt()) ->> 'aal' is distinct from 'aal2' then
    return query
    select s.organization_id
    from private.strict_organizations as s
    join public.members as m on m.organization_id = s.organization_id
    where m.user_id = (select auth.uid());
  end if;
end;
$$;
