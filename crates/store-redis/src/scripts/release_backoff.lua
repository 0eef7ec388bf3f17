-- Uncounts an attempt that was acquired at this time and not made. Same arithmetic as domain/src/limits/memory.rs.
-- KEYS: the counter. ARGV: now.
local kept = redis.call('GET', KEYS[1]) or ''
local count, failed_at, forget_at = string.match(kept, '^(%d+) (%d+) (%d+)$')
if count and tonumber(count) > 1 then
  -- If another attempt has failed since, its delay remains.
  if failed_at == ARGV[1] then
    failed_at = '0'
  end
  local value = string.format('%.0f %s %s', tonumber(count) - 1, failed_at, forget_at)
  redis.call('SET', KEYS[1], value, 'KEEPTTL')
else
  redis.call('DEL', KEYS[1])
end
return 1
