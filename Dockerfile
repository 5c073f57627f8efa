# The mock in a container:
#
#     docker build --tag sam3-mock .
#     docker run --rm --publish 9001:9001 sam3-mock
#
# Options follow the image's name (`sam3-mock --profile observed`) or come from the environment
# (`--env SAM3_MOCK_PROFILE=observed`). Files are mounted: `--volume $PWD/pictures:/pictures:ro ... --url-images /pictures`.
# The routes under /_mock want the token that it prints, or that of `--env SAM3_MOCK_CONTROL_TOKEN=...`.

# By digest, of the index for all machines: a tag is whatever a registry has under it today. `docker buildx imagetools
# inspect python:3.13-slim` tells the newest.
ARG PYTHON=python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b

FROM ${PYTHON} AS build
WORKDIR /source
# What is locked changes less often than the sources: layers of its own.
COPY requirements/build.txt requirements/run.txt requirements/
RUN python -m venv /opt/build \
 && /opt/build/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes --requirement requirements/build.txt
RUN python -m venv /opt/sam3-contract \
 && /opt/sam3-contract/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-deps --require-hashes --requirement requirements/run.txt
COPY pyproject.toml README.md LICENSE ./
COPY openapi openapi
COPY mock_server mock_server
COPY sam3_contract sam3_contract
RUN /opt/build/bin/python -m build --no-isolation --wheel --outdir dist . \
 && /opt/sam3-contract/bin/python -m pip install --no-cache-dir --disable-pip-version-check --no-deps dist/*.whl

FROM ${PYTHON}
COPY --from=build /opt/sam3-contract /opt/sam3-contract
ENV PATH="/opt/sam3-contract/bin:$PATH"
# Nobody sits at its standard error, but whoever reads a container's log wants to see what came.
ENV SAM3_MOCK_ACCESS_LOG="text"
USER 10001:10001
EXPOSE 9001
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["python", "-c", "import os, urllib.request; p = os.environ.get('SAM3_MOCK_PORT', ''); urllib.request.urlopen('http://127.0.0.1:' + (p if p.isdigit() else '9001') + '/healthz', timeout=2)"]
ENTRYPOINT ["sam3-contract", "serve", "--host", "0.0.0.0"]
