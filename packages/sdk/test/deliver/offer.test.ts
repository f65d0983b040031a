/** Rules O1 and O2 of participant/deliver/deliver-offer.ts: whether a server offers Deliver, and what it says of it. */
import { afterEach, describe, expect, it } from '@jest/globals';
import { Server, ServerInterceptingCall, type ServerInterceptor, status } from '@grpc/grpc-js';
import { ParticipantService } from '@tercet/proto';
import {
  type AddTccOptions,
  ConfigError,
  type TercetWarning,
  tercetServerInterceptor,
} from '@tercet/sdk';
import { DeliverClient, aCommand } from '../support/deliver-client';
import { callReserve } from '../support/grpc-peer';
import {
  type Handlers,
  type ShopParticipant,
  addDepot,
  addShop,
  startShop,
} from '../support/shop-participant';
import { DepotTccService } from '../support/shop-service';

let shop: ShopParticipant | undefined;
let client: DeliverClient | undefined;

afterEach(async () => {
  client?.close();
  await shop?.stop();
  client = undefined;
  shop = undefined;
});

/** Which methods an interceptor of the server saw. */
const seen: string[] = [];
const interceptor: ServerInterceptor = (method, call) => {
  seen.push(method.path);
  return new ServerInterceptingCall(call);
};

async function guarded(options: AddTccOptions, handlers: Handlers = {}): Promise<DeliverClient> {
  seen.length = 0;
  shop = await startShop(handlers, options, { interceptors: [interceptor] });
  client = new DeliverClient(shop.address);
  return client;
}

const reason =
  'the server has interceptors of its own, which would see the stream but not the calls in it; say deliver: true where that is fine, and see to what they do with the interceptors and authorize of addTcc';

describe('a server with interceptors of its own', () => {
  it('is not bypassed: it offers no Deliver, says so, and its interceptors see each call (O1)', async () => {
    const warnings: TercetWarning[] = [];
    const stream = await guarded({ onWarning: (warning) => warnings.push(warning) });
    expect((await stream.end()).code).toBe(status.UNIMPLEMENTED);
    expect(shop?.service.deliver).toEqual({ offered: false, reason });
    expect(warnings).toEqual([
      {
        code: 'DELIVER_NOT_OFFERED',
        message: `the calls of shop.ShopTcc come one by one, without Deliver: ${reason}`,
        gid: undefined,
        runId: undefined,
        cause: undefined,
      },
    ]);
    if (shop === undefined) throw new Error('not started');
    expect((await callReserve(shop, 'try')).code).toBe(status.OK);
    expect(seen).toEqual(['/shop.ShopTcc/ReserveTry']);
  });

  it('offers it where it was told to: its interceptors then see the stream only', async () => {
    const stream = await guarded({ deliver: true });
    expect((await stream.call('try')).grpcCode).toBe(status.OK);
    expect(seen).toEqual(['/tercet.v1.Participant/Deliver']);
    expect(shop?.service.deliver).toEqual({ offered: true, reason: undefined });
  });

  it('offers it where that is only the SDK’s own one, which carries ids', async () => {
    shop = await startShop({}, {}, { interceptors: [tercetServerInterceptor] });
    client = new DeliverClient(shop.address);
    expect((await client.call('try')).grpcCode).toBe(status.OK);
  });

  it('is warned of in each addTcc, by a listener that may throw', () => {
    const server = new Server({ interceptors: [interceptor] });
    const warned: string[] = [];
    const onWarning = ({ message }: TercetWarning): void => {
      warned.push(message);
      throw new Error('the log is away');
    };
    addShop(server, {}, { onWarning });
    addDepot(server, {}, { onWarning });
    expect(warned.map((text) => /of (\S+)/.exec(text)?.[1])).toEqual([
      'shop.ShopTcc',
      'shop.DepotTcc',
    ]);
  });
});

describe('deliver: false', () => {
  it('offers nothing, without a warning: that was asked for', async () => {
    const warnings: unknown[] = [];
    shop = await startShop(
      {},
      { deliver: false, onWarning: (warning) => void warnings.push(warning) },
    );
    client = new DeliverClient(shop.address);
    expect((await client.end()).code).toBe(status.UNIMPLEMENTED);
    expect(shop.service.deliver).toEqual({
      offered: false,
      reason: 'addTcc was told deliver: false',
    });
    expect(warnings).toEqual([]);
    expect((await callReserve(shop, 'try')).code).toBe(status.OK);
    await shop.service.drain();
  });
});

