grant execute on function private.my_rooms() to authenticated;
grant execute on function private.open_room(uuid, text, text, uuid[]) to authenticated;
grant execute on function public.open_room(uuid, text, text, uuid[]) to authenticated;
grant execute on function private.join_room(uuid, uuid) to authenticated;
grant execute on function public.join_room(uuid, uuid) to authenticated;
grant execute on function private.leave_room(uuid) to authenticated;
grant execute on function public.leave_room(uuid) to authenticated;
grant execute on function private.say_in_room(uuid, text) to authenticated;
grant execute on function public.say_in_room(uuid, text) to authenticated;
grant execute on function private.edit_room_message(uuid, text) to authenticated;
grant execute on function public.edit_room_message(uuid, text) to authenticated;
grant execute on function private.read_room(uuid, integer) to authenticated;
grant execute on function public.read_room(uuid, integer) to authenticated;
grant execute on function public.unread_rooms(uuid) to authenticated;

alter table public.rooms enable row level security;
grant select, update (name, archived_at) on public.rooms to authenticated;

create policy "Members see the rooms that are theirs" on public.rooms
for select to authenticated using (id = any(array(select private.my_rooms())));
create policy "Managers rename and archive rooms that are theirs" on public.rooms
for update to authenticated using (
  id = any(array(select private.my_rooms()))
  and organization_id = any(array(select private.my_organizations('manager')))
);

alter table public.room_members enable row level security;
grant select on public.room_members to authenticated;

create policy "Members see who is in their rooms" on public.room_members
for select to authenticated using (room_id = any(array(select private.my_rooms())));

alter table public.room_messages enable row level security;
grant select on public.room_messages to authenticated;

create policy "Members read what is said in their rooms" on public.room_messages
for select to authenticated using (room_id = any(array(select private.my_rooms())));
