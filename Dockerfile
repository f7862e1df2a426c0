# The service as a container image: `docker build --tag cds-service .`; docs/install.md tells how to run it.
#
# BASE may be any image with Python 3.11 or newer, pip and venv as `python3`: a mirror of your own, or the same by digest.
# REQUIREMENTS=requirements-with-traces.txt adds OpenTelemetry, for CDS_TRACES.
ARG BASE=docker.io/library/python:3.11.14-slim-bookworm

# All that is installed comes from lock files, by hash, as wheels: no compiler is needed, here or later.
FROM ${BASE} AS build
ARG REQUIREMENTS=requirements.txt
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_DEPS=1
WORKDIR /build
COPY deploy/container/*.txt ./
RUN python3 -m venv tools && python3 -m venv --without-pip /opt/cds-service
RUN tools/bin/python3 -m pip install --require-hashes --only-binary :all: --requirement build-requirements.txt
RUN tools/bin/python3 -m pip --python /opt/cds-service/bin/python3 install \
    --require-hashes --only-binary :all: --requirement "${REQUIREMENTS}"
COPY setup.cfg pyproject.toml README.md LICENSE ./
COPY docs/schemas/ docs/schemas/
COPY cds_service/ cds_service/
RUN tools/bin/python3 -m pip wheel --no-index --no-build-isolation --wheel-dir wheels .
RUN tools/bin/python3 -m pip --python /opt/cds-service/bin/python3 install --no-index wheels/*.whl \
 && cd /opt/cds-service/lib/python3*/site-packages && rm -r fhir/resources/STU3 sqlalchemy/testing  # never imported

FROM ${BASE}
ARG BASE
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="cds-service" \
      org.opencontainers.image.description="CDS Hooks service that shows which cell-therapy trials in AML a patient may fit, and why" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE}"
RUN groupadd --gid 10001 cds \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/cds-service --shell /usr/sbin/nologin cds \
 && install --directory --owner=10001 --group=10001 --mode=0750 /var/lib/cds-service
COPY --from=build /opt/cds-service /opt/cds-service
# The volume is the only place that is written to: the root file system may be read-only, and there is no /tmp.
ENV PATH=/opt/cds-service/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TMPDIR=/var/lib/cds-service \
    CDS_HOST=0.0.0.0 \
    CDS_PORT=8080
USER 10001:10001
WORKDIR /var/lib/cds-service
VOLUME /var/lib/cds-service
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["python3", "-c", \
    "import os, urllib.request as http; http.urlopen(f'http://127.0.0.1:{os.environ[\"CDS_PORT\"]}/healthz', timeout=4)"]
ENTRYPOINT ["cds-service"]
CMD ["serve"]
