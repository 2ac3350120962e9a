FROM node:24-slim AS build
WORKDIR /canh
COPY package.json package-lock.json ./
# The one install script among the packages fetches a Node, and this image is one.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
RUN node tools/ready.mjs app \
  && npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
  && rm -rf node_modules/node node_modules/.bin/node

FROM node:24-slim
# Inside the container only: what the world sees is what the container publishes.
ENV NODE_ENV=production CANH_HOST=0.0.0.0 CANH_DATA_DIR=/data
WORKDIR /canh
# nest-cli.json marks the folder that holds devices/.
COPY LICENSE package.json package-lock.json nest-cli.json ./
COPY --from=build /canh/node_modules node_modules
COPY --from=build /canh/dist dist
COPY devices devices
COPY tools tools
RUN ln -s /canh/tools/canh.mjs /usr/local/bin/canh && install -d -o node -g node /data
USER node
VOLUME /data
EXPOSE 8080 1883 8883 8083
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["node", "-e", "const { CANH_HTTP_PORT: port = 8080, CANH_TLS_CERT_FILE: tls } = process.env; require(tls ? 'https' : 'http').get({ host: '127.0.0.1', port, path: '/health/ready', rejectUnauthorized: false }, ({ statusCode }) => process.exit(statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]
ENTRYPOINT ["node", "--enable-source-maps", "dist/apps/canh/src/main.js"]
CMD ["start"]
