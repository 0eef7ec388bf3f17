-- Takes one from every limit, or from none if one denies. Same arithmetic as domain/src/limits/memory.rs, in
-- microseconds; numbers stay below 2^53.
-- KEYS: one per limit. ARGV: now; how long one failure is remembered, how long at most; how many delays, and for
-- each from how many failures on, how long; then per limit `budget`, window, interval or `backoff`, lockout_after.
-- Returns 1 and what remains of each limit; or 0, the index of the limit that denies and how long to wait
-- (-1: locked out).
local at = 0
local function word()
  at = at + 1
  return ARGV[at]
end
local function number()
  return tonumber(word())
end
local now, remember, remember_max = number(), number(), number()
local delays = {}
for step = 1, number() do
  delays[step] = {number(), number()}
end
local function delay(failures)
  local found = 0
  for _, step in ipairs(delays) do
    if failures >= step[1] then
      found = step[2]
    end
  end
  return found
end

-- Each returns what remains, the new value and how long it counts; or nil and how long to wait.
local function budget(kept, window, interval)
  local full_at = math.min(math.max(tonumber(kept or now), now), now + window) + interval
  local left = window - (full_at - now)
  if left < 0 then
    return nil, -left
  end
  return math.floor(left / interval), string.format('%.0f', full_at), window
end
local function backoff(kept, lockout_after)
  local count, next_at, forget_at = string.match(kept or '', '^(%d+) (%d+) (%d+)$')
  if not count or tonumber(forget_at) <= now then
    count, next_at = 0, now
  end
  count = tonumber(count)
  if count >= lockout_after then
    return nil, -1
  end
  next_at = math.min(tonumber(next_at), now + delay(count))
  if next_at > now then
    return nil, next_at - now
  end
  count = count + 1
  local memory = math.min(count * remember, remember_max)
  local value = string.format('%.0f %.0f %.0f', count, now + delay(count), now + memory)
  return lockout_after - count, value, memory
end

local answer, writes = {1}, {}
for index, key in ipairs(KEYS) do
  local kept = redis.call('GET', key)
  local remaining, value, lifetime
  if word() == 'budget' then
    remaining, value, lifetime = budget(kept, number(), number())
  else
    remaining, value, lifetime = backoff(kept, number())
  end
  if not remaining then
    return {0, index - 1, value}
  end
  answer[index + 1] = remaining
  writes[index] = {key, value, lifetime}
end
for _, write in ipairs(writes) do
  -- A minute more, for nodes whose clocks differ a little.
  redis.call('SET', write[1], write[2], 'PX', math.ceil(write[3] / 1000) + 60000)
end
return answer
