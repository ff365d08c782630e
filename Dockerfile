# OpenSOC on one port: the HTTP API, OpenEnv's protocol on /ws, and the app under /demo.
#   docker build --tag opensoc .
#   docker run --publish 7860:7860 --volume opensoc:/data opensoc
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1
WORKDIR /app
COPY . .
RUN python -m pip install --no-cache-dir --disable-pip-version-check '.[serve,app]'

# What the server writes is here: finished episodes, and compiled policies. Any user may
# write to it, as platforms choose the user themselves.
RUN mkdir --mode=1777 /data
ENV HOME=/data

USER 1000
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s --retries=3 \
  CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:7860/readyz', timeout=8)"]
CMD ["opensoc", "serve", "--host", "0.0.0.0", "--port", "7860", "--store", "/data/episodes.db"]
