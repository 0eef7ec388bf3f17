-- Returns the sessions of a list in its order. Deleted sessions are empty, and are removed from the list.
-- KEYS: list, sessions. ARGV: the sessions' ids.
local found = {}
for number, id in ipairs(ARGV) do
  local session = redis.call('HGETALL', KEYS[number + 1])
  if #session == 0 then
    redis.call('HDEL', KEYS[1], id)
  end
  found[number] = session
end
return found
