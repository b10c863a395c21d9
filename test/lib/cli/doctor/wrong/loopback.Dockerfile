# finds: node-version loopback-in-container container-port
FROM node:18-slim
WORKDIR /srv/app
COPY . .
RUN npm ci --omit=dev
USER node
EXPOSE 3000
CMD ["node_modules/.bin/eddy", "app.js", "--http", "127.0.0.1:8000"]
