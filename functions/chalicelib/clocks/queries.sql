-- ring --
select private.ring(%(payload)s);
