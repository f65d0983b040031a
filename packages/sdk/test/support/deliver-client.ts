/** A raw caller of `tercet.v1.Participant/Deliver`: a test says what is written and sees what comes. */
import {
  type ChannelOptions,
  type ClientDuplexStream,
  Metadata,
  type StatusObject,
  credentials,
} from '@grpc/grpc-js';
import {
  type DeliverCommand,
  type DeliverHello,
  type DeliverOutcome,
  type DeliverRequest,
  type DeliverResponse,
  ParticipantClient,
  Phase,
} from '@tercet/proto';
import { ShopTccService } from './shop-service';

const phases = {
  try: { method: ShopTccService.reserveTry.path, phase: Phase.PHASE_TRY },
  confirm: { method: ShopTccService.reserveConfirm.path, phase: Phase.PHASE_CONFIRM },
  cancel: { method: ShopTccService.reserveCancel.path, phase: Phase.PHASE_CANCEL },
} as const;

/** A phase of `reserve` with { sku: 'tea', quantity: 2 }: the same content as `callReserve` of grpc-peer.ts. */
export function aCommand(
  id: number,
  phase: 'try' | 'confirm' | 'cancel',
  over: Partial<DeliverCommand> = {},
): DeliverCommand {
  return {
    id,
    ...phases[phase],
    payload: ShopTccService.reserveTry.requestSerialize({ sku: 'tea', quantity: 2 }),
    deadlineMs: 5_000,
    gid: 'order-1',
    runId: 'a'.repeat(32),
    branchId: '1',
    action: 'reserve',
    attempt: 1,
    notAfterUnixMs: phase === 'confirm' ? undefined : 4_000_000_000_000n,
    traceContext: undefined,
    metadata: [],
    ...over,
  };
}

/** One stream. */
export class DeliverClient {
  readonly responses: DeliverResponse[] = [];
  readonly outcomes: DeliverOutcome[] = [];
  /** How the stream ended; undefined = it has not. */
  ended: StatusObject | undefined;
  private readonly client: ParticipantClient;
  private readonly stream: ClientDuplexStream<DeliverRequest, DeliverResponse>;
  private readonly waiting = new Set<() => void>();
  private lastId = 0;

  constructor(address: string, metadata = new Metadata(), options: ChannelOptions = {}) {
    this.client = new ParticipantClient(address, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
      ...options,
    });
    this.stream = this.client.deliver(metadata);
    this.stream.on('data', (response: DeliverResponse) => {
      this.responses.push(response);
      this.outcomes.push(...response.outcomes);
      this.look();
    });
    this.stream.on('error', () => {});
    this.stream.on('status', (ended: StatusObject) => {
      this.ended = ended;
      this.look();
    });
  }

  /** What the first message said. */
  async hello(): Promise<DeliverHello> {
    await this.until(() => this.responses.length > 0);
    const hello = this.responses[0]?.hello;
    if (hello === undefined) throw new Error('the first message says no hello');
    return hello;
  }

  /** Whether drain was told. */
  get drained(): boolean {
    return this.responses.some(({ drain }) => drain);
  }

  send(...commands: readonly DeliverCommand[]): void {
    this.write({ commands });
  }

  write(request: { commands?: readonly DeliverCommand[]; givenUpIds?: readonly number[] }): void {
    this.stream.write({
      commands: [...(request.commands ?? [])],
      givenUpIds: [...(request.givenUpIds ?? [])],
    });
  }

  /** Sends a command under an id of its own, and resolves with its outcome. */
  call(
    phase: 'try' | 'confirm' | 'cancel',
    over: Partial<DeliverCommand> = {},
  ): Promise<DeliverOutcome> {
    this.lastId += 1;
    const id = 1_000_000 + this.lastId;
    this.send(aCommand(id, phase, over));
    return this.outcome(id);
  }

  /** The outcome of a command, as soon as it is there. */
  async outcome(id: number): Promise<DeliverOutcome> {
    const find = (): DeliverOutcome | undefined => this.outcomes.find((each) => each.id === id);
    await this.until(() => find() !== undefined || this.ended !== undefined);
    const found = find();
    if (found !== undefined) return found;
    throw new Error(`the stream ended without an outcome of ${id}: ${this.ended?.details}`);
  }

  /** The end of the stream. */
  async end(): Promise<StatusObject> {
    await this.until(() => this.ended !== undefined);
    if (this.ended === undefined) throw new Error('not ended');
    return this.ended;
  }

  /** Resolves when `holds`, which is looked at whenever something has come. */
  until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!holds()) return;
        this.waiting.delete(look);
        resolve();
      };
      this.waiting.add(look);
      look();
    });
  }

  /** Reads nothing any more, until `resume`. */
  pause(): void {
    this.stream.pause();
  }

  resume(): void {
    this.stream.resume();
  }

  /** Whether what was written has left for the peer; false = it does not read. */
  get writable(): boolean {
    return !this.stream.writableNeedDrain;
  }

  halfClose(): void {
    this.stream.end();
  }

  cancel(): void {
    this.stream.cancel();
  }

  close(): void {
    this.stream.cancel();
    this.client.close();
  }

  private look(): void {
    for (const look of [...this.waiting]) look();
  }
}
