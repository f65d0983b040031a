/** Messages of gRPC's server reflection, written and read by hand: `v1` and `v1alpha` have the same bytes. */
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';

/** What a client asks. */
export type ReflectionQuestion =
  | { readonly kind: 'file'; readonly name: string }
  | { readonly kind: 'symbol'; readonly name: string }
  | { readonly kind: 'extension'; readonly type: string; readonly number: number }
  | { readonly kind: 'extension-numbers'; readonly type: string }
  | { readonly kind: 'services' }
  /** None of those. */
  | { readonly kind: 'nothing' };

/** A request, with its own bytes: an answer repeats them. */
export interface ReflectionRequest {
  readonly host: string;
  readonly question: ReflectionQuestion;
  readonly bytes: Uint8Array;
}

/** What is answered. */
export type ReflectionAnswer =
  | { readonly kind: 'files'; readonly files: readonly Uint8Array[] }
  | { readonly kind: 'extension-numbers'; readonly type: string; readonly numbers: number[] }
  | { readonly kind: 'services'; readonly names: readonly string[] }
  | { readonly kind: 'error'; readonly code: number; readonly message: string };

/** An answer to a request. */
export interface ReflectionResponse {
  readonly request: ReflectionRequest;
  readonly answer: ReflectionAnswer;
}

/** Reads a ServerReflectionRequest; the last question counts. Throws where the bytes are no message. */
export function readRequest(bytes: Uint8Array): ReflectionRequest {
  const reader = new BinaryReader(bytes);
  let host = '';
  let question: ReflectionQuestion = { kind: 'nothing' };
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1) host = reader.string();
    else if (field === 3) question = { kind: 'file', name: reader.string() };
    else if (field === 4) question = { kind: 'symbol', name: reader.string() };
    else if (field === 5) question = readExtension(reader.bytes());
    else if (field === 6) question = { kind: 'extension-numbers', type: reader.string() };
    else if (field === 7) question = readListServices(reader);
    else reader.skip(wireType, field);
  }
  return { host, question, bytes };
}

/** Its text means nothing: all services are listed. */
function readListServices(reader: BinaryReader): ReflectionQuestion {
  reader.string();
  return { kind: 'services' };
}

function readExtension(bytes: Uint8Array): ReflectionQuestion {
  const reader = new BinaryReader(bytes);
  let type = '';
  let number = 0;
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field === 1) type = reader.string();
    else if (field === 2) number = reader.int32();
    else reader.skip(wireType, field);
  }
  return { kind: 'extension', type, number };
}

/** Writes a ServerReflectionResponse. */
export function writeResponse({ request, answer }: ReflectionResponse): Uint8Array {
  const writer = new BinaryWriter();
  writer.uint32(tag(1)).string(request.host);
  writer.uint32(tag(2)).bytes(request.bytes);
  return writeAnswer(writer, answer).finish();
}

function writeAnswer(writer: BinaryWriter, answer: ReflectionAnswer): BinaryWriter {
  switch (answer.kind) {
    case 'files':
      writer.uint32(tag(4)).fork();
      for (const file of answer.files) writer.uint32(tag(1)).bytes(file);
      return writer.join();
    case 'extension-numbers':
      writer.uint32(tag(5)).fork().uint32(tag(1)).string(answer.type).uint32(tag(2)).fork();
      for (const number of answer.numbers) writer.int32(number);
      return writer.join().join();
    case 'services':
      writer.uint32(tag(6)).fork();
      for (const name of answer.names) {
        writer.uint32(tag(1)).fork().uint32(tag(1)).string(name).join();
      }
      return writer.join();
    case 'error':
      writer.uint32(tag(7)).fork().uint32(varintTag(1)).int32(answer.code);
      return writer.uint32(tag(2)).string(answer.message).join();
  }
}

/** Key of a text, of bytes, of a message or of packed numbers. */
function tag(field: number): number {
  return (field << 3) | 2;
}

function varintTag(field: number): number {
  return field << 3;
}
