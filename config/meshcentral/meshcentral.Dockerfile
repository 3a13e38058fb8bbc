# MeshCentral of the version the recipe was written for. The user `node` has uid 1000,
# as the one that writes config.json with mode 600.
FROM node:20-bookworm-slim
WORKDIR /opt/meshcentral
RUN npm install --no-audit --no-fund meshcentral@1.1.55 \
    && mkdir meshcentral-data && chown -R node /opt/meshcentral
USER node
CMD ["node", "node_modules/meshcentral"]
