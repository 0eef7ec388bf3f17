-- Renews a session that is of the expected generation still.
-- KEYS: session, list. ARGV: id, expected generation, lifetime in ms, generation, renewed_at, expires_at,
-- and `again` where the answer to the same question was lost: then it may be done already.
-- Numbers are compared as they are written: Lua's own lose the low bits of large ones.
local kept = redis.call('HMGET', KEYS[1], 'id', 'generation', 'renewed_at')
if kept[1] ~= ARGV[1] then
  return 0
end
if ARGV[7] == 'again' and kept[2] == ARGV[4] and kept[3] == ARGV[5] then
  return 1
end
if kept[2] ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[1], 'generation', ARGV[4], 'renewed_at', ARGV[5], 'expires_at', ARGV[6])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[3]) then
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
return 1
