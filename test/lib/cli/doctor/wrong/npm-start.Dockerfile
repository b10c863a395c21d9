# finds: signals-lost runs-as-root loopback-in-container
FROM node:22-bookworm-slim
WORKDIR /srv/app
COPY . .
RUN npm ci --omit=dev
EXPOSE 8000
CMD npm start
