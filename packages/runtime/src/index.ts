/**
 * What both ends of the wire need: Node adapters of core's ports (the only place that reads the machine's clock), the
 * one outbound gRPC call, and the enums of the contracts as core's words.
 */
export { systemClock } from './system-clock';
export { systemRandom } from './system-random';
export { systemScheduler } from './system-scheduler';
export { BatchReceiver, type BatchReceiverDeps } from './grpc/batch-receiver';
export { BATCH_BYTES_MAX, BatchSender, type BatchSenderDeps } from './grpc/batch-sender';
export { encoderOf } from './grpc/encoder';
export { ChannelPool, type ChannelPoolLimits } from './grpc/channel-pool';
export {
  ParticipantChannels,
  type ParticipantChannelsOptions,
} from './grpc/deliver/participant-channels';
export type {
  CallContext,
  ParticipantReply,
  ParticipantRequest,
} from './grpc/deliver/participant-request';
export { replyOfUnary, splitMetadata, unaryMetadata } from './grpc/deliver/unary-form';
export {
  type ConnectionState,
  type DuplexRequest,
  UnaryChannel,
  type UnaryChannelOptions,
  type UnaryReply,
  type UnaryRequest,
  essenceOf,
  metadataOf,
  textOf,
} from './grpc/unary-channel';
export type { WireEnum } from './grpc/wire-enums';
export * as wireEnums from './grpc/wire-enums';
