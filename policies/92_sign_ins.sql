-- Called by Auth and by nobody else.
grant usage on schema private to supabase_auth_admin;
grant execute on function private.custom_access_token(jsonb) to supabase_auth_admin;
grant execute on function private.password_checked(jsonb) to supabase_auth_admin;
