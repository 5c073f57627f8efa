// The page: what was entered, what came back, and the parts of the page that show it.

import { aboutTarget, ask, follow, judge, refusalOf, useToken } from "./service.js";
import { EMPTY, add, bodyOf, marksOf, textsOf, undo } from "./marks.js";
import { COLOURS, Picture } from "./picture.js";
import { maskOf, outlineOf, overlayOf } from "./masks.js";
import { arrayOf, pixelsOfPlanes } from "./npz.js";
import { snippet } from "./snippets.js";

const $ = (id) => document.getElementById(id);
const SECONDS_EXPECTED = 20; // to wait for the answer without a fault
const JOURNAL = 200; // entries that are shown
const MOST_BYTES = 20 * 1024 * 1024; // of a body, base64 and all
const SHORT = 60; // characters of a long text on the wire
const MOST_DRAWN = 200; // masks of an answer
const SETTLE = 250; // milliseconds after the last move of a slider

let about = { mock: true, target: "", faults: [], engines: [], costs: false };
let photograph = null; // {name, type, base64, width, height}
let marks = EMPTY;
let last = null; // {operation, body, fault, answer, predictions}
let asking = null;

const picture = new Picture($("picture"), { onMark: mark });

function operation() {
  return document.querySelector("input[name=operation]:checked").value;
}

function options() {
  return {
    format: $("format").value, multimask: $("multimask").checked, concepts: $("concepts").value,
    threshold: Number($("threshold").value), nms: $("nms-on").checked ? Number($("nms").value) : null,
  };
}

function say(text, bad = false) {
  $("status").textContent = text;
  $("status").classList.toggle("bad", bad);
}

// ---------------------------------------------------------------- the photograph

async function take(file) {
  if (file.size * 4 / 3 > MOST_BYTES - 4096) {
    const megabytes = (file.size / 1024 / 1024).toFixed(1);
    say(`${file.name || "That"} is of ${megabytes} MB, and a request may be of 20 MB, in which base64 takes a third more.`, true);
    return;
  }
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    say(`${file.name || "That"} is no image that this browser can read; JPEG, PNG, WebP, GIF, BMP and AVIF are.`, true);
    return;
  }
  const base64 = (await dataUrlOf(file)).split(",")[1];
  photograph = { name: file.name || "photograph", base64, width: bitmap.width, height: bitmap.height };
  picture.show(bitmap);
  forget();
  marks = EMPTY;
  redraw();
  $("drop").hidden = true;
  $("frame").hidden = false;
  say(`${photograph.name}, ${bitmap.width} x ${bitmap.height}. Click on something.`);
  if (operation() === "concept_segment" && textsOf($("concepts").value).length) askSoon();
}

