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

  /** Calls one method, with a gRPC deadline `deadlineMs` from now; rejects with grpc-js's error. */
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
        deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs },
        (error, response) => {
          if (error !== null) reject(error);
          else resolve(response as ResponseOf<M>);
        },
      );
    });
  }

  /** Calls a method that must be refused. */
  refusal<M extends keyof Methods>(
    method: M,
    request: RequestOf<M>,
    deadlineMs?: number,
  ): Promise<Refusal> {
    return refusalOf(this.call(method, request, deadlineMs));
  }

  close(): void {
    this.client.close();
  }
}

/** How a call was refused; throws when it was answered. */
export async function refusalOf(call: Promise<unknown>): Promise<Refusal> {
  try {
    await call;
  } catch (error) {
    const { code, details, metadata } = error as ServiceError;
    const info = metadata.get('tercet-error-bin')[0];
    return {
      status: code,
      message: details,
      code: first(metadata, 'tercet-code'),
      details: Buffer.isBuffer(info) ? ErrorInfo.decode(info).details : {},
    };
  }
  throw new Error('the call was not refused');
}

function first(metadata: Metadata, key: string): string | undefined {
  const value = metadata.get(key)[0];
  return typeof value === 'string' ? value : undefined;
}
