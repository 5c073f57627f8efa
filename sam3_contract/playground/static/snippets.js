// The request of the page as a program of one's own. Texts of the user are quoted for each language.

const json = (value) => JSON.stringify(value, null, 2);
const python = (value) => {
  // JSON is Python but for three words, which may stand in texts too: those are left alone.
  return JSON.stringify(value, null, 4).replace(/("(?:[^"\\]|\\.)*")|\b(true|false|null)\b/g,
    (whole, text, word) => text ?? { true: "True", false: "False", null: "None" }[word]);
};
const indented = (text, by) => text.replaceAll("\n", `\n${" ".repeat(by)}`);
// In a here-document without quotes the shell reads $, ` and \ itself.
const shell = (text) => text.replace(/[\\$`]/g, "\\$&");
const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

const LANGUAGES = {
  curl: ({ url, path, rest, name, key, extras, binary }) => `${key}curl -sS ${quoted(url + path)}${binary ? " -o answer.npz" : ""} \\
  -H "Authorization: Bearer $ROBOFLOW_API_KEY" \\
${extras.map(([header, value]) => `  -H ${quoted(`${header}: ${value}`)} \\\n`).join("")}  -H 'Content-Type: application/json' --data-binary @- <<JSON
{"image": {"type": "base64", "value": "$(base64 < ${quoted(name)} | tr -d '\\n')"},
${shell(json(rest).slice(2))}
JSON`,

  requests: ({ url, path, rest, name, extras, binary }) => `import base64
${binary ? "import io\n" : ""}import os
from pathlib import Path

${binary ? "import numpy as np\n" : ""}import requests

image = base64.b64encode(Path(${JSON.stringify(name)}).read_bytes()).decode()
answer = requests.post(
    ${JSON.stringify(url + path)},
    headers={
        "Authorization": f"Bearer {os.environ['ROBOFLOW_API_KEY']}",
${extras.map(([header, value]) => `        ${JSON.stringify(header)}: ${JSON.stringify(value)},\n`).join("")}    },
    json={
        "image": {"type": "base64", "value": image},
        **${indented(python(rest), 8)},
    },
    timeout=60,
)
answer.raise_for_status()
${binary ? `masks = np.load(io.BytesIO(answer.content))["masks"] >= 0  # logits
print(masks.shape)` : "print(answer.json())"}`,

  sdk: ({ url, operation, rest, name, binary }) => {
    const { prompts = [], ...others } = binary ? { ...rest, format: "rle" } : rest; // it reads nothing but JSON
    const options = Object.entries(others).map(([field, value]) => `    ${field}=${python(value)},\n`).join("");
    return `import os

import cv2
from inference_sdk import InferenceHTTPClient

client = InferenceHTTPClient(api_url=${JSON.stringify(url)}, api_key=os.environ["ROBOFLOW_API_KEY"])
answer = client.sam3_${operation}(
    cv2.imread(${JSON.stringify(name)}),
    prompts=${indented(python(prompts), 4)},
${options})
print(answer)`;
  },

  javascript: ({ url, path, rest, name, extras, binary }) => `import { readFile${binary ? ", writeFile" : ""} } from "node:fs/promises";

const image = (await readFile(${JSON.stringify(name)})).toString("base64");
const answer = await fetch(${JSON.stringify(url + path)}, {
  method: "POST",
  headers: {
    "Content-Type": "application/json",
    Authorization: \`Bearer \${process.env.ROBOFLOW_API_KEY}\`,
${extras.map(([header, value]) => `    ${JSON.stringify(header)}: ${JSON.stringify(value)},\n`).join("")}  },
  body: JSON.stringify({
    image: { type: "base64", value: image },
    ...${indented(json(rest), 4)},
  }),
});
if (!answer.ok) throw new Error(\`\${answer.status} \${await answer.text()}\`);
${binary ? `await writeFile("answer.npz", Buffer.from(await answer.arrayBuffer()));` : "console.log(await answer.json());"}`,

  pytest: ({ path, operation, rest, name, fault, binary }) => `import base64
${binary ? "import io\n" : ""}from pathlib import Path

${binary ? "import numpy as np\n" : ""}import requests
${binary ? "" : "\nfrom sam3_contract.testing import assert_masks_equal\n"}

def test_masks_are_sound(sam3_mock):
${fault ? `    sam3_mock.faults = [${JSON.stringify(fault)}]\n` : ""}    image = base64.b64encode(Path(${JSON.stringify(name)}).read_bytes()).decode()
    body = {
        "image": {"type": "base64", "value": image},
        **${indented(python(rest), 8)},
    }

    answers = [
        requests.post(
            f"{sam3_mock.url}${path}",
            headers={"Authorization": f"Bearer {sam3_mock.api_key}"},
            json=body,
            timeout=60,
        )${binary ? "" : ".json()"}
        for _ in range(2)
    ]

${binary ? `    first, second = [np.load(io.BytesIO(answer.content))["masks"] for answer in answers]
    assert np.array_equal(first, second)` : `    found = [${operation === "visual_segment" ? `answer["predictions"]`
      : `[one for result in answer["prompt_results"] for one in result["predictions"]]`} for answer in answers]
    for first, second in zip(*found, strict=True):
        assert_masks_equal(first["masks"], second["masks"])`}
    sam3_mock.assert_called(${JSON.stringify(operation)}, times=2)`,
};

export function snippet(language, { url, operation, body, name, fault, engine, mock }) {
  const { image, ...rest } = body;
  // What a mock is told beside the request, so that it answers the same.
  const extras = [["X-Mock-Fault", fault], ["X-Mock-Engine", engine]].filter(([, value]) => mock && value);
  const key = mock ? "ROBOFLOW_API_KEY=${ROBOFLOW_API_KEY:-any}\n" : "";
  const binary = rest.format === "binary";
  return LANGUAGES[language]({ binary, url, operation, path: `/sam3/${operation}`, rest, name, fault, key, extras });
}
