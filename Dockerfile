# syntax=docker/dockerfile:1
# The networks are converted with torch in one stage, what serving needs is installed without it in
# another, and the image takes the results of both: no torch, no compiler, no download at the start.
#
#   docker build --tag facesite .
#   docker build --secret id=facenet_weights,src=20180402-114759-vggface2.pt --tag facesite .
#
# Python 3.11 is the version that the tests run on.
FROM python:3.11-slim-bookworm AS base
ENV PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY Makefile constraints.txt pyproject.toml ./
COPY facesite/__init__.py facesite/install.py facesite/

FROM base AS packages
RUN make install VENV=/opt/facesite/venv EXTRAS=milvus

FROM base AS networks
# Empty: PyPI's torch. Not given: PyTorch's CPU index where it answers.
ARG TORCH_INDEX
RUN make install VENV=/opt/convert
COPY manage.py ./
COPY facesite facesite/
COPY recognition recognition/
# FaceNet's weights come from the secret, else are downloaded; without either dlib's network serves.
RUN --mount=type=secret,id=facenet_weights \
    make networks VENV=/opt/convert FACESITE_DATA_DIR=/build

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --user-group --no-create-home facesite \
    && install --directory --owner=facesite --group=facesite --mode=0700 /data /keys \
    && install --directory --owner=facesite --group=facesite --mode=0755 \
        /secrets /given/postgres /given/redis /given/milvus
COPY --from=packages /opt/facesite/venv /opt/facesite/venv
COPY --from=networks --chown=10001:10001 /build/networks /opt/facesite/networks
WORKDIR /app
COPY LICENSE manage.py ./
COPY facesite facesite/
COPY recognition recognition/
ENV PATH=/opt/facesite/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    PORT=8000 \
    FACESITE_DATA_DIR=/data \
    FACESITE_NETWORKS_DIR=/opt/facesite/networks
USER 10001:10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-m", "facesite.healthy"]
CMD ["sh", "-c", "python manage.py prepare --offline && exec python manage.py serve"]
