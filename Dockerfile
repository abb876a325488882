# Airbyte's base image for Python connectors; metadata.yaml names the same one.
FROM docker.io/airbyte/python-connector-base:4.1.0@sha256:1d1aa21d34e851df4e8a87b391c27724c06e2597608e7161f4d167be853bd7b6 AS base

FROM base AS build
USER root
WORKDIR /build
RUN python -m venv /opt/connector /opt/tools
COPY scripts/locked_requirements.py poetry.lock ./
# Exactly the lock's versions, each file checked against its hash; the build tool apart from what runs.
RUN python locked_requirements.py > requirements.txt \
    && python locked_requirements.py --dev --only poetry-core > tools.txt \
    && /opt/connector/bin/pip install --no-cache-dir --require-hashes --no-deps -r requirements.txt \
    && /opt/tools/bin/pip install --no-cache-dir --require-hashes --no-deps -r tools.txt
COPY pyproject.toml README.md LICENSE ./
COPY destination_maileon ./destination_maileon
RUN /opt/tools/bin/pip wheel --no-build-isolation --no-deps --wheel-dir dist . \
    && /opt/connector/bin/pip install --no-cache-dir --no-deps dist/*.whl

FROM base
COPY --from=build /opt/connector /opt/connector
WORKDIR /airbyte/integration_code
# As a number, so that Kubernetes can see that it is not root.
USER 1000:1000
LABEL io.airbyte.version=0.1.0
LABEL io.airbyte.name=airbyte/destination-maileon
ENV PYTHONUNBUFFERED=1
ENV AIRBYTE_ENTRYPOINT="/opt/connector/bin/destination-maileon"
ENTRYPOINT ["/opt/connector/bin/destination-maileon"]
