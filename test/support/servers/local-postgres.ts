import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { Client } from 'pg';
import { binary } from './binaries';
import { dataFolder, LocalProcess, removeFolder, serverUser, withFreePort } from './local-process';
import type { RunningServer, ServerOptions } from './server-kind';

/** A PostgreSQL of this machine's own program, user postgres without a password, on loopback only. */
export async function startLocalPostgres(options: ServerOptions): Promise<RunningServer> {
  const user = serverUser('postgres');
  const folder = dataFolder('postgres', options, user);
  const data = path.join(folder, 'data');
  const init = spawnSync(
    binary('initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
    { encoding: 'utf8', cwd: '/', ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }) },
  );
  if (init.status !== 0) throw new Error(`initdb: ${init.stderr}`);
  const { server, port } = await withFreePort(async (free) => {
    const started = new LocalProcess({
      command: binary('postgres'),
      args: [...flags(data, free), ...durability(options)],
      user,
      endSignal: 'QUIT',
      logFile: path.join(folder, 'log'),
    });
    await started.answers(() => ping(urlOf(free)));
    return { server: started, port: free };
  });
  return {
    url: urlOf(port),
    stop: async () => {
      await server.stop();
      removeFolder(folder);
    },
  };
}

function urlOf(port: number): string {
  return `postgres://postgres@127.0.0.1:${port}/postgres`;
}

function flags(data: string, port: number): string[] {
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'max_connections=300',
    'shared_buffers=128MB',
  ];
  return ['-D', data, '-p', `${port}`, ...settings.flatMap((setting) => ['-c', setting])];
}

function durability(options: ServerOptions): string[] {
  const lax = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'];
  const strict = ['fsync=on', 'synchronous_commit=on'];
  return (options.durable === true ? strict : lax).flatMap((setting) => ['-c', setting]);
}

async function ping(connectionString: string): Promise<void> {
  const client = new Client({ connectionString });
  client.on('error', () => undefined);
  await client.connect();
  await client.end();
}
