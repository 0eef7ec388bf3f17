-- Sets the time of the last use of a session that exists.
-- KEYS: session. ARGV: time.
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
redis.call('HSET', KEYS[1], 'last_seen_at', ARGV[1])
return 1
