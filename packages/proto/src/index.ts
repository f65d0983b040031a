/** Generated TypeScript of `proto/tercet/v1`: messages, enums, service definitions. No logic lives here. */
export * from './gen/tercet/v1/annotations';
export * from './gen/tercet/v1/coordinator';
export * from './gen/tercet/v1/errors';
export * from './gen/tercet/v1/operator';
export * from './gen/tercet/v1/participant';
export * from './gen/tercet/v1/transaction';
