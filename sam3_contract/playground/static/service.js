// The server behind this page: it adds the key, which never comes here.

const SECONDS = 120;
const AGAIN = 300; // milliseconds between two looks at the journal of a mock that wants a token
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

// Asks, and gives what came: {status, headers, text, json}; an Error only where nothing came.
export async function ask(operation, body, { fault, engine, signal }) {
  const headers = { ...ownHeaders(), ...(fault && { "X-Mock-Fault": fault }), ...(engine && { "X-Mock-Engine": engine }) };
  const ended = AbortSignal.any([signal, AbortSignal.timeout(SECONDS * 1000)]);
  let answer, text;
  try {
    answer = await fetch(`playground/ask/${operation}`, {
      method: "POST", headers, body: JSON.stringify(body), signal: ended,
    });
    text = await answer.text();
  } catch (error) {
    if (signal.aborted) throw error;
    if (ended.aborted) throw new Error(`no answer in ${SECONDS} seconds`);
    throw new Error("the server does not answer, or broke the connection off; what you entered is kept");
  }
  return { status: answer.status, headers: Object.fromEntries(answer.headers), text, json: parsed(text) };
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
export async function judge(operation, body, fault, answer) {
  const response = await fetch("playground/judge", {
    method: "POST", headers: ownHeaders(),
    body: JSON.stringify({ operation, body, status: answer.status, headers: answer.headers, answer: answer.text }),
  });
  if (!response.ok) throw new Error(`the answer could not be judged: ${response.status}`);
  return (await response.json()).findings;
}

// The mock's journal, as it grows. The browser connects again by itself; a header, though, it sends with no such source.
export function follow(onEntry, onState) {
  if (token) return followByAsking(onEntry, onState);
  const source = new EventSource("playground/journal");
  source.onmessage = ({ data }) => data && onEntry(JSON.parse(data));
  source.onopen = () => onState(true);
  source.onerror = () => onState(false);
  return source;
}

async function followByAsking(onEntry, onState) {
  for (let seen = null; ;) {
    try {
      const headers = { ...ownHeaders(), ...(seen !== null && { "Last-Event-ID": seen }) };
      const answer = await fetch("playground/journal", { headers });
      if (!answer.ok) throw new Error(`${answer.status}`);
      onState(true);
      for (const event of (await answer.text()).split("\n\n")) {
        const [, id, data] = /^id: (\d+)\ndata: ?(.*)$/s.exec(event) ?? [];
        seen = id ?? seen;
        if (data) onEntry(JSON.parse(data));
      }
    } catch {
      onState(false);
    }
    await new Promise((resume) => setTimeout(resume, AGAIN));
  }
}
