# Airbyte's base image for Python connectors; metadata.yaml names the same one.
FROM docker.io/airbyte/python-connector-base:4.1.0@sha256:1d1aa21d34e851df4e8a87b391c27724c06e2597608e7161f4d167be853bd7b6 AS base

FROM base AS build
USER root
WORKDIR /build
# The build's tools apart from what runs, which has no pip.
RUN python -m venv /opt/tools && python -m venv --without-pip /opt/connector
COPY scripts/locked_requirements.py poetry.lock ./
# Exactly the lock's versions, each file checked against its hash.
RUN python locked_requirements.py > requirements.txt \
    && python locked_requirements.py --dev --only poetry-core uv > tools.txt \
    && /opt/tools/bin/pip install --no-cache-dir --require-hashes --no-deps -r tools.txt \
    && /opt/tools/bin/uv pip install --no-cache --require-hashes --no-deps \
        --python /opt/connector/bin/python -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY destination_maileon ./destination_maileon
# Tests of packages stay out (those of numpy are imported by numpy itself), type stubs, and what boto3 knows of services
# other than S3 and those that credentials come from. Bytecode is made here, where it can be written, but for packages
# that come with the CDK and that no command imports.
RUN /opt/tools/bin/pip wheel --no-build-isolation --no-deps --wheel-dir dist . \
    && /opt/tools/bin/uv pip install --no-cache --no-deps --python /opt/connector/bin/python dist/*.whl \
    && find /opt/connector/lib -type d -name tests -not -path "*/numpy/*" -prune -exec rm -r {} + \
    && find /opt/connector/lib -name "*.pyi" -delete \
    && find /opt/connector/lib/python3*/site-packages/botocore/data -mindepth 1 -maxdepth 1 -type d \
        -not -name s3 -not -name sts -not -name sso -not -name sso-oidc -not -name signin -exec rm -r {} + \
    && rm -f /opt/connector/.lock \
    && /opt/connector/bin/python -m compileall -q \
        -x "/(airbyte_cdk|dateparser|google|grpc|joblib|nltk|numpy|pandas|pyasn1_modules|pygments|rich)/" /opt/connector/lib

FROM base
COPY --from=build /opt/connector /opt/connector
WORKDIR /airbyte/integration_code
# As a number, so that Kubernetes can see that it is not root.
USER 1000:1000
LABEL io.airbyte.version=0.1.0
LABEL io.airbyte.name=airbyte/destination-maileon
LABEL org.opencontainers.image.title=destination-maileon
LABEL org.opencontainers.image.version=0.1.0
LABEL org.opencontainers.image.licenses=MIT
ENV PYTHONUNBUFFERED=1
# No other package has a say in how the configuration is judged; and to look for one takes a part of the start.
ENV PYDANTIC_DISABLE_PLUGINS=1
ENV AIRBYTE_ENTRYPOINT="/opt/connector/bin/destination-maileon"
ENTRYPOINT ["/opt/connector/bin/destination-maileon"]
