-- Counts an attempt as a failure. Same arithmetic as domain/src/limits/memory.rs, in microseconds; numbers stay
-- below 2^53.
-- KEYS: the counter: how many failures, when the last one (0: it was released), until when they are remembered.
-- ARGV: now; lockout_after; how long one failure is remembered, how long at most; then for each delay from how many
-- failures on, and how long.
-- Returns 1 and what remains until the lockout; or 0 and how long to wait (-1: locked out).
local now, lockout_after = tonumber(ARGV[1]), tonumber(ARGV[2])
local remember, remember_max = tonumber(ARGV[3]), tonumber(ARGV[4])
local kept = redis.call('GET', KEYS[1]) or ''
local count, failed_at, forget_at = string.match(kept, '^(%d+) (%d+) (%d+)$')
if not count or tonumber(forget_at) <= now then
  count, failed_at = 0, 0
end
count = tonumber(count)
if count >= lockout_after then
  return {0, -1}
end
local delay = 0
for at = 5, #ARGV, 2 do
  if count >= tonumber(ARGV[at]) then
    delay = tonumber(ARGV[at + 1])
  end
end
-- Later than now only if the clock was set back since.
local wait = delay - (now - math.min(tonumber(failed_at), now))
if wait > 0 then
  return {0, wait}
end
count = count + 1
local memory = math.min(count * remember, remember_max)
local value = string.format('%.0f %.0f %.0f', count, now, now + memory)
-- A minute more, for nodes whose clocks differ a little.
redis.call('SET', KEYS[1], value, 'PX', math.ceil(memory / 1000) + 60000)
return {1, lockout_after - count}
