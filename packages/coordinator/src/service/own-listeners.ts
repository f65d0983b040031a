/** Where this coordinator listens, so that no branch is sent to it. */
import { BlockList, isIPv6 } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import type { TargetAddress } from './target';

/** What the machine calls itself. */
export interface MachineNames {
  readonly hostname: () => string;
  /** IP addresses of its interfaces. */
  readonly addresses: () => readonly string[];
}

const thisMachine: MachineNames = {
  hostname,
  addresses: () =>
    Object.values(networkInterfaces()).flatMap((each) =>
      (each ?? []).map(({ address }) => address),
    ),
};

/**
 * Tells whether an address is one of the coordinator's own: one of its ports on loopback in any spelling, on all
 * interfaces, on an address or under the name of this machine. It looks nothing up: a name that resolves to this
 * machine is not seen.
 */
export class OwnListeners {
  private readonly hostOfPort = new Map<number, string>();

  constructor(private readonly machine: MachineNames = thisMachine) {}

  /** A listener is open: its address as it was set, and the port that it got. */
  add(address: string, port: number): void {
    this.hostOfPort.set(port, hostOf(address.slice(0, address.lastIndexOf(':'))));
  }

  /** Whether a target's address leads here. */
  readonly includes = ({ host, port }: TargetAddress): boolean => {
    const listened = this.hostOfPort.get(port);
    if (listened === undefined) return false;
    const named = hostOf(host);
    return named === listened || this.isThisMachine(named);
  };

  private isThisMachine(host: string): boolean {
    if (host === 'localhost' || host.endsWith('.localhost')) return true;
    const own = this.machine.hostname().toLowerCase();
    if (host === own || host === own.split('.')[0]) return true;
    const family = isIPv6(host) ? 'ipv6' : 'ipv4';
    return addressesOf(this.machine).check(host, family);
  }
}

/** A mapped address (::ffff:127.0.0.1) is found as the one that it maps. */
function addressesOf(machine: MachineNames): BlockList {
  const list = new BlockList();
  list.addSubnet('127.0.0.0', 8);
  list.addAddress('0.0.0.0');
  list.addAddress('::1', 'ipv6');
  list.addAddress('::', 'ipv6');
  for (const address of machine.addresses()) {
    const plain = withoutZone(address);
    list.addAddress(plain, isIPv6(plain) ? 'ipv6' : 'ipv4');
  }
  return list;
}

/** One spelling for each host: resolvers take 127.1, 2130706433 and 0x7f.1 for 127.0.0.1, too. */
function hostOf(text: string): string {
  const plain = withoutZone(text.replace(/^\[|\]$/g, ''));
  const url = isIPv6(plain) ? `http://[${plain}]` : `http://${plain}`;
  const host = URL.canParse(url) ? new URL(url).hostname : plain;
  return host
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
}

/** fe80::1%eth0 */
function withoutZone(address: string): string {
  return address.replace(/%.*$/, '');
}
