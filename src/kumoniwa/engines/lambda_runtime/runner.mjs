// The Node.js runtime: imports a function's handler and answers one request after the other, in the frames of frames.py.
// It does what AWS's own runtime does, message for message; the error shapes are from recorded answers.

import fs from "node:fs";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import path from "node:path";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { pathToFileURL } from "node:url";
import { Writable } from "node:stream";
import { format } from "node:util";

const [READY, INIT_ERROR, RESULT, ERROR, TOO_LARGE, OUT_OF_MEMORY, , RECORD, STREAM, CHUNK] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const RESPONSE_BYTES_MAX = 6291556;
const REPLY_BYTES = 13;
const REQUEST_BYTES = 12;
const env = process.env;
const memoryMaxKib = Number(env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE) * 1024;
const socket = new net.Socket({ fd: 3, readable: true, writable: true });
const isJson = env.AWS_LAMBDA_LOG_FORMAT === "JSON";
let requestId = "";

function send(kind, body, durationUs = 0, done = undefined) {
  const head = Buffer.alloc(REPLY_BYTES);
  head.writeUInt8(kind, 0);
  head.writeUInt32LE(body.length, 1);
  head.writeUInt32LE(durationUs, 5);
  head.writeUInt32LE(process.resourceUsage().maxRSS, 9);
  socket.cork();
  socket.write(head);
  socket.write(body, done);
  socket.uncork();
}

function errorFields(error) {
  return { errorType: error.name ?? "UnknownError", errorMessage: error.message, stackTrace: String(error.stack ?? "").split("\n") };
}

// A single value stands in the record as it is, several are formatted into one text; an error among them is told apart.
function jsonRecord(timestamp, level, values) {
  const record = { timestamp, level, requestId: requestId || undefined };
  if (values.length === 1) {
    try {
      const plain = (_, value) => (value instanceof Error ? { ...value, ...errorFields(value) } : value);
      return `${JSON.stringify({ ...record, message: values[0] }, plain)}\n`;
    } catch {
      // A value that JSON cannot say, for instance one that contains itself.
    }
  }
  const error = values.find((value) => value instanceof Error);
  return `${JSON.stringify({ ...record, message: format(...values), ...(error && errorFields(error)) })}\n`;
}

function connectConsole() {
  const levels = { log: "INFO", info: "INFO", warn: "WARN", error: "ERROR", debug: "DEBUG", trace: "TRACE" };
  for (const [name, level] of Object.entries(levels)) {
    console[name] = (...values) => {
      const now = new Date().toISOString();
      const text = isJson ? jsonRecord(now, level, values) : `${now}\t${requestId || "undefined"}\t${level}\t${format(...values)}\n`;
      send(RECORD, Buffer.from(text));
    };
  }
}

class Fault extends Error {
  constructor(name, message) {
    super(message);
    this.name = name;
  }
}

