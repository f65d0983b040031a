/** Types that read a service definition as ts-proto generates it (`outputServices=grpc-js`). Structural: no import of grpc. */

/** One method of a generated `XService`. */
export interface MethodLike {
  /** `/shop.StockTcc/ReserveTry`. */
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  // `never` accepts a serializer of any message: only the method itself is called with its own type.
  readonly requestSerialize: (value: never) => Uint8Array;
  readonly requestDeserialize: (bytes: Buffer) => unknown;
  readonly responseSerialize: (value: never) => Uint8Array;
  readonly responseDeserialize: (bytes: Buffer) => unknown;
}

/** A generated `XService`. */
export type ServiceLike = Readonly<Record<string, MethodLike>>;

/** Request message of a method. */
export type RequestOf<M extends MethodLike> = ReturnType<M['requestDeserialize']>;
/** Response message of a method. */
export type ReplyOf<M extends MethodLike> = ReturnType<M['responseDeserialize']>;

/** Names of a service's methods that have one request and one response. */
export type UnaryMethodName<S extends ServiceLike> = {
  [K in keyof S & string]: S[K] extends { requestStream: false; responseStream: false } ? K : never;
}[keyof S & string];

/** Whether two types are the same, optional and readonly marks included. */
export type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
