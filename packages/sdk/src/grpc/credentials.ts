import type { ChannelCredentials } from '@grpc/grpc-js';

/** Channel credentials of grpc-js: `credentials.createSsl(…)`. */
export type GrpcCredentials = ChannelCredentials;
