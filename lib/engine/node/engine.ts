/** Node's own HTTP as an engine: opens a listener, serves its requests, closes it. */
import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { Server as NetServer, type AddressInfo, type Socket } from "node:net";
import {
  createServer as createTlsServer,
  type Server as TlsServer,
} from "node:tls";
import { UsageError } from "../../common/errors.ts";
import { REASONS } from "../../common/reasons.ts";
import type {
  Chunk,
  ConnectionLimits,
  Engine,
  Listener,
  ReplyHead,
  Serve,
} from "../engine.ts";
import { IDLE_TIMEOUT_MS, LAST_MS } from "../connections.ts";
import { Entrance } from "../entrance.ts";
import { engineHeaderBytes } from "../header-limit.ts";
import { inheritedAddress, listenOn } from "../inherited.ts";
import type { Address, ListenOptions } from "../listen-options.ts";
import {
  listenAt,
  startListening,
  NODE_CAN_SHARE,
  portAddress,
  refusalOfPort,
} from "../target.ts";
import type { Certificate } from "../tls-files.ts";
import { Connection, Queue } from "./connection.ts";
import { NodeHead, NodePeer, plainAddress } from "./head.ts";
import { HttpOutlet } from "./outlet.ts";
import { Http2 } from "./http2.ts";
import { createPeekingServer } from "./peek.ts";
import { readProxyHead } from "./proxy-protocol.ts";
import type { SocketConnection } from "../socket.ts";
import { Topics } from "./topics.ts";
import {
  hasBody,
  isForWebSocket,
  responseOn,
  UpgradeOutlet,
} from "./upgrade.ts";
import { Secure } from "./secure.ts";
import { untilClosed } from "./until-closed.ts";

/** Milliseconds between two looks at heads that take too long. */
const LOOK_MS = 4000;

/** Bytes that the system has not taken, or nobody has read, before a connection waits. */
const HIGH_WATER_MARK = 64 * 1024;

export const engine: Engine = {
  name: "node",
  async listen(
    target,
    serve,
    limits = {},
    entrance = new Entrance(target.tls ? "https" : "http"),
  ) {
    const idleTimeoutMs = limits.idleTimeoutMs ?? IDLE_TIMEOUT_MS;
    const isProxied = speaksProxy(limits);
    if (isProxied && (target.tls || target.http2))
      throw new UsageError(
        'the engine "node" takes the PROXY protocol neither with TLS nor with http2',
      );
    const secure = target.tls && new Secure(target.tls);
    const http = createHttpServer(
      target.http2 ? undefined : secure,
      idleTimeoutMs,
    );
    const { halfOpen = true } = target;
    const doors = new Doors(http, serve, entrance, idleTimeoutMs, halfOpen);
    if (limits.sockets !== undefined && limits.sockets.length > 0)
      doors.takeUpgrades();
    const server = isProxied
      ? doors.behindProxies()
      : target.http2
        ? doors.ofBothVersions(secure)
        : doors.direct();
    secure?.guard(server as TlsServer);
    try {
      const address = await listen(server, target, entrance.scheme);
      entrance.port = address.port;
      return new NodeListener(server, http, doors, address, entrance, secure);
    } catch (error) {
      http.close(); // its timer may run already
      throw error;
    }
  },
};

const speaksProxy = ({
  proxyHeader,
  trustProxy = [],
}: ConnectionLimits): boolean =>
  proxyHeader === "proxy-v2" && trustProxy.length > 0;

