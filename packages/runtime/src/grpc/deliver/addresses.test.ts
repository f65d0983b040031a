import { afterEach, describe, expect, it } from '@jest/globals';
import { ManualTime } from '@tercet/core/testing';
import { NameServer, ScriptedParticipant, turns, until } from '../../../test/support/deliver-world';
import { type Address, Addresses } from './addresses';

let open: Addresses | undefined;
afterEach(() => open?.close());

/** What a target resolves to. */
async function resolved(target: string): Promise<readonly Address[]> {
  let addresses: readonly Address[] | undefined;
  open = new Addresses(target, new ManualTime(), {
    found: (found) => {
      addresses = found;
    },
    notFound: () => {
      addresses = [];
    },
  });
  open.ask();
  await until(() => addresses !== undefined);
  return addresses ?? [];
}

describe('the addresses of a target', () => {
  it.each([
    ['10.0.0.7:50051', ['10.0.0.7:50051 ipv4:10.0.0.7:50051 10.0.0.7:50051']],
    ['dns:///10.0.0.7:50051', ['10.0.0.7:50051 ipv4:10.0.0.7:50051 10.0.0.7:50051']],
    ['[fd00::7]:50051', ['[fd00::7]:50051 ipv6:[fd00::7]:50051 [fd00::7]:50051']],
    [
      'ipv4:10.0.0.7:1,10.0.0.8:2',
      ['10.0.0.7:1 ipv4:10.0.0.7:1 10.0.0.7:1', '10.0.0.8:2 ipv4:10.0.0.8:2 10.0.0.7:1'],
    ],
    ['ipv6:[fd00::7]:50051', ['[fd00::7]:50051 ipv6:[fd00::7]:50051 [fd00::7]:50051']],
    ['unix:/tmp/shop.sock', ['/tmp/shop.sock unix:/tmp/shop.sock localhost']],
    ['unix:///tmp/shop.sock', ['/tmp/shop.sock unix:/tmp/shop.sock localhost']],
    ['no scheme knows:///this', []],
  ])('%s are found as grpc-js finds them', async (target, expected) => {
    const found = await resolved(target);
    expect(found.map(({ peer, target: to, authority }) => `${peer} ${to} ${authority}`)).toEqual(
      expected,
    );
  });

  it('of a name are looked up', async () => {
    const found = await resolved('localhost:50051');
    expect(found.length).toBeGreaterThan(0);
    expect(found[0]?.authority).toBe('localhost:50051');
  });

  it('of a scheme of somebody else’s are asked there, with its authority', async () => {
    const participant = new ScriptedParticipant();
    participant.port = 7;
    const [found] = await resolved(new NameServer([participant]).target);
    expect(found).toEqual({
      peer: '127.0.0.1:7',
      target: 'ipv4:127.0.0.1:7',
      authority: 'shop.example',
    });
  });

  it('E2: are asked for once a second at most, and not after the end', async () => {
    const names = new NameServer('unknown');
    const time = new ManualTime();
    let told = 0;
    const count = (): void => void told++;
    open = new Addresses(names.target, time, { found: count, notFound: count });
    for (let i = 0; i < 5; i++) open.ask();
    expect(names.asked).toBe(1);
    await turns(5);
    expect(told).toBe(1);
    await time.advance(1_000);
    open.ask();
    expect(names.asked).toBe(2);
    open.close();
    await turns(5);
    expect(told).toBe(1);
  });
});