describe('what the first addTcc of a server decided', () => {
  const refusal = (work: () => unknown): unknown => {
    try {
      return work();
    } catch (error) {
      return error;
    }
  };

  it('cannot be changed by a later one, which is then not added at all (O2)', () => {
    const cases: readonly [boolean | undefined, boolean, boolean, string][] = [
      [true, false, false, 'offers Deliver since its first addTcc; say deliver: false there, too'],
      [
        undefined,
        false,
        false,
        'offers Deliver since its first addTcc; say deliver: false there, too',
      ],
      [
        false,
        true,
        false,
        'offers no Deliver (addTcc was told deliver: false) since its first addTcc; say deliver: true there, too',
      ],
      [
        undefined,
        true,
        true,
        `offers no Deliver (${reason}) since its first addTcc; say deliver: true there, too`,
      ],
    ];
    for (const [first, second, withInterceptor, text] of cases) {
      const server = new Server(withInterceptor ? { interceptors: [interceptor] } : {});
      addShop(server, {}, first === undefined ? {} : { deliver: first });
      const error = refusal(() => addDepot(server, {}, { deliver: second }));
      expect(error).toBeInstanceOf(ConfigError);
      expect(error).toMatchObject({
        message: `addTcc: deliver: ${second} comes too late, this server ${text}`,
        details: { option: 'deliver' },
      });
      expect(() => server.addService(DepotTccService, {})).not.toThrow();
    }
  });

  it('holds for later ones that say nothing or the same, each server for itself', () => {
    const [one, other] = [new Server(), new Server()];
    expect(addShop(one, {}, { deliver: false }).deliver.offered).toBe(false);
    expect(addDepot(one).deliver.offered).toBe(false);
    expect(addShop(other, {}, { deliver: true }).deliver.offered).toBe(true);
    expect(addDepot(other, {}, { deliver: true }).deliver.offered).toBe(true);
  });

  it('stands though addTcc itself failed afterwards, and counts for nothing where it failed before', () => {
    const server = new Server();
    addShop(server, {}, { deliver: false });
    expect(refusal(() => addShop(server))).toBeInstanceOf(ConfigError);
    const fresh = new Server();
    fresh.addService(DepotTccService, {});
    expect(refusal(() => addDepot(fresh, {}, { deliver: false }))).toBeInstanceOf(ConfigError);
    expect(addShop(fresh, {}, { deliver: true }).deliver.offered).toBe(true);
  });
});

describe('a server that has tercet.v1.Participant from somewhere else', () => {
  it('keeps it; calls of this addTcc come unary', () => {
    const server = new Server();
    server.addService(ParticipantService, {});
    const warnings: TercetWarning[] = [];
    const added = addShop(server, {}, { onWarning: (warning) => warnings.push(warning) });
    expect(added.deliver.reason).toContain('has tercet.v1.Participant already');
    expect(warnings).toMatchObject([{ code: 'DELIVER_NOT_OFFERED' }]);
  });

  it('refuses deliver: true, and adds nothing', () => {
    const server = new Server();
    server.addService(ParticipantService, {});
    expect(() => addDepot(server, {}, { deliver: true })).toThrow(
      /deliver: true cannot be had: the server has tercet\.v1\.Participant already/,
    );
    expect(() => server.addService(DepotTccService, {})).not.toThrow();
  });
});

describe('options of addTcc for Deliver', () => {
  it('are checked, and nothing is added where one is wrong', () => {
    const wrong: readonly [object, RegExp][] = [
      [{ deliver: 'auto' }, /addTcc: deliver must be true or false, got "auto"/],
      [{ maxInFlightTry: 0 }, /maxInFlightTry must be a whole number from 1 to 1000000, got 0/],
      [{ maxInFlightPhaseTwo: 1.5 }, /maxInFlightPhaseTwo must be a whole number/],
      [{ maxInFlightTry: 1_000_001 }, /maxInFlightTry must be a whole number/],
      [{ maxInFlightTry: '9' }, /maxInFlightTry must be a whole number .* got "9"/],
      [{ authorize: true }, /authorize must be a function, got true/],
      [{ onWarning: {} }, /onWarning must be a function, got an object/],
      [{ delivr: true }, /unknown delivr \(did you mean deliver\?\)/],
    ];
    const server = new Server();
    for (const [options, message] of wrong) {
      expect(() => addShop(server, {}, options)).toThrow(ConfigError);
      expect(() => addShop(server, {}, options)).toThrow(message);
    }
    expect(addShop(server).deliver.offered).toBe(true);
  });
});

describe('the SDK’s own interceptors', () => {
  it('see each command of a stream', async () => {
    const phases: string[] = [];
    shop = await startShop(
      {},
      {
        interceptors: [
          {
            handle({ ctx }, next) {
              phases.push(`${ctx.phase} ${ctx.branchId}`);
              return next();
            },
          },
        ],
      },
    );
    client = new DeliverClient(shop.address);
    client.send(
      aCommand(1, 'try'),
      aCommand(2, 'confirm', { branchId: '2' }),
      aCommand(3, 'cancel', { branchId: '3' }),
    );
    for (const id of [1, 2, 3]) await client.outcome(id);
    expect(phases).toEqual(['try 1', 'confirm 2', 'cancel 3']);
  });
});
