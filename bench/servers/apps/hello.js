export default function hello(environ, startResponse) {
  startResponse("200 OK", [["content-type", "text/plain"]]);
  return ["Hello, World!"];
}
