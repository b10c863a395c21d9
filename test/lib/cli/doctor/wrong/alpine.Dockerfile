# finds: engine signals-lost
FROM node:22-alpine
WORKDIR /srv/app
COPY . .
RUN npm ci --omit=dev
USER node
STOPSIGNAL SIGKILL
CMD ["node_modules/.bin/eddy", "app.js", "--http", ":8000", "--engine", "uws"]
