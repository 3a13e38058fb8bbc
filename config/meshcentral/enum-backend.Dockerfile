# Built from the project's root: docker build -f config/meshcentral/enum-backend.Dockerfile .
FROM python:3.12-slim
COPY . /src
RUN pip install --no-cache-dir -c /src/constraints.txt "/src[scale]" && rm -rf /src \
    && useradd --uid 1000 --create-home backend \
    && mkdir /data /mesh-data && chown backend /data /mesh-data
USER backend
WORKDIR /home/backend
ENTRYPOINT ["enum-backend"]
CMD ["serve"]
