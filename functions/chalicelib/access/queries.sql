-- open_api_key --
select * from private.open_api_key(%(sha256)s);
