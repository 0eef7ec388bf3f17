-- Gives one back to each of several counts; the arithmetic is that of domain/src/throttle/memory.rs.
-- KEYS: the counts. ARGV: –, then for each of them in turn `budget`, window, spacing; or `guess` for one
-- that was never looked at; or `right` for one that was. `now` and `kept_for` are set above.
local at = 2
local function word()
  at = at + 1
  return ARGV[at - 1]
end
for _, key in ipairs(KEYS) do
  local kind = word()
  if kind == 'budget' then
    local window, spacing = tonumber(word()), tonumber(word())
    local kept = redis.call('GET', key)
    if kept then
      local next = math.min(tonumber(kept), now + window) - spacing
      if next > now then
        redis.call('SET', key, string.format('%.0f', next), 'PX', kept_for(next - now))
      else
        redis.call('DEL', key)
      end
    end
  elseif kind == 'right' then
    redis.call('DEL', key)
  else
    local count = tonumber(redis.call('HGET', key, 'count') or 0)
    if count <= 1 then
      redis.call('DEL', key)
    else
      redis.call('HSET', key, 'count', string.format('%.0f', count - 1), 'next_at', string.format('%.0f', now))
    end
  end
end
return 1
