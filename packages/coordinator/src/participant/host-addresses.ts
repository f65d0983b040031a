import { lookup } from 'node:dns/promises';

/** The addresses of a host name, as the channel would find them. Rejects where there are none. */
export async function hostAddresses(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
}
