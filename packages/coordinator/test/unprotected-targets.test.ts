/** A registration over gRPC that names a target with several addresses, and no barrier. */
import { expect, it } from '@jest/globals';
import { branch, registration, useWorlds } from './support/grpc-world';

const aWorld = useWorlds();

it('is taken, and told in the log once', async () => {
  const world = await aWorld();
  const target = 'ipv4:127.0.0.1:1,127.0.0.2:1';
  for (const gid of ['order-1', 'order-2']) {
    const branches = [branch({ branchId: '1', target })];
    await world.client.call('registerBranches', registration({ gid, branches }));
  }
  const warnings = world.logger.lines.filter(({ level }) => level === 'warn');
  expect(warnings).toMatchObject([
    {
      fields: { target, addresses: 2 },
      message: expect.stringMatching(
        /^a target without barrier has several addresses: /,
      ) as unknown,
    },
  ]);
});
