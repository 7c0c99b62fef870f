# One centre's node: the application and nothing else. CPU and CUDA run from the same image
# (torch's wheel brings its CUDA libraries; start with `--gpus all` on a GPU host).
ARG BASE=docker.io/library/python:3.12-slim-bookworm
FROM ${BASE} AS build
WORKDIR /src
COPY requirements/run.lock requirements/build.lock requirements/
RUN python3 -m venv /opt/wsi-swarm \
 && /opt/wsi-swarm/bin/python -m pip install --no-cache-dir --require-hashes --no-deps -r requirements/run.lock
COPY pyproject.toml README.md LICENSE ./
COPY pipelines pipelines
COPY models models
COPY heatmaps heatmaps
COPY contracts contracts
COPY wsi_swarm wsi_swarm
# The build tools live in their own environment, so that they don't travel into the image.
RUN python3 -m venv /tmp/build \
 && /tmp/build/bin/python -m pip install --no-cache-dir --require-hashes --no-deps -r requirements/build.lock \
 && /tmp/build/bin/python -m pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /tmp/wheel . \
 && /opt/wsi-swarm/bin/python -m pip install --no-cache-dir --no-deps /tmp/wheel/*.whl

FROM ${BASE}
COPY --from=build /opt/wsi-swarm /opt/wsi-swarm
ENV PATH=/opt/wsi-swarm/bin:$PATH PYTHONUNBUFFERED=1 MPLCONFIGDIR=/tmp/matplotlib
RUN useradd --create-home --uid 10001 centre
USER centre
WORKDIR /data
VOLUME /data
ENTRYPOINT ["wsi-swarm"]
CMD ["--help"]
