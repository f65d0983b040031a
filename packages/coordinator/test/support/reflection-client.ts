/** A client that knows gRPC's reflection and nothing else: everything of Tercet it learns by asking. */
import { join } from 'node:path';
import {
  create,
  createFileRegistry,
  fromBinary,
  fromJson,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import type { DescMethod, FileRegistry, JsonValue } from '@bufbuild/protobuf';
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import { Client, type ClientDuplexStream, type MethodDefinition, credentials } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const loaded = loadSync(join(__dirname, 'reflection.proto'), { keepCase: true, arrays: true });
const { ServerReflectionInfo } = loaded['grpc.reflection.v1.ServerReflection'] as unknown as {
  ServerReflectionInfo: MethodDefinition<object, ReflectionReply>;
};

/** The fields of an answer; those of the other kinds are absent. */
export interface ReflectionReply {
  readonly valid_host?: string;
  readonly original_request?: object;
  readonly file_descriptor_response?: { readonly file_descriptor_proto: Buffer[] };
  readonly all_extension_numbers_response?: {
    readonly base_type_name: string;
    readonly extension_number: number[];
  };
  readonly list_services_response?: { readonly service: { readonly name: string }[] };
  readonly error_response?: { readonly error_code: number; readonly error_message: string };
}

/** One stream of questions; each is answered before the next is asked. */
export class ReflectionClient {
  private readonly client: Client;
  readonly stream: ClientDuplexStream<object, ReflectionReply>;

  constructor(address: string, version: 'v1' | 'v1alpha' = 'v1') {
    this.client = new Client(address, credentials.createInsecure());
    this.stream = this.client.makeBidiStreamRequest(
      ServerReflectionInfo.path.replace('.v1.', `.${version}.`),
      ServerReflectionInfo.requestSerialize,
      ServerReflectionInfo.responseDeserialize,
    );
  }

  /** Asks one thing. */
  ask(request: object): Promise<ReflectionReply> {
    return new Promise((resolve, reject) => {
      this.stream.once('error', reject);
      this.stream.once('data', (reply: ReflectionReply) => {
        this.stream.off('error', reject);
        resolve(reply);
      });
      this.stream.write(request);
    });
  }

  /** Names of the services. */
  async services(): Promise<string[]> {
    const { list_services_response: list } = await this.ask({ list_services: '' });
    return (list?.service ?? []).map(({ name }) => name);
  }

  /** The files that answer a question, the wanted one first. */
  async files(request: object): Promise<FileDescriptorProto[]> {
    const { file_descriptor_response: answer } = await this.ask(request);
    const files = answer?.file_descriptor_proto ?? [];
    return files.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
  }

  /** Everything that a service needs, ready for use. */
  async registry(service: string): Promise<FileRegistry> {
    const [wanted, ...imported] = await this.files({ file_containing_symbol: service });
    const file = wanted === undefined ? imported : [...imported, wanted];
    return createFileRegistry(create(FileDescriptorSetSchema, { file }));
  }

  /** Calls a method of which nothing but its description is known, in canonical JSON. */
  async call(method: DescMethod, request: JsonValue): Promise<JsonValue> {
    const bytes = await new Promise<Buffer>((resolve, reject) => {
      this.client.makeUnaryRequest(
        `/${method.parent.typeName}/${method.name}`,
        (json: JsonValue) => Buffer.from(toBinary(method.input, fromJson(method.input, json))),
        (answer: Buffer) => answer,
        request,
        (error, answer) => {
          if (error === null) resolve(answer ?? Buffer.alloc(0));
          else reject(error);
        },
      );
    });
    return toJson(method.output, fromBinary(method.output, bytes));
  }

  close(): void {
    this.stream.cancel();
    this.client.close();
  }
}
