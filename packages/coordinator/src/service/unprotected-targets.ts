/**
 * Finds targets at which a Try that comes after its Cancel may slip through: no barrier keeps it out, and behind the
 * one name are several processes, so that the Cancel may reach another one than the Try.
 *
 * U1 Told once for each target, in the log. Nothing is refused: whoever has a barrier of his own may have forgotten to
 *    say so.
 * U2 Nobody waits for it, and a name that cannot be resolved is nothing to tell: the calls will.
 */
import { isIP, isIPv6 } from 'node:net';
import type { BranchSpec } from '@tercet/core';
import type { Logger } from '../observability/logger';
import { parseTarget } from './target';

/** What looking needs. */
export interface UnprotectedTargetsDeps {
  /** The addresses of a host name. May reject. */
  readonly resolve: (host: string) => Promise<readonly string[]>;
  readonly logger: Logger;
}

/** Targets that are remembered as looked at; beyond, some are looked at again. */
const TARGETS_MAX = 10_000;

/** Looks at each target once. */
export class UnprotectedTargets {
  private readonly seen = new Set<string>();

  constructor(private readonly deps: UnprotectedTargetsDeps) {}

  /** Branches were registered; their targets are well-formed. */
  note(branches: readonly BranchSpec[]): void {
    for (const { barrier, target } of branches) {
      if (barrier || this.seen.has(target)) continue;
      if (this.seen.size >= TARGETS_MAX) this.seen.clear();
      this.seen.add(target);
      void this.look(target);
    }
  }

  private async look(target: string): Promise<void> {
    const addresses = await this.addressesOf(target);
    if (addresses <= 1) return;
    const fields = { alert: 'P2', target, addresses };
    this.deps.logger.warn(
      fields,
      'a target without barrier has several addresses: a Cancel may reach another process than its Try, and a late Try then reserves for nobody',
    );
  }

  /** How many processes may answer; the two families of one machine count once. */
  private async addressesOf(target: string): Promise<number> {
    try {
      const named = parseTarget('target', target);
      if (named.length > 1) return named.length;
      const host = named[0]?.host ?? '';
      if (isIP(host) !== 0) return 1;
      const found = await this.deps.resolve(host);
      const six = found.filter((address) => isIPv6(address)).length;
      return Math.max(six, found.length - six);
    } catch {
      return 0;
    }
  }
}
