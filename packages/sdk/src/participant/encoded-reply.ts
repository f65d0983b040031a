/** A reply that is bytes already: what a barrier keeps is what leaves, whether it is the first answer or a later one. */
import type { MethodLike, ServiceLike } from '../service-definition';

/** The bytes of a reply message. */
export class EncodedReply {
  constructor(readonly bytes: Buffer) {}
}

/** Bytes of anybody as a Buffer, which grpc-js needs; nothing is copied. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The same service, whose methods take an EncodedReply in the place of a reply, too. */
export function takingEncoded(service: ServiceLike): ServiceLike {
  const methods = Object.entries<MethodLike>(service).map(([name, method]) => {
    const responseSerialize = (reply: unknown): Uint8Array =>
      reply instanceof EncodedReply ? reply.bytes : method.responseSerialize(reply as never);
    return [name, { ...method, responseSerialize }] as const;
  });
  return Object.fromEntries(methods);
}
