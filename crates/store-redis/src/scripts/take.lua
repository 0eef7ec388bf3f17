-- Takes one from each of several counts, or from none where one of them denies it; the arithmetic is
-- that of domain/src/throttle/memory.rs, to the microsecond.
-- KEYS: the counts. ARGV: –, then for each of them in turn either `budget`, window, spacing;
-- or `guess`, how long one failure is remembered, how long all are, how many steps, and for each step
-- from how many failures on which pause follows, fewest first. `now` and `kept_for` are set above.
-- Answers for each whether it may, and how many are left (guesses: before the last step) or how long to wait.
local at = 2
local function word()
  at = at + 1
  return ARGV[at - 1]
end
local function number()
  return tonumber(word())
end
local answers, writes, is_allowed = {}, {}, true
local function answer(may, rest)
  answers[#answers + 1] = may
  answers[#answers + 1] = rest
  if may == 0 then
    is_allowed = false
  end
end

local function budget(key)
  local window, spacing = number(), number()
  local empty_at = tonumber(redis.call('GET', key) or now)
  empty_at = math.min(math.max(empty_at, now), now + window)
  local next = empty_at + spacing
  local over = next - now - window
  if over > 0 then
    return answer(0, over)
  end
  answer(1, math.floor(-over / spacing))
  writes[#writes + 1] = function()
    redis.call('SET', key, string.format('%.0f', next), 'PX', kept_for(next - now))
  end
end

local function guess(key)
  local each, most = number(), number()
  local steps = {}
  for step = 1, number() do
    steps[step] = {number(), number()}
  end
  local function pause(count)
    local found = 0
    for _, step in ipairs(steps) do
      if count >= step[1] then
        found = step[2]
      end
    end
    return found
  end
  local kept = redis.call('HMGET', key, 'count', 'next_at', 'forget_at')
  local count, next_at = tonumber(kept[1] or 0), tonumber(kept[2] or now)
  if tonumber(kept[3] or now) <= now then
    count, next_at = 0, now
  end
  next_at = math.min(next_at, now + pause(count))
  if next_at > now then
    return answer(0, next_at - now)
  end
  count = math.min(count + 1, 4294967295)
  answer(1, math.max(steps[#steps][1] - count, 0))
  next_at = now + pause(count)
  local memory = math.max(math.min(count * each, most), pause(count))
  writes[#writes + 1] = function()
    redis.call('HSET', key, 'count', string.format('%.0f', count), 'next_at', string.format('%.0f', next_at),
      'forget_at', string.format('%.0f', now + memory))
    redis.call('PEXPIRE', key, kept_for(memory))
  end
end

for _, key in ipairs(KEYS) do
  if word() == 'budget' then
    budget(key)
  else
    guess(key)
  end
end
if is_allowed then
  for _, write in ipairs(writes) do
    write()
  end
end
return answers
