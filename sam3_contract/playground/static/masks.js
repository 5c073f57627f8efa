// Masks as they come on the wire, as pixels. Nothing here trusts an answer: what cannot be read is an Error that says why.

export const MOST_PIXELS = 1 << 26; // of one mask

// COCO's compressed run lengths: 5 bits a character, the sixth says that more follow; from the third run on each is the
// difference to the run two before. Runs go down the columns and start with background.
export function runsOf(counts) {
  const runs = [];
  for (let at = 0; at < counts.length;) {
    let value = 0, shift = 0, more = true;
    while (more) {
      if (at >= counts.length) throw new Error("counts end inside a value");
      const code = counts.charCodeAt(at++) - 48;
      if (code < 0 || code > 63) throw new Error(`counts[${at - 1}] is outside COCO's alphabet`);
      value += (code & 31) * 2 ** shift;
      shift += 5;
      more = Boolean(code & 32);
      if (shift > 50) throw new Error("counts hold a value of more than 50 bits");
      if (!more && code & 16) value -= 2 ** shift;
    }
    runs.push(runs.length > 2 ? value + runs[runs.length - 2] : value);
    if (runs[runs.length - 1] < 0) throw new Error(`run ${runs.length - 1} is negative`);
  }
  return runs;
}

// An RLE as one byte a pixel, row by row.
function pixelsOfRle(rle) {
  const [height, width] = Array.isArray(rle.size) ? rle.size : [];
  if (!(Number.isInteger(height) && Number.isInteger(width) && height > 0 && width > 0)) {
    throw new Error(`size is ${JSON.stringify(rle.size)}, has to be [height, width]`);
  }
  if (height * width > MOST_PIXELS) throw new Error(`size is ${height} x ${width}: too large to draw`);
  if (typeof rle.counts !== "string") throw new Error("counts are no text");
  const pixels = new Uint8Array(height * width);
  let at = 0;
  runsOf(rle.counts).forEach((run, index) => {
    const end = Math.min(at + run, height * width);
    if (index % 2) for (; at < end; at++) pixels[(at % height) * width + Math.floor(at / height)] = 1;
    at = end;
  });
  return { width, height, pixels };
}

// Contours as OpenCV draws them, the border included; the canvas fills up to the middle of the border and strokes it.
function pixelsOfPolygons(polygons, width, height) {
  const canvas = new OffscreenCanvas(width, height);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  for (const ring of polygons) {
    if (!Array.isArray(ring)) throw new Error("a polygon is no list of points");
    pen.beginPath();
    for (const point of ring) {
      if (!Array.isArray(point) || !point.slice(0, 2).every(Number.isFinite) || point.length < 2) {
        throw new Error(`${JSON.stringify(point)?.slice(0, 40)} is no [x, y]`);
      }
      pen.lineTo(point[0] + 0.5, point[1] + 0.5);
    }
    pen.closePath();
    pen.fill();
    pen.stroke();
  }
  const drawn = pen.getImageData(0, 0, width, height).data;
  const pixels = new Uint8Array(width * height);
  for (let at = 0; at < pixels.length; at++) pixels[at] = drawn[at * 4 + 3] > 127 ? 1 : 0;
  return { width, height, pixels };
}

// The mask of one prediction, of whatever format, how many pixels it has, and the topmost one; of the photograph's size unless the answer says otherwise.
export function maskOf(prediction, width, height) {
  const masks = prediction?.masks;
  const mask = prediction?.plane ?? (Array.isArray(masks) ? pixelsOfPolygons(masks, width, height) : pixelsOfRle(masks ?? {}));
  const first = mask.pixels.indexOf(1);
  return {
    ...mask, area: mask.pixels.reduce((sum, pixel) => sum + pixel, 0),
    top: first < 0 ? null : { x: first % mask.width, y: Math.floor(first / mask.width) },
  };
}

// The border of a mask in dashes of black and white, to lay over what is drawn already.
export function outlineOf({ width, height, pixels }) {
  const picture = new ImageData(width, height);
  const broad = Math.max(1, Math.round(Math.max(width, height) / 500));
  const inside = (x, y) => x >= 0 && y >= 0 && x < width && y < height && pixels[y * width + x];
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      if (!pixels[at] || (inside(x - broad, y) && inside(x + broad, y) && inside(x, y - broad) && inside(x, y + broad))) continue;
      const shade = Math.floor((x + y) / (6 * broad)) % 2 ? 255 : 0;
      picture.data.set([shade, shade, shade, 255], at * 4);
    }
  }
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d").putImageData(picture, 0, 0);
  return canvas;
}

// A mask as a picture to lay over the photograph: filled, with a line along its border, holes left open.
export function overlayOf(mask, [red, green, blue]) {
  const { width, height, pixels } = mask;
  const picture = new ImageData(width, height);
  const broad = Math.max(1, Math.round(Math.max(width, height) / 500));
  const inside = (x, y) => x >= 0 && y >= 0 && x < width && y < height && pixels[y * width + x];
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      if (!pixels[at]) continue;
      const border = !(inside(x - broad, y) && inside(x + broad, y) && inside(x, y - broad) && inside(x, y + broad));
      picture.data.set([red, green, blue, border ? 255 : 110], at * 4);
    }
  }
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d").putImageData(picture, 0, 0);
  return canvas;
}
