/**
 * A coordinator's process on a database server of its own: the coordinator is killed in the middle, then the server is. What
 * was acknowledged holds, and everything settles by itself.
 */
import { describe, expect, it, jest } from '@jest/globals';
import { aFolder } from '../support/clean-up';
import { aClient } from '../support/nodes/fleet';
import { Orders } from '../support/nodes/orders';
import { RestartingServer } from '../support/restarting-server';
import { ServerProcess } from '../support/server-process';
import { missingBinaries } from '../support/servers/binaries';
import { describeWith, freshDatabase } from '../support/servers/describe-with';

jest.setTimeout(180_000);

const plan = { prefix: 'order', count: 120 };

describe.each(['mariadb', 'postgres'] as const)('a coordinator on a server', (kind) => {
  describeWith(kind, (server) => {
    it('is killed with SIGKILL and started again: everything settles', async () => {
      const { url } = await freshDatabase(server);
      const flags = ['--store', url, '--unsafe-store', '--node-ttl', '1s'];
      const first = await ServerProcess.start(aFolder(), ...flags);
      const { address } = first;
      expect(first.lines.join('\n')).toContain(`  store  ${url}`);
      const orders = await Orders.at(aClient(address));
      let next: ServerProcess | undefined;
      const trouble = async (): Promise<void> => {
        await first.kill();
        next = await ServerProcess.start(aFolder(), ...flags, '--grpc-address', address);
      };
      await orders.expectSettled(await orders.placeAll({ ...plan, trouble }));
      // Told to end, it leaves nothing behind that the next one would have to go on with.
      next?.signal('SIGTERM');
      await next?.ended;
      const last = await ServerProcess.start(aFolder(), ...flags, '--node-ttl', '60s');
      expect(last.lines.join('\n')).not.toContain('resumed');
    });
  });
});

describe.each(['mariadb', 'postgres'] as const)('the server %s', (kind) => {
  const missing = missingBinaries(kind);
  const required = process.env['TERCET_REQUIRE_SERVERS'] === '1';
  const test = missing.length > 0 && !required ? it.skip : it;

  test('is killed and started again under a coordinator: nothing acknowledged is lost', async () => {
    const server = await RestartingServer.start(kind);
    const coordinator = await ServerProcess.start(aFolder(), '--store', server.url);
    const orders = await Orders.at(aClient(coordinator.address));
    const trouble = async (): Promise<void> => {
      await server.kill();
      await server.restart();
    };
    await orders.expectSettled(await orders.placeAll({ ...plan, trouble }));
    expect(coordinator.log).toContain('the store takes no writes');
    expect(coordinator.log).toContain('the store takes writes again');
  });
});
