// The official OpenAI SDK for Node, unchanged, against a running server: BASE_URL and API_KEY are in the environment.
import assert from "node:assert/strict";
import http from "node:http";
import test from "node:test";
import OpenAI from "openai";

const baseURL = process.env.BASE_URL;
const apiKey = process.env.API_KEY;
const client = new OpenAI({ baseURL, apiKey });
const messages = [{ role: "user", content: "What is the capital of Japan?" }];

test("lists models", async () => {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.ok(ids.includes("demo-base") && ids.includes("demo-brief"));
});

test("chats", async () => {
  const answer = await client.chat.completions.create({ model: "demo-base", temperature: 0, messages });
  assert.equal(answer.choices[0].message.content, "The capital of Japan is Tokyo.");
  assert.equal(answer.usage.prompt_tokens, 15);
});

test("streams, with usage", async () => {
  const stream = await client.chat.completions.create({
    model: "demo-base", temperature: 0, messages, stream: true, stream_options: { include_usage: true },
  });
  let text = "";
  let usage = null;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? "";
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, "The capital of Japan is Tokyo.");
  assert.equal(usage.completion_tokens, 8);
});

test("a stream can be given up", async () => {
  const stream = await client.chat.completions.create({ model: "demo-base", messages, stream: true, max_tokens: 500 });
  for await (const chunk of stream) {
    assert.ok(chunk.id);
    break;
  }
});

test("understands errors", async () => {
  await assert.rejects(
    new OpenAI({ baseURL, apiKey: "ash_wrong" }).models.list(),
    (e) => e instanceof OpenAI.AuthenticationError && e.code === "invalid_api_key");
  await assert.rejects(
    client.chat.completions.create({ model: "gpt-5", messages }),
    (e) => e instanceof OpenAI.NotFoundError && e.code === "model_not_found" && e.param === "model");
  await assert.rejects(
    client.chat.completions.create({ model: "demo-base", messages, temperature: 9 }),
    (e) => e instanceof OpenAI.BadRequestError && e.param === "temperature" && Boolean(e.requestID));
});

test("retries what was refused for now", async () => {
  // A door before the server that refuses twice, as the server does while it drains.
  let refusals = 2;
  const door = http.createServer((request, response) => {
    if (refusals-- > 0) {
      request.resume();
      response.writeHead(503, { "Retry-After": "0", "Content-Type": "application/json" });
      response.end(JSON.stringify({ error: { message: "shutting down", type: "server_error", param: null, code: "unavailable" } }));
      return;
    }
    const target = new URL(baseURL);
    const onward = http.request(
      { host: target.hostname, port: target.port, path: request.url, method: request.method, headers: request.headers },
      (answer) => { response.writeHead(answer.statusCode, answer.headers); answer.pipe(response); });
    onward.on("error", () => response.destroy());
    request.pipe(onward);
  });
  await new Promise((ready) => door.listen(0, "127.0.0.1", ready));
  try {
    const retrying = new OpenAI({ baseURL: `http://127.0.0.1:${door.address().port}/v1`, apiKey, maxRetries: 3 });
    const answer = await retrying.chat.completions.create({ model: "demo-base", temperature: 0, messages });
    assert.match(answer.choices[0].message.content, /Tokyo/);
  } finally {
    door.close();
    door.closeAllConnections();
  }
});
