-- Returns to a budget what was acquired for an attempt that was not made. Same arithmetic as
-- domain/src/limits/memory.rs.
-- KEYS: the counter. ARGV: now, window, interval.
local now, window, interval = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local full_at = math.min(tonumber(redis.call('GET', KEYS[1]) or now), now + window) - interval
if full_at > now then
  redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'KEEPTTL')
else
  redis.call('DEL', KEYS[1])
end
return 1
