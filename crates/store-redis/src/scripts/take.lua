-- Takes one from a budget; the arithmetic is `gcra` in domain/src/throttle.rs, to the microsecond.
-- KEYS: bucket. ARGV: –, window, spacing. `now` is set above.
-- Answers whether it may, and how many are left or how long to wait.
local window, spacing = tonumber(ARGV[2]), tonumber(ARGV[3])
local empty_at = tonumber(redis.call('GET', KEYS[1]) or now)
empty_at = math.min(math.max(empty_at, now), now + window)
local next = empty_at + spacing
local over = next - now - window
if over > 0 then
  return {0, over}
end
redis.call('SET', KEYS[1], string.format('%.0f', next), 'PX', math.ceil((next - now) / 1000))
return {1, math.floor(-over / spacing)}
