-- Writes a session and puts it on its user's list. Written twice is written once.
-- The first command of a script is the one that a server refuses when its memory is full.
-- KEYS: session, list. ARGV: id, digest, lifetime in ms, then names and values.
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
-- The list lives as long as the session on it that lives longest.
if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[3]) then
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
return 1
