-- Writes some fields of a session, if another call has not changed the session before: one field is compared.
-- KEYS: session, list. ARGV: id, the compared field, its expected value, lifetime in ms (0: unchanged), then names and
-- values.
-- Numbers are compared as they are written: Lua's own lose the low bits of large ones.
local stored = redis.call('HMGET', KEYS[1], 'id', ARGV[2])
if stored[1] ~= ARGV[1] or stored[2] ~= ARGV[3] then
  return 0
end
redis.call('HSET', KEYS[1], unpack(ARGV, 5))
local lifetime = tonumber(ARGV[4])
if lifetime == 0 then
  return 1
end
redis.call('PEXPIRE', KEYS[1], lifetime)
if redis.call('PTTL', KEYS[2]) < lifetime then
  redis.call('PEXPIRE', KEYS[2], lifetime)
end
return 1
