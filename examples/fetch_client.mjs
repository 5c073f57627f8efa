// A client in JavaScript, by nothing but fetch.

/** Outline every object of a kind: a list of polygons' lists of [x, y], and how sure the service is of each. */
export async function outline(text, imageUrl, { url, key, attempts = 3 }) {
  const body = { image: { type: "url", value: imageUrl }, prompts: [{ type: "text", text }], format: "polygon" };
  for (let attempt = 1; ; attempt += 1) {
    const answer = await fetch(`${url}/sam3/concept_segment`, {
      method: "POST",
      headers: { "Content-Type": "application/json", Authorization: `Bearer ${key}` },
      body: JSON.stringify(body),
    });
    if (answer.ok) {
      const { prompt_results: [result] } = await answer.json();
      return result.predictions.map(({ masks, confidence }) => ({ polygons: masks, confidence }));
    }
    const { message } = await answer.json();
    if (![429, 503].includes(answer.status) || attempt === attempts) {
      throw new Error(`${answer.status} ${message}`);
    }
    const seconds = Number(answer.headers.get("Retry-After") ?? 0);
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  }
}