function dataUrlOf(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

async function takeExample(name) {
  try {
    const answer = await fetch(`playground/examples/${name}.jpg`);
    if (!answer.ok) throw new Error(`${answer.status}`);
    await take(new File([await answer.blob()], `${name}.jpg`, { type: "image/jpeg" }));
  } catch (error) {
    say(`The example did not come: ${error.message}`, true);
  }
}

// ---------------------------------------------------------------- asking

function mark(made) {
  const now = operation();
  if (now === "concept_segment" && made.kind === "point") {
    say("For concepts, drag a box around an example; clicks are for the other operation.");
    return;
  }
  marks = add(marks, now, made);
  redraw();
  askSoon();
}

let settling;
function askSoon(wait = 0) {
  clearTimeout(settling);
  if (about.costs) { // a call of the live service is made by the button only
    say("Ask, when you are ready: each call costs credits.");
    show();
    return;
  }
  settling = setTimeout(askNow, wait);
}

async function askNow() {
  if (!photograph) {
    say("Take a photograph first.", true);
    return;
  }
  const now = operation();
  const rest = bodyOf(now, marks, options());
  if (now === "concept_segment" && !rest.prompts.length) {
    say("Type a concept, or drag a box around an example.");
    forget();
    return;
  }
  asking?.abort();
  const controller = asking = new AbortController();
  const body = { image: { type: "base64", value: photograph.base64 }, ...rest };
  const fault = $("fault").value.trim();
  const began = performance.now();
  const ticking = setInterval(() => say(`asking, ${Math.round((performance.now() - began) / 1000)} s`), 1000);
  $("ask").textContent = "Stop";
  try {
    const answer = await ask(now, body, { fault, engine: $("engine").value, signal: controller.signal });
    clearInterval(ticking); // to judge the answer may take as long again
    if (controller === asking) await answered({ operation: now, body, fault, answer, began });
  } catch (error) {
    if (controller === asking) {
      forget();
      say(controller.signal.aborted ? "Stopped." : `${error.message}.`, !controller.signal.aborted);
    }
  } finally {
    clearInterval(ticking);
    if (controller === asking) {
      asking = null;
      $("ask").textContent = "Ask";
    }
  }
}

async function answered({ operation: now, body, fault, answer, began }) {
  const asked = asking;
  const took = Math.round(performance.now() - began);
  const { predictions, problem } = await read(answer, { operation: now, body });
  if (asked !== asking) return; // something else was asked meanwhile
  last = { operation: now, body, fault, answer, predictions, findings: [] };
  if (answer.status !== 200) say(refusalOf(answer), true);
  else if (problem) say(problem, true);
  else say(`${predictions.length} ${predictions.length === 1 ? "mask" : "masks"} in ${took} ms`);
  show();
  showBudget(answer.headers);
  const judged = last;
  if (fault && about.mock && answer.status === 200) await expect(judged);
  try {
    const findings = await judge(now, body, answer);
    if (judged === last) {
      last.findings = findings;
      showFindings();
    }
  } catch (error) {
    $("findings").replaceChildren(item(error.message, "bad"));
  }
}

// What comes without the fault, drawn beside it; nothing of this is worth a word if it does not come.
async function expect(judged) {
  try {
    const { operation: now, body } = judged;
    const clean = await ask(now, body, { engine: $("engine").value, signal: AbortSignal.timeout(SECONDS_EXPECTED * 1000) });
    if (judged !== last || clean.status !== 200) return;
    judged.expected = (await read(clean, judged, outlineOf)).predictions.map(({ overlay }) => overlay);
    if (judged !== last) return;
    show();
  } catch {
    // The faulty answer stands alone.
  }
}

// The predictions of an answer, drawn, or why there are none.
async function read({ status, json, bytes }, { operation: now, body }, draw = overlayOf) {
  if (status !== 200) return { predictions: [] };
  if (body.format !== "binary") {
    const problem = json === undefined ? "The answer is no JSON; see it on the wire." : "";
    return { predictions: predictionsOf(json, now, draw), problem };
  }
  try {
    const planes = pixelsOfPlanes(await arrayOf(bytes, "masks"));
    return { predictions: predictionsOf({ predictions: planes.map((plane) => ({ plane })) }, now, draw) };
  } catch (error) {
    return { predictions: [], problem: `The answer cannot be read: ${error.message}.` };
  }
}

function predictionsOf(answer, now, draw) {
  const list = (value) => (Array.isArray(value) ? value : []);
  const named = now === "visual_segment"
    ? list(answer?.predictions).map((one, index) => ({ one, label: `mask ${index + 1}`, place: `$.predictions[${index}]` }))
    : list(answer?.prompt_results).flatMap((result, at) => list(result?.predictions).map((one, index) => ({
      one, label: String(result.echo?.text || `prompt ${at + 1}`).slice(0, SHORT), place: `$.prompt_results[${at}].predictions[${index}]`,
    })));
  return named.map(({ one, label, place }, index) => {
    const colour = COLOURS[index % COLOURS.length];
    try {
      if (index >= MOST_DRAWN) throw new Error(`no more than ${MOST_DRAWN} masks are`);
      const mask = maskOf(one, photograph.width, photograph.height);
      return { label, place, colour, confidence: one.confidence, area: mask.area, size: [mask.height, mask.width], top: mask.top, overlay: draw(mask, colour) };
    } catch (error) {
      return { label, place, colour, confidence: one?.confidence, problem: error.message };
    }
  });
}

function forget() {
  last = null;
  show();
}

// ---------------------------------------------------------------- showing

function redraw() {
  picture.marks = marks[operation()];
  picture.draw();
  showSnippet();
}

function show() {
  picture.overlays = last?.predictions.map(({ overlay, top, label, confidence }) => ({
    overlay, top, text: typeof confidence === "number" ? `${label} ${confidence.toFixed(2)}` : label,
  })) ?? [];
  const best = last?.operation === "visual_segment" && last.body.multimask_output && last.predictions.length > 1;
  picture.chosen = best ? 0 : null;
  picture.expected = last?.expected ?? [];
  $("expected").hidden = !last?.expected;
  showPredictions();
  showFindings();
  $("sent").textContent = last ? JSON.stringify(shortened(last.body), null, 2) : "";
  $("answered").textContent = last ? wireOf(last.answer) : "";
  redraw();
}

function wireOf({ status, headers, json, text, bytes }) {
  const head = Object.entries(headers).map(([name, value]) => `${name}: ${value}`).join("\n");
  if (text.startsWith("PK\u0003\u0004")) return `${status}\n${head}\n\na zip of ${bytes.length} bytes`;
  return `${status}\n${head}\n\n${json === undefined ? text.slice(0, 2000) : JSON.stringify(shortened(json), null, 2)}`;
}

function shortened(value) {
  if (typeof value === "string") return value.length > SHORT ? `${value.slice(0, SHORT)}… (${value.length} characters)` : value;
  if (Array.isArray(value)) {
    const shown = value.slice(0, 12).map(shortened);
    return value.length > 12 ? [...shown, `… (${value.length} entries)`] : shown;
  }
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shortened(inner)]));
  return value;
}

