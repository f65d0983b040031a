import { describe, expect, it } from '@jest/globals';
import { aBranchSpec } from '@tercet/core/testing';
import { systemScheduler } from '@tercet/runtime';
import { RecordingLogger } from '../../test/support/recording-logger';
import { UnprotectedTargets } from './unprotected-targets';

const hosts: Readonly<Record<string, readonly string[]>> = {
  one: ['10.0.0.1'],
  dual: ['10.0.0.1', 'fd00::1'],
  many: ['10.0.0.1', '10.0.0.2', '10.0.0.3'],
  localhost: ['::1', '127.0.0.1'],
};

async function told(...specs: { readonly target: string; readonly barrier?: boolean }[]) {
  const logger = new RecordingLogger();
  const asked: string[] = [];
  const resolve = (host: string) => {
    asked.push(host);
    const found = hosts[host];
    return found === undefined ? Promise.reject(new Error('ENOTFOUND')) : Promise.resolve(found);
  };
  const targets = new UnprotectedTargets({ resolve, logger });
  targets.note(specs.map((spec) => aBranchSpec(spec)));
  await new Promise<void>((looked) => systemScheduler.soon(looked));
  return { asked, lines: logger.lines };
}

describe('a target without barrier', () => {
  it('that resolves to several addresses is told, and what may happen there', async () => {
    const { lines } = await told({ target: 'dns:///many:50051' });
    expect(lines).toEqual([
      {
        level: 'warn',
        fields: { alert: 'P2', target: 'dns:///many:50051', addresses: 3 },
        message:
          'a target without barrier has several addresses: a Cancel may reach another process than its Try, and a late Try then reserves for nobody',
      },
    ]);
  });

  it('that is a list of addresses is told without asking', async () => {
    const { lines, asked } = await told({ target: 'ipv4:10.0.0.1:1,10.0.0.2:1' });
    expect(lines).toMatchObject([{ fields: { addresses: 2 } }]);
    expect(asked).toEqual([]);
  });

  it('is looked at once (U1)', async () => {
    const { asked, lines } = await told({ target: 'many:1' }, { target: 'many:1' });
    expect(asked).toEqual(['many']);
    expect(lines).toHaveLength(1);
  });

  it.each(['one:1', 'dual:1', 'localhost:1', '10.0.0.1:1', 'ipv6:[fd00::1]:1'])(
    '%s is one process, as far as an address tells',
    async (target) => {
      expect((await told({ target })).lines).toEqual([]);
    },
  );

  it('that cannot be resolved is nothing to tell (U2)', async () => {
    expect((await told({ target: 'nobody:1' })).lines).toEqual([]);
  });
});

it('a target with a barrier may have as many addresses as it likes', async () => {
  const { asked, lines } = await told({ target: 'many:1', barrier: true });
  expect([asked, lines]).toEqual([[], []]);
});
