/** gRPC server reflection: tools that know nothing of Tercet learn its contracts from the running coordinator. */
import {
  type Server,
  type ServerDuplexStream,
  type ServiceDefinition,
  status,
} from '@grpc/grpc-js';
import { describeText } from '@tercet/core';
import type { FileDescriptor } from '@tercet/proto/descriptors';
import { DescriptorIndex } from './descriptor-index';
import {
  type ReflectionAnswer,
  type ReflectionQuestion,
  type ReflectionRequest,
  type ReflectionResponse,
  readRequest,
  writeResponse,
} from './reflection-messages';

type Stream = ServerDuplexStream<ReflectionRequest, ReflectionResponse>;

/** Names of the service; older tools know the second one only. */
const serviceNames = [
  'grpc.reflection.v1.ServerReflection',
  'grpc.reflection.v1alpha.ServerReflection',
];

/** Serves the descriptors that it is given, byte for byte. */
export class Reflection {
  private index: DescriptorIndex | undefined;
  private readonly streams = new Set<Stream>();
  private ending = false;

  /**
   * @param files Asked for at the first question: most coordinators are never asked.
   * @param services Full names of the services that are served here; the files may describe more.
   */
  constructor(
    private readonly files: () => readonly FileDescriptor[],
    private readonly services: readonly string[],
  ) {}

  /** Adds the service under both of its names. */
  addTo(server: Server): void {
    for (const name of serviceNames) {
      server.addService(definitionOf(name), {
        serverReflectionInfo: (call: Stream) => this.serve(call),
      });
    }
  }

  /** Ends every stream, and each new one at once: a server that shuts down would wait for them. */
  end(): void {
    this.ending = true;
    for (const stream of this.streams) stream.end();
  }

  private serve(stream: Stream): void {
    if (this.ending) {
      stream.end();
      return;
    }
    this.streams.add(stream);
    const over = (): void => void this.streams.delete(stream);
    stream.on('data', (request: ReflectionRequest) => {
      if (this.ending) return;
      const read = stream.write({ request, answer: this.answer(request.question) });
      if (read) return;
      // Whoever asks without reading the answers waits; they would pile up here.
      stream.pause();
      stream.once('drain', () => stream.resume());
    });
    stream.on('end', () => stream.end());
    stream.on('error', over);
    stream.on('close', over);
    stream.on('cancelled', over);
    stream.on('finish', over);
  }

  private answer(question: ReflectionQuestion): ReflectionAnswer {
    this.index ??= new DescriptorIndex(this.files());
    const { index } = this;
    switch (question.kind) {
      case 'file':
        return found(index.file(question.name), `file ${describeText(question.name)}`);
      case 'symbol':
        return found(index.fileOf(question.name), `symbol ${describeText(question.name)}`);
      case 'extension': {
        const { type, number } = question;
        const what = `extension ${number} of ${describeText(type)}`;
        return found(index.fileOfExtension(type, number), what);
      }
      case 'extension-numbers': {
        const { type } = question;
        const numbers = index.extensionNumbers(type);
        if (numbers === undefined) return notFound(`message ${describeText(type)}`);
        return { kind: 'extension-numbers', type, numbers };
      }
      case 'services':
        return { kind: 'services', names: this.services };
      case 'nothing':
        return {
          kind: 'error',
          code: status.INVALID_ARGUMENT,
          message: 'the request asks nothing',
        };
    }
  }
}

function found(files: readonly Uint8Array[] | undefined, what: string): ReflectionAnswer {
  return files === undefined ? notFound(what) : { kind: 'files', files };
}

function notFound(what: string): ReflectionAnswer {
  const message = `no ${what} here; list_services names what is served`;
  return { kind: 'error', code: status.NOT_FOUND, message };
}

function definitionOf(service: string): ServiceDefinition {
  return {
    serverReflectionInfo: {
      path: `/${service}/ServerReflectionInfo`,
      requestStream: true,
      responseStream: true,
      requestSerialize: (request: ReflectionRequest) => Buffer.from(request.bytes),
      requestDeserialize: readRequest,
      responseSerialize: (response: ReflectionResponse) => Buffer.from(writeResponse(response)),
      // A server never reads its own answers.
      responseDeserialize: (bytes: Buffer) => bytes,
    },
  };
}
