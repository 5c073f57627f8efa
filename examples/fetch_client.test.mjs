// Tests in another language tell the mock what to do over HTTP.
//
//   sam3-contract serve &
//   SAM3_URL=http://127.0.0.1:9001 node --test examples/

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { outline } from "./fetch_client.mjs";

const url = process.env.SAM3_URL;
const photograph = "https://example.com/dog.jpg";

async function control(method, path, body) {
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(`${url}/_mock/${path}`, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, await answer.clone().text());
  return answer.json();
}

beforeEach(() => control("POST", "reset"));
afterEach(async () => assert.deepEqual((await control("GET", "scenarios")).problems, []));

test("objects are outlined within the photograph", async () => {
  const found = await outline("specimen:tiny", photograph, { url, key: "any" });

  assert.equal(found.length, 3);
  for (const { polygons, confidence } of found) {
    assert.ok(confidence >= 0.5 && confidence <= 1);
    assert.ok(polygons.flat().every(([x, y]) => Number.isInteger(x) && Number.isInteger(y)));
  }
});

test("nothing found is an empty list", async () => {
  assert.deepEqual(await outline("specimen:nothing", photograph, { url, key: "any" }), []);
});

test("a busy service is asked again", async () => {
  await control("PUT", "scenarios", { scenarios: [{ name: "busy", answers: [{ fault: "status:503" }, "normal"] }] });

  await outline("dog", photograph, { url, key: "any" });

  const { requests } = await control("GET", "requests");
  assert.deepEqual(requests.map(({ status }) => status), [503, 200]);
  assert.deepEqual(requests[1].texts, ["dog"]);
});

test("a key without credits is not tried again", async () => {
  await control("PUT", "scenarios", { scenarios: [{ name: "poor", answers: [{ fault: "status:402" }] }] });

  await assert.rejects(outline("dog", photograph, { url, key: "any" }), /^Error: 402 /);
  assert.equal((await control("GET", "requests")).matching, 1);
});
