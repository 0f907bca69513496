-- begin_job --
select * from private.begin_job(%(id)s);

-- enter_job --
select private.enter_job(%(id)s, %(token)s);

-- finish_job --
select private.finish_job(%(id)s, %(token)s);

-- fail_job --
select private.fail_job(%(id)s, %(token)s, %(error)s, %(after)s, %(fatal)s) as state;

-- act_as --
select set_config('request.jwt.claims', %(claims)s, true);
