-- Writes what renewals and security events change, if the session has the expected generation.
-- KEYS: session, list. ARGV: id, expected generation, lifetime in ms, generation, renewed_at, expires_at, epoch.
-- Numbers are compared as they are written: Lua's own lose the low bits of large ones.
local stored = redis.call('HMGET', KEYS[1], 'id', 'generation')
if stored[1] ~= ARGV[1] or stored[2] ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[1], 'generation', ARGV[4], 'renewed_at', ARGV[5], 'expires_at', ARGV[6], 'epoch', ARGV[7])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[3]) then
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
return 1