function createHttpServer(
  secure: Secure | undefined,
  idleTimeoutMs: number,
): Server {
  const options = {
    maxHeaderSize: engineHeaderBytes(),
    headersTimeout: idleTimeoutMs,
    requestTimeout: 0, // a body may take its time: bodyTimeoutMs
    keepAliveTimeout: idleTimeoutMs, // replies say so
    connectionsCheckingInterval: Math.min(idleTimeoutMs, LOOK_MS),
    highWaterMark: HIGH_WATER_MARK,
    noDelay: true,
    requireHostHeader: false, // see refusalOf
    // On a Node.js that asks; others hand all upgrades over, and none where nobody listens.
    shouldUpgradeCallback(this: Server, request: IncomingMessage) {
      return this.listenerCount("upgrade") > 0 && isForWebSocket(request);
    },
  };
  const server: Server & { httpAllowHalfOpen?: boolean } = secure
    ? createHttpsServer({
        ...options,
        ...secure.options,
        allowHalfOpen: true, // of the connection below TLS; as createServer() has it
        handshakeTimeout: idleTimeoutMs,
      })
    : createServer(options);
  server.timeout = idleTimeoutMs;
  server.maxHeadersCount = 0; // more than so many would be left out without a word
  server.httpAllowHalfOpen = true;
  return server;
}

/** The connections of a listener, and the requests that come in by them. */
class Doors {
  readonly #http: Server;
  readonly #entrance: Entrance;
  readonly #idleTimeoutMs: number;
  readonly #halfOpen: boolean;
  readonly #queue = new Queue();
  /** All that are open, those among them on which TLS is not agreed on yet. */
  readonly #sockets = new Set<Socket>();
  readonly #connections = new WeakMap<Socket, Connection>();
  /** Those by which no request has come. */
  readonly #unserved = new Set<string>();
  readonly #serve: Serve;
  readonly topics = new Topics();
  #http2: Http2 | undefined;

  constructor(
    http: Server,
    serve: Serve,
    entrance: Entrance,
    idleTimeoutMs: number,
    halfOpen: boolean,
  ) {
    this.#http = http;
    this.#halfOpen = halfOpen;
    this.#serve = serve;
    this.#entrance = entrance;
    this.#idleTimeoutMs = idleTimeoutMs;
    http
      .on("request", this.#receive)
      .on("checkExpectation", this.#receive)
      .on("checkContinue", this.#receive)
      .on("connect", (_, socket: Socket) => this.#of(socket).refuse(501))
      .on("timeout", (socket) => this.#of(socket).silent())
      .on("clientError", (error: NodeJS.ErrnoException, socket: Socket) =>
        this.#misunderstood(error.code ?? "", socket),
      );
  }

  direct(): NetServer {
    return this.#watch(this.#http);
  }

  behindProxies(): NetServer {
    return this.#watch(
      createPeekingServer(this.#idleTimeoutMs, (bytes) => {
        const head = readProxyHead(bytes);
        if (head === "incomplete") return head;
        const { address, length } = head === "none" ? NO_PROXY : head;
        const take = (socket: Socket): void => {
          this.#connect(socket, address);
          this.#http.emit("connection", socket);
        };
        return { skip: length, take };
      }),
    );
  }

  /** By TLS, clients say which version they speak (ALPN); without it, by their first bytes. */
  ofBothVersions(secure: Secure | undefined): NetServer {
    const http2 = new Http2(this.#serve, this.#entrance, this.#idleTimeoutMs);
    this.#http2 = http2;
    const take = (socket: Socket): void => {
      this.#understood(socket);
      http2.take(socket);
    };
    const http1 = (socket: Socket): void =>
      void this.#http.emit("connection", socket);
    if (secure === undefined)
      return this.#watch(
        createPeekingServer(this.#idleTimeoutMs, (bytes) => {
          const begins = PREFACE.subarray(0, bytes.length);
          if (!bytes.subarray(0, PREFACE.length).equals(begins))
            return { skip: 0, take: http1 };
          if (bytes.length < PREFACE.length) return "incomplete";
          return { skip: 0, take };
        }),
      );
    return this.#watch(
      createTlsServer({
        ...secure.options,
        ALPNProtocols: ["h2", "http/1.1"],
        allowHalfOpen: true,
        noDelay: true,
        handshakeTimeout: this.#idleTimeoutMs,
      })
        .on("secureConnection", (socket) =>
          socket.alpnProtocol === "h2" ? take(socket) : http1(socket),
        )
        .on("tlsClientError", (_, socket) => socket.destroy()), // as node:https does, or it would stay for ever
    );
  }

  /** Where another one listens, that of node:http looks after its connections all the same. */
  #watch(server: NetServer): NetServer {
    if (server !== this.#http) this.#http.emit("listening");
    return server.on("connection", (socket) => this.#open(socket));
  }

  #open(socket: Socket): void {
    const { remotePort } = socket;
    const address = plainAddress(socket.remoteAddress ?? "");
    this.#sockets.add(socket);
    this.#entrance.opened(address);
    socket.on("close", () => {
      this.#sockets.delete(socket);
      this.#entrance.closed();
      if (this.#unserved.delete(keyOf(address, remotePort)))
        this.#entrance.unserved(address);
    });
    if (!this.#entrance.admits(address)) socket.destroy();
    else if (remotePort !== undefined)
      this.#unserved.add(keyOf(address, remotePort));
  }

  /** Also by TLS on a connection. */
  #understood({ remoteAddress = "", remotePort }: Socket): void {
    this.#unserved.delete(keyOf(plainAddress(remoteAddress), remotePort));
  }

  /** Of a plain connection, or of TLS on one. */
  #of(socket: Socket): Connection {
    return this.#connections.get(socket) ?? this.#connect(socket, "");
  }

  #connect(socket: Socket, proxiedAddress: string): Connection {
    const peer = new NodePeer(socket, proxiedAddress);
    const connection = new Connection(
      socket,
      peer,
      this.#queue,
      this.#idleTimeoutMs,
      this.#halfOpen,
    );
    this.#connections.set(socket, connection);
    return connection;
  }

