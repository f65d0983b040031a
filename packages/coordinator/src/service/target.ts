/** Targets: where the branches of a registration are called. Every refusal shows a target that would be right. */
import { isIPv4, isIPv6 } from 'node:net';
import { type BranchSpec, TercetError, describeText, isVisibleAscii, limits } from '@tercet/core';

/** One address of a target. */
export interface TargetAddress {
  /** As written, without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Whether the coordinator itself listens there. */
export type IsOwnAddress = (address: TargetAddress) => boolean;

const EXAMPLES =
  'such as stock:50051, dns:///stock:50051, ipv4:10.0.0.7:50051 or ipv6:[fd00::7]:50051';

/** Schemes of gRPC; a word in front of a colon that is none of them is a host. */
const scheme = /^(dns|ipv4|ipv6):(?:\/\/([^/]*)\/)?(.*)$/s;
/** What grpc-js, or whoever wrote it, takes for a scheme that leads elsewhere. */
const foreignScheme = /^([A-Za-z][A-Za-z0-9+.-]*):(?:\/\/|\/|@)|^(unix|unix-abstract|xds|vsock):/;
const hostName = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?$/;

/** Well-formed targets that are remembered; beyond, remembering begins anew. */
const KNOWN_MAX = 10_000;

/**
 * Checks the targets of registrations. The same few come again and again, and to take one apart costs more than all
 * other checks of a registration together: 2 µs.
 */
export class TargetCheck {
  private readonly known = new Map<string, readonly TargetAddress[]>();

  /** `isOwn` may change its mind: listeners open one after the other. */
  constructor(private readonly isOwn: IsOwnAddress) {}

  /** Checks the target of each branch. Throws INVALID_ARGUMENT naming the field. */
  check(branches: readonly BranchSpec[]): void {
    for (let i = 0; i < branches.length; i++) {
      const { target } = branches[i] as BranchSpec;
      const addresses = this.known.get(target) ?? this.parsed(`branches[${i}].target`, target);
      if (!addresses.some(this.isOwn)) continue;
      const text = 'names this coordinator itself, which cannot be a participant';
      throw refused(`branches[${i}].target`, text, target);
    }
  }

  private parsed(field: string, target: string): readonly TargetAddress[] {
    const addresses = parseTarget(field, target);
    if (this.known.size >= KNOWN_MAX) this.known.clear();
    this.known.set(target, addresses);
    return addresses;
  }
}

/** The addresses that a target names. Throws INVALID_ARGUMENT naming the field. */
export function parseTarget(field: string, target: string): TargetAddress[] {
  if (!isVisibleAscii(target, limits.targetLengthMax)) {
    const text = `a gRPC address of at most ${limits.targetLengthMax} visible ASCII characters without blanks, ${EXAMPLES}`;
    throw refused(field, text, target);
  }
  const [, name, server, path] = scheme.exec(target) ?? [];
  if (name === undefined) {
    const foreign = foreignScheme.exec(target);
    if (foreign === null) return [addressOf({ field, target, text: target })];
    throw refused(
      field,
      `the scheme ${foreign[1] ?? foreign[2]} is not taken; write a target ${EXAMPLES}`,
      target,
    );
  }
  if (name === 'dns') {
    checkNameServer(field, target, server);
    return [addressOf({ field, target, text: path ?? '' })];
  }
  // grpc-js spreads calls over a list of addresses.
  const addresses = (path ?? '').split(',').map((text) => addressOf({ field, target, text }));
  const isAddress = name === 'ipv4' ? isIPv4 : isIPv6;
  const wrong = addresses.find(({ host }) => !isAddress(host));
  if (wrong === undefined && !server) return addresses;
  throw refused(
    field,
    `${name} takes addresses with ports, no names; write a target ${EXAMPLES}`,
    target,
  );
}

interface AddressText {
  readonly field: string;
  readonly target: string;
  readonly text: string;
}

function addressOf({ field, target, text }: AddressText): TargetAddress {
  const [, bracketed, plain = '', digits] =
    /^(?:\[([^\]]*)\]|([^:]*))(?::(.*))?$/s.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (digits === undefined || digits === '') {
    // Without one gRPC would quietly take 443.
    throw refused(field, `the port is missing; write a target ${EXAMPLES}`, target);
  }
  const port = /^[0-9]{1,5}$/.test(digits) ? Number(digits) : 0;
  if (port < 1 || port > 65_535) {
    throw refused(
      field,
      `the port must be a number from 1 to 65535; write a target ${EXAMPLES}`,
      target,
    );
  }
  const right = bracketed === undefined ? isHost(host) : isIPv6(host);
  if (right) return { host, port };
  const what = host === '' ? 'the host is missing' : `${describeText(host)} is no host`;
  throw refused(field, `${what}; write a target ${EXAMPLES}`, target);
}

/** Names that end like an address must be one: 256.1.1.1 is looked up by nobody. */
function isHost(text: string): boolean {
  return hostName.test(text) && text.length <= 254 && URL.canParse(`http://${text}`);
}

/** `dns://10.0.0.2/stock:50051` asks that name server. */
function checkNameServer(field: string, target: string, server: string | undefined): void {
  if (!server) return;
  const [, bracketed, plain = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::[0-9]{1,5})?$/.exec(server) ?? [];
  if (bracketed === undefined ? isIPv4(plain) : isIPv6(bracketed)) return;
  throw refused(field, `a name server must be an address; write a target ${EXAMPLES}`, target);
}

function refused(field: string, message: string, target: string): TercetError {
  return new TercetError('INVALID_ARGUMENT', {
    message: `${field}: ${message}, got ${describeText(target)}`,
    details: { field },
  });
}
