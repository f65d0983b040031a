/** grpc.health.v1.Health/Check by hand: an empty request asks for the whole server, the answer is one enum. */
import type { Health } from '../operator-views';
import type { WireMethod } from './call-coordinator';

const words: ReadonlyMap<number, Health['status']> = new Map([
  [1, 'serving'],
  [2, 'not-serving'],
]);
/** Key of field 1 with a varint. */
const STATUS_FIELD = 0x08;

/** The method. */
export const healthCheck: WireMethod<undefined, Health> = {
  path: '/grpc.health.v1.Health/Check',
  requestSerialize: () => Buffer.alloc(0),
  responseDeserialize: (bytes) => {
    const status = bytes[0] === STATUS_FIELD ? (bytes[1] ?? 0) : 0;
    return { status: words.get(status) ?? 'unknown' };
  },
};
