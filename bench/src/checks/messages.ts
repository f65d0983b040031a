/** What a message of the contracts costs to encode and decode, against the ways that were not taken. */
import { join } from 'node:path';
import type { MethodDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { RegisterBranchesRequest } from '@tercet/proto';
import type { Figure } from '../report/figure';
import type { World } from '../stage';
import { median } from '../statistics';

const protoFolder = join(__dirname, '../../../proto');
const PAYLOAD_BYTES = 100;
const REPEATS = 20_000;
/** A quick run only sees whether it works. */
const REPEATS_QUICK = 1_000;

/** One way to write and read the message. */
interface Codec {
  readonly name: string;
  readonly encode: () => Uint8Array;
  readonly decode: (bytes: Uint8Array) => unknown;
}

/** Time and bytes of each way: the message is a registration of two branches. */
export function checkMessages(world: World): readonly Figure[] {
  world.progress('one message of the contracts, in three encodings');
  const codecs = [generated(), json(), dynamic()];
  const times = codecs.map((): number[] => []);
  const repeats = world.quick ? REPEATS_QUICK : REPEATS;
  // As often once before, so that what is timed is compiled.
  for (const codec of codecs) timeOf(codec, repeats);
  for (let round = 0; round < world.rounds; round++) {
    codecs.forEach((codec, i) => times[i]?.push(timeOf(codec, repeats)));
  }
  return codecs.flatMap((codec, i): Figure[] => {
    const check = `registration of 2 branches, ${codec.name}`;
    return [
      { check: `${check}: encode + decode`, value: median(times[i] ?? []), unit: 'µs' },
      { check: `${check}: size`, value: codec.encode().length, unit: 'bytes' },
    ];
  });
}

/** Microseconds for one. */
function timeOf({ encode, decode }: Codec, repeats: number): number {
  const start = performance.now();
  for (let i = 0; i < repeats; i++) decode(encode());
  return ((performance.now() - start) / repeats) * 1_000;
}

function generated(): Codec {
  const message = registration();
  return {
    name: 'protobuf, generated code',
    encode: () => RegisterBranchesRequest.encode(message).finish(),
    decode: (bytes) => RegisterBranchesRequest.decode(bytes),
  };
}

/** JSON has no bytes: payloads travel as base64. */
function json(): Codec {
  const message = registration();
  return {
    name: 'JSON',
    encode: () => {
      const branches = message.branches.map((branch) => {
        return { ...branch, payload: Buffer.from(branch.payload).toString('base64') };
      });
      return Buffer.from(JSON.stringify({ ...message, branches }));
    },
    decode: (bytes) => {
      const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
      const read = JSON.parse(text) as { readonly branches: readonly { payload: string }[] };
      const branches = read.branches.map((branch) => {
        return { ...branch, payload: Buffer.from(branch.payload, 'base64') };
      });
      return { ...read, branches };
    },
  };
}

/** Objects that are built from the contracts at run time. */
function dynamic(): Codec {
  const options = { includeDirs: [protoFolder], keepCase: false, longs: String, enums: String };
  const loaded = loadSync('tercet/v1/coordinator.proto', options);
  const service = loaded['tercet.v1.Coordinator'] as unknown as Readonly<
    Record<string, MethodDefinition<object, object>>
  >;
  const method = service['RegisterBranches'];
  if (method === undefined) throw new Error('the contracts have no RegisterBranches');
  const message = registration();
  return {
    name: 'protobuf, proto-loader',
    encode: () => method.requestSerialize(message),
    decode: (bytes) => method.requestDeserialize(Buffer.from(bytes)),
  };
}

function registration(): RegisterBranchesRequest {
  const branch = (branchId: string, service: string): object => ({
    branchId,
    action: 'reserve',
    target: `dns:///${service}.example:50051`,
    forwardMethod: `/shop.v1.${service}/ReserveTry`,
    confirmMethod: `/shop.v1.${service}/ReserveConfirm`,
    cancelMethod: `/shop.v1.${service}/ReserveCancel`,
    payload: Buffer.alloc(PAYLOAD_BYTES, service).toString('base64'),
  });
  return RegisterBranchesRequest.fromJSON({
    gid: '0192d3a4-5b6c-7d8e-9fa0-b1c2d3e4f5a6',
    runId: '0123456789abcdef0123456789abcdef',
    open: { name: 'checkout', timeoutMs: 60_000 },
    branches: [branch('1', 'Stock'), branch('2', 'Wallet')],
  });
}