function described(error) {
  if (error instanceof Error) {
    const trace = String(error.stack || "").split("\n");
    return { errorType: error.name, errorMessage: error.message, trace };
  }
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

function logged(title, error) {
  const { trace: stack, ...shape } = described(error);
  const own = error instanceof Error ? Object.fromEntries(Object.entries(error)) : {};
  console.error(`${title}\t${JSON.stringify({ ...shape, ...own, stack })}`);
}

async function loadHandler() {
  const full = env._HANDLER;
  const folder = path.dirname(full);
  const match = /^([^.]*)\.(.*)$/.exec(path.basename(full));
  if (!match || full.includes("..")) throw new Fault("Runtime.MalformedHandlerName", "Bad handler");
  const [, name, names] = match;
  const root = path.resolve(env.LAMBDA_TASK_ROOT, folder, name);
  let module;
  try {
    const extension = ["", ".js", ".mjs", ".cjs"].find((end) => fs.statSync(root + end, { throwIfNoEntry: false })?.isFile());
    if (extension !== undefined) {
      module = await import(pathToFileURL(root + extension).href);
    } else {
      const require = createRequire(pathToFileURL(path.join(env.LAMBDA_TASK_ROOT, "/")).href);
      module = require(root);
    }
  } catch (error) {
    if (error instanceof SyntaxError) throw Object.assign(new Fault("Runtime.UserCodeSyntaxError", String(error)), { stack: error.stack });
    if (error?.code === "MODULE_NOT_FOUND" || error?.code === "ERR_MODULE_NOT_FOUND") {
      throw Object.assign(new Fault("Runtime.ImportModuleError", String(error)), { stack: error.stack });
    }
    throw error;
  }
  const follow = (from) => names.split(".").reduce((value, key) => value?.[key], from);
  const handler = follow(module) ?? follow(module.default);
  if (handler === undefined) throw new Fault("Runtime.HandlerNotFound", `${full} is undefined or not exported`);
  if (typeof handler !== "function") throw new Fault("Runtime.HandlerNotFound", `${full} is not a function`);
  return handler;
}

// What functions find under the name awslambda: the mark of a handler that streams, and the head of an HTTP response.
const STREAMS = Symbol("streamifyResponse");
const STREAMED = Symbol("streamed");
const HTTP_RESPONSE = "application/vnd.awslambda.http-integration-response";

globalThis.awslambda = {
  streamifyResponse(handler, options) {
    handler[STREAMS] = { highWaterMark: options?.highWaterMark };
    return handler;
  },
  HttpResponseStream: class HttpResponseStream {
    static from(stream, metadata) {
      stream.setContentType(HTTP_RESPONSE);
      // The head is JSON, and eight zero bytes behind it tell it from the body.
      stream._onBeforeFirstWrite = (write) => write(Buffer.concat([Buffer.from(JSON.stringify(metadata)), Buffer.alloc(8)]));
      return stream;
    }
  },
};

class ResponseStream extends Writable {
  constructor(options) {
    super(options);
    this.contentType = "application/octet-stream";
    this.hasBegun = false;
  }

  setContentType(contentType) {
    this.contentType = contentType;
  }

  begin(done) {
    this.hasBegun = true;
    send(STREAM, Buffer.from(this.contentType, "latin1"));
    if (this._onBeforeFirstWrite) this._onBeforeFirstWrite((head) => send(CHUNK, Buffer.from(head), 0, done));
  }

  _write(chunk, encoding, done) {
    if (!this.hasBegun) this.begin();
    send(CHUNK, Buffer.from(chunk, encoding), 0, done);
  }

  _final(done) {
    if (!this.hasBegun) this.begin();
    done();
  }
}

let finish = null;

function conclude(error, result) {
  if (finish) finish(error, result);
}

function run(handler, fields, payload, timeoutMs) {
  const began = process.hrtime.bigint();
  const deadlineMs = Date.now() + timeoutMs;
  const [id, arn, traceId, clientContext, identity] = fields;
  requestId = id;
  if (traceId) env._X_AMZN_TRACE_ID = traceId;
  else delete env._X_AMZN_TRACE_ID;
  finish = (error, result) => {
    finish = null;
    let kind = RESULT;
    let body;
    try {
      if (result === STREAMED) body = Buffer.alloc(0);
      else if (error === null) body = Buffer.from(JSON.stringify(result === undefined ? null : result) ?? "null");
    } catch {
      error = new Fault("Runtime.MarshalError", "Unable to stringify response body");
    }
    if (error !== null) {
      kind = ERROR;
      logged("Invoke Error ", error);
      body = Buffer.from(JSON.stringify(described(error)));
    }
    if (process.resourceUsage().maxRSS > memoryMaxKib) {
      send(OUT_OF_MEMORY, Buffer.alloc(0), 0, () => process.kill(process.pid, "SIGKILL"));
      return;
    }
    if (body.length > RESPONSE_BYTES_MAX) [kind, body] = [TOO_LARGE, Buffer.alloc(0)];
    socket.ref();
    send(kind, body, Number((process.hrtime.bigint() - began) / 1000n));
  };
  const context = {
    callbackWaitsForEmptyEventLoop: true,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    clientContext: clientContext ? JSON.parse(clientContext) : undefined,
    identity: identity ? JSON.parse(identity) : undefined,
    invokedFunctionArn: arn,
    awsRequestId: id,
    getRemainingTimeInMillis: () => Math.max(0, deadlineMs - Date.now()),
  };
  // With a callback the answer waits until nothing is left to do, unless the function says otherwise; the loop
  // may only run empty while our own socket does not hold it.
  const callback = (error, result) => {
    const answer = () => conclude(error ?? null, result);
    if (context.callbackWaitsForEmptyEventLoop) {
      pending = answer;
      socket.unref();
    } else setImmediate(answer);
  };
  context.done = callback;
  context.succeed = (result) => setImmediate(() => conclude(null, result));
  context.fail = (error) => setImmediate(() => conclude(error, undefined));
  if (handler[STREAMS]) {
    runStreaming(handler, payload, context);
    return;
  }
  pending = () => conclude(null, null);
  try {
    const answer = handler(JSON.parse(payload.toString()), context, callback);
    if (typeof answer?.then === "function") {
      pending = null;
      answer.then((result) => conclude(null, result), (error) => conclude(error, undefined));
    } else socket.unref();
  } catch (error) {
    conclude(error, undefined);
  }
}

// A handler that streams is done when it has settled and its stream has ended: what it returns is nobody's.
async function runStreaming(handler, payload, context) {
  const stream = new ResponseStream(handler[STREAMS]);
  const ended = new Promise((resolve, reject) => stream.on("finish", resolve).on("error", reject));
  ended.catch(() => {});
  pending = null;
  try {
    await handler(JSON.parse(payload.toString()), stream, context);
    await ended;
    conclude(null, STREAMED);
  } catch (error) {
    conclude(error, undefined);
  }
}

let pending = null;
process.on("beforeExit", () => {
  const answer = pending;
  pending = null;
  if (answer && finish) answer();
});

function dies(title, error, status) {
  logged(title, error);
  finish = null;
  const body = Buffer.from(JSON.stringify(described(error)));
  send(requestId ? ERROR : INIT_ERROR, body, 0, () => process.exit(status));
}

process.on("uncaughtException", (error) => dies("Uncaught Exception ", error, 129));
process.on("unhandledRejection", (reason) => {
  const error = new Fault("Runtime.UnhandledPromiseRejection", String(reason));
  dies("Unhandled Promise Rejection ", Object.assign(error, { stack: reason?.stack ?? error.stack }), 128);
});

function serve(handler) {
  let held = Buffer.alloc(0);
  socket.on("data", (data) => {
    held = held.length ? Buffer.concat([held, data]) : data;
    if (held.length < REQUEST_BYTES) return;
    const metaBytes = held.readUInt32LE(0);
    const end = REQUEST_BYTES + metaBytes + held.readUInt32LE(4);
    if (held.length < end) return;
    const timeoutMs = held.readUInt32LE(8);
    const fields = held.toString("utf8", REQUEST_BYTES, REQUEST_BYTES + metaBytes).split("\0");
    const payload = held.subarray(REQUEST_BYTES + metaBytes, end);
    held = held.subarray(end);
    run(handler, fields, payload, timeoutMs);
  });
  socket.on("end", () => process.exit(0));
}

// Who makes a resource for CloudFormation answers at the URL that it was given, and most do so, as AWS's own cfn-response does,
// by its host and path alone: by TLS to port 443, where nobody here listens.
function answerToThisCloud() {
  if (!env.AWS_ENDPOINT_URL) return;
  const here = new URL(env.AWS_ENDPOINT_URL);
  const { request } = https;
  https.request = (...given) => {
    const [where, ...rest] = given;
    const url = typeof where === "string" ? URL.parse(where) : where;
    const asked = String(url?.path ?? url?.pathname ?? "");
    if ((url?.hostname ?? url?.host) !== here.hostname || !asked.startsWith("/_aws/cloudformation/")) return request(...given);
    const options = { method: url.method, headers: url.headers, path: url.search && !url.path ? asked + url.search : asked };
    const more = typeof rest[0] === "object" ? rest.shift() : {};
    return http.request({ ...options, ...more, protocol: "http:", hostname: here.hostname, host: undefined, port: here.port, agent: undefined }, ...rest);
  };
  syncBuiltinESMExports();
}

connectConsole();
answerToThisCloud();
try {
  const handler = await loadHandler();
  serve(handler);
  send(READY, Buffer.alloc(0));
} catch (error) {
  logged("Uncaught Exception ", error);
  send(INIT_ERROR, Buffer.from(JSON.stringify(described(error))), 0, () => process.exit(1));
}
