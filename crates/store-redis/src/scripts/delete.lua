-- Ends a session.
-- KEYS: session, list. ARGV: id.
redis.call('HDEL', KEYS[2], ARGV[1])
return redis.call('DEL', KEYS[1])
