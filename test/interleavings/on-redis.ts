/** The participant on Redis: each work is one script, so that nothing can come between its parts. */
import type { OpenedCall, WorkDone } from '@tercet/sdk';
import { type RedisCall, redisBarrier } from '@tercet/sdk/redis';
import { Redis } from 'ioredis';
import { type Business, Death, type Left, type Place, effectsOf, moves } from './business';
import { pause } from './pause';

const script = `
  if ARGV[1] == 'cancel' and not tried then
    redis.call('RPUSH', KEYS[2], ARGV[4] .. ' blindCancel')
    return
  end
  redis.call('HINCRBY', KEYS[1], ARGV[2], -1)
  redis.call('HINCRBY', KEYS[1], ARGV[3], 1)
  redis.call('RPUSH', KEYS[2], ARGV[4] .. ' ' .. ARGV[1])`;

/** Makes it in an empty database. */
export async function onRedis(url: string): Promise<Business<RedisCall>> {
  const client = new Redis(url);
  const admin = new Redis(url);
  return {
    levels: [{ name: 'one script', barrier: redisBarrier(client) }],
    open: async (runId) =>
      void (await admin.hset(`account:{${runId}}`, { free: 100, held: 0, sold: 0 })),
    work,
    // It comes with a second command: one that was lost with its Try comes with the Try's repetition, another one then.
    checkNote: () => {},
    left: (runId) => left(admin, runId),
    close: async () => void (await Promise.all([client.quit(), admin.quit()])),
  };
}

async function work(
  { db }: OpenedCall<RedisCall>,
  { runId, step, reply }: Place,
): Promise<WorkDone> {
  await pause(step.workMs);
  if (step.mishap === 'dies midway' || step.mishap === 'loses its connection') {
    throw new Death('midway');
  }
  await db.apply({
    tag: runId,
    keys: [`account:{${runId}}`, `effects:{${runId}}`],
    args: [step.phase, ...moves[step.phase], step.branchId],
    apply: script,
    reply,
  });
  return { reply: Buffer.from(reply), note: step.phase === 'try' ? Buffer.from(reply) : undefined };
}

async function left(admin: Redis, runId: string): Promise<Left> {
  const account = await admin.hgetall(`account:{${runId}}`);
  const rows = await admin.lrange(`effects:{${runId}}`, 0, -1);
  const effects = effectsOf(
    rows.map((row) => {
      const [branch = '', what = ''] = row.split(' ');
      return { branch, what };
    }),
  );
  const [free, held, sold] = ['free', 'held', 'sold'].map((name) => Number(account[name]));
  return { effects, free: free ?? NaN, held: held ?? NaN, sold: sold ?? NaN };
}
