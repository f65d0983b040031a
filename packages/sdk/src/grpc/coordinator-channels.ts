/**
 * The channels to a coordinator, or to several that share a store.
 *
 * L1 One address is in use at a time; the first is drawn, so that clients spread.
 * L2 After a failure of the one in use the next of the list is; reports about others change nothing. One that answers, but
 *    cannot serve at the moment, counts as failed, too.
 * L3 A coordinator that stops is left with a connection of its own, also where there is only one address: behind a
 *    name the next connection may lead elsewhere.
 */
import type { Random } from '@tercet/core';
import { UnaryChannel } from '@tercet/runtime';
import type { CoordinatorChannel } from './call-coordinator';
import type { GrpcCredentials } from './credentials';

/** How channels are made. */
export interface CoordinatorChannelsOptions {
  /** Default: no TLS. */
  readonly credentials?: GrpcCredentials | undefined;
  /** Draws the first address. */
  readonly random: Random;
}

const channelOptions = {
  // A name may stand for several coordinators: clients that all connect to the first one would not spread.
  'grpc.service_config': JSON.stringify({
    loadBalancingConfig: [{ pick_first: { shuffleAddressList: true } }],
  }),
  // Else a second channel would share the connection that is being left (L3).
  'grpc.use_local_subchannel_pool': 1,
  // A host that vanished says nothing: it is noticed after 30 s at the latest while calls are under way.
  'grpc.keepalive_time_ms': 20_000,
  'grpc.keepalive_timeout_ms': 10_000,
  // A restarted coordinator is found within a second.
  'grpc.max_reconnect_backoff_ms': 1_000,
  // The channel of an address that was left stops connecting by itself.
  'grpc.client_idle_timeout_ms': 60_000,
};

/** One channel for each address that was used. */
export class CoordinatorChannels {
  /** All addresses, for error texts. */
  readonly address: string;
  private readonly made = new Map<string, CoordinatorChannel>();
  private at: number;

  constructor(
    private readonly addresses: readonly string[],
    private readonly options: CoordinatorChannelsOptions,
  ) {
    this.address = addresses.join(', ');
    const { length } = addresses;
    this.at = length === 1 ? 0 : Math.floor(options.random.unit() * length);
  }

  /** Whether there is more than one address. */
  get several(): boolean {
    return this.addresses.length > 1;
  }

  /** The channel for new calls. It connects at its first call. */
  get current(): CoordinatorChannel {
    const address = this.addresses[this.at] ?? '';
    let line = this.made.get(address);
    if (line === undefined) {
      const { credentials } = this.options;
      const channel = new UnaryChannel(address, { credentials, channel: channelOptions });
      line = { channel, address };
      this.made.set(address, line);
    }
    return line;
  }

  /** Says that there is no getting through. */
  failed(line: CoordinatorChannel): void {
    if (line === this.made.get(this.addresses[this.at] ?? '')) this.next();
  }

  /** Says that the coordinator stops: nothing new goes there. Whoever calls closes the channel when its work is done. */
  drained(line: CoordinatorChannel): void {
    this.failed(line);
    if (this.made.get(line.address) === line) this.made.delete(line.address);
  }

  /** Closes all channels that are not left. Repeating is safe. */
  close(): void {
    for (const { channel } of this.made.values()) channel.close();
    this.made.clear();
  }

  private next(): void {
    this.at = (this.at + 1) % this.addresses.length;
  }
}
