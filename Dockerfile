# syntax=docker/dockerfile:1
#
# The image of Doorward: the binary, the C library it is linked with, and root certificates. No shell and no package manager.
#
#   docker build --tag doorward .
#
# Images are named by tag, so that a build gets their security fixes. For builds that must be the same every time, put the
# digest that you have checked behind each tag (`name:tag@sha256:…`). RUST_VERSION is that of rust-toolchain.toml.

ARG RUST_VERSION=1.95.0

FROM rust:${RUST_VERSION}-slim-bookworm AS build
WORKDIR /src
COPY . .
# Downloads and compiled dependencies outlive the layer, so that a change to our own code builds our own crates alone.
# The target folder is a cache and not part of the layer: the binary is copied out of it.
RUN --mount=type=cache,id=doorward-registry,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,id=doorward-target,target=/src/target,sharing=locked \
    cargo build --release --locked --package doorward \
    && install -D --mode=0755 target/release/doorward /image/usr/local/bin/doorward \
    && install --directory --mode=0700 /image/data

# Debian 12, as the stage above: the binary finds the C library that it was linked with.
FROM gcr.io/distroless/cc-debian12:nonroot
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Doorward" \
      org.opencontainers.image.description="User accounts and sign-in, in one binary." \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"

COPY --from=build /image/usr/local/bin/doorward /usr/local/bin/doorward
# The master key is here, and the database where no other is configured. A new volume takes over owner and mode.
COPY --from=build --chown=65532:65532 /image/data /data

# Off loopback Doorward needs DOORWARD_PUBLIC_URL and SMTP_URL too, and says so.
ENV DOORWARD_LISTEN=0.0.0.0:8000 \
    DOORWARD_DATA_DIR=/data \
    DOORWARD_LOG__FORMAT=json

# By number, so that Kubernetes can see that it is not root.
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
# Whether the process lives, not whether its stores answer: whoever restarts what is unhealthy would mend no database by it.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/usr/local/bin/doorward", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/doorward"]
CMD ["serve"]
