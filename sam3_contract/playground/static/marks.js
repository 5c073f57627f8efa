// What was clicked, boxed and typed, and the request that it makes. No DOM here.

export const EMPTY = { visual_segment: [], concept_segment: [] };

const corners = ({ x0, y0, x1, y1 }) => ({
  x0: Math.min(x0, x1), y0: Math.min(y0, y1), x1: Math.max(x0, x1), y1: Math.max(y0, y1),
});

// A box of visual_segment has its centre in (x, y); an exemplar of concept_segment its corners.
const centred = ({ x0, y0, x1, y1 }) => ({ x: (x0 + x1) / 2, y: (y0 + y1) / 2, width: x1 - x0, height: y1 - y0 });

export function add(marks, operation, mark) {
  const kept = operation === "visual_segment" && mark.kind === "box"
    ? marks[operation].filter(({ kind }) => kind !== "box") : marks[operation];
  const made = mark.kind === "box" ? { ...mark, ...corners(mark) } : mark;
  return { ...marks, [operation]: [...kept, made] };
}

export const undo = (marks, operation) => ({ ...marks, [operation]: marks[operation].slice(0, -1) });

export const textsOf = (typed) => typed.split("\n").filter((line) => line.trim() !== "");

// The body of the request but for its image.
export function bodyOf(operation, marks, options) {
  return operation === "visual_segment" ? visual(marks.visual_segment, options)
    : concept(marks.concept_segment, options);
}

function visual(marks, { format, multimask }) {
  const points = marks.filter(({ kind }) => kind === "point").map(({ x, y, positive }) => ({ x, y, positive }));
  const box = marks.find(({ kind }) => kind === "box");
  const prompt = { ...(box && { box: centred(box) }), ...(points.length && { points }) };
  return {
    ...(Object.keys(prompt).length && { prompts: [prompt] }),
    format: format === "polygon" ? "json" : format,
    multimask_output: multimask,
  };
}

function concept(marks, { format, concepts, threshold, nms }) {
  const prompts = textsOf(concepts).map((text) => ({ type: "text", text }));
  if (marks.length) {
    prompts[0] = {
      ...(prompts[0] ?? { type: "visual" }),
      boxes: marks.map(({ x0, y0, x1, y1 }) => ({ x0, y0, x1, y1 })),
      box_labels: marks.map(({ positive }) => (positive ? 1 : 0)),
    };
  }
  // There is no archive of what was found by words.
  const written = format === "binary" ? "rle" : format;
  return { prompts, format: written, output_prob_thresh: threshold, ...(nms !== null && { nms_iou_threshold: nms }) };
}

// The other way round: what another client sent, as marks and options; what a form cannot show is left out.
export function marksOf(operation, body) {
  const marks = [];
  const options = { format: ["rle", "binary"].includes(body.format) ? body.format : "polygon" };
  if (operation === "visual_segment") {
    const given = body.prompts;
    const prompt = (Array.isArray(given) ? given[0] : given?.prompts?.[0] ?? given) ?? {};
    for (const { x, y, positive } of prompt.points ?? []) marks.push({ kind: "point", x, y, positive });
    if (prompt.box) {
      const { x, y, width, height } = prompt.box;
      marks.push({ kind: "box", positive: true, x0: x - width / 2, y0: y - height / 2, x1: x + width / 2, y1: y + height / 2 });
    }
    options.multimask = body.multimask_output ?? true;
  } else {
    const prompts = body.prompts ?? [];
    options.concepts = prompts.map(({ text }) => text ?? "").join("\n");
    options.threshold = body.output_prob_thresh ?? 0.5;
    options.nms = body.nms_iou_threshold ?? null;
    (prompts[0]?.boxes ?? []).forEach((box, index) => marks.push({
      kind: "box",
      positive: prompts[0].box_labels?.[index] !== 0,
      ...("x0" in box ? box : { x0: box.x, y0: box.y, x1: box.x + box.width, y1: box.y + box.height }),
    }));
  }
  return { marks, options };
}
