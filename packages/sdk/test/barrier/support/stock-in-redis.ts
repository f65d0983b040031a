/** The participant of docs/guide/redis.md, word for word: a test holds the two against each other. */
import type { Server } from '@grpc/grpc-js';
import { addTcc, type TccService } from '@tercet/sdk';
import { type RedisClient, type RedisPlan, redisBarrier } from '@tercet/sdk/redis';
import { depot as stock } from '../../support/shop-participant';

// What one article has: left:{tea} counts the free pieces, held:{tea} the reserved ones by reservation.
function shelfOf({ sku }: { sku: string }): Pick<RedisPlan, 'tag' | 'keys'> {
  const tag = encodeURIComponent(sku);
  return { tag, keys: [`left:{${tag}}`, `held:{${tag}}`] };
}

const reserve = {
  check: `
    local left = tonumber(redis.call('GET', KEYS[1]) or '0')
    if left < tonumber(ARGV[2]) then return 'only ' .. left .. ' left' end
    redis.call('HEXISTS', KEYS[2], ARGV[1])  -- fails here, and not in apply, if it is no hash`,
  apply: `
    redis.call('DECRBY', KEYS[1], ARGV[2])
    redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
    return ARGV[1]`,
};

const sell = {
  check: `redis.call('HEXISTS', KEYS[2], tried.saved)`,
  apply: `redis.call('HDEL', KEYS[2], tried.saved)`,
};

const putBack = {
  check: `
    redis.call('GET', KEYS[1])
    if not redis.call('HGET', KEYS[2], tried.saved) then return 'nothing is held for it' end`,
  apply: `
    redis.call('INCRBY', KEYS[1], redis.call('HGET', KEYS[2], tried.saved))
    redis.call('HDEL', KEYS[2], tried.saved)`,
};

export function addStock(server: Server, redis: RedisClient): TccService {
  return addTcc(
    server,
    stock,
    {
      reserve: {
        try: (request, ctx) => {
          const reservationId = `${ctx.runId}/${ctx.branchId}`;
          const args = [reservationId, request.quantity];
          return ctx.db.apply({ ...shelfOf(request), args, ...reserve, reply: { reservationId } });
        },
        confirm: (request, ctx) => ctx.db.apply({ ...shelfOf(request), ...sell }),
        cancel: (request, ctx) => ctx.db.apply({ ...shelfOf(request), ...putBack }),
      },
    },
    { barrier: redisBarrier(redis) },
  );
}
