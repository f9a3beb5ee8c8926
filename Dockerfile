# scimd in a small image: docker build -t scimd .
#
# The database is SQLite in the volume /data, unless SCIMD_DATABASE_URL says otherwise. The first start prints the
# secrets to the log, once: docker logs.

FROM rust:1.95-slim-bookworm AS build
# perl and make build OpenSSL, which libpq uses; everything else needs the C compiler alone, which is there.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates make perl \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package scim-server --bin scimd \
    && cp target/release/scimd /usr/local/bin/scimd \
    && install -d /data

FROM debian:bookworm-slim
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /usr/local/bin/scimd /usr/local/bin/scimd
COPY --from=build --chown=10001:10001 /data /data
USER 10001:10001
WORKDIR /data
VOLUME /data
# The OpenSSL in the program has no path of its own to the system's certificates.
ENV SCIMD_LISTEN=0.0.0.0:8080 \
    SCIMD_DATABASE_URL=sqlite:/data/scimd.db \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
EXPOSE 8080
# No curl in here: bash opens the connection.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /health/ready HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [[ $status == 200 ]]"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["scimd"]
CMD ["serve"]
