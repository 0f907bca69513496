-- Who has which tag. A contact's tags are those of its sessions too: computed where they are read, never copied, so
-- they are there with the first look and gone with their source.

create table public.contact_tags (
  organization_id uuid not null,
  contact_id uuid not null,
  tag_id uuid not null,
  created_by uuid default private.actor_id(),
  created_at timestamptz not null default now(),
  primary key (organization_id, contact_id, tag_id),
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id) on delete cascade,
  foreign key (organization_id, tag_id) references public.tags (organization_id, id) on delete cascade
);
create index contact_tags_tag_idx on public.contact_tags (organization_id, tag_id, contact_id);

insert into private.contact_references (table_name, column_name, on_merge, because) values
('public.contact_tags', 'contact_id', 'move', 'the winner is tagged so too; what both have stays with each');

-- What a session has of its own.
create table public.session_taggings (
  organization_id uuid not null,
  session_id uuid not null,
  tag_id uuid not null,
  created_by uuid default private.actor_id(),
  created_at timestamptz not null default now(),
  primary key (organization_id, session_id, tag_id),
  foreign key (organization_id, session_id) references public.sessions (organization_id, id) on delete cascade,
  foreign key (organization_id, tag_id) references public.tags (organization_id, id) on delete cascade
);
create index session_taggings_tag_idx on public.session_taggings (organization_id, tag_id, session_id);

-- What a session has, of its own and from its contact: a tag that it has both ways stands there twice.
create view public.session_tags with (security_invoker = true) as
select t.organization_id, t.session_id, t.tag_id, 'direct' as source, null::uuid as contact_id, t.created_at
from public.session_taggings as t
union all
select s.organization_id, s.id, t.tag_id, 'inherited', t.contact_id, t.created_at
from public.sessions as s
join public.contact_tags as t on t.organization_id = s.organization_id and t.contact_id = s.contact_id;

-- Nothing new gets a tag that is being removed: it gets the one that takes its place, or none.
create function private.keep_tagging() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  tag public.tags;
begin
  -- Waits for whoever is removing it.
  select * into tag from public.tags as t
  where t.organization_id = new.organization_id and t.id = new.tag_id
  for key share;
  if tag.removed_at is not null and tag.merged_into is null then
    raise exception 'tag "%" is being deleted', tag.name using errcode = '23514';
  end if;
  new.tag_id := coalesce(tag.merged_into, new.tag_id);
  return new;
end;
$$;

create trigger contact_tags_keep before insert on public.contact_tags
for each row execute function private.keep_tagging();
create trigger session_taggings_keep before insert on public.session_taggings
for each row execute function private.keep_tagging();

insert into private.event_types (type, subject, audience, happens, properties, is_partial, example) values
(
  'contact.tagged', 'contact', 'agents',
  'A contact got a tag, and with it its sessions.',
  '{"tag_id": {"$ref": "#/$defs/tag_id"}}', false, '{"tag_id": "01993f2a-5c00-7a66-8d10-3c9e8b7a6f50"}'
),
(
  'contact.untagged', 'contact', 'agents',
  'A contact lost a tag: it was taken off, or the tag was deleted or merged into another one.',
  '{"tag_id": {"$ref": "#/$defs/tag_id"}}', false, '{"tag_id": "01993f2a-5c00-7a66-8d10-3c9e8b7a6f50"}'
);

create function private.announce_contact_tag() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'INSERT' then
    perform private.emit(
      new.organization_id, 'contact.tagged', new.contact_id, jsonb_build_object('tag_id', new.tag_id)
    );
  elsif exists (select from public.contacts as c where c.id = old.contact_id) then
    perform private.emit(
      old.organization_id, 'contact.untagged', old.contact_id, jsonb_build_object('tag_id', old.tag_id)
    );
  end if;
  return null;
end;
$$;

create trigger contact_tags_announce after insert or delete on public.contact_tags
for each row execute function private.announce_contact_tag();
