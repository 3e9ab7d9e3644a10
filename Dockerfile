# Name an exact image to build from with --build-arg PYTHON_IMAGE=python:3.11-slim@sha256:… (docs/operations.md).
ARG PYTHON_IMAGE=python:3.11-slim

# The dependencies, in a virtual environment that the second stage takes over whole. It holds no pip of its own.
FROM ${PYTHON_IMAGE} AS builder
RUN python -m venv --without-pip /venv
COPY requirements.txt .
RUN python -m pip --python /venv/bin/python install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.txt

FROM ${PYTHON_IMAGE}
# Nothing is installed in a running container: whoever breaks in finds no installer.
RUN python -m pip uninstall --yes --no-cache-dir --root-user-action ignore pip setuptools wheel && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin till
COPY --from=builder /venv /venv
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 TILL_DATA=/tmp/till TILL_BIND=0.0.0.0 PORT=8000
WORKDIR /app
COPY . .
# Only the names of files matter to this step: it reads no secret and asks no database.
RUN TILL_SECRET_KEY=build DATABASE_URL=postgres://build@localhost/build python manage.py collectstatic --noinput
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 CMD ["python", "-m", "config.server.healthcheck"]
CMD ["python", "-m", "gunicorn", "-c", "config/gunicorn.conf.py"]
