# syntax=docker/dockerfile:1

# The service without `dev`: no embedded Postgres or S3, no simulators, no tokens.
# ring needs a C compiler, which the image has; nothing else is installed.
FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
# Line tables are four fifths of the binary; function names stay for backtraces.
ENV CARGO_PROFILE_RELEASE_STRIP=debuginfo
COPY . .
# Dependencies stay compiled in the cache between builds.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --no-default-features --bin attachments \
    && install -D target/release/attachments /out/attachments

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /out/attachments /usr/local/bin/attachments

# Of no account on any host. Only the spool folder is written to (limits.spool_dir,
# /tmp by default): mount one there where the root file system is read-only.
USER 10001:10001
ENV ATTACHMENTS_SERVER_LISTEN=0.0.0.0:50051 \
    ATTACHMENTS_SERVER_ADMIN_LISTEN=0.0.0.0:9464
EXPOSE 50051 9464

HEALTHCHECK --interval=10s --timeout=6s --start-period=15s --retries=3 \
    CMD ["attachments", "healthcheck"]
ENTRYPOINT ["attachments"]
CMD ["serve"]
