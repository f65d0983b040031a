/** A real gRPC server on a free port, and raw calls to it. */
import { Server, ServerCredentials, type ServerOptions } from '@grpc/grpc-js';
import { UnaryChannel, type UnaryReply, type UnaryRequest, metadataOf } from '@tercet/runtime';
import { ShopTccService } from './shop-service';

/** A server and a channel to it. */
export interface Peer {
  readonly server: Server;
  readonly address: string;
  readonly channel: UnaryChannel;
  /** Ends the server by force; the channel stays. */
  stopServer(): void;
  stop(): Promise<void>;
}

export async function startPeer(
  addServices: (server: Server) => void,
  options: ServerOptions = {},
): Promise<Peer> {
  const server = new Server(options);
  addServices(server);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  const address = `127.0.0.1:${port}`;
  const channel = new UnaryChannel(address);
  return {
    server,
    address,
    channel,
    stopServer: () => server.forceShutdown(),
    stop: () => {
      channel.close();
      server.forceShutdown();
      return Promise.resolve();
    },
  };
}

/** The metadata of a call as the coordinator or an initiator sends it. */
export function tercetMetadata(
  phase: 'try' | 'confirm' | 'cancel',
  over: Readonly<Record<string, string | undefined>> = {},
): ReturnType<typeof metadataOf> {
  return metadataOf({
    'tercet-gid': 'order-1',
    'tercet-run-id': 'a'.repeat(32),
    'tercet-branch-id': '1',
    'tercet-action': 'reserve',
    'tercet-phase': phase,
    'tercet-attempt': '1',
    'tercet-not-after': '4000000000000',
    ...over,
  });
}

/** Calls a phase of `reserve` with { sku: 'tea', quantity: 2 }. */
export function callReserve(
  peer: Peer,
  phase: 'try' | 'confirm' | 'cancel',
  over: Partial<UnaryRequest> & {
    readonly headers?: Readonly<Record<string, string | undefined>>;
  } = {},
): Promise<UnaryReply> {
  const { headers, ...request } = over;
  const method = { try: 'reserveTry', confirm: 'reserveConfirm', cancel: 'reserveCancel' } as const;
  return peer.channel.call({
    method: ShopTccService[method[phase]].path,
    payload: ShopTccService.reserveTry.requestSerialize({ sku: 'tea', quantity: 2 }),
    metadata: tercetMetadata(phase, headers),
    deadlineMs: 5_000,
    ...request,
  });
}
