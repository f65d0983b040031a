# Two images from one build. `coordinator` holds what is published and what it needs to run, nothing else;
# `participant` holds the services of examples/checkout. Both run as the user `node` and keep their data in /data.

FROM node:20-bookworm-slim AS manifests
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages/cli/package.json packages/cli/
COPY packages/cli/bin packages/cli/bin
COPY packages/coordinator/package.json packages/coordinator/
COPY packages/core/package.json packages/core/
COPY packages/proto/package.json packages/proto/
COPY packages/runtime/package.json packages/runtime/
COPY packages/sdk/package.json packages/sdk/
COPY packages/testing/package.json packages/testing/
COPY examples/checkout/package.json examples/checkout/
COPY examples/recipes/package.json examples/recipes/
COPY bench/package.json bench/

FROM manifests AS build
RUN npm ci --no-audit --no-fund
COPY tsconfig.base.json tsconfig.json LICENSE ./
COPY proto proto
COPY packages packages
COPY examples/checkout examples/checkout
COPY scripts/pack.ts scripts/
COPY scripts/pack scripts/pack
RUN node_modules/.bin/tsc -b packages/cli packages/testing examples/checkout
RUN node_modules/.bin/tsx scripts/pack.ts --unpacked out/packages
RUN mkdir -p out/volume/data

FROM manifests AS coordinator-dependencies
RUN npm ci --omit=dev --workspace @tercet/cli --no-audit --no-fund

FROM manifests AS participant-dependencies
RUN npm ci --omit=dev --workspace @tercet/example-checkout --no-audit --no-fund

FROM node:20-bookworm-slim AS participant
ENV NODE_ENV=production
WORKDIR /app
COPY --from=participant-dependencies /app/node_modules node_modules
COPY --from=build /app/out/packages/core packages/core
COPY --from=build /app/out/packages/proto packages/proto
COPY --from=build /app/out/packages/runtime packages/runtime
COPY --from=build /app/out/packages/sdk packages/sdk
COPY --from=build /app/examples/checkout/dist examples/checkout/dist
COPY examples/checkout/package.json examples/checkout/opening.json examples/checkout/orders.json examples/checkout/
# A volume takes over the owner of the folder that it covers.
COPY --from=build --chown=node:node /app/out/volume /
USER node
VOLUME /data
ENTRYPOINT ["node"]

FROM node:20-bookworm-slim AS coordinator
# Beyond loopback there is neither TLS nor authentication, so it starts only where somebody sets TERCET_INSECURE=true.
ENV NODE_ENV=production TERCET_GRPC_ADDRESS=0.0.0.0:8420 TERCET_HTTP_ADDRESS=0.0.0.0:8421 TERCET_DATA_DIR=/data
WORKDIR /app
COPY --from=coordinator-dependencies /app/node_modules node_modules
COPY --from=build /app/out/packages/cli packages/cli
COPY --from=build /app/out/packages/coordinator packages/coordinator
COPY --from=build /app/out/packages/core packages/core
COPY --from=build /app/out/packages/proto packages/proto
COPY --from=build /app/out/packages/runtime packages/runtime
COPY --from=build /app/out/packages/sdk packages/sdk
COPY --from=build --chown=node:node /app/out/volume /
USER node
VOLUME /data
EXPOSE 8420 8421
HEALTHCHECK --interval=5s --timeout=5s --start-period=10s --retries=5 \
  CMD ["node", "packages/cli/bin/tercet.js", "health", "--timeout", "3s"]
# In this form node itself is the process that gets SIGTERM.
ENTRYPOINT ["node", "packages/cli/bin/tercet.js"]
CMD ["server"]
