-- The knowledge base: articles in immutable versions, cut into the passages that search finds and replies cite.

create type public.article_status as enum ('draft', 'published', 'archived');

create table public.article_categories (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  name text not null check (length(btrim(name)) between 1 and 120),
  position smallint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, name)
);

create table public.articles (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  category_id uuid,
  slug text not null check (slug ~ '^[a-z0-9]([a-z0-9-]{0,98}[a-z0-9])?$'),
  -- Decides how its words are stemmed and which stop words are left out.
  language text not null default 'en' check (language ~ '^[a-z]{2,3}$'),
  status public.article_status not null default 'draft',
  -- What readers see once it is published; moved by every new version.
  current_version_id uuid,
  published_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, slug),
  foreign key (organization_id, category_id)
    references public.article_categories (organization_id, id) on delete set null (category_id)
);
create index articles_category_idx on public.articles (organization_id, category_id);
create index articles_status_idx on public.articles (organization_id, status, updated_at);

-- What an article said at a time. Never changed, so that a reply can cite it for good.
create table public.article_versions (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  article_id uuid not null,
  number integer not null check (number > 0),
  title text not null check (length(btrim(title)) between 1 and 300),
  -- Markdown.
  body text not null check (length(body) <= 500000),
  author_id uuid,
  created_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, article_id, id),
  unique (article_id, number),
  foreign key (organization_id, article_id) references public.articles (organization_id, id) on delete cascade,
  foreign key (organization_id, author_id)
    references public.authors (organization_id, user_id) on delete set null (author_id)
);
create index article_versions_author_idx on public.article_versions (organization_id, author_id);

-- An article's current version is one of its own.
alter table public.articles add constraint articles_current_version_fkey
foreign key (organization_id, id, current_version_id)
references public.article_versions (organization_id, article_id, id) deferrable initially deferred;
create index articles_current_version_idx on public.articles (organization_id, id, current_version_id);

-- A passage of one version. Kept after a newer version has replaced it in search (retired), because replies cite it.
create table public.chunks (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  article_id uuid not null,
  version_id uuid not null,
  ordinal integer not null check (ordinal >= 0),
  -- The article's title with the headings above the passage; embedded apart from the text.
  title text not null,
  heading text not null default '',
  text text not null check (text <> ''),
  language text not null check (language ~ '^[a-z]{2,3}$'),
  tokens integer not null check (tokens > 0),
  retired_at timestamptz,
  created_at timestamptz not null default now(),
  unique (organization_id, id),
  foreign key (organization_id, article_id) references public.articles (organization_id, id) on delete cascade,
  foreign key (organization_id, article_id, version_id)
    references public.article_versions (organization_id, article_id, id) on delete cascade
);
create index chunks_version_idx on public.chunks (organization_id, article_id, version_id);
create unique index chunks_live_idx on public.chunks (version_id, ordinal) where retired_at is null;

-- Did it help? One word per reader and version: a contact, or whoever else reads (56_help_centre.sql).
create table public.article_feedback (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  article_id uuid not null,
  version_id uuid not null,
  contact_id uuid,
  -- Made up by the browser of somebody who is not signed in.
  reader_id uuid,
  helpful boolean not null,
  comment text not null default '' check (length(comment) <= 4000),
  created_at timestamptz not null default now(),
  check (num_nonnulls(contact_id, reader_id) = 1),
  unique (version_id, contact_id),
  unique (version_id, reader_id),
  foreign key (organization_id, article_id, version_id)
    references public.article_versions (organization_id, article_id, id) on delete cascade,
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id) on delete cascade
);
create index article_feedback_version_idx on public.article_feedback (organization_id, article_id, version_id);
create index article_feedback_contact_idx on public.article_feedback (organization_id, contact_id);

create trigger article_categories_touch before update on public.article_categories
for each row execute function private.touch();
create trigger articles_touch before update on public.articles
for each row execute function private.touch();

-- Numbers a version within its article and notes who wrote it. The article's row lock puts writers in line.
create function private.keep_article_version() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform from public.articles as a
  where a.organization_id = new.organization_id and a.id = new.article_id
  for no key update;
  if not found then
    raise exception 'there is no article %', new.article_id using errcode = '23503';
  end if;
  new.number := 1 + coalesce((
    select max(v.number) from public.article_versions as v where v.article_id = new.article_id
  ), 0);
  new.author_id := (
    select m.user_id from public.members as m
    where m.organization_id = new.organization_id and m.user_id = (select auth.uid())
  );
  return new;
end;
$$;

create trigger article_versions_keep before insert on public.article_versions
for each row execute function private.keep_article_version();

-- The newest version is the current one.
create function private.adopt_article_version() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.articles as a
  set current_version_id = new.id
  where a.organization_id = new.organization_id and a.id = new.article_id;
  return null;
end;
$$;

create trigger article_versions_adopt after insert on public.article_versions
for each row execute function private.adopt_article_version();

