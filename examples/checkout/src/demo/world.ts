/** Everything that runs in the demo: a coordinator, three services and the shop, each a process of its own. */
import { mkdirSync, mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type ServiceName, serviceNames } from '../definitions';
import type { OrderMessage, ParticipantMessage } from '../messages';
import { type Exit, Program } from './programs';

/** What the demo hears from its programs. */
export interface Listener {
  onOrder(message: OrderMessage): void;
  onParticipant(service: ServiceName, message: ParticipantMessage): void;
  onCoordinatorLine(line: string): void;
  onCrash(name: string, exit: Exit): void;
}

/** The programs and where they are. */
export interface World {
  /** gRPC address of the coordinator; the same over its restart. */
  readonly coordinatorAddress: string;
  readonly addresses: Readonly<Record<ServiceName, string>>;
  readonly databases: Readonly<Record<ServiceName, string>>;
  /** Holds all data of this demo. */
  readonly folder: string;
  readonly coordinator: Program;
  readonly services: Readonly<Record<ServiceName, Program>>;
  readonly initiator: Program;
}

/** The `tercet` command of this workspace. Elsewhere it is on the PATH. */
export const tercetCommand = path.resolve(__dirname, '../../../../packages/cli/bin/tercet.js');

/** Programs of this example, by their built files. */
const programs = {
  initiator: 'initiator.js',
  stock: 'participants/stock.js',
  wallet: 'participants/wallet.js',
  shipping: 'participants/shipping.js',
} as const;

/** Chooses free ports and a new folder, and prepares the programs; starts nothing. */
export async function prepareWorld(listener: Listener): Promise<World> {
  const folder = mkdtempSync(path.join(tmpdir(), 'tercet-checkout-'));
  const [coordinatorPort = 0, ...ports] = await freePorts(1 + serviceNames.length);
  const coordinatorAddress = `127.0.0.1:${coordinatorPort}`;
  const addresses = byService((_name, at) => `127.0.0.1:${ports[at] ?? 0}`);
  const databases = byService((name) => path.join(folder, `${name}.db`));
  const onCrash = (name: string) => (exit: Exit) => listener.onCrash(name, exit);

  const dataFolder = path.join(folder, 'coordinator');
  mkdirSync(dataFolder);
  const coordinator = new Program({
    name: 'coordinator',
    args: [
      ...[tercetCommand, 'server'],
      ...['--grpc-address', coordinatorAddress, '--http-address', 'off'],
      ...['--data-dir', dataFolder, '--log-level', 'error'],
    ],
    isReady: (line) => line.includes('is ready'),
    onLine: (line) => listener.onCoordinatorLine(line),
    onCrash: onCrash('coordinator'),
  });
  const services = byService((name, at) => {
    return new Program({
      name,
      args: [scriptOf(name), '--database', databases[name], '--port', String(ports[at] ?? 0)],
      isReady: (line) => (JSON.parse(line) as ParticipantMessage).event === 'ready',
      onLine: (line) => listener.onParticipant(name, JSON.parse(line) as ParticipantMessage),
      onCrash: onCrash(name),
    });
  });
  const initiator = new Program({
    name: 'initiator',
    args: [
      ...[scriptOf('initiator'), '--coordinator', coordinatorAddress],
      ...serviceNames.flatMap((name) => [`--${name}`, addresses[name]]),
    ],
    onLine: (line) => listener.onOrder(JSON.parse(line) as OrderMessage),
    onCrash: onCrash('initiator'),
  });
  return { coordinatorAddress, addresses, databases, folder, coordinator, services, initiator };
}

/** Everything that may have left a last word. */
export function programsOf(world: World): readonly Program[] {
  return [world.coordinator, ...Object.values(world.services), world.initiator];
}

function scriptOf(program: keyof typeof programs): string {
  return path.resolve(__dirname, '..', programs[program]);
}

function byService<T>(
  make: (name: ServiceName, at: number) => T,
): Readonly<Record<ServiceName, T>> {
  const entries = serviceNames.map((name, at) => [name, make(name, at)] as const);
  return Object.fromEntries(entries) as Record<ServiceName, T>;
}

/** Ports that nobody listened on a moment ago. All are held until all are known, so none comes twice. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    return address !== null && typeof address === 'object' ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
