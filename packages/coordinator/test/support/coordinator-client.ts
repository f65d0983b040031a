import { Client, type Metadata, type ServiceError, credentials } from '@grpc/grpc-js';
import { CoordinatorService, ErrorInfo, OperatorService } from '@tercet/proto';

const methods = { ...CoordinatorService, ...OperatorService };
type Methods = typeof methods;
type RequestOf<M extends keyof Methods> = Parameters<Methods[M]['requestSerialize']>[0];
type ResponseOf<M extends keyof Methods> = ReturnType<Methods[M]['responseDeserialize']>;

/** A refused call as another language would see it. */
export interface Refusal {
  readonly status: number;
  readonly message: string;
  readonly code: string | undefined;
  readonly details: Readonly<Record<string, string>>;
}

/** A plain gRPC client of the contracts, without the SDK: what any other language would be. */
export class CoordinatorClient {
  private readonly client: Client;

  constructor(address: string) {
    this.client = new Client(address, credentials.createInsecure());
  }

  /** Calls one method; rejects with grpc-js's error. */
  call<M extends keyof Methods>(
    method: M,
    request: RequestOf<M>,
    deadlineMs?: number,
  ): Promise<ResponseOf<M>> {
    const definition = methods[method] as unknown as {
      path: string;
      requestSerialize: (value: RequestOf<M>) => Buffer;
      responseDeserialize: (bytes: Buffer) => ResponseOf<M>;
    };
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest(
        definition.path,
        definition.requestSerialize,
        definition.responseDeserialize,
        request,
        deadlineMs === undefined ? {} : { deadline: deadlineMs },
        (error, response) => {
          if (error !== null) reject(error);
          else resolve(response as ResponseOf<M>);
        },
      );
    });
  }

  /** Calls a method that must be refused. */
  async refusal<M extends keyof Methods>(method: M, request: RequestOf<M>): Promise<Refusal> {
    try {
      await this.call(method, request);
    } catch (error) {
      return refusalOf(error as ServiceError);
    }
    throw new Error(`${String(method)} was not refused`);
  }

  close(): void {
    this.client.close();
  }
}

function refusalOf(error: ServiceError): Refusal {
  const code = first(error.metadata, 'tercet-code');
  const info = error.metadata.get('tercet-error-bin')[0];
  const details = Buffer.isBuffer(info) ? ErrorInfo.decode(info).details : {};
  return { status: error.code, message: error.details, code, details };
}

function first(metadata: Metadata, key: string): string | undefined {
  const value = metadata.get(key)[0];
  return typeof value === 'string' ? value : undefined;
}