function item(text, kind = "") {
  const made = document.createElement("li");
  made.textContent = text;
  made.className = kind;
  return made;
}

function showPredictions() {
  const more = (last?.predictions.length ?? 0) - MOST_DRAWN;
  const rows = (last?.predictions ?? []).slice(0, MOST_DRAWN).map((one, index) => {
    const row = document.createElement("li");
    const button = document.createElement("button");
    const swatch = document.createElement("span");
    const words = document.createElement("span");
    swatch.className = "swatch";
    swatch.style.background = `rgb(${one.colour.join(" ")})`;
    const confidence = typeof one.confidence === "number" ? one.confidence.toFixed(3) : JSON.stringify(one.confidence) ?? "";
    const size = one.problem ? `cannot be drawn: ${one.problem}` : `${one.area} pixels${sizeNote(one.size)}`;
    words.textContent = `${one.label}  ${confidence}  ${size}`;
    words.classList.toggle("bad", Boolean(one.problem));
    button.type = "button";
    button.setAttribute("aria-pressed", String(picture.chosen === index));
    button.append(swatch, words);
    button.addEventListener("click", () => {
      picture.chosen = picture.chosen === index ? null : index;
      picture.draw();
      for (const [at, other] of [...$("predictions").querySelectorAll("button")].entries()) {
        other.setAttribute("aria-pressed", String(picture.chosen === at));
      }
    });
    row.append(button);
    return row;
  });
  if (more > 0) rows.push(item(`and ${more} more, which are not drawn`, "quiet"));
  $("predictions").replaceChildren(...(rows.length ? rows : [item(last ? "No mask." : "Nothing asked yet.", "quiet")]));
}

function sizeNote([height, width]) {
  return height === photograph.height && width === photograph.width ? "" : `, of a mask ${width} x ${height}: not the photograph's size`;
}

function showFindings() {
  const findings = last?.findings ?? [];
  const rows = findings.map(({ code, name, place, found, expected, because }) => {
    const index = last.predictions.findIndex((one) => place.startsWith(one.place));
    const row = item(`${code} ${name} at ${place}: ${found}; expected ${expected}${because ? `. ${because}` : ""}`, "bad");
    if (index >= 0) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "show";
      button.addEventListener("click", () => { picture.chosen = index; picture.draw(); });
      row.append(" ", button);
    }
    return row;
  });
  const none = last ? item("Nothing wrong in this answer by itself.", "good") : item("Nothing asked yet.", "quiet");
  $("findings").replaceChildren(...(rows.length ? rows : [none]));
  $("tab-findings").textContent = findings.length ? `Findings (${findings.length})` : "Findings";
}

