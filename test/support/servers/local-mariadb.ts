import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { createConnection } from 'mysql2/promise';
import { binary } from './binaries';
import { dataFolder, LocalProcess, removeFolder, serverUser, withFreePort } from './local-process';
import type { RunningServer, ServerOptions } from './server-kind';

/** A MariaDB of this machine's own program, root without a password, on loopback only. */
export async function startLocalMariadb(options: ServerOptions): Promise<RunningServer> {
  const user = serverUser('mysql');
  const folder = dataFolder('mariadb', options, user);
  const data = path.join(folder, 'data');
  const asUser = user === undefined ? [] : [`--user=${user.name}`];
  const install = spawnSync(
    binary('mariadb-install-db'),
    [
      '--no-defaults',
      `--datadir=${data}`,
      ...asUser,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
    ],
    { encoding: 'utf8' },
  );
  if (install.status !== 0) throw new Error(`mariadb-install-db: ${install.stderr}`);
  const { server, port } = await withFreePort(async (free) => {
    const started = new LocalProcess({
      command: binary('mariadbd'),
      args: [...flags(folder, free), ...asUser, ...durability(options), ...(options.args ?? [])],
      endSignal: 'KILL',
      logFile: path.join(folder, 'log'),
    });
    await started.answers(() => ping(free));
    return { server: started, port: free };
  });
  return {
    url: `mysql://root@127.0.0.1:${port}/`,
    stop: async () => {
      await server.stop();
      removeFolder(folder);
    },
  };
}

function flags(folder: string, port: number): string[] {
  return [
    '--no-defaults',
    `--datadir=${path.join(folder, 'data')}`,
    `--socket=${path.join(folder, 'socket')}`,
    `--pid-file=${path.join(folder, 'pid')}`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    '--skip-name-resolve',
    '--max-connections=500',
    '--character-set-server=utf8mb4',
    '--innodb-buffer-pool-size=128M',
    '--performance-schema=OFF',
    '--skip-log-bin',
  ];
}

function durability(options: ServerOptions): string[] {
  return options.durable === true
    ? ['--innodb-flush-log-at-trx-commit=1', '--sync-binlog=1']
    : [
        '--innodb-flush-log-at-trx-commit=0',
        '--innodb-doublewrite=0',
        '--innodb-flush-method=nosync',
      ];
}

async function ping(port: number): Promise<void> {
  const connection = await createConnection({ host: '127.0.0.1', port, user: 'root' });
  await connection.end();
}
