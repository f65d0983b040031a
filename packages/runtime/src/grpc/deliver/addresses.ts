/**
 * The addresses of a target, found as grpc-js finds them: `dns:`, `ipv4:`, `ipv6:`, `unix:` and registered schemes.
 *
 * E1 What cannot be resolved now changes nothing: the addresses that were told last go on to count.
 * E2 Asking too often does nothing; the resolver of DNS looks a name up at most every 5 s by itself.
 */
import { experimental } from '@grpc/grpc-js';
import type { Clock } from '@tercet/core';
import { channelDefaults } from '../unary-channel';

/** One address of a participant. */
export interface Address {
  /** As replies name it: `10.0.0.7:50051`. */
  readonly peer: string;
  /** The same as a target of grpc-js. */
  readonly target: string;
  /** Authority of the calls: what a TLS or virtual-host proxy would see from a unary call. */
  readonly authority: string;
}

/** Who wants to know. Told in a later turn than asked, never after `close`. */
export interface AddressListener {
  /** All addresses, at least one. */
  found(addresses: readonly Address[]): void;
  /** They cannot be told now. */
  notFound(): void;
}

/** Least time between two questions. */
const ASK_AGAIN_MS = 1_000;

/** Resolves one target, as often as it is asked. */
export class Addresses {
  private readonly resolver: experimental.Resolver;
  private readonly authority: string;
  private askedAt = Number.NEGATIVE_INFINITY;
  private closed = false;

  /** Throws where grpc-js knows no resolver for `target`. */
  constructor(
    target: string,
    private readonly clock: Clock,
    private readonly listener: AddressListener,
  ) {
    const { resolver, authority } = resolverOf(target, (found) => this.told(found));
    this.resolver = resolver;
    this.authority = authority;
  }

  /** Asks, for the first time or again. */
  ask(): void {
    const now = this.clock.now();
    if (Math.abs(now - this.askedAt) < ASK_AGAIN_MS) return;
    this.askedAt = now;
    this.resolver.updateResolution();
  }

  /** Nothing is told any more. Repeating is safe. */
  close(): void {
    this.closed = true;
    this.resolver.destroy();
  }

  private told(found: experimental.StatusOr<experimental.Endpoint[]>): void {
    if (this.closed) return;
    const addresses = found.ok ? found.value.flatMap((endpoint) => endpoint.addresses) : [];
    if (addresses.length === 0) return this.listener.notFound();
    this.listener.found(addresses.map((address) => this.addressOf(address)));
  }

  private addressOf(found: experimental.SubchannelAddress): Address {
    const peer = experimental.subchannelAddressToString(found);
    if (!('host' in found)) return { peer, target: `unix:${peer}`, authority: this.authority };
    const scheme = found.host.includes(':') ? 'ipv6' : 'ipv4';
    return { peer, target: `${scheme}:${peer}`, authority: this.authority };
  }
}

type Told = (found: experimental.StatusOr<experimental.Endpoint[]>) => void;

function resolverOf(
  target: string,
  told: Told,
): { readonly resolver: experimental.Resolver; readonly authority: string } {
  const listener: experimental.ResolverListener = (found) => {
    told(found);
    return true;
  };
  const uri = uriOf(target);
  // As grpc-js does: what names no scheme that it knows is a name for DNS, whatever stands before its first colon.
  try {
    return made(uri, listener);
  } catch {
    return made({ scheme: 'dns', path: target }, listener);
  }
}

function made(
  uri: experimental.GrpcUri,
  listener: experimental.ResolverListener,
): { readonly resolver: experimental.Resolver; readonly authority: string } {
  const resolver = experimental.createResolver(uri, listener, channelDefaults);
  return { resolver, authority: authorityOf(resolver, uri) };
}

/** What grpc-js would take for a channel to the target. Its function for that is not exported, its resolvers are. */
function authorityOf(resolver: experimental.Resolver, uri: experimental.GrpcUri): string {
  const maker: unknown = resolver.constructor;
  const { getDefaultAuthority } = maker as {
    readonly getDefaultAuthority?: (uri: experimental.GrpcUri) => string;
  };
  return getDefaultAuthority?.call(maker, uri) ?? uri.path;
}

/** `scheme:path` or `scheme://authority/path`; anything else is a path. */
function uriOf(target: string): experimental.GrpcUri {
  const colon = target.indexOf(':');
  const scheme = target.slice(0, Math.max(0, colon));
  if (!/^[a-z][a-z0-9+.-]*$/i.test(scheme)) return { path: target };
  const rest = target.slice(colon + 1);
  const slash = rest.startsWith('//') ? rest.indexOf('/', 2) : -1;
  if (slash === -1) return { scheme, path: rest };
  return { scheme, authority: rest.slice(2, slash), path: rest.slice(slash + 1) };
}
