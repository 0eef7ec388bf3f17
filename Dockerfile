# syntax=docker/dockerfile:1
#
# The image of Doorward: the binary, the C library that it is linked with, and root certificates. No shell and no package manager.
#
#   docker build --tag doorward .
#
# Images are named by tag, so that a build gets their security fixes. For reproducible builds, add the digest that you have
# checked to each tag (`name:tag@sha256:…`). RUST_VERSION is that of rust-toolchain.toml.

ARG RUST_VERSION=1.95.0

FROM rust:${RUST_VERSION}-slim-bookworm AS build
WORKDIR /src
COPY . .
# Downloads and compiled dependencies are cached, so that a change of Doorward's code rebuilds only its own crates.
# The target folder is a cache and not part of the layer, so the binary is copied out of it.
RUN --mount=type=cache,id=doorward-registry,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,id=doorward-target,target=/src/target,sharing=locked \
    cargo build --release --locked --package doorward --features aws \
    && install -D --mode=0755 target/release/doorward /image/usr/local/bin/doorward \
    && install --directory --mode=0700 /image/data

# Debian 12, like the stage above: it has the C library that the binary was linked with.
FROM gcr.io/distroless/cc-debian12:nonroot
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Doorward" \
      org.opencontainers.image.description="User accounts and sign-in, in one binary." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"

COPY --from=build /image/usr/local/bin/doorward /usr/local/bin/doorward
# The master key, and the SQLite database if no other is configured. A new volume inherits owner and mode.
COPY --from=build --chown=65532:65532 /image/data /data

# When it listens on other addresses than loopback, Doorward requires DOORWARD_PUBLIC_URL and SMTP_URL, except as a demo
# (`docker run --rm -p 127.0.0.1:8000:8000 doorward serve --demo`).
ENV DOORWARD_LISTEN=0.0.0.0:8000 \
    DOORWARD_DATA_DIR=/data \
    DOORWARD_LOG__FORMAT=json

# A number, so that Kubernetes can check that it is not root.
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
# Checks the process, not its stores: a restart of the container does not repair a database.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/usr/local/bin/doorward", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/doorward"]
CMD ["serve"]
