-- Gives sessions of a list, and takes those off it that are gone.
-- KEYS: list, sessions. ARGV: the sessions' ids.
local found = {}
for number, id in ipairs(ARGV) do
  local session = redis.call('HGETALL', KEYS[number + 1])
  if #session == 0 then
    redis.call('HDEL', KEYS[1], id)
  else
    found[#found + 1] = session
  end
end
return found