function showSnippet() {
  const now = operation();
  const body = { image: {}, ...bodyOf(now, marks, options()) };
  $("snippet").textContent = snippet($("language").value, {
    url: about.target, operation: now, body, mock: about.mock, name: photograph?.name ?? "photograph.jpg",
    fault: $("fault").value.trim(), engine: $("engine").value,
  });
}

function showBudget(headers) {
  const left = headers["x-playground-calls-left"];
  $("budget").textContent = about.costs && left !== undefined ? `${left} calls left of this session's budget.` : "";
}

function showOptions() {
  const now = operation();
  for (const other of ["visual_segment", "concept_segment"]) {
    for (const part of document.querySelectorAll(`.for-${other}`)) part.hidden = other !== now;
  }
  const binary = document.querySelector("#format [value=binary]");
  binary.hidden = binary.disabled = now !== "visual_segment";
  if (binary.disabled && binary.selected) $("format").value = "rle";
  $("threshold-shown").textContent = Number($("threshold").value).toFixed(2);
  $("nms-shown").textContent = Number($("nms").value).toFixed(2);
  const fault = about.faults.find(({ name }) => name === $("fault").value.trim().split(":")[0]);
  $("fault-meaning").textContent = fault ? `${fault.breaks} (${fault.when})` : "";
}

// ---------------------------------------------------------------- the journal

function journalEntry(entry) {
  const row = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  const asked = entry.operation ?? `${entry.method} ${entry.path}`;
  button.textContent = `${entry.status}  ${asked}  ${entry.milliseconds?.toFixed?.(0) ?? "?"} ms`;
  button.classList.toggle("bad", entry.status >= 400);
  button.addEventListener("click", () => openEntry(entry));
  row.append(button);
  journalRow(row);
}

function journalLost({ requests }) {
  const row = document.createElement("li");
  row.textContent = `${requests} more, which the mock no longer keeps`;
  journalRow(row);
}

function journalRow(row) {
  $("journal").prepend(row);
  while ($("journal").children.length > JOURNAL) $("journal").lastChild.remove();
}

function openEntry(entry) {
  $("sent").textContent = JSON.stringify(shortened(entry), null, 2);
  $("answered").textContent = `${entry.status}`;
  if (entry.body && entry.operation && entry.operation !== "embed_image") {
    const { marks: made, options: set } = marksOf(entry.operation, entry.body);
    document.querySelector(`input[name=operation][value=${entry.operation}]`).checked = true;
    marks = { ...marks, [entry.operation]: made };
    $("format").value = set.format;
    if (set.multimask !== undefined) $("multimask").checked = set.multimask;
    if (set.concepts !== undefined) $("concepts").value = set.concepts;
    if (set.threshold !== undefined) $("threshold").value = set.threshold;
    $("nms-on").checked = typeof set.nms === "number";
    if ($("nms-on").checked) $("nms").value = set.nms;
    showOptions();
    redraw();
    say(photograph ? "The prompts of that request; Ask puts them to the photograph here."
      : "The prompts of that request; take a photograph to put them to.");
  }
  choose("wire");
}

// ---------------------------------------------------------------- tabs, keys, start

const TABS = ["masks", "findings", "wire", "copy", "journal"];

function choose(name, focus = false) {
  for (const one of TABS) {
    const chosen = one === name;
    $(`tab-${one}`).setAttribute("aria-selected", String(chosen));
    $(`tab-${one}`).tabIndex = chosen ? 0 : -1;
    $(`panel-${one}`).hidden = !chosen;
    if (chosen && focus) $(`tab-${one}`).focus();
  }
}

function moveTab(event, name) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const shown = TABS.filter((one) => !$(`tab-${one}`).hidden);
  choose(shown[(shown.indexOf(name) + step + shown.length) % shown.length], true);
  event.preventDefault();
}

function takeBack() {
  marks = undo(marks, operation());
  redraw();
  if (marks[operation()].length || operation() === "concept_segment") askSoon();
  else forget();
}

