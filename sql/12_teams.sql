-- Teams, and what their members know.

create table public.teams (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  name text not null check (length(btrim(name)) between 1 and 100),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, name)
);

create table public.team_members (
  organization_id uuid not null,
  team_id uuid not null,
  user_id uuid not null,
  created_at timestamptz not null default now(),
  primary key (team_id, user_id),
  foreign key (organization_id, team_id) references public.teams (organization_id, id) on delete cascade,
  foreign key (organization_id, user_id) references public.members (organization_id, user_id) on delete cascade
);
create index team_members_team_idx on public.team_members (organization_id, team_id);
create index team_members_user_idx on public.team_members (organization_id, user_id);

create table public.skills (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  name text not null check (length(btrim(name)) between 1 and 100),
  created_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, name)
);

create table public.member_skills (
  organization_id uuid not null,
  user_id uuid not null,
  skill_id uuid not null,
  created_at timestamptz not null default now(),
  primary key (user_id, skill_id),
  foreign key (organization_id, user_id) references public.members (organization_id, user_id) on delete cascade,
  foreign key (organization_id, skill_id) references public.skills (organization_id, id) on delete cascade
);
create index member_skills_user_idx on public.member_skills (organization_id, user_id);
create index member_skills_skill_idx on public.member_skills (organization_id, skill_id);

-- Which team takes work that asks for a skill.
create table public.team_skills (
  organization_id uuid not null,
  team_id uuid not null,
  skill_id uuid not null,
  created_at timestamptz not null default now(),
  primary key (team_id, skill_id),
  foreign key (organization_id, team_id) references public.teams (organization_id, id) on delete cascade,
  foreign key (organization_id, skill_id) references public.skills (organization_id, id) on delete cascade
);
create index team_skills_team_idx on public.team_skills (organization_id, team_id);
create index team_skills_skill_idx on public.team_skills (organization_id, skill_id);

create trigger teams_touch before update on public.teams
for each row execute function private.touch();
