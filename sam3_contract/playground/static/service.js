// The server behind this page: it adds the key, which never comes here.

const SECONDS = 120;
const AGAIN = 300; // milliseconds after which a stream that has ended is asked for again
let token = ""; // of the mock's own routes; nowhere but here

export function useToken(given) {
  token = given;
}

function ownHeaders() {
  return { "Content-Type": "application/json", "X-Playground": "1", ...(token && { "X-Mock-Token": token }) };
}

const MEANINGS = {
  400: "the request or its image cannot be read",
  401: "the API key is missing or not known",
  402: "the workspace has no credits left",
  403: "the API key may not do this",
  404: "the model is not known",
  413: "the photograph is too large: 20 MB is the most, and base64 makes it a third larger",
  422: "the request does not fit the document",
  423: "the workspace is locked",
  429: "too many requests",
  502: "the server behind this page gave no whole answer",
  503: "the model is still loading, or the service is busy",
  599: "no answer to have",
};

export async function aboutTarget() {
  const answer = await fetch("playground/about", { headers: ownHeaders() });
  const told = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(told.error ?? `${answer.status}`), { status: answer.status });
  return told;
}

// Asks, and gives what came: {status, headers, bytes, text, json}; an Error only where nothing came.
export async function ask(operation, body, { fault, engine, signal }) {
  const headers = { ...ownHeaders(), ...(fault && { "X-Mock-Fault": fault }), ...(engine && { "X-Mock-Engine": engine }) };
  const ended = AbortSignal.any([signal, AbortSignal.timeout(SECONDS * 1000)]);
  let answer, bytes;
  try {
    answer = await fetch(`playground/ask/${operation}`, {
      method: "POST", headers, body: JSON.stringify(body), signal: ended,
    });
    bytes = new Uint8Array(await answer.arrayBuffer());
  } catch (error) {
    if (signal.aborted) throw error;
    if (ended.aborted) throw new Error(`no answer in ${SECONDS} seconds`);
    throw new Error("the server does not answer, or broke the connection off; what you entered is kept");
  }
  const text = new TextDecoder().decode(bytes);
  return { status: answer.status, headers: Object.fromEntries(answer.headers), bytes, text, json: parsed(text) };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// What a refusal means and what the server itself says of it.
export function refusalOf({ status, headers, json, text }) {
  const detail = json?.message ?? json?.detail ?? json?.error ?? text.slice(0, 200);
  const said = typeof detail === "string" ? detail : JSON.stringify(detail?.[0]?.msg ?? detail);
  const wait = headers["retry-after"] ? `; try again in ${headers["retry-after"]} s` : "";
  return `${status}: ${MEANINGS[status] ?? "refused"}${wait}. ${said ?? ""}`.slice(0, 400);
}

// What the contract says of one exchange.
export async function judge(operation, body, answer) {
  // Its bytes, never its text: a decoder drops what is wrong with them.
  const given = { answer: await base64Of(answer.bytes), is_base64: true };
  const response = await fetch("playground/judge", {
    method: "POST", headers: ownHeaders(),
    body: JSON.stringify({ operation, body, status: answer.status, headers: answer.headers, ...given }),
  });
  if (!response.ok) throw new Error(`the answer could not be judged: ${response.status}`);
  return (await response.json()).findings;
}

async function base64Of(bytes) {
  const reader = new FileReader();
  await new Promise((resolve, reject) => {
    [reader.onload, reader.onerror] = [resolve, reject];
    reader.readAsDataURL(new Blob([bytes]));
  });
  return reader.result.split(",")[1] ?? ""; // of no bytes, some browsers write "data:"
}

// The mock's journal, as it grows: one stream as long as the page is open. An EventSource would do, but it sends no
// header, and a mock may want its token. Wherever a stream ends, the next one goes on behind the last event that came.
export async function follow({ onEntry, onLost, onState }) {
  for (let seen = null, pause = AGAIN; ; pause = AGAIN) {
    try {
      const headers = { ...ownHeaders(), ...(seen !== null && { "Last-Event-ID": seen }) };
      const answer = await fetch("playground/journal", { headers });
      if (!answer.ok) throw new Error(`${answer.status}`);
      onState(true);
      for await (const { id, event, data, retry } of eventsOf(answer.body)) {
        seen = id ?? seen;
        if (retry) pause = Number(retry);
        if (data) (event === "lost" ? onLost : onEntry)(JSON.parse(data));
      }
    } catch {
      onState(false);
    }
    await new Promise((resume) => setTimeout(resume, pause));
  }
}

// The events of a stream, each as its fields; comments have none.
async function* eventsOf(body) {
  let text = "";
  for (const reader = body.pipeThrough(new TextDecoderStream()).getReader(); ;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (text + value).split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      yield Object.fromEntries(block.split("\n").map((line) => /^(\w*): ?(.*)$/s.exec(line)?.slice(1)).filter(Boolean));
    }
  }
}