function onKey(event) {
  const typing = event.target.closest?.("textarea, input:not([type=range], [type=checkbox], [type=radio]), select");
  if (typing) return;
  const key = event.key.toLowerCase();
  if (key === "u" && !event.ctrlKey && !event.metaKey || key === "z" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    takeBack();
  } else if (key === "r" && !event.ctrlKey && !event.metaKey) {
    askNow();
  }
}

function wire() {
  const files = (event) => [...(event.dataTransfer ?? event.clipboardData)?.files ?? []];
  document.addEventListener("dragover", (event) => { event.preventDefault(); $("drop").classList.add("over"); });
  document.addEventListener("dragleave", () => $("drop").classList.remove("over"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    $("drop").classList.remove("over");
    const [file] = files(event);
    if (file) take(file);
    else say("What was dropped is no file.", true);
  });
  document.addEventListener("paste", (event) => { const [file] = files(event); if (file) take(file); });
  document.addEventListener("keydown", onKey);
  $("file").addEventListener("change", ({ target }) => { if (target.files[0]) take(target.files[0]); target.value = ""; });
  for (const button of document.querySelectorAll(".example")) {
    button.addEventListener("click", () => takeExample(button.dataset.example));
  }
  for (const radio of document.querySelectorAll("input[name=operation]")) {
    radio.addEventListener("change", () => { showOptions(); forget(); redraw(); });
  }
  $("concepts").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) askNow();
  });
  $("concepts").addEventListener("input", () => { showSnippet(); if (photograph) askSoon(SETTLE * 3); });
  for (const id of ["threshold", "nms", "nms-on", "multimask", "format", "fault", "engine"]) {
    $(id).addEventListener("input", () => {
      showOptions();
      showSnippet();
      if (photograph && last) askSoon(SETTLE);
    });
  }
  $("negative").addEventListener("input", () => { picture.negative = $("negative").checked; });
  $("ask").addEventListener("click", () => { if (asking) asking.abort(); else askNow(); });
  $("undo").addEventListener("click", takeBack);
  $("clear").addEventListener("click", () => { marks = { ...marks, [operation()]: [] }; forget(); say("Cleared."); });
  $("other").addEventListener("click", () => { $("frame").hidden = true; $("drop").hidden = false; $("file").focus(); });
  $("language").addEventListener("change", showSnippet);
  $("copy").addEventListener("click", copy);
  $("use-token").addEventListener("click", takeToken);
  $("token").addEventListener("keydown", (event) => { if (event.key === "Enter") takeToken(); });
  for (const name of TABS) {
    $(`tab-${name}`).addEventListener("click", () => choose(name));
    $(`tab-${name}`).addEventListener("keydown", (event) => moveTab(event, name));
  }
}

async function copy() {
  try {
    await navigator.clipboard.writeText($("snippet").textContent);
    say("Copied.");
  } catch { // no clipboard without a secure context, or without permission
    getSelection().selectAllChildren($("snippet"));
    say("Selected: copy it with the keyboard.");
  }
}

function takeToken() {
  useToken($("token").value.trim());
  $("token").value = "";
  connect();
}

async function start() {
  wire();
  showOptions();
  show();
  await connect();
}

async function connect() {
  try {
    about = await aboutTarget();
  } catch (error) {
    $("token-row").hidden = error.status !== 401;
    say(error instanceof TypeError ? "The server does not answer." : `The server refuses this page: ${error.message}.`, true);
    return;
  }
  if (!$("token-row").hidden) say("");
  $("token-row").hidden = true;
  $("target").textContent = about.words;
  for (const part of document.querySelectorAll(".mock-only")) part.hidden = !about.mock;
  $("faults").replaceChildren(...about.faults.map(({ name, breaks }) => {
    const option = document.createElement("option");
    option.value = name;
    option.label = breaks;
    return option;
  }));
  for (const name of about.engines) $("engine").add(new Option(name, name));
  $("engine").value = about.engine ?? "";
  $("engine-row").hidden = !about.engines.length;
  showBudget({ "x-playground-calls-left": about.calls_left });
  showOptions();
  showSnippet();
  if (!about.journal) $("tab-journal").hidden = true;
  else {
    follow({ onEntry: journalEntry, onLost: journalLost, onState: (on) => { $("journal").ariaBusy = String(!on); } });
  }
}

start();
