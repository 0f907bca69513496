-- What the REST servers are measured over: two members' projects, the tasks of each, notes that are written meanwhile.
-- Every table is under row-level security by owner; half of the rows are not the reader's. Run as `postgres`.

create table public.projects (
  id bigint primary key,
  owner uuid not null,
  name text not null,
  created_at timestamptz not null default now()
);

create table public.tasks (
  id bigint primary key,
  project_id bigint not null references public.projects,
  owner uuid not null,
  title text not null,
  priority integer not null,
  done boolean not null,
  details jsonb not null
);

create table public.notes (
  id bigint generated always as identity primary key,
  owner uuid not null default auth.uid(),
  kind text not null,
  body text not null,
  created_at timestamptz not null default now()
);

create function public.open_tasks(project bigint) returns bigint
language sql stable
return (select count(*) from public.tasks as t where t.project_id = project and not t.done);

insert into public.projects (id, owner, name)
select
  n, ('00000000-0000-4000-8000-00000000000' || n % 2)::uuid, 'Project ' || n
from generate_series(1, 2000) as n;

insert into public.tasks (id, project_id, owner, title, priority, done, details)
select
  n, p.id, p.owner, 'Task ' || n || ' of ' || p.name, n % 5, n % 3 = 0,
  jsonb_build_object('estimate', n % 13, 'labels', jsonb_build_array('label' || n % 7, 'label' || n % 11))
from generate_series(1, 20000) as n
join public.projects as p on p.id = 1 + n % 2000;

create index on public.projects (owner);
create index on public.tasks (project_id);
create index on public.tasks (owner, priority);

alter table public.projects enable row level security;
alter table public.tasks enable row level security;
alter table public.notes enable row level security;
create policy own_projects on public.projects to authenticated using (owner = (select auth.uid()));
create policy own_tasks on public.tasks to authenticated using (owner = (select auth.uid()));
create policy own_notes on public.notes to authenticated
using (owner = (select auth.uid())) with check (owner = (select auth.uid()));
grant select, insert, update, delete on public.projects, public.tasks, public.notes to authenticated;
