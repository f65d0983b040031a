/** A whole coordinator that is taken for dead: what health checks and clients see of it. */
import { describe, expect, it } from '@jest/globals';
import { Coordinator } from '../src/coordinator';
import { MemoryStore } from '../src/store/memory-store';
import { SharedMemory } from '../src/store/shared-memory';
import { CoordinatorClient } from './support/coordinator-client';
import { eventually } from './support/eventually';
import { RecordingLogger } from './support/recording-logger';

const config = {
  grpcAddress: '127.0.0.1:0',
  httpAddress: '127.0.0.1:0',
  shutdownGraceMs: 1_000,
} as const;

/** A store whose next opening waits until a test lets it. */
class SlowStore extends MemoryStore {
  opening: Promise<void> = Promise.resolve();

  override async open(incarnation: string): Promise<void> {
    await this.opening;
    await super.open(incarnation);
  }
}

describe('a coordinator that another one takes for dead', () => {
  it('is not ready and answers nothing until it has begun anew', async () => {
    const shared = new SharedMemory();
    const store = new SlowStore({ shared });
    const logger = new RecordingLogger();
    const coordinator = new Coordinator({ config, store, logger });
    const { grpcPort, httpPort } = await coordinator.start();
    const ready = async (): Promise<string> => {
      const answer = await fetch(`http://127.0.0.1:${httpPort}/readyz`);
      return `${answer.status} ${await answer.text()}`;
    };
    expect(await ready()).toMatch(/^200/);
    let begin: () => void = () => undefined;
    store.opening = new Promise((resolve) => (begin = resolve));
    shared.remove(shared.nodes[0] ?? '');
    await eventually(async () => expect(await ready()).toMatch(/^503 .*begins anew/s));
    const client = new CoordinatorClient(`127.0.0.1:${grpcPort}`);
    const get = { gid: 'order-1', withResult: false };
    expect(await client.refusal('getTransaction', get)).toMatchObject({
      message: 'this coordinator is about to begin anew: send the request again',
    });
    begin();
    await eventually(async () => expect(await ready()).toMatch(/^200/));
    expect(await client.refusal('getTransaction', get)).toMatchObject({
      message: 'no transaction order-1 is kept',
    });
    expect(shared.nodes).toHaveLength(1);
    expect(logger.messages('error')).toHaveLength(1);
    client.close();
    await coordinator.stop();
    expect(shared.nodes).toEqual([]);
  });
});