create function private.refuse_change_of_version() returns trigger
language plpgsql set search_path = '' as $$
begin
  raise exception 'a version of an article is never changed: make a new one' using errcode = '23514';
end;
$$;

-- Not of author_id: a member who leaves takes the name along.
create trigger article_versions_immutable
before update of organization_id, article_id, number, title, body, created_at on public.article_versions
for each row execute function private.refuse_change_of_version();

create function private.guard_article() returns trigger
language plpgsql set search_path = '' as $$
begin
  if new.status = 'published' and new.current_version_id is null then
    raise exception 'an article needs a text before it is published' using errcode = '23514';
  end if;
  if new.status = 'published' and old.status is distinct from 'published' then
    new.published_at := now();
  end if;
  return new;
end;
$$;

create trigger articles_guard before insert or update of status, current_version_id on public.articles
for each row execute function private.guard_article();

create function private.announce_article() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  was public.article_status := case when tg_op = 'UPDATE' then old.status end;
  happened text;
begin
  happened := case
    when tg_op = 'INSERT' and new.status <> 'published' then 'article.created'
    when new.status = 'published' and was is distinct from 'published' then 'article.published'
    when was = 'published' and new.status <> 'published' then 'article.' || case
      when new.status = 'archived' then 'archived' else 'unpublished'
    end
    when new.status = 'published' and (old.current_version_id, old.language)
      is distinct from (new.current_version_id, new.language) then 'article.updated'
  end;
  if happened in ('article.archived', 'article.unpublished') then
    perform private.retire_chunks(new.id);
  end if;
  if happened is not null then
    perform private.emit(
      new.organization_id, happened, new.id, jsonb_build_object('version_id', new.current_version_id)
    );
  end if;
  return null;
end;
$$;

create trigger articles_announce after insert or update of status, current_version_id, language on public.articles
for each row execute function private.announce_article();

insert into private.routes (event_type, consumer) values
  ('article.published', 'index_article'),
  ('article.updated', 'index_article');

-- A title as it may stand in an address, not yet taken in the organization.
create function private.free_slug(organization_id uuid, title text) returns text
language plpgsql stable set search_path = '' as $$
declare
  stem text := btrim(left(btrim(regexp_replace(lower(title), '[^a-z0-9]+', '-', 'g'), '-'), 80), '-');
  tried text;
begin
  stem := coalesce(nullif(stem, ''), 'article');
  tried := stem;
  for n in 2..1000 loop
    exit when not exists (
      select from public.articles as a where a.organization_id = free_slug.organization_id and a.slug = tried
    );
    tried := stem || '-' || n;
  end loop;
  return tried;
end;
$$;

-- A new draft with its first version.
create function public.create_article(
  organization_id uuid, title text, body text, language text default null, category_id uuid default null,
  slug text default null
) returns public.articles
language plpgsql set search_path = '' as $$
declare
  made public.articles;
begin
  insert into public.articles (organization_id, category_id, language, slug)
  values (
    create_article.organization_id, create_article.category_id,
    coalesce(
      create_article.language,
      (select o.language from public.organizations as o where o.id = create_article.organization_id),
      'en'
    ),
    coalesce(create_article.slug, private.free_slug(create_article.organization_id, create_article.title))
  )
  returning * into made;
  return public.save_article(made.id, create_article.title, create_article.body);
end;
$$;

-- A new version of an article. Where the article is published, readers have it at once, and search as soon as it is
-- indexed; what cites the old version keeps it.
create function public.save_article(article_id uuid, title text, body text) returns public.articles
language plpgsql set search_path = '' as $$
declare
  saved public.articles;
begin
  insert into public.article_versions (organization_id, article_id, title, body)
  select a.organization_id, a.id, save_article.title, save_article.body
  from public.articles as a where a.id = save_article.article_id;
  if not found then
    raise exception 'there is no article %', article_id using errcode = 'PT404';
  end if;
  select * into saved from public.articles as a where a.id = save_article.article_id;
  return saved;
end;
$$;

-- Lets the world read an article, or takes it back: drafts and archived articles are for members, and never found.
create function public.set_article_status(article_id uuid, status public.article_status) returns public.articles
language plpgsql set search_path = '' as $$
declare
  changed public.articles;
begin
  update public.articles as a set status = set_article_status.status
  where a.id = set_article_status.article_id
  returning * into changed;
  if changed.id is null then
    raise exception 'there is no article % that you may change', article_id using errcode = 'PT404';
  end if;
  return changed;
end;
$$;

create function public.publish_article(article_id uuid) returns public.articles
language sql set search_path = '' as $$
  select * from public.set_article_status(publish_article.article_id, 'published');
$$;

create function public.archive_article(article_id uuid) returns public.articles
language sql set search_path = '' as $$
  select * from public.set_article_status(archive_article.article_id, 'archived');
$$;
