/** What a server says of itself: whether the barrier can work with it, and how far its answers can be relied on. */
import { BarrierError, textOfCause } from '../errors';
import { isClusterClient, type RedisClient, type RedisConnection } from './redis-client';
import { askNode, CLIENT_CLOSED } from './redis-send';

/** What the settings must be, so that what was answered is still there after a crash. */
const durable = [
  {
    setting: 'appendonly',
    wanted: 'yes',
    why: 'a crash forgets everything since the last snapshot',
  },
  { setting: 'appendfsync', wanted: 'always', why: 'a crash forgets the last second' },
  {
    setting: 'maxmemory-policy',
    wanted: 'noeviction',
    why: 'under memory pressure rows of branches are dropped',
  },
] as const;

/** Oldest server: older ones differ in what scripts are allowed. */
const VERSION_MIN = [6, 2] as const;

/**
 * Checks every master. Resolves with what makes it forgetful, in words, empty = nothing. Rejects with BarrierError where
 * the barrier cannot work.
 */
export async function weaknessesOf(client: RedisClient): Promise<readonly string[]> {
  if (client.status === 'end') throw new BarrierError(CLIENT_CLOSED);
  const found = new Set<string>();
  try {
    for (const node of await mastersOf(client)) {
      await refuseUnfit(node, isClusterClient(client));
      for (const weakness of await forgetfulness(node)) found.add(weakness);
    }
  } catch (error) {
    if (error instanceof BarrierError) throw error;
    throw new BarrierError(
      `Redis cannot be asked: ${textOfCause(error)}; check its address, user and password, and that it runs`,
      { cause: error },
    );
  }
  return [...found];
}

async function mastersOf(client: RedisClient): Promise<readonly RedisConnection[]> {
  // A client that is still connecting knows its nodes only after its first answer.
  await client.callBuffer('ping', []);
  return isClusterClient(client) ? client.nodes('master') : [client];
}

async function refuseUnfit(node: RedisConnection, inCluster: boolean): Promise<void> {
  const info = await infoOf(node);
  const [major = 0, minor = 0] = (info.get('redis_version') ?? '').split('.').map(Number);
  if (major < VERSION_MIN[0] || (major === VERSION_MIN[0] && minor < VERSION_MIN[1])) {
    throw new BarrierError(
      `the server is Redis ${info.get('redis_version')}, the barrier needs ${VERSION_MIN.join('.')} or newer`,
    );
  }
  if (info.get('role') === 'slave') {
    throw new BarrierError('the server is a replica, which takes no writes: connect to its master');
  }
  if (info.get('cluster_enabled') === '1' && !inCluster) {
    throw new BarrierError(
      'the server belongs to a Redis Cluster: give redisBarrier a `Cluster` client instead of a `Redis`',
    );
  }
}

async function infoOf(node: RedisConnection): Promise<ReadonlyMap<string, string>> {
  const [text = ''] = await askNode(node, 'info', []);
  const lines = text.split('\r\n').map((line) => line.split(':', 2) as [string, string]);
  return new Map(lines);
}

async function forgetfulness(node: RedisConnection): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { setting, wanted, why } of durable) {
    const value = await settingOf(node, setting);
    if (value === undefined) found.push(`${setting} cannot be read (CONFIG GET is refused)`);
    else if (value !== wanted) found.push(`${setting} is ${value} instead of ${wanted}: ${why}`);
  }
  return found;
}

async function settingOf(node: RedisConnection, setting: string): Promise<string | undefined> {
  try {
    const [, value] = await askNode(node, 'config', ['get', setting]);
    return value;
  } catch (error) {
    if (error instanceof Error && error.name === 'ReplyError') return undefined;
    throw error;
  }
}
