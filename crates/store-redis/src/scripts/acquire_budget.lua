-- Takes one from a budget. Same arithmetic as domain/src/limits/memory.rs, in microseconds; numbers stay below 2^53.
-- KEYS: the counter. ARGV: now, window, interval.
-- Returns 1 and what remains; or 0 and how long to wait.
local now, window, interval = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local full_at = tonumber(redis.call('GET', KEYS[1]) or now)
full_at = math.min(math.max(full_at, now), now + window) + interval
local left = window - (full_at - now)
if left < 0 then
  return {0, -left}
end
-- A minute more, for nodes whose clocks differ a little.
redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'PX', math.ceil(window / 1000) + 60000)
return {1, math.floor(left / interval)}
