// The archive of `format: binary`: a zip of npy arrays, unpacked by the browser. Nothing here trusts what came.

import { MOST_PIXELS } from "./masks.js";

const MOST_PLANES = 1000; // the service gives three
const MOST_BYTES = 2 ** 29; // of one array, unpacked: as many as the checks take
const TYPES = { "<f4": Float32Array, "<f8": Float64Array, "|b1": Uint8Array };

// An array of an archive by its name: {descr, shape, values}, values in C order.
export async function arrayOf(bytes, name) {
  const entry = entriesOf(bytes).find((one) => one.name === `${name}.npy`);
  if (!entry) throw new Error(`the archive has no array ${name}`);
  return arrayOfNpy(await contentOf(bytes, entry), name);
}

// Masks of logits, where 0 and more is mask, or of what is mask and what is not, as one byte a pixel.
export function pixelsOfPlanes({ descr, shape, values }) {
  if (shape.length !== 3) throw new Error(`masks have shape (${shape}), expected (masks, height, width)`);
  const isMask = descr === "|b1" ? (value) => (value ? 1 : 0) : (logit) => (logit >= 0 ? 1 : 0);
  const [count, height, width] = shape;
  if (count === 0) return [];
  if (height === 0 || width === 0) throw new Error(`masks have shape (${shape}), expected pixels`);
  if (count > MOST_PLANES || height * width > MOST_PIXELS) throw new Error(`masks have shape (${shape}): too large to draw`);
  return Array.from({ length: count }, (_, index) => {
    const plane = values.subarray(index * height * width, (index + 1) * height * width);
    return { width, height, pixels: Uint8Array.from(plane, isMask) };
  });
}

// What the directory at the end of a zip lists.
function entriesOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let end = bytes.length - 22;
  while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end--;
  if (end < 0) throw new Error("the answer is no whole zip");
  const entries = [];
  let at = view.getUint32(end + 16, true);
  for (let left = view.getUint16(end + 10, true); left > 0; left--) {
    if (at + 46 > end || view.getUint32(at, true) !== 0x02014b50) throw new Error("the zip's directory is damaged");
    const [nameLength, extra, comment] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true));
    entries.push({
      name: new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength)),
      method: view.getUint16(at + 10, true), packed: view.getUint32(at + 20, true),
      size: view.getUint32(at + 24, true), start: view.getUint32(at + 42, true),
    });
    at += 46 + nameLength + extra + comment;
  }
  return entries;
}

async function contentOf(bytes, { name, method, packed, size, start }) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (size > MOST_BYTES) throw new Error(`${name} would take ${size} bytes`);
  if (start + 30 > bytes.length || view.getUint32(start, true) !== 0x04034b50) throw new Error(`${name} is not where the zip says`);
  const from = start + 30 + view.getUint16(start + 26, true) + view.getUint16(start + 28, true);
  const held = bytes.subarray(from, from + packed);
  if (method === 0) return held;
  if (method !== 8) throw new Error(`${name} is packed in a way that browsers do not know`);
  return inflated(held, size, name);
}

async function inflated(packed, size, name) {
  const content = new Uint8Array(size);
  let at = 0;
  try {
    const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      if (at + value.length > size) throw new Error("larger");
      content.set(value, at);
      at += value.length;
    }
  } catch {
    throw new Error(`${name} cannot be unpacked`);
  }
  if (at !== size) throw new Error(`${name} has ${at} of ${size} bytes`);
  return content;
}

// npy, versions 1 to 3, as numpy writes it.
function arrayOfNpy(content, name) {
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  if (content.length < 12 || new TextDecoder("latin1").decode(content.subarray(1, 6)) !== "NUMPY") {
    throw new Error(`${name} is no npy array`);
  }
  const [from, length] = content[6] === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  const header = new TextDecoder("latin1").decode(content.subarray(from, from + length));
  const descr = /'descr': *'([^']*)'/.exec(header)?.[1];
  const shape = /'shape': *\(([\d, ]*)\)/.exec(header)?.[1].split(",").filter((one) => one.trim()).map(Number);
  const Type = TYPES[descr];
  if (!shape || !Type) throw new Error(`${name} are of type ${descr ?? "nobody knows"}, expected floats or bools`);
  if (/'fortran_order': *True/.test(header)) throw new Error(`${name} runs down the columns, expected C order`);
  const count = shape.reduce((product, one) => product * one, 1);
  const start = from + length;
  if (content.length - start !== count * Type.BYTES_PER_ELEMENT) {
    throw new Error(`${name} has ${content.length - start} bytes, expected those of shape (${shape})`);
  }
  return { descr, shape, values: new Type(content.slice(start).buffer) };
}
