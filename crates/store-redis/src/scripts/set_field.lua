-- Sets one field of a session that is there.
-- KEYS: session. ARGV: name, value.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
