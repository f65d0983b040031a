/** File descriptors of `proto/tercet/v1`, of what it imports and of gRPC's health service: what reflection serves. */
import { encodedFiles } from './gen/files';

/** A `.proto` file as tools exchange it. */
export interface FileDescriptor {
  /** The name under which others import it: `tercet/v1/coordinator.proto`. */
  readonly name: string;
  /** Its encoded `google.protobuf.FileDescriptorProto`. */
  readonly bytes: Uint8Array;
}

/** All of them, each after those it imports. Every call decodes anew. */
export function fileDescriptors(): FileDescriptor[] {
  return encodedFiles.map(({ name, base64 }) => ({ name, bytes: Buffer.from(base64, 'base64') }));
}
