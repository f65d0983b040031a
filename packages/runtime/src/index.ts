/** Node adapters of core's ports, and the one outbound gRPC call. The only place that reads the machine's clock. */
export { systemClock } from './system-clock';
export { systemRandom } from './system-random';
export { systemScheduler } from './system-scheduler';
export {
  UnaryChannel,
  type UnaryChannelOptions,
  type UnaryReply,
  type UnaryRequest,
  metadataOf,
  textOf,
} from './grpc/unary-channel';
