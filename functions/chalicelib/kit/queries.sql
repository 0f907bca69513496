-- begin_job --
select * from private.begin_job(%(id)s);

-- enter_job --
select private.enter_job(%(id)s, %(token)s);

-- finish_job --
select private.finish_job(%(id)s, %(token)s);

-- fail_job --
select private.fail_job(%(id)s, %(token)s, %(error)s, %(after)s, %(fatal)s) as state;

-- take_rate --
select private.take_rate(%(bucket)s, %(allowed)s) as wait;

-- take_for_user --
select private.take_for_user(%(user_id)s, %(is_read)s) as wait;

-- act_as --
select set_config('request.jwt.claims', %(claims)s, true);

-- newest_data_key --
select version, wrapped, wrapped_by from private.data_keys
where organization_id = %(organization_id)s
order by version desc
limit 1;

-- data_key --
select wrapped, wrapped_by from private.data_keys
where organization_id = %(organization_id)s and version = %(version)s;

-- keep_data_key --
insert into private.data_keys (organization_id, version, wrapped, wrapped_by)
values (%(organization_id)s, %(version)s, %(wrapped)s, %(wrapped_by)s)
on conflict (organization_id, version) do nothing;

-- data_key_versions --
select version from private.data_keys where organization_id = %(organization_id)s order by version desc;