  readonly #receive = (
    request: IncomingMessage,
    response: ServerResponse<IncomingMessage>,
  ): void => {
    this.#of(request.socket).line(request, response, this.#serveOne);
  };

  /** From now on Node hands over each connection whose client asks for an upgrade, to whatever it is. */
  takeUpgrades(): void {
    this.#http.on("upgrade", (request, socket: Socket, head) => {
      const connection = this.#of(socket);
      // what came with it is not read by anybody
      if (!connection.isIdle || hasBody(request)) return connection.refuse(400);
      const response = responseOn(request, socket);
      connection.line(request, response, () => {
        const outlet = isForWebSocket(request)
          ? new UpgradeOutlet(request, response, head, this.topics)
          : new HttpOutlet(request, response);
        this.#serveBy(outlet, request, connection);
      });
    });
  }

  readonly #serveOne = (
    request: IncomingMessage,
    response: ServerResponse,
    connection: Connection,
  ): void =>
    this.#serveBy(new HttpOutlet(request, response), request, connection);

  #serveBy(
    outlet: HttpOutlet,
    request: IncomingMessage,
    connection: Connection,
  ): void {
    const isFirst = connection.outlet === undefined;
    connection.outlet = outlet;
    const head = new NodeHead(request, connection.peer);
    const refusal = refusalOf(request, head);
    if (refusal !== undefined) return outlet.sever(refusal, "");
    if (isFirst) this.#understood(request.socket);
    this.#serve(head, outlet, this.#entrance);
  }

  /** A connection that is reset, or closed in the middle of its handshake, is none any more. */
  #misunderstood(code: string, socket: Socket): void {
    if (code === BEHIND_THE_LAST) return;
    if (!socket.writable || !/^(HPE|ERR_HTTP)_/.test(code)) socket.destroy();
    else this.#of(socket).refuse(STATUS[code] ?? 400);
  }

  drain(): void {
    this.#http2?.drain();
  }

  /** Who is still sending would lose a reply that it has got already. */
  async #linger(): Promise<void> {
    const last = [...this.#sockets].filter((socket) => socket.writableEnded);
    await untilClosed(last, LAST_MS);
  }

  async destroy(): Promise<void> {
    this.#entrance.closing();
    await Promise.all([this.#http2?.closed(), this.#linger()]);
    for (const socket of this.#sockets) socket.destroy();
  }
}

const keyOf = (address: string, port: number | undefined): string =>
  `${address} ${port}`;

const NO_PROXY = { address: "", length: 0 };

/** RFC 9113, section 3.4: how a client of HTTP/2 begins. */
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** What Node lets through, and is no request. */
function refusalOf(
  { httpVersionMajor, httpVersionMinor, url, headers }: IncomingMessage,
  { method, hosts }: NodeHead,
): ReplyHead | undefined {
  if (httpVersionMajor !== 1) return headOf(505); // RFC 9110, section 15.6.6
  if (hosts > 1 || (hosts < 1 && httpVersionMinor > 0)) return headOf(400); // RFC 9112, section 3.2
  if (url === "*" && method !== "OPTIONS") return headOf(400); // RFC 9112, section 3.2.4
  if (httpVersionMinor === 0 && "transfer-encoding" in headers)
    return headOf(400); // RFC 9112, section 6.1
  return undefined;
}

const headOf = (status: number): ReplyHead => ({
  status,
  statusLine: `${status} ${REASONS[status]}`,
  fields: [],
  contentLength: undefined,
  close: true,
});

/** llhttp has found something behind a request whose client has asked for the end of the connection. */
const BEHIND_THE_LAST = "HPE_CLOSED_CONNECTION";

/** What llhttp does not take, beside what is malformed. */
const STATUS: Record<string, number | undefined> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  HPE_INVALID_VERSION: 505,
  HPE_PAUSED_H2_UPGRADE: 505,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

async function listen(
  server: NetServer,
  { port = 0, host, unix, fd, share = false }: ListenOptions,
  scheme: string,
): Promise<Address> {
  if (fd !== undefined)
    return inheritedAddress(await listenOn(server, fd), fd, scheme);
  if (unix !== undefined) {
    await listenAt(server, { path: unix });
    return { url: `unix:${unix}`, unix };
  }
  if (share && !NODE_CAN_SHARE)
    throw new UsageError(
      `the engine "node" shares a port from Node.js 22.12 on, and this is ${process.versions.node}: ` +
        "listen without `share`, or, under the command, give --engine node",
    );
  try {
    startListening(server, {
      port,
      exclusive: true,
      ...(host !== undefined && { host }),
      ...(share && { reusePort: true }),
    });
    await once(server, "listening");
  } catch (cause) {
    throw refusalOfPort(port, host, cause as Error);
  }
  const { port: bound } = server.address() as AddressInfo;
  return portAddress(scheme, bound, host);
}

class NodeListener implements Listener {
  readonly address: Address;
  readonly #server: NetServer;
  readonly #http: Server;
  readonly #doors: Doors;
  readonly #entrance: Entrance;
  readonly #secure: Secure | undefined;

  constructor(
    server: NetServer,
    http: Server,
    doors: Doors,
    address: Address,
    entrance: Entrance,
    secure: Secure | undefined,
  ) {
    this.#server = server;
    this.#http = http;
    this.#doors = doors;
    this.address = address;
    this.#entrance = entrance;
    this.#secure = secure;
  }

  get certificates(): readonly Certificate[] {
    return this.#secure?.certificates ?? [];
  }

  renewal(): () => void {
    return this.#secure?.renewal(this.#server as TlsServer) ?? (() => {});
  }

  /** That of `node:http` would cut the connections that are kept, too; Bun's is no other than its own. */
  stop(): void {
    const server: NetServer | Server = this.#server;
    if (server instanceof NetServer) NetServer.prototype.close.call(server);
    else (server as Server).close();
    this.#doors.drain();
  }

  publish(
    topic: string,
    message: Chunk,
    compress: boolean,
    except: SocketConnection | undefined,
  ): void {
    this.#doors.topics.publish(topic, message, compress, except);
  }

  untilTaken(): Promise<void> {
    return this.#entrance.connections.untilTaken();
  }

  untilUnused(signal: AbortSignal): Promise<void> {
    return this.#entrance.connections.untilNone(signal);
  }

  async destroy(): Promise<void> {
    this.stop();
    this.#http.close(); // ends its timer
    await this.#doors.destroy();
  }
}
