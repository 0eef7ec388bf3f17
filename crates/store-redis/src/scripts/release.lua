-- Returns what was acquired for an attempt that was not made. Same arithmetic as domain/src/limits/memory.rs.
-- KEYS: one per limit. ARGV: now; then per limit `budget`, window, interval or `backoff`.
local now, at = tonumber(ARGV[1]), 1
local function word()
  at = at + 1
  return ARGV[at]
end
for _, key in ipairs(KEYS) do
  local kept, value = redis.call('GET', key), nil
  if word() == 'budget' then
    local window, interval = tonumber(word()), tonumber(word())
    local full_at = math.min(tonumber(kept or now), now + window) - interval
    if full_at > now then
      value = string.format('%.0f', full_at)
    end
  else
    local count, forget_at = string.match(kept or '', '^(%d+) %d+ (%d+)$')
    if count and tonumber(count) > 1 then
      value = string.format('%.0f %.0f %s', count - 1, now, forget_at)
    end
  end
  if value then
    redis.call('SET', key, value, 'KEEPTTL')
  elseif kept then
    redis.call('DEL', key)
  end
end
return 1
