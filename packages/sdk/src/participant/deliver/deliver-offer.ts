/**
 * Whether a server offers Deliver. It is decided once per server, at its first `addTcc`, and holds for all of them.
 *
 * O1 Where the server has interceptors of its own, nothing is offered unless the user says so: they would see the
 *    stream, but not the calls in it, and whatever they keep out would walk past them.
 * O2 Two `addTcc` that say different things of one server are a mistake, named at the second.
 */
import type { Server } from '@grpc/grpc-js';
import type { Scheduler } from '@tercet/core';
import { ConfigError } from '../../errors';
import { tercetServerInterceptor } from '../../grpc/correlation';
import { DeliverServer } from './deliver-server';

/** What was decided for a server: its streams, or why there are none. */
export type DeliverOffer =
  | { readonly kind: 'offered'; readonly streams: DeliverServer }
  | { readonly kind: 'refused' | 'withheld'; readonly reason: string };

// What belongs to a server has to be found by it: there is no other object that all its `addTcc` share. Weak: a server
// that nobody holds any more takes its entry along.
const offers = new WeakMap<Server, DeliverOffer>();

/** Whether this option contradicts what was decided for the server. Throws ConfigError; changes nothing. */
export function checkWish(server: Server, wish: boolean | undefined): void {
  const offer = offers.get(server);
  if (offer === undefined || wish === undefined || wish === (offer.kind === 'offered')) return;
  const decided =
    offer.kind === 'offered' ? 'offers Deliver' : `offers no Deliver (${offer.reason})`;
  throw new ConfigError(
    `addTcc: deliver: ${wish} comes too late, this server ${decided} since its first addTcc; say deliver: ${wish} there, too`,
    { option: 'deliver' },
  );
}

/** What was, or now is, decided for the server. Throws ConfigError where `true` cannot be had. */
export function offerOn(
  server: Server,
  wish: boolean | undefined,
  scheduler: Scheduler,
): DeliverOffer {
  checkWish(server, wish);
  const known = offers.get(server);
  if (known !== undefined) return known;
  const offer = decide(server, wish, scheduler);
  offers.set(server, offer);
  return offer;
}

function decide(server: Server, wish: boolean | undefined, scheduler: Scheduler): DeliverOffer {
  if (wish === false) return { kind: 'refused', reason: 'addTcc was told deliver: false' };
  if (wish === undefined && hasInterceptors(server)) {
    const reason =
      'the server has interceptors of its own, which would see the stream but not the calls in it; say deliver: true where that is fine, and see to what they do with the interceptors and authorize of addTcc';
    return { kind: 'withheld', reason };
  }
  const streams = new DeliverServer(scheduler);
  try {
    streams.addTo(server);
  } catch (error) {
    // grpc-js has no other mark for it, and no way to ask first.
    if (!(error instanceof Error && error.message.includes('already provided'))) throw error;
    const reason =
      'the server has tercet.v1.Participant already, from somewhere else; another copy of @tercet/sdk, perhaps';
    if (wish === true) {
      throw new ConfigError(`addTcc: deliver: true cannot be had: ${reason}`, {
        option: 'deliver',
      });
    }
    return { kind: 'withheld', reason };
  }
  return { kind: 'offered', streams };
}

/**
 * Whether the server was made with interceptors. grpc-js keeps them in a private field and tells nobody; where a later
 * version keeps them elsewhere, none are seen. The SDK's own one only carries ids, which each command brings itself.
 */
function hasInterceptors(server: Server): boolean {
  const interceptors: unknown = Reflect.get(server, 'interceptors');
  return (
    Array.isArray(interceptors) && interceptors.some((each) => each !== tercetServerInterceptor)
  );
}
