/** As Firefox sends them. */
export const browserHeaders = {
  "user-agent":
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
  accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
  "accept-language": "en-US,en;q=0.5",
  "accept-encoding": "gzip, deflate, br, zstd",
  referer: "http://127.0.0.1/articles/structured-concurrency?page=2",
  cookie:
    "session=5f0c2b9e8d7a41c6b3e2f1a09d8c7b6a; theme=dark; consent=necessary",
  "sec-fetch-dest": "document",
  "sec-fetch-mode": "navigate",
  "sec-fetch-site": "same-origin",
  "cache-control": "max-age=0",
};
